//! The external services that branchline needs, in its own terms. Each doc comment is a contract,
//! and `tests/it/contract/` holds the fakes and the real adapters to it.
//!
//! Reading and writing are separate ports: a caller that only reads holds a
//! [`StoreReader`] and a [`PipelineReader`], and so cannot act.
//!
//! Every method may be cancelled by dropping its future. The contract of a method says what that
//! leaves behind; it is always either "the call took effect" or "it did not".

mod account;
mod clock;
mod comments;
mod commits;
mod cursor;
mod deliveries;
mod delivery_pages;
mod deployments;
mod files;
mod github;
mod heartbeat;
mod jobs;
mod listing;
mod pages;
mod pipelines;
mod projects;
mod queue;
mod stack_names;
mod stacks;
mod store;
mod tag_index;
mod trail;

pub use account::{
    IndexDescription, PassedTo, PolicyDecision, QueueAttributes, QueueCounts, RedrivePolicy,
    TableDescription,
};
pub use clock::Clock;
pub use comments::CommentLog;
pub use commits::{CommitList, CommitLog, CommitPage};
pub use cursor::{Cursor, SubjectPage};
pub use deliveries::{DeliveryCursor, DeliveryPage, DeliveryReader, Redelivery};
pub use delivery_pages::{ReadAttempts, attempts_since};
pub use deployments::DeploymentLog;
pub use files::{FileAnswer, RepositoryFiles, Revision};
pub use github::{
    Earlier, GitHub, GitHubReader, Grants, Identity, Installation, Place, SignedIn,
    WantedDeployment,
};
pub use heartbeat::{HeartbeatLog, HeartbeatReader};
pub use jobs::{JobLog, JobReader};
pub use listing::{ListPage, ListedPullRequest, ListedRepository, Listing};
pub use pages::MappingPages;
pub use pipelines::{
    CreateResult, ExistingPipeline, ListedPipeline, PipelineReader, Pipelines, RetryResult,
};
pub use projects::{ProjectAnswer, ProjectReader, ProjectWriter, Projects};
pub use queue::Queue;
pub use stack_names::{StackHolder, StackHolders, StackNames};
pub use stacks::{StackAnswer, StackReader, StackWriter};
pub use store::{
    ClaimResult, KnownSubject, Page, PushedSubject, RecordResult, SLOT_CALLS, SlotResult, Store,
    StoreReader,
};
pub use tag_index::{TagIndex, TaggedResources};
pub use trail::{AuditLog, EntryPage, TrailReader};
