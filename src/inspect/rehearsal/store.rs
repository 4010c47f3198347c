//! The store ports of a rehearsal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::fault::Fault;
use crate::domain::ids::{
    BodyDigest, CommitId, DeliveryId, PipelineName, RepositoryId, RepositoryName, Subject,
    Timestamp,
};
use crate::domain::outcome::audit_entry::{AuditEntry, NewAuditEntry};
use crate::domain::outcome::chain::Chain;
use crate::domain::report::record::{CommitKey, CommitRecord, CommitUpdate};
use crate::domain::state::claim::{Claim, Transition};
use crate::domain::state::mapping::{Expect, Mapping, State};
use crate::domain::state::repository::{RepositoryRecord, RepositoryTombstone};
use crate::domain::state::slots::{Line, SlotUse, Waiter};
use crate::domain::time_range::TimeRange;
use crate::inspect::rehearsal::slots;
use crate::ports::{
    AuditLog, ClaimResult, Cursor, EntryPage, KnownSubject, Page, RecordResult, SlotResult, Store,
    StoreReader, TrailReader,
};

/// The table, with the rehearsed writes on top.
pub struct RehearsalStore<S> {
    pub(super) inner: S,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    rows: BTreeMap<Subject, Mapping>,
    /// Names that were reserved or, as `None`, released.
    names: BTreeMap<PipelineName, Option<Subject>>,
    /// When messages were first received.
    received: BTreeMap<BodyDigest, Timestamp>,
    /// Commits that ask for no build.
    skipped: BTreeSet<(RepositoryId, CommitId)>,
    /// What was added to the records of repositories.
    repositories: BTreeMap<RepositoryId, RepositoryRecord>,
    /// Slots that were acquired (`true`) or released, by rule.
    slots: BTreeMap<String, BTreeMap<Subject, bool>>,
    /// Records of commits.
    commits: BTreeMap<CommitKey, CommitRecord>,
}

impl<S: StoreReader> RehearsalStore<S> {
    /// Rehearses over this table.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            written: Mutex::default(),
        }
    }

    /// Returns a row as the rehearsal left it; `None` if the rehearsal did not write it.
    #[must_use]
    pub fn rehearsed(&self, subject: &Subject) -> Option<Mapping> {
        self.lock().rows.get(subject).cloned()
    }

    /// Returns the record of a commit as the rehearsal left it.
    #[must_use]
    pub fn rehearsed_commit(&self, key: &CommitKey) -> Option<CommitRecord> {
        self.lock().commits.get(key).cloned()
    }

    pub(super) fn write_commit(&self, update: &CommitUpdate, now: Timestamp) {
        let commits = &mut self.lock().commits;
        let seen = commits.remove(update.key());
        let updated = CommitRecord::updated(seen, update, now);
        commits.extend(updated.map(|record| (record.key.clone(), record)));
    }

    fn remember(
        &self,
        repository: RepositoryId,
        names: &[RepositoryName],
        end: Option<RepositoryTombstone>,
    ) {
        let mut written = self.lock();
        let record = written.repositories.entry(repository).or_default();
        *record = std::mem::take(record).with(names.iter().cloned(), end);
    }

    /// Adds to a record what the rehearsal remembered.
    fn with_rehearsed(
        &self,
        repository: RepositoryId,
        record: Option<RepositoryRecord>,
    ) -> Option<RepositoryRecord> {
        match self.lock().repositories.get(&repository).cloned() {
            Some(RepositoryRecord { names, end }) => {
                Some(record.unwrap_or_default().with(names, end))
            }
            None => record,
        }
    }

    /// Returns every row of a repository that the rehearsal wrote.
    fn rehearsed_of(&self, repository: RepositoryId) -> Vec<Mapping> {
        let written = self.lock();
        let rows = written.rows.values();
        rows.filter(|row| row.subject.repository == repository)
            .cloned()
            .collect()
    }

    /// Returns the current row if it is not the one that the transition expects.
    async fn refuses(
        &self,
        transition: &Transition,
    ) -> Result<Option<Option<Box<Mapping>>>, Fault> {
        let row = self.mapping(&transition.next.subject).await?;
        let as_expected = match (&transition.expect, &row) {
            (Expect::Unseen, None) => true,
            (Expect::Unseen, Some(_)) | (Expect::Seen { .. }, None) => false,
            (expect @ Expect::Seen { .. }, Some(row)) => row.as_seen() == *expect,
        };
        Ok((!as_expected).then(|| row.map(Box::new)))
    }

    fn write(&self, transition: &Transition) {
        let mut written = self.lock();
        if let Some(name) = &transition.releases {
            written.names.insert(name.clone(), None);
        }
        let next = transition.next.clone();
        written.rows.insert(next.subject.clone(), next);
        drop(written);
        for update in &transition.commits {
            self.write_commit(update, transition.next.updated_at);
        }
        let (subject, name) = (&transition.next.subject, &transition.next.repository);
        self.remember(subject.repository, std::slice::from_ref(name), None);
    }

    /// Locks the writes. No code panics under this lock.
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: StoreReader> TrailReader for RehearsalStore<S> {
    async fn chain(&self, chain: &Chain) -> Result<Vec<AuditEntry>, Fault> {
        self.inner.chain(chain).await
    }

    async fn entries(&self, after: Option<Cursor>) -> Result<EntryPage, Fault> {
        self.inner.entries(after).await
    }

    async fn within_day(
        &self,
        range: TimeRange,
        newest_first: bool,
        after: Option<Cursor>,
    ) -> Result<EntryPage, Fault> {
        self.inner.within_day(range, newest_first, after).await
    }
}

