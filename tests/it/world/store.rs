//! A fake table: rows by subject, pipeline names by subject, delivery records and names of
//! repositories. `trail.rs` has the audit trail.

use std::sync::{Arc, Mutex, MutexGuard};

use branchline::domain::clone::stacks::StackKey;
use branchline::domain::fault::Fault;
use branchline::domain::ids::{
    BodyDigest, CommitId, DeliveryId, PipelineName, RepositoryId, RepositoryName, Subject,
    Timestamp,
};
use branchline::domain::outcome::audit_entry::NewAuditEntry;
use branchline::domain::state::claim::Transition;
use branchline::domain::state::mapping::{Mapping, State};
use branchline::domain::state::repository::{RepositoryRecord, RepositoryTombstone};
use branchline::domain::state::slots::{Line, SlotUse, Waiter};
use branchline::ports::{
    ClaimResult, Cursor, KnownSubject, Page, PushedSubject, RecordResult, SlotResult, StackHolder,
    StackHolders, StackNames, Store, StoreReader,
};

use super::heartbeats::FakeHeartbeats;
use super::jobs::FakeJobs;
use super::lock;
use super::samples;
use super::store_state::{Delivered, Table, key};
use super::trail::FakeTrail;
use crate::world::fault_injection::{FaultInjection, Op};

/// A handle to the table. Clones are handles to the same table.
#[derive(Clone)]
pub(crate) struct FakeStore {
    table: Arc<Mutex<Table>>,
    pub(super) trail: FakeTrail,
    pub(super) heartbeats: FakeHeartbeats,
    pub(super) jobs: FakeJobs,
    pub(super) faults: FaultInjection,
}

impl FakeStore {
    /// Makes an empty table.
    pub(crate) fn new(faults: &FaultInjection) -> Self {
        Self {
            table: Arc::default(),
            trail: FakeTrail::default(),
            heartbeats: FakeHeartbeats::default(),
            jobs: FakeJobs::default(),
            faults: faults.clone(),
        }
    }

    /// Returns the same table with another worker's faults.
    pub(crate) fn under(&self, faults: &FaultInjection) -> Self {
        Self {
            faults: faults.clone(),
            ..self.clone()
        }
    }

    pub(super) fn locked(&self) -> MutexGuard<'_, Table> {
        lock(&self.table)
    }

    /// Returns every row, by subject.
    pub(crate) fn rows(&self) -> Vec<Mapping> {
        lock(&self.table).rows.values().cloned().collect()
    }

    /// Removes a row as an operator does by hand.
    pub(crate) fn remove_row(&self, subject: &Subject) {
        lock(&self.table).rows.remove(&key(subject));
    }

    /// Returns the record of a delivery.
    pub(crate) fn delivery(&self, delivery: &DeliveryId) -> Option<Delivered> {
        lock(&self.table).deliveries.get(delivery).cloned()
    }

    /// Returns the id of the repository that had this name last.
    pub(crate) fn alias(&self, name: &str) -> Option<RepositoryId> {
        let lower = name.to_ascii_lowercase();
        lock(&self.table).aliases.get(&lower).copied()
    }

    /// Returns the record of a repository.
    pub(crate) fn record(&self, repository: u64) -> Option<RepositoryRecord> {
        lock(&self.table)
            .records
            .get(&RepositoryId(repository))
            .cloned()
    }

    /// Records a name by which people find a repository.
    pub(super) fn name_repository(&self, repository: RepositoryId, name: &str) {
        let name = name.to_ascii_lowercase();
        lock(&self.table).aliases.insert(name, repository);
    }

    /// Returns the slots of a rule.
    pub(crate) fn slot_use(&self, rule: &str) -> SlotUse {
        lock(&self.table).slot_use(rule, &samples::pull(0))
    }

    /// Returns how many slots are taken, by rule.
    pub(crate) fn all_slots(&self) -> Vec<(String, usize)> {
        let table = lock(&self.table);
        let slots = table.slots.iter();
        slots
            .map(|(rule, slots)| (rule.clone(), slots.holders.len()))
            .collect()
    }

    /// Returns the reserved pipeline names, each with the key of its subject.
    pub(crate) fn names(&self) -> Vec<(String, String)> {
        let table = lock(&self.table);
        let names = table.names.iter();
        names
            .map(|(name, (_, key))| (name.to_string(), key.clone()))
            .collect()
    }
}

