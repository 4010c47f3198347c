//! The world that the tests live in: fakes that behave as AWS does, GitHub's webhooks, and the
//! setting for stories.
//!
//! Fakes are worlds: a test asserts the state ("pipelines: api-pr-7"), never which calls were made.
//! The contract tests (`tests/it/contract/`) hold fakes and real adapters to the same contract.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a world that breaks its own rules fails the test"
)]

pub(crate) mod account;
pub(crate) mod captured_logs;
pub(crate) mod chaos;
pub(crate) mod clock;
mod cloudformation;
pub(crate) mod codepipeline_rules;
mod comments;
mod commits;
pub(crate) mod daemons;
pub(crate) mod deliveries;
mod deployments;
pub(crate) mod driver;
pub(crate) mod emulator;
pub(crate) mod event_bridge;
mod executions;
pub(crate) mod fault_injection;
pub(crate) mod files;
pub(crate) mod github;
mod heartbeats;
pub(crate) mod history;
pub(crate) mod invariants;
pub(crate) mod job_daemon;
mod jobs;
pub(crate) mod lives;
pub(crate) mod meter;
pub(crate) mod metered;
mod operation;
mod pages;
pub(crate) mod pipeline_event;
pub(crate) mod pipelines;
pub(crate) mod projects;
pub(crate) mod proxy;
pub(crate) mod queue;
pub(crate) mod queue_state;
mod reconcilers;
mod report_invariants;
mod reporting;
mod repositories;
pub(crate) mod rules;
pub(crate) mod samples;
pub(crate) mod sqs;
pub(crate) mod stacks;
pub(crate) mod store;
mod store_state;
pub(crate) mod story;
pub(crate) mod table;
pub(crate) mod tag_index;
mod trail;
pub(crate) mod webhook;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a fake's state. A panic under the lock has failed the test already, so the state can still
/// be read.
pub(crate) fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
