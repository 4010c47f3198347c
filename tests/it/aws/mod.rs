//! The adapters against canned responses: what AWS does and the emulator does not, above all
//! errors.
//!
//! The responses are given at the boundary of the SDK (`aws-smithy-mocks`), so all our code runs as
//! in production.

#![expect(
    clippy::unwrap_used,
    reason = "a response that cannot be built fails its test"
)]

pub(crate) mod clients;

mod cloudformation;
mod codebuild;
mod codepipeline;
mod dynamodb;
mod executions;
mod faults;
mod futures;
mod remedies;
mod resource_tags;
mod roles;
mod sqs;
mod trail;
