//! The seven steps, from a message that SQS delivered to its disposition: envelope, authenticated,
//! event, intent, mapping, plan, disposition.
//!
//! Everything here is pure: no async, no clock, no SDK, no logging. Time, random numbers and the
//! configuration are arguments.

pub mod clone;
pub mod deliveries;
pub mod fault;
pub mod foreign_text;
pub mod github;
pub mod heartbeat;
pub mod ids;
pub mod intake;
pub mod jobs;
pub mod outcome;
pub mod report;
pub mod rules;
pub mod secret;
pub mod state;
pub mod text;
pub mod time_range;
