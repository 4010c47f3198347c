//! The straight line: from what SQS handed us to what becomes of the message, one room after the other.
//!
//! Pure: no async, no clock, no SDK, no logging. Time, dice and configuration are arguments.

pub mod audit;
mod canonical;
pub mod changes;
pub mod declaration;
pub mod delivery;
pub mod drift;
pub mod envelope;
pub mod event;
pub mod execution;
pub mod fault;
pub mod freshness;
pub mod ids;
pub mod intent;
pub mod journal;
mod kind;
mod limits;
pub mod mapping;
pub mod naming;
pub mod pattern;
pub mod plan;
pub mod repair;
pub mod rule;
pub mod secret;
mod source;
pub mod template;
pub mod text;
pub mod variables;
pub mod verdict;
pub mod wanted;
