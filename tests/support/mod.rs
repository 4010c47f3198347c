//! The world that the tests live in: fakes that behave as AWS does, GitHub's webhooks, and the stage for stories.
//!
//! Fakes are worlds: a test asserts what is there ("pipelines: api-pr-7"), never which calls were made. The contract
//! tests (`tests/contract.rs`) hold them to the same law as the real adapters.

#![expect(
    dead_code,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test binary uses its part of the world, and a world that breaks its own word fails the test"
)]

pub(crate) mod account;
pub(crate) mod clock;
pub(crate) mod declared;
pub(crate) mod drive;
pub(crate) mod emulator;
pub(crate) mod history;
pub(crate) mod laws;
pub(crate) mod pipelines;
pub(crate) mod proxy;
pub(crate) mod queue;
pub(crate) mod rules;
pub(crate) mod said;
pub(crate) mod samples;
pub(crate) mod sqs;
pub(crate) mod store;
pub(crate) mod storm;
pub(crate) mod table;
pub(crate) mod weather;
pub(crate) mod webhook;
pub(crate) mod world;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a fake's state. A panic under the lock has failed the test already, so the state may be looked at.
pub(crate) fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
