//! The straight line: from what SQS handed us to what becomes of the message, one room after the other.
//!
//! Pure: no async, no clock, no SDK, no logging. Time, dice and configuration are arguments.

pub mod clone;
pub mod fault;
pub mod ids;
pub mod intake;
pub mod outcome;
pub mod rules;
pub mod secret;
pub mod state;
pub mod text;
