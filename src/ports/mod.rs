//! What the worker needs of the world, in our own words. Each doc comment is a contract, and `tests/it/contract/` holds
//! the fakes and the real adapters to it.
//!
//! Every method may be cancelled by dropping its future. What that leaves behind is said per method; it is never
//! anything but "the call took effect" or "it did not".

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use crate::domain::clone::execution::{Execution, Run, Stage};
use crate::domain::clone::tags::Tags;
use crate::domain::clone::{NewPipeline, Template};
use crate::domain::fault::Fault;
use crate::domain::ids::{
    DeliveryId, PipelineArn, PipelineName, RepositoryId, RepositoryName, Subject, Timestamp,
};
use crate::domain::intake::envelope::{Envelope, Receipt};
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::outcome::disposition::{Burial, Grave};
use crate::domain::outcome::journal::NewAuditEntry;
use crate::domain::state::mapping::{Claim, Mapping, State, Transition};

/// The queue, and the queues for what leaves it by burial.
pub trait Queue: Send + Sync + 'static {
    /// Receives at most `max` (1 to 10) messages, waiting up to `wait` for the first. A message received is invisible
    /// to others for the adapter's visibility timeout, then it comes back with a higher receive count.
    ///
    /// Delivery is at least once and in no promised order. Cancelled: messages may have been taken; they come back.
    fn receive(
        &self,
        max: u32,
        wait: Duration,
    ) -> impl Future<Output = Result<Vec<Envelope>, Fault>> + Send;

    /// Deletes any number of messages; answers with the receipts that were not deleted. Deleting twice is done.
    fn delete(
        &self,
        receipts: &[Receipt],
    ) -> impl Future<Output = Result<Vec<Receipt>, Fault>> + Send;

    /// Makes any number of messages visible again after a time from now (0 s to 12 h): at once, later, or not yet, for a
    /// message whose lease is renewed. Answers with the receipts for which that failed: these come back when their
    /// visibility timeout ends, or are somebody else's already.
    fn change_visibility(
        &self,
        messages: &[(Receipt, Duration)],
    ) -> impl Future<Output = Result<Vec<Receipt>, Fault>> + Send;

    /// Sends a message to a queue where people look. `Ok` only when the send is confirmed.
    ///
    /// Cancelled or failed: it may have been sent; sending it again makes a second copy, which changes nothing.
    fn bury(&self, grave: Grave, burial: Burial) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// What came of an attempt to claim a subject.
#[derive(Debug)]
pub enum ClaimResult {
    /// The row was as expected and is now written.
    Won(Box<Claim>),
    /// The row was not as expected; nothing is written. This is what it is.
    Lost(Option<Box<Mapping>>),
    /// Another subject has the pipeline's name; nothing is written. This is its key, `REPO#1001/PR#0000000007`.
    NameTaken(String),
}

/// What came of an attempt to record.
#[derive(Debug)]
pub enum RecordResult {
    /// The row was as expected and everything is written.
    Done,
    /// The row was not as expected; nothing is written. This is what it is.
    Lost(Option<Box<Mapping>>),
}

/// What came of an attempt to take a place among a rule's `max_active` clones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotResult {
    /// The subject has one, now or already.
    Acquired,
    /// There are as many subjects already.
    Full,
    /// The subjects that there are have not been counted yet ([`Store::count_slots`]).
    Uncounted,
}

/// Some of the mappings.
#[derive(Debug)]
pub struct Page {
    /// The rows; one that cannot be read is a fault that names it.
    pub rows: Vec<Result<Mapping, Fault>>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

/// A place in a listing, in the store's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub BTreeMap<String, String>);

/// The table of mappings and their audit trail.
pub trait Store: Send + Sync + 'static {
    /// Writes a half-way row if the table holds what the transition expects, and reserves the pipeline's name.
    /// A second call with the same transition wins again: the row shows the claim it asks for.
    ///
    /// Cancelled or failed: the claim may stand; it expires, and the next event finishes what it records.
    fn claim(
        &self,
        transition: Transition,
    ) -> impl Future<Output = Result<ClaimResult, Fault>> + Send;

