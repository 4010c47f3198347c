//! The adapters against canned answers: what AWS does and the emulator cannot show, above all its errors.
//!
//! The answers are given at the SDK's door (`aws-smithy-mocks`), so everything of ours runs as it does in production.

#![expect(
    clippy::unwrap_used,
    reason = "an answer that cannot be made fails its test"
)]

pub(crate) mod clients;

mod codepipeline;
mod dynamodb;
mod executions;
mod faults;
mod roles;
mod sqs;