impl<S: StoreReader> AuditLog for RehearsalStore<S> {
    async fn note(&self, _chain: &Chain, _entry: &NewAuditEntry) -> Result<(), Fault> {
        Ok(())
    }
}

impl<S: StoreReader> StoreReader for RehearsalStore<S> {
    async fn mapping(&self, subject: &Subject) -> Result<Option<Mapping>, Fault> {
        if let Some(row) = self.rehearsed(subject) {
            return Ok(Some(row));
        }
        self.inner.mapping(subject).await
    }

    async fn known(&self, subject: &Subject) -> Result<KnownSubject, Fault> {
        let known = self.inner.known(subject).await?;
        Ok(KnownSubject {
            mapping: self.rehearsed(subject).or(known.mapping),
            repository: self.with_rehearsed(subject.repository, known.repository),
        })
    }

    async fn repository_record(
        &self,
        repository: RepositoryId,
    ) -> Result<Option<RepositoryRecord>, Fault> {
        let record = self.inner.repository_record(repository).await?;
        Ok(self.with_rehearsed(repository, record))
    }

    async fn in_state(&self, state: State, after: Option<Cursor>) -> Result<Page, Fault> {
        self.inner.in_state(state, after).await
    }

    async fn of_repository(
        &self,
        repository: RepositoryId,
        after: Option<Cursor>,
    ) -> Result<Page, Fault> {
        let mut page = self.inner.of_repository(repository, after).await?;
        for row in page.rows.iter_mut().flatten() {
            if let Some(rehearsed) = self.rehearsed(&row.subject) {
                *row = rehearsed;
            }
        }
        if page.next.is_none() {
            for row in self.rehearsed_of(repository) {
                // A row that the table has was on one of its pages.
                if self.inner.mapping(&row.subject).await?.is_none() {
                    page.rows.push(Ok(row));
                }
            }
        }
        Ok(page)
    }

    async fn delivered(&self, delivery: &DeliveryId) -> Result<Option<Subject>, Fault> {
        self.inner.delivered(delivery).await
    }

    async fn repository(&self, name: &RepositoryName) -> Result<Option<RepositoryId>, Fault> {
        self.inner.repository(name).await
    }

    async fn owner(&self, pipeline: &PipelineName) -> Result<Option<Subject>, Fault> {
        let rehearsed = self.lock().names.get(pipeline).cloned();
        match rehearsed {
            Some(owner) => Ok(owner),
            None => self.inner.owner(pipeline).await,
        }
    }

    async fn first_received(&self, body: &BodyDigest) -> Result<Option<Timestamp>, Fault> {
        let rehearsed = self.lock().received.get(body).copied();
        match rehearsed {
            Some(received_at) => Ok(Some(received_at)),
            None => self.inner.first_received(body).await,
        }
    }

    async fn is_skipped(&self, repository: RepositoryId, commit: &CommitId) -> Result<bool, Fault> {
        let rehearsed = self.lock().skipped.contains(&(repository, commit.clone()));
        Ok(rehearsed || self.inner.is_skipped(repository, commit).await?)
    }

    async fn slots(&self, rule: &str, subject: &Subject) -> Result<SlotUse, Fault> {
        let rehearsed = self.lock().slots.get(rule).cloned().unwrap_or_default();
        slots::with(&self.inner, rule, subject, rehearsed).await
    }