impl StoreReader for FakeStore {
    async fn mapping(&self, subject: &Subject) -> Result<Option<Mapping>, Fault> {
        let effect = || Ok(lock(&self.table).rows.get(&key(subject)).cloned());
        self.faults.pass(Op::Mapping, effect).await
    }

    async fn pushed(&self, subject: &Subject, commit: &CommitId) -> Result<PushedSubject, Fault> {
        let effect = || {
            let table = lock(&self.table);
            let skipped = (subject.repository, commit.clone());
            Ok(PushedSubject {
                mapping: table.rows.get(&key(subject)).cloned(),
                is_skipped: table.skipped.contains(&skipped),
            })
        };
        self.faults.pass(Op::Mapping, effect).await
    }

    async fn known(&self, subject: &Subject) -> Result<KnownSubject, Fault> {
        let effect = || {
            let table = lock(&self.table);
            Ok(KnownSubject {
                mapping: table.rows.get(&key(subject)).cloned(),
                repository: table.records.get(&subject.repository).cloned(),
            })
        };
        self.faults.pass(Op::Known, effect).await
    }

    async fn repository_record(
        &self,
        repository: RepositoryId,
    ) -> Result<Option<RepositoryRecord>, Fault> {
        let effect = || Ok(lock(&self.table).records.get(&repository).cloned());
        self.faults.pass(Op::RepositoryRecord, effect).await
    }

    async fn in_state(&self, state: State, after: Option<Cursor>) -> Result<Page, Fault> {
        let of = |row: &Mapping| row.state == state;
        let effect = || Ok(lock(&self.table).page(of, after.as_ref()));
        self.faults.pass(Op::InState, effect).await
    }

    async fn of_repository(
        &self,
        repository: RepositoryId,
        after: Option<Cursor>,
    ) -> Result<Page, Fault> {
        let of = |row: &Mapping| row.subject.repository == repository;
        let effect = || Ok(lock(&self.table).page(of, after.as_ref()));
        self.faults.pass(Op::OfRepository, effect).await
    }

    async fn delivered(&self, delivery: &DeliveryId) -> Result<Option<Subject>, Fault> {
        let read = || {
            let table = lock(&self.table);
            let kept = table.deliveries.get(delivery);
            Ok(kept.and_then(|kept| Subject::from_key(kept.repository, &kept.subject)))
        };
        self.faults.pass(Op::Delivered, read).await
    }

    async fn repository(&self, name: &RepositoryName) -> Result<Option<RepositoryId>, Fault> {
        Ok(self.alias(name.as_str()))
    }

    async fn owner(&self, pipeline: &PipelineName) -> Result<Option<Subject>, Fault> {
        let effect = || {
            let table = lock(&self.table);
            let owner = table.names.get(pipeline);
            Ok(owner.and_then(|(repository, key)| Subject::from_key(*repository, key)))
        };
        self.faults.pass(Op::Owner, effect).await
    }

    async fn first_received(&self, body: &BodyDigest) -> Result<Option<Timestamp>, Fault> {
        Ok(lock(&self.table).received.get(body).copied())
    }

    async fn is_skipped(&self, repository: RepositoryId, commit: &CommitId) -> Result<bool, Fault> {
        let commit = (repository, commit.clone());
        let effect = || Ok(lock(&self.table).skipped.contains(&commit));
        self.faults.pass(Op::IsSkipped, effect).await
    }

    async fn slots(&self, rule: &str, subject: &Subject) -> Result<SlotUse, Fault> {
        let effect = || Ok(lock(&self.table).slot_use(rule, subject));
        self.faults.pass_about(Op::Slots, rule, effect).await
    }

    async fn account_use(&self) -> Result<SlotUse, Fault> {
        let effect = || Ok(lock(&self.table).account_use());
        self.faults.pass(Op::AccountUse, effect).await
    }
}

impl StackHolders for FakeStore {
    async fn stack_holder(&self, stack: &StackKey) -> Result<Option<StackHolder>, Fault> {
        let effect = || Ok(lock(&self.table).stacks.get(stack).cloned());
        self.faults.pass(Op::Mapping, effect).await
    }
}

impl StackNames for FakeStore {
    async fn release_stack(&self, stack: &StackKey, holder: &StackHolder) -> Result<(), Fault> {
        let effect = || {
            let stacks = &mut lock(&self.table).stacks;
            if stacks.get(stack) == Some(holder) {
                stacks.remove(stack);
            }
            Ok(())
        };
        self.faults.pass(Op::GiveUp, effect).await
    }
}

