//! What `branchline check` reads of the account.

use std::fmt;

use crate::domain::fault::Fault;

/// How a queue is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueAttributes {
    /// The URL.
    pub url: String,
    /// The ARN.
    pub arn: String,
    /// How long the queue keeps a message, in seconds.
    pub retention_seconds: u64,
    /// The visibility timeout of a receive that asks for none of its own, in seconds.
    pub visibility_seconds: u64,
    /// The largest message that the queue accepts, in bytes.
    pub max_message_bytes: u64,
    /// Where messages move after too many receives.
    pub redrive: Option<RedrivePolicy>,
    /// The policy as JSON, if the queue has one.
    pub policy: Option<String>,
}

/// How many messages a queue has. The numbers are approximate and up to a minute old (SQS API
/// reference, GetQueueAttributes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Messages that a consumer could receive now.
    pub waiting: u64,
    /// Messages that a consumer has, or that return later.
    pub in_flight: u64,
}

/// A queue's redrive policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedrivePolicy {
    /// The ARN of the queue that messages move to.
    pub target: String,
    /// The number of receives after which they do.
    pub max_receives: u32,
}

/// How a table is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDescription {
    /// The name.
    pub name: String,
    /// The keys, the partition key first.
    pub keys: Vec<String>,
    /// The index that branchline reads, `by-state` or `by-time`; `None` where there is none.
    pub index: Option<IndexDescription>,
    /// The attribute by which rows expire; `None` where that is off, a fault where it cannot be
    /// asked.
    pub ttl: Result<Option<String>, Fault>,
}

/// How an index is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexDescription {
    /// The keys, the partition key first.
    pub keys: Vec<String>,
    /// True if it projects all attributes.
    pub whole: bool,
}

/// The service that a role is passed to (`iam:PassedToService`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PassedTo {
    /// The roles of a pipeline and of its actions.
    CodePipeline,
    /// The role that replaces the one of a CodeBuild project for a build.
    CodeBuild,
}

impl PassedTo {
    /// Returns the service as a condition of a policy names it.
    #[must_use]
    pub fn principal(self) -> &'static str {
        match self {
            Self::CodePipeline => "codepipeline.amazonaws.com",
            Self::CodeBuild => "codebuild.amazonaws.com",
        }
    }
}

impl fmt::Display for PassedTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CodePipeline => "CodePipeline",
            Self::CodeBuild => "CodeBuild",
        })
    }
}

/// Whether a principal may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyDecision {
    /// The principal may do it.
    Allowed,
    /// No statement allows it.
    Denied,
    /// A statement forbids it, whatever another allows.
    Forbidden,
}
