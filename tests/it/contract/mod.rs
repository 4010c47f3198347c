//! The law of the ports: one test for each sentence of their doc comments (`src/ports.rs`), run for the fakes here and
//! for the real adapters against a server.
//!
//! A law is an async function over a *stage*: a fresh place with the port in it and what the port itself cannot do
//! (sending a message, looking into a table, letting time pass). Each of `contract/{queue,store,pipelines}.rs` lists its
//! laws in one macro, so that nobody can run only some of them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a law that does not hold fails its test"
)]

pub(crate) mod listing;
pub(crate) mod pipelines;
pub(crate) mod queue;
pub(crate) mod store;

mod fakes;
mod moto;
mod row_versions;

/// Makes one test of each law: `laws!(queue, FakeStage::new().await; law, law, ...)`.
macro_rules! laws {
    ($port:ident, $stage:expr; $($law:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $law() {
                let stage = $stage;
                crate::contract::$port::$law(&stage).await;
            }
        )*
    };
}
pub(crate) use laws;
