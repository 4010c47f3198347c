//! What a message is and what it says: from the envelope to an event.

pub mod authenticated;
pub mod envelope;
pub mod event;
pub(crate) mod object;
pub(crate) mod payload;
pub mod repair_request;
