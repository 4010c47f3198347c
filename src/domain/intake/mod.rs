//! What a message is and what it says: from the envelope to an event.

pub mod authenticated;
pub mod envelope;
pub mod event;
pub mod repair_request;
