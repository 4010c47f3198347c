//! The store port: read and write access to the table of mappings.

use std::future::Future;
use std::time::Duration;

use crate::domain::clone::stacks::StackKey;
use crate::domain::fault::Fault;
use crate::domain::ids::{
    BodyDigest, CommitId, DeliveryId, PipelineName, RepositoryId, RepositoryName, Subject,
    Timestamp,
};
use crate::domain::outcome::audit_entry::NewAuditEntry;
use crate::domain::state::claim::{Claim, Transition};
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::repository::{RepositoryRecord, RepositoryTombstone};
use crate::domain::state::slots::{Line, SlotUse, Waiter};
use crate::ports::comments::CommentLog;
use crate::ports::commits::CommitLog;
use crate::ports::cursor::Cursor;
use crate::ports::deployments::DeploymentLog;
use crate::ports::stack_names::{StackHolders, StackNames};
use crate::ports::trail::{AuditLog, TrailReader};

/// The result of an attempt to claim a subject.
#[derive(Debug)]
pub enum ClaimResult {
    /// The row was as expected and is now written.
    Won(Box<Claim>),
    /// The row was not as expected, and nothing is written. This is the row.
    Lost(Option<Box<Mapping>>),
    /// Another subject has the pipeline's name, and nothing is written. This is its key,
    /// `REPO#1001/PR#0000000007`.
    NameTaken(String),
    /// Another subject has reserved this stack, and nothing is written.
    StackTaken(StackKey),
    /// The commit asks for no build, and nothing is written.
    Skipped,
}

/// The result of an attempt to record an outcome.
#[derive(Debug)]
pub enum RecordResult {
    /// The row was as expected and everything is written.
    Done,
    /// The row was not as expected, and nothing is written. This is the row.
    Lost(Option<Box<Mapping>>),
}

/// The time in which [`Store::acquire_slot`] begins its calls.
pub const SLOT_CALLS: Duration = Duration::from_secs(15);

/// The result of an attempt to acquire a slot among a rule's `max_active` clones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotResult {
    /// The subject has a slot, now or already.
    Acquired,
    /// All slots are taken, or belong to subjects that wait for longer. The subject waits now.
    Full {
        /// The number of subjects that come before it.
        ahead: usize,
    },
    /// The subjects that have a clone already were not counted yet ([`Store::count_slots`]).
    Uncounted,
}

/// A page of mappings.
#[derive(Debug)]
pub struct Page {
    /// The rows; one that cannot be read is a fault that names it.
    pub rows: Vec<Result<Mapping, Fault>>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

/// A subject's row and the record of its repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownSubject {
    /// The row; `None` where the subject was never seen.
    pub mapping: Option<Mapping>,
    /// The record; `None` where no event of the repository was accepted.
    pub repository: Option<RepositoryRecord>,
}

/// A subject's row, and what is remembered of a commit of its repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushedSubject {
    /// The row; `None` where the subject was never seen.
    pub mapping: Option<Mapping>,
    /// True if the commit is remembered as one that asks for no build.
    pub is_skipped: bool,
}

/// Read access to the table and to the audit trail.
pub trait StoreReader: TrailReader + StackHolders {
    /// Returns a subject's row as it is now; `None` where the subject was never seen.
    fn mapping(
        &self,
        subject: &Subject,
    ) -> impl Future<Output = Result<Option<Mapping>, Fault>> + Send;

    /// Returns a subject's row, and whether a commit of its repository is remembered as one that
    /// asks for no build. Each part is as it is now; the two may be read at different moments.
    fn pushed(
        &self,
        subject: &Subject,
        commit: &CommitId,
    ) -> impl Future<Output = Result<PushedSubject, Fault>> + Send {
        async move {
            Ok(PushedSubject {
                mapping: self.mapping(subject).await?,
                is_skipped: self.is_skipped(subject.repository, commit).await?,
            })
        }
    }

