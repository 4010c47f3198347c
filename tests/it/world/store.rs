//! A fake table: rows by subject, pipeline names by subject, delivery records and names of
//! repositories. `trail.rs` has the audit trail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use branchline::domain::fault::Fault;
use branchline::domain::ids::{
    DeliveryId, PipelineName, RepositoryId, RepositoryName, Subject, Timestamp,
};
use branchline::domain::outcome::audit_entry::NewAuditEntry;
use branchline::domain::outcome::chain::Chain;
use branchline::domain::state::claim::{Claim, Transition};
use branchline::domain::state::mapping::{Expect, Mapping, State};
use branchline::ports::{
    ClaimResult, Cursor, Page, RecordResult, SlotResult, SlotUse, Store, StoreReader,
};

use super::lock;
use super::trail::FakeTrail;
use crate::world::fault_injection::{FaultInjection, Op};

/// A subject, as the table keys it.
type Key = (RepositoryId, String);

/// Mappings in one page.
const PAGE: usize = 3;

/// The record of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) repository: RepositoryId,
    pub(crate) subject: String,
    pub(crate) outcome: String,
    pub(crate) processed_at: Timestamp,
}

#[derive(Default)]
struct Table {
    rows: BTreeMap<Key, Mapping>,
    names: BTreeMap<PipelineName, Key>,
    deliveries: BTreeMap<DeliveryId, Delivered>,
    aliases: BTreeMap<String, RepositoryId>,
    /// The subjects with a slot, by rule.
    slots: BTreeMap<String, BTreeSet<Key>>,
}

/// A handle to the table. Clones are handles to the same table.
#[derive(Clone)]
pub(crate) struct FakeStore {
    table: Arc<Mutex<Table>>,
    pub(super) trail: FakeTrail,
    pub(super) faults: FaultInjection,
}