    /// Writes a settled row with its audit entry and delivery record, all or nothing, if the table holds what the
    /// transition expects. A second call with the same arguments is done as well.
    fn record(
        &self,
        transition: &Transition,
        entry: &NewAuditEntry,
    ) -> impl Future<Output = Result<RecordResult, Fault>> + Send;

    /// Writes a given-up row if the claim still stands; otherwise nothing. Leaves no audit entry.
    ///
    /// Cancelled or failed: the claim may stand; it expires by itself.
    fn give_up(&self, transition: &Transition) -> impl Future<Output = Result<(), Fault>> + Send;

    /// A subject's row as it is now; `None` where it was never seen.
    fn mapping(
        &self,
        subject: &Subject,
    ) -> impl Future<Output = Result<Option<Mapping>, Fault>> + Send;

    /// A page of the mappings in a state, from the beginning or from where another page ended. A page may be empty and
    /// not the last. The listing may be a moment old: rows are claimed, not trusted.
    fn in_state(
        &self,
        state: State,
        after: Option<Cursor>,
    ) -> impl Future<Output = Result<Page, Fault>> + Send;

    /// A page of the mappings of a repository, in whatever order. A page may be empty and not the last. What was written
    /// before the first page was asked for is in it.
    fn of_repository(
        &self,
        repository: RepositoryId,
        after: Option<Cursor>,
    ) -> impl Future<Output = Result<Page, Fault>> + Send;

    /// Takes a place for the subject among the `max` of a rule. A second call for the same subject takes no second one.
    ///
    /// Cancelled or failed: it may be taken.
    fn acquire_slot(
        &self,
        rule: &str,
        max: u32,
        subject: &Subject,
    ) -> impl Future<Output = Result<SlotResult, Fault>> + Send;

    /// Gives the subject's place back. Giving back what was not taken is done.
    fn release_slot(
        &self,
        rule: &str,
        subject: &Subject,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Gives each of these subjects a place, where nobody has counted for this rule before; else does nothing.
    fn count_slots(
        &self,
        rule: &str,
        subjects: &[Subject],
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// What a queue is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueAttributes {
    /// Its URL.
    pub url: String,
    /// Its ARN.
    pub arn: String,
    /// How long it keeps a message, in seconds.
    pub retention_seconds: u64,
    /// How long it hides a message from others after a receive that asks for no time of its own, in seconds.
    pub visibility_seconds: u64,
    /// The largest message that it takes.
    pub max_message_bytes: u64,
    /// Where it moves what was received too often.
    pub redrive: Option<RedrivePolicy>,
}

/// A queue's redrive policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedrivePolicy {
    /// The ARN of the queue that messages are moved to.
    pub target: String,
    /// After so many receives.
    pub max_receives: u32,
}

/// How a table is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDescription {
    /// Its name.
    pub name: String,
    /// Its keys, the partition's first.
    pub keys: Vec<String>,
    /// Its index `by-state`; `None` where there is none.
    pub index: Option<IndexDescription>,
    /// The attribute by which rows expire; `None` where that is off, a fault where it cannot be asked.
    pub ttl: Result<Option<String>, Fault>,
}

/// How an index is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexDescription {
    /// Its keys, the partition's first.
    pub keys: Vec<String>,
    /// Whether it has all attributes of its rows.
    pub whole: bool,
}

/// Whether somebody may pass a role to CodePipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassRoleDecision {
    /// He may.
    Allowed,
    /// Nothing allows it.
    Denied,
    /// Something forbids it, whatever else allows it.
    Forbidden,
}

/// The table as operators and auditors read it. Nothing is written but what an operator did.
pub trait Ledger: Store {
    /// The subject that a delivery concerned; `None` where it concerned none, or longer ago than deliveries are kept.
    fn delivered(
        &self,
        delivery: &DeliveryId,
    ) -> impl Future<Output = Result<Option<Subject>, Fault>> + Send;

