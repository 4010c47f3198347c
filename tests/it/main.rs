//! The integration tests of branchline, in one crate.

mod aws;
mod cli;
mod contract;
mod github;
mod properties;
mod repository;
mod stories;
mod world;
