//! Steps 1 to 3 of 7: from a message that SQS delivered to the event in it.

pub mod authenticated;
pub mod content;
pub mod decision;
pub mod envelope;
pub mod event;
mod internal_message;
pub(crate) mod object;
pub(crate) mod payload;
mod pipeline_event;
pub mod repair_request;
pub mod sighting;
pub mod sleep_request;
pub mod wake;
