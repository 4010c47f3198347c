//! The clock port.

use crate::domain::ids::Timestamp;

/// The wall clock.
pub trait Clock: Send + Sync + 'static {
    /// Returns the present time.
    fn now(&self) -> Timestamp;
}
