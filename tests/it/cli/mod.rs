//! The built binary, as its user runs it: what it prints, how it ends, and that it stops when told.
//!
//! What needs AWS runs against the emulator that `scripts/sandbox exec` starts.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a binary that cannot be run fails its test"
)]

pub(crate) mod account;
pub(crate) mod binary;

mod audit;
mod check;
mod complaints;
mod crowd;
mod dlq;
mod explain;
mod help;
mod interrupted;
mod letters;
mod mappings;
mod observe;
mod run;
mod traces;
