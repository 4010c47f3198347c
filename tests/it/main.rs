//! The integration tests of branchline, in one crate.

mod aws;
mod cli;
mod contract;
mod properties;
mod repository;
mod stories;
#[expect(dead_code, reason = "the soak uses the rest of the world")]
mod world;