    async fn account_use(&self) -> Result<SlotUse, Fault> {
        self.inner.account_use().await
    }
}

impl<S: StoreReader> Store for RehearsalStore<S> {
    async fn claim(&self, transition: Transition) -> Result<ClaimResult, Fault> {
        if let Some(row) = self.refuses(&transition).await? {
            return Ok(ClaimResult::Lost(row));
        }
        if let Some(commit) = &transition.unless_skipped
            && self
                .is_skipped(transition.next.subject.repository, commit)
                .await?
        {
            return Ok(ClaimResult::Skipped);
        }
        if let Some(name) = transition.reserves() {
            let subject = &transition.next.subject;
            match self.owner(name).await? {
                Some(owner) if owner != *subject => {
                    let key = format!("REPO#{}/{}", owner.repository, owner.key());
                    return Ok(ClaimResult::NameTaken(key));
                }
                Some(_) | None => {}
            }
            let mut written = self.lock();
            written.names.insert(name.clone(), Some(subject.clone()));
        }
        if let Some(stack) = self.taken_stack(&transition).await? {
            return Ok(ClaimResult::StackTaken(stack));
        }
        self.write(&transition);
        Ok(ClaimResult::Won(Box::new(Claim::proven(transition.next))))
    }

    async fn record(
        &self,
        transition: &Transition,
        _entry: &NewAuditEntry,
    ) -> Result<RecordResult, Fault> {
        if let Some(row) = self.refuses(transition).await? {
            return Ok(RecordResult::Lost(row));
        }
        self.write(transition);
        Ok(RecordResult::Done)
    }

    async fn give_up(
        &self,
        transition: &Transition,
        _delivery: Option<&DeliveryId>,
    ) -> Result<(), Fault> {
        self.write(transition);
        Ok(())
    }

    async fn acquire_slot(
        &self,
        rule: &str,
        max: u32,
        waiter: &Waiter,
    ) -> Result<SlotResult, Fault> {
        let subject = &waiter.subject;
        let slots = self.slots(rule, subject).await?;
        if !slots.counted {
            return Ok(SlotResult::Uncounted);
        }
        if !slots.admits(subject, max) {
            let ahead = slots.ahead_of(subject);
            return Ok(SlotResult::Full { ahead });
        }
        let mut written = self.lock();
        let slots = written.slots.entry(rule.to_owned()).or_default();
        slots.insert(subject.clone(), true);
        Ok(SlotResult::Acquired)
    }

    async fn release_slot(&self, rule: &str, subject: &Subject) -> Result<SlotUse, Fault> {
        let before = self.slots(rule, subject).await?;
        let mut written = self.lock();
        let slots = written.slots.entry(rule.to_owned()).or_default();
        slots.insert(subject.clone(), false);
        Ok(before)
    }

    async fn stop_waiting(&self, _line: &Line, _waiter: &Waiter) -> Result<SlotUse, Fault> {
        Ok(SlotUse::default())
    }

    async fn note_pipelines(&self, _count: usize, _now: Timestamp) -> Result<SlotUse, Fault> {
        self.account_use().await
    }

    async fn wait_for_account(&self, _waiter: &Waiter) -> Result<SlotUse, Fault> {
        self.account_use().await
    }

    async fn remember_names(
        &self,
        repository: RepositoryId,
        names: &[RepositoryName],
        _since: Timestamp,
    ) -> Result<(), Fault> {
        self.remember(repository, names, None);
        Ok(())
    }

    async fn remember_end(
        &self,
        repository: RepositoryId,
        end: RepositoryTombstone,
    ) -> Result<(), Fault> {
        self.remember(repository, &[], Some(end));
        Ok(())
    }

    async fn remember_received(
        &self,
        body: &BodyDigest,
        received_at: Timestamp,
    ) -> Result<Timestamp, Fault> {
        let first = self.first_received(body).await?.unwrap_or(received_at);
        self.lock().received.insert(body.clone(), first);
        Ok(first)
    }

    async fn remember_skipped(
        &self,
        repository: RepositoryId,
        commit: &CommitId,
        _now: Timestamp,
    ) -> Result<(), Fault> {
        self.lock().skipped.insert((repository, commit.clone()));
        Ok(())
    }

    async fn probe(&self) -> Result<(), Fault> {
        Ok(())
    }

    async fn count_slots(&self, _rule: &str, _subjects: &[Subject]) -> Result<(), Fault> {
        Ok(())
    }
}