    /// Returns what the table knows of a subject, in one read. Each part is as it is now; the two
    /// may be read at different moments.
    fn known(&self, subject: &Subject) -> impl Future<Output = Result<KnownSubject, Fault>> + Send;

    /// Returns the record of a repository as it is now; `None` where no event of the repository
    /// was accepted.
    fn repository_record(
        &self,
        repository: RepositoryId,
    ) -> impl Future<Output = Result<Option<RepositoryRecord>, Fault>> + Send;

    /// Returns a page of the mappings in a state, from the beginning or from where another page
    /// ended. A page may be empty and not the last. The listing may be a moment old: rows are
    /// claimed, not trusted.
    fn in_state(
        &self,
        state: State,
        after: Option<Cursor>,
    ) -> impl Future<Output = Result<Page, Fault>> + Send;

    /// Returns a page of the mappings of a repository, in any order. A page may be empty and not
    /// the last. Whatever was written before the first page was asked for is in it.
    fn of_repository(
        &self,
        repository: RepositoryId,
        after: Option<Cursor>,
    ) -> impl Future<Output = Result<Page, Fault>> + Send;

    /// Returns the subject that a delivery concerned, once it was recorded or given up; `None`
    /// where it concerned none, or longer ago than deliveries are kept.
    fn delivered(
        &self,
        delivery: &DeliveryId,
    ) -> impl Future<Output = Result<Option<Subject>, Fault>> + Send;

    /// Returns the repository that last had this name, in upper or lower case: GitHub does not tell
    /// them apart.
    fn repository(
        &self,
        name: &RepositoryName,
    ) -> impl Future<Output = Result<Option<RepositoryId>, Fault>> + Send;

    /// Returns the subject that owns a pipeline of this name.
    fn owner(
        &self,
        pipeline: &PipelineName,
    ) -> impl Future<Output = Result<Option<Subject>, Fault>> + Send;

    /// Returns when a message with this body was first received, if that was remembered.
    fn first_received(
        &self,
        body: &BodyDigest,
    ) -> impl Future<Output = Result<Option<Timestamp>, Fault>> + Send;

