//! The built binary, as its user runs it: its output, its exit codes, and its reaction to signals.
//!
//! Tests that need AWS run against the emulator that `scripts/sandbox exec` starts.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a binary that cannot be run fails its test"
)]

pub(crate) mod account;
pub(crate) mod binary;

mod audit;
mod check;
mod deliveries;
mod dlq;
mod dlq_failures;
mod dlq_list;
mod dlq_wait;
mod errors;
mod explain;
mod flat;
mod forget;
mod github;
mod help;
mod hostile_text;
mod internal_queue;
mod interrupted;
mod many_messages;
mod mappings;
mod observe;
mod reconcile;
mod restore;
mod run;
mod status;
mod traces;
mod trail;