    /// The repository that was last heard of under this name, in upper or lower case: GitHub does not tell them apart.
    fn repository(
        &self,
        name: &RepositoryName,
    ) -> impl Future<Output = Result<Option<RepositoryId>, Fault>> + Send;

    /// The subject that has a pipeline of this name.
    fn owner(
        &self,
        pipeline: &PipelineName,
    ) -> impl Future<Output = Result<Option<Subject>, Fault>> + Send;

    /// Writes into a subject's audit trail what somebody did by hand. A second call with the same entry is done.
    fn note(
        &self,
        subject: &Subject,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// A subject's audit trail, by the events' own time.
    fn history(
        &self,
        subject: &Subject,
    ) -> impl Future<Output = Result<Vec<AuditEntry>, Fault>> + Send;
}

/// What came of an attempt to create a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateResult {
    /// It was made, and its first execution has started.
    Made,
    /// A pipeline of that name exists; nothing was changed.
    NameInUse,
}

/// A pipeline that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingPipeline {
    /// Its ARN.
    pub arn: PipelineArn,
    /// Its tags.
    pub tags: Tags,
}

/// CodePipeline.
pub trait Pipelines: Send + Sync + 'static {
    /// The declaration of a pipeline. A missing one is the permanent fault `template-missing`.
    fn template(&self, name: &PipelineName)
    -> impl Future<Output = Result<Template, Fault>> + Send;

    /// The names of every pipeline of the account in this Region, whoever made it, in whatever order.
    fn names(&self) -> impl Future<Output = Result<Vec<PipelineName>, Fault>> + Send;

    /// Creates a pipeline with its tags, under a claim on its subject. AWS starts its first execution by itself.
    ///
    /// Cancelled or failed: it may exist; a second call then answers [`CreateResult::NameInUse`].
    fn create(
        &self,
        pipeline: &NewPipeline,
        claim: &Claim,
    ) -> impl Future<Output = Result<CreateResult, Fault>> + Send;

    /// Looks at a pipeline's tags; `None` when there is no such pipeline. With the ARN known it costs one call, without
    /// it two.
    fn find(
        &self,
        name: &PipelineName,
        arn: Option<&PipelineArn>,
    ) -> impl Future<Output = Result<Option<ExistingPipeline>, Fault>> + Send;

    /// Replaces a pipeline's declaration, under a claim on the subject that owns it. Its tags stay. AWS stops the
    /// executions that run and starts none.
    ///
    /// Cancelled or failed: it may be replaced; a second call replaces it again.
    fn update(
        &self,
        pipeline: &NewPipeline,
        claim: &Claim,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Starts an execution, under a claim on the subject that owns the pipeline, and answers with its id.
    ///
    /// Cancelled or failed: it may have started; a second call with the same token starts nothing and answers with the
    /// same id.
    fn start(
        &self,
        name: &PipelineName,
        run: &Run,
        claim: &Claim,
    ) -> impl Future<Output = Result<String, Fault>> + Send;

    /// The last executions of a pipeline, at most ten, the newest first; none when there is no such pipeline.
    fn executions(
        &self,
        name: &PipelineName,
    ) -> impl Future<Output = Result<Vec<Execution>, Fault>> + Send;

    /// The stages of a pipeline as they stand, in order; none when there is no such pipeline.
    fn stages(&self, name: &PipelineName)
    -> impl Future<Output = Result<Vec<Stage>, Fault>> + Send;

    /// Stops an execution at once, under a claim on the subject that owns the pipeline: what its actions run is
    /// abandoned. Stopping what has ended or is stopping is done.
    fn stop(
        &self,
        name: &PipelineName,
        execution: &str,
        claim: &Claim,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Deletes a pipeline, under a claim on the subject that owns it. Deleting what is gone is done.
    fn delete(
        &self,
        name: &PipelineName,
        claim: &Claim,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The wall clock.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}