    /// Returns true if the commit is remembered as one that asks for no build.
    fn is_skipped(
        &self,
        repository: RepositoryId,
        commit: &CommitId,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Returns how many slots of a rule are taken, whether the subject has one, and who waits.
    fn slots(
        &self,
        rule: &str,
        subject: &Subject,
    ) -> impl Future<Output = Result<SlotUse, Fault>> + Send;

    /// Returns how many pipelines the account had in the Region when they were last counted, and
    /// who waits.
    fn account_use(&self) -> impl Future<Output = Result<SlotUse, Fault>> + Send;
}

/// Write access to the table, for the one place that acts.
pub trait Store:
    StoreReader + AuditLog + CommitLog + CommentLog + DeploymentLog + StackNames
{
    /// Writes a half-way row and the updates of its commits if the table holds what the transition
    /// expects, and reserves the names of the pipeline and of new stacks. The name of the row's
    /// repository is remembered before that. A second call with the same transition wins again: the
    /// row shows the claim it asks for.
    ///
    /// If cancelled or failed: the claim may stand; it expires, and the next event finishes what it
    /// records.
    fn claim(
        &self,
        transition: Transition,
    ) -> impl Future<Output = Result<ClaimResult, Fault>> + Send;

    /// Writes a settled row with its audit entry, its delivery record and the updates of its
    /// commits, all or nothing, if the table holds what the transition expects. The name of the
    /// row's repository is remembered before that. The entry follows the last one of the subject's
    /// chain of changes, and the row has its link: the caller's row has the link before. If the row
    /// forgot its chain, because it was removed by hand, the entry follows what the chain has. A
    /// second call with the same arguments succeeds as well, and adds nothing.
    fn record(
        &self,
        transition: &Transition,
        entry: &NewAuditEntry,
    ) -> impl Future<Output = Result<RecordResult, Fault>> + Send;

    /// Writes a given-up row if the claim still stands, and which subject this delivery concerned;
    /// otherwise nothing. Leaves no audit entry.
    ///
    /// If cancelled or failed: the claim may stand; it expires by itself.
    fn give_up(
        &self,
        transition: &Transition,
        delivery: Option<&DeliveryId>,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Remembers for good that a repository has had these names, the last of them since this
    /// time. People find it under the last one, unless it has had a later name.
    ///
    /// If cancelled or failed: some of it may be remembered.
    fn remember_names(
        &self,
        repository: RepositoryId,
        names: &[RepositoryName],
        since: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Remembers the end of a repository for good, unless a later one is remembered.
    ///
    /// If cancelled or failed: it may be remembered.
    fn remember_end(
        &self,
        repository: RepositoryId,
        end: RepositoryTombstone,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Remembers for good when a message with this body was received, unless that is remembered
    /// already. Returns what is remembered.
    ///
    /// If cancelled or failed: it may be remembered.
    fn remember_received(
        &self,
        body: &BodyDigest,
        received_at: Timestamp,
    ) -> impl Future<Output = Result<Timestamp, Fault>> + Send;

    /// Remembers for a year that a commit asks for no build.
    ///
    /// If cancelled or failed: it may be remembered.
    fn remember_skipped(
        &self,
        repository: RepositoryId,
        commit: &CommitId,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Acquires a slot for the subject among the `max` of a rule. A second call for the same
    /// subject acquires no second one. A subject that finds no slot, or that may not overtake those
    /// who wait ([`SlotUse::admits`]), waits from its `since` on, and later calls keep that time. A
    /// rule keeps a bounded number of those who wait; the others do not wait, and
    /// have to call again.
    ///
    /// Makes several calls if other workers change the slots at the same time, none of which begins
    /// later than [`SLOT_CALLS`] after the first.
    ///
    /// If cancelled or failed: it may be acquired, or may wait.
    fn acquire_slot(
        &self,
        rule: &str,
        max: u32,
        waiter: &Waiter,
    ) -> impl Future<Output = Result<SlotResult, Fault>> + Send;

    /// Releases the subject's slot, and lets it wait no longer. Returns the slots as they
    /// were before. Releasing one that was not acquired succeeds.
    ///
    /// If cancelled or failed: it may be released.
    fn release_slot(
        &self,
        rule: &str,
        subject: &Subject,
    ) -> impl Future<Output = Result<SlotUse, Fault>> + Send;

    /// Lets a subject wait no longer, unless it waits since another time. A slot that it has stays.
    /// Returns the slots as they were before; without anybody, if nothing changed.
    ///
    /// If cancelled or failed: it may wait no longer.
    fn stop_waiting(
        &self,
        line: &Line,
        waiter: &Waiter,
    ) -> impl Future<Output = Result<SlotUse, Fault>> + Send;

    /// Records how many pipelines the account has in the Region. Returns that, and who waits.
    ///
    /// If cancelled or failed: it may be recorded.
    fn note_pipelines(
        &self,
        count: usize,
        now: Timestamp,
    ) -> impl Future<Output = Result<SlotUse, Fault>> + Send;

    /// Lets a subject wait for a pipeline of the account's quota, from its `since` on, unless it
    /// waits already. Returns who waits then; nobody, if the pipelines were never counted.
    ///
    /// If cancelled or failed: it may wait.
    fn wait_for_account(
        &self,
        waiter: &Waiter,
    ) -> impl Future<Output = Result<SlotUse, Fault>> + Send;

    /// Gives each of these subjects, which have a clone, a slot of a rule, even if there are more
    /// than the rule may have. From then on, others can acquire slots.
    ///
    /// If cancelled or failed: they may have them.
    fn count_slots(
        &self,
        rule: &str,
        subjects: &[Subject],
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Finds out whether both tables take writes, with one that changes nothing: no condition of it
    /// holds.
    ///
    /// # Errors
    /// The fault for which any write would fail.
    fn probe(&self) -> impl Future<Output = Result<(), Fault>> + Send;
}