impl FakeStore {
    /// Makes an empty table.
    pub(crate) fn new(faults: &FaultInjection) -> Self {
        Self {
            table: Arc::default(),
            trail: FakeTrail::default(),
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
        lock(&self.table).aliases.get(name).copied()
    }

    /// Returns how many slots are taken, by rule.
    pub(crate) fn all_slots(&self) -> Vec<(String, usize)> {
        let table = lock(&self.table);
        let slots = table.slots.iter();
        slots
            .map(|(rule, slots)| (rule.clone(), slots.len()))
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

fn key(subject: &Subject) -> Key {
    (subject.repository, subject.key())
}

impl Table {
    /// Returns true if the table holds what the transition expects.
    fn holds(&self, transition: &Transition) -> bool {
        match (
            self.rows.get(&key(&transition.next.subject)),
            &transition.expect,
        ) {
            (None, Expect::Unseen) => true,
            (None, Expect::Seen { .. }) | (Some(_), Expect::Unseen) => false,
            (Some(row), expect @ Expect::Seen { .. }) => row.as_seen() == *expect,
        }
    }

    fn lost(&self, transition: &Transition) -> Option<Box<Mapping>> {
        let row = self.rows.get(&key(&transition.next.subject));
        row.cloned().map(Box::new)
    }

    /// Returns true if the row is already what the transition writes.
    fn is_written(&self, transition: &Transition) -> bool {
        self.rows.get(&key(&transition.next.subject)) == Some(&transition.next)
    }

    /// The same for a transition that added to the audit trail.
    fn is_recorded(&self, transition: &Transition) -> bool {
        let row = self.rows.get(&key(&transition.next.subject));
        row.is_some_and(|row| {
            let trail = transition.next.trail.clone();
            Mapping {
                trail,
                ..row.clone()
            } == transition.next
        })
    }

    fn write(&mut self, transition: &Transition) {
        let key = key(&transition.next.subject);
        if let Some(row) = self.rows.get(&key) {
            let (from, to) = (row.generation, transition.next.generation);
            assert!(from <= to, "a generation went back from {from} to {to}");
        }
        if let Some(name) = &transition.releases
            && self.names.get(name) == Some(&key)
        {
            self.names.remove(name);
        }
        if let Some(name) = transition.reserves() {
            self.names.insert(name.clone(), key.clone());
        }
        self.rows.insert(key, transition.next.clone());
    }

    fn claim(&mut self, transition: Transition) -> ClaimResult {
        let next = &transition.next;
        assert!(next.claim.is_some(), "a claim without a claim");
        match next.state {
            State::Creating | State::Starting | State::Deleting => {}
            State::Active | State::Gone => panic!("a claim of a settled state: {:?}", next.state),
        }
        let written = self.is_written(&transition);
        if !written && !self.holds(&transition) {
            return ClaimResult::Lost(self.lost(&transition));
        }
        let mine = key(&next.subject);
        let other = transition.reserves().and_then(|name| self.names.get(name));
        if let Some((repository, other)) = other.filter(|other| **other != mine) {
            return ClaimResult::NameTaken(format!("REPO#{repository}/{other}"));
        }
        self.write(&transition);
        ClaimResult::Won(Box::new(Claim::proven(transition.next)))
    }

    fn record(
        &mut self,
        transition: &Transition,
        entry: &NewAuditEntry,
        trail: &FakeTrail,
    ) -> RecordResult {
        let next = &transition.next;
        assert!(next.claim.is_none(), "a settled row with a claim");
        match next.state {
            State::Active | State::Gone => {}
            State::Creating | State::Starting | State::Deleting => {
                panic!("a half-way row settled: {:?}", next.state)
            }
        }
        if self.is_recorded(transition) {
            return RecordResult::Done;
        }
        if !self.holds(transition) {
            return RecordResult::Lost(self.lost(transition));
        }
        let mut linked = transition.clone();
        let chain = Chain::Changes(next.subject.clone());
        linked.next.trail = Some(trail.link(&chain, next.trail.as_ref(), entry));
        self.write(&linked);
        if let Some(delivery) = entry.cause.delivery() {
            let delivered = Delivered {
                repository: next.subject.repository,
                subject: next.subject.key(),
                outcome: entry.outcome.clone(),
                processed_at: entry.processed_at,
            };
            self.deliveries.insert(delivery.clone(), delivered);
        }
        self.name(next);
        RecordResult::Done
    }

    /// Records the name of a mapping's repository, and the same in lower case.
    fn name(&mut self, mapping: &Mapping) {
        let name = mapping.repository.to_string();
        let repository = mapping.subject.repository;
        self.aliases.insert(name.to_ascii_lowercase(), repository);
        self.aliases.insert(name, repository);
    }

    /// Returns a page. Pages are small, so that a listing of a few rows has several; the longest
    /// unchanged row comes first.
    fn page(&self, of: impl Fn(&Mapping) -> bool, after: Option<&Cursor>) -> Page {
        let position = |row: &Mapping| {
            let (repository, subject) = key(&row.subject);
            let values = [row.updated_at.to_string(), repository.to_string(), subject];
            let names = ["updated_at", "x-repository", "x-subject"].map(str::to_owned);
            names.into_iter().zip(values).collect::<BTreeMap<_, _>>()
        };
        let mut rows: Vec<&Mapping> = self.rows.values().filter(|row| of(row)).collect();
        rows.sort_by_key(|row| position(row));
        let from = after.map_or(0, |after| {
            rows.iter().filter(|row| position(row) <= after.0).count()
        });
        let page: Vec<Mapping> = rows
            .iter()
            .skip(from)
            .take(PAGE)
            .map(|row| (*row).clone())
            .collect();
        let more = rows.len() > from + page.len();
        let next = page
            .last()
            .filter(|_| more)
            .map(|row| Cursor(position(row)));
        Page {
            rows: page.into_iter().map(Ok).collect(),
            next,
        }
    }

    fn acquire_slot(&mut self, rule: &str, max: u32, subject: &Subject) -> SlotResult {
        let Some(slots) = self.slots.get_mut(rule) else {
            return SlotResult::Uncounted;
        };
        let is_free = slots.len() < usize::try_from(max).unwrap_or(usize::MAX);
        if !is_free && !slots.contains(&key(subject)) {
            return SlotResult::Full;
        }
        slots.insert(key(subject));
        SlotResult::Acquired
    }

    fn give_up(&mut self, transition: &Transition) {
        let next = &transition.next;
        match next.state {
            State::Creating | State::Starting | State::Deleting => {}
            State::Active | State::Gone => panic!("a settled row given up: {:?}", next.state),
        }
        if self.holds(transition) {
            self.write(transition);
            self.name(next);
        }
    }
}

impl StoreReader for FakeStore {
    async fn mapping(&self, subject: &Subject) -> Result<Option<Mapping>, Fault> {
        let effect = || Ok(lock(&self.table).rows.get(&key(subject)).cloned());
        self.faults.pass(Op::Mapping, effect).await
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
        let table = lock(&self.table);
        let kept = table.deliveries.get(delivery);
        Ok(kept.and_then(|kept| Subject::from_key(kept.repository, &kept.subject)))
    }

    async fn repository(&self, name: &RepositoryName) -> Result<Option<RepositoryId>, Fault> {
        let lower = name.as_str().to_ascii_lowercase();
        let found = self.alias(name.as_str());
        Ok(found.or_else(|| self.alias(&lower)))
    }

    async fn owner(&self, pipeline: &PipelineName) -> Result<Option<Subject>, Fault> {
        let table = lock(&self.table);
        let owner = table.names.get(pipeline);
        Ok(owner.and_then(|(repository, key)| Subject::from_key(*repository, key)))
    }

    async fn slots(&self, rule: &str, subject: &Subject) -> Result<SlotUse, Fault> {
        let table = lock(&self.table);
        let slots = table.slots.get(rule);
        Ok(SlotUse {
            counted: slots.is_some(),
            taken: slots.map_or(0, BTreeSet::len),
            held: slots.is_some_and(|slots| slots.contains(&key(subject))),
        })
    }
}

impl Store for FakeStore {
    async fn claim(&self, transition: Transition) -> Result<ClaimResult, Fault> {
        let effect = || Ok(lock(&self.table).claim(transition));
        self.faults.pass(Op::Claim, effect).await
    }

    async fn record(
        &self,
        transition: &Transition,
        entry: &NewAuditEntry,
    ) -> Result<RecordResult, Fault> {
        let effect = || Ok(lock(&self.table).record(transition, entry, &self.trail));
        self.faults.pass(Op::Record, effect).await
    }

    async fn give_up(&self, transition: &Transition) -> Result<(), Fault> {
        let effect = || {
            lock(&self.table).give_up(transition);
            Ok(())
        };
        self.faults.pass(Op::GiveUp, effect).await
    }

    async fn acquire_slot(
        &self,
        rule: &str,
        max: u32,
        subject: &Subject,
    ) -> Result<SlotResult, Fault> {
        let effect = || Ok(lock(&self.table).acquire_slot(rule, max, subject));
        self.faults.pass(Op::AcquireSlot, effect).await
    }

    async fn release_slot(&self, rule: &str, subject: &Subject) -> Result<(), Fault> {
        let effect = || {
            if let Some(slots) = lock(&self.table).slots.get_mut(rule) {
                slots.remove(&key(subject));
            }
            Ok(())
        };
        self.faults.pass(Op::ReleaseSlot, effect).await
    }

    async fn count_slots(&self, rule: &str, subjects: &[Subject]) -> Result<(), Fault> {
        let effect = || {
            let mut table = lock(&self.table);
            let slots = table.slots.entry(rule.to_owned());
            slots.or_insert_with(|| subjects.iter().map(key).collect());
            Ok(())
        };
        self.faults.pass(Op::CountSlots, effect).await
    }
}