impl Store for FakeStore {
    async fn claim(&self, transition: Transition) -> Result<ClaimResult, Fault> {
        let repository = transition.next.repository.clone();
        let effect = || Ok(lock(&self.table).claim(transition));
        let about = repository.as_str();
        self.faults.pass_about(Op::Claim, about, effect).await
    }

    async fn record(
        &self,
        transition: &Transition,
        entry: &NewAuditEntry,
    ) -> Result<RecordResult, Fault> {
        let effect = || Ok(lock(&self.table).record(transition, entry, &self.trail));
        let about = transition.next.repository.as_str();
        self.faults.pass_about(Op::Record, about, effect).await
    }

    async fn give_up(
        &self,
        transition: &Transition,
        delivery: Option<&DeliveryId>,
    ) -> Result<(), Fault> {
        let effect = || {
            lock(&self.table).give_up(transition, delivery);
            Ok(())
        };
        let about = transition.next.repository.as_str();
        self.faults.pass_about(Op::GiveUp, about, effect).await
    }

    async fn acquire_slot(
        &self,
        rule: &str,
        max: u32,
        waiter: &Waiter,
    ) -> Result<SlotResult, Fault> {
        let effect = || Ok(lock(&self.table).acquire_slot(rule, max, waiter));
        self.faults.pass_about(Op::AcquireSlot, rule, effect).await
    }

    async fn release_slot(&self, rule: &str, subject: &Subject) -> Result<SlotUse, Fault> {
        let effect = || Ok(lock(&self.table).release_slot(rule, subject));
        self.faults.pass_about(Op::ReleaseSlot, rule, effect).await
    }

    async fn stop_waiting(&self, line: &Line, waiter: &Waiter) -> Result<SlotUse, Fault> {
        let effect = || Ok(lock(&self.table).stop_waiting(line, waiter));
        let about = line.to_string();
        self.faults
            .pass_about(Op::StopWaiting, &about, effect)
            .await
    }

    async fn note_pipelines(&self, count: usize, _now: Timestamp) -> Result<SlotUse, Fault> {
        let effect = || {
            let mut table = lock(&self.table);
            let account = table.account.get_or_insert_default();
            account.pipelines = count;
            Ok(account.seen())
        };
        self.faults.pass(Op::NotePipelines, effect).await
    }

    async fn wait_for_account(&self, waiter: &Waiter) -> Result<SlotUse, Fault> {
        let effect = || Ok(lock(&self.table).wait_for_account(waiter));
        self.faults.pass(Op::WaitForAccount, effect).await
    }

    async fn remember_names(
        &self,
        repository: RepositoryId,
        names: &[RepositoryName],
        since: Timestamp,
    ) -> Result<(), Fault> {
        let effect = || {
            lock(&self.table).rename(repository, names, since);
            Ok(())
        };
        self.faults.pass(Op::RememberNames, effect).await
    }

    async fn remember_end(
        &self,
        repository: RepositoryId,
        end: RepositoryTombstone,
    ) -> Result<(), Fault> {
        let effect = || {
            lock(&self.table).remember(repository, [], Some(end));
            Ok(())
        };
        self.faults.pass(Op::RememberEnd, effect).await
    }

    async fn remember_received(
        &self,
        body: &BodyDigest,
        received_at: Timestamp,
    ) -> Result<Timestamp, Fault> {
        let effect = || {
            let mut table = lock(&self.table);
            Ok(*table.received.entry(body.clone()).or_insert(received_at))
        };
        self.faults.pass(Op::RememberReceived, effect).await
    }

    async fn remember_skipped(
        &self,
        repository: RepositoryId,
        commit: &CommitId,
        _now: Timestamp,
    ) -> Result<(), Fault> {
        let commit = (repository, commit.clone());
        let effect = || {
            lock(&self.table).skipped.insert(commit);
            Ok(())
        };
        self.faults.pass(Op::RememberSkipped, effect).await
    }

    async fn probe(&self) -> Result<(), Fault> {
        self.faults.pass(Op::Probe, || Ok(())).await
    }

    async fn count_slots(&self, rule: &str, subjects: &[Subject]) -> Result<(), Fault> {
        let effect = || {
            let mut table = lock(&self.table);
            let slots = table.slots.entry(rule.to_owned());
            let slots = slots.or_default();
            slots.holders.extend(subjects.iter().map(key));
            Ok(())
        };
        self.faults.pass(Op::CountSlots, effect).await
    }
}
