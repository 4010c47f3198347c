//! What becomes of a message, and the record of it.

pub mod audit_entry;
pub mod backend_signal;
pub mod disposition;
pub mod journal;
