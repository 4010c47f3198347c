//! What `branchline check` reads of the account.

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
    /// The index `by-state`; `None` where there is none.
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

/// Whether a principal may pass a role to CodePipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassRoleDecision {
    /// The principal may pass the role.
    Allowed,
    /// No statement allows it.
    Denied,
    /// A statement forbids it, whatever another allows.
    Forbidden,
}
