//! The contracts of the ports: one test for each sentence of their doc comments (`src/ports/`), run
//! for the fakes and for the real adapters against a server.
//!
//! A test is an async function over a *stage*: a fresh place with the port in it, and access past
//! the port (sending a message, reading a table, letting time pass). Each file of a contract lists
//! its tests in one macro, so that no adapter runs only some of them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a contract that does not hold fails its test"
)]

pub(crate) mod comments;
pub(crate) mod commits;
mod deliveries;
pub(crate) mod deployments;
pub(crate) mod listing;
pub(crate) mod pipelines;
pub(crate) mod projects;
pub(crate) mod queue;
pub(crate) mod repositories;
pub(crate) mod slots;
pub(crate) mod stack_names;
pub(crate) mod stacks;
pub(crate) mod store;
pub(crate) mod trail;

mod fakes;
mod moto;
mod row_versions;

/// Makes a test of each function: `contract_tests!(queue, FakeStage::new().await; name, name,
/// ...)`.
macro_rules! contract_tests {
    ($port:ident, $stage:expr; $($test:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $test() {
                let stage = $stage;
                crate::contract::$port::$test(&stage).await;
            }
        )*
    };
}
pub(crate) use contract_tests;
