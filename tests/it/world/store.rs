//! A fake table: rows by subject, pipeline names by subject, audit entries, delivery records and names of repositories.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use branchline::domain::fault::Fault;
use branchline::domain::ids::{DeliveryId, PipelineName, RepositoryId, Subject, Timestamp};
use branchline::domain::outcome::journal::NewAuditEntry;
use branchline::domain::state::mapping::{Claim, Expect, Mapping, State, Transition};
use branchline::ports::{ClaimResult, Cursor, Page, RecordResult, SlotResult, Store};

use super::lock;
use crate::world::fault_injection::{Op, Weather};

/// A subject as the table keys it.
type Key = (RepositoryId, String);

/// Mappings in a page.
const PAGE: usize = 3;

/// What is kept of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) subject: String,
    pub(crate) outcome: &'static str,
    pub(crate) processed_at: Timestamp,
}

#[derive(Default)]
struct Table {
    rows: BTreeMap<Key, Mapping>,
    names: BTreeMap<PipelineName, Key>,
    /// By subject, then by event time and cause: the same delivery overwrites itself.
    audit: BTreeMap<(Key, Timestamp, String), NewAuditEntry>,
    deliveries: BTreeMap<DeliveryId, Delivered>,
    aliases: BTreeMap<String, RepositoryId>,
    /// By rule.
    places: BTreeMap<String, BTreeSet<Key>>,
}

/// A handle on the table. Clones are handles on the same table.
#[derive(Clone)]
pub(crate) struct FakeStore {
    table: Arc<Mutex<Table>>,
    weather: Weather,
}

impl FakeStore {
    /// An empty table.
    pub(crate) fn new(weather: &Weather) -> Self {
        Self {
            table: Arc::default(),
            weather: weather.clone(),
        }
    }

    /// The same table under another worker's weather.
    pub(crate) fn under(&self, weather: &Weather) -> Self {
        Self {
            weather: weather.clone(),
            ..self.clone()
        }
    }

    /// Every row, by subject.
    pub(crate) fn rows(&self) -> Vec<Mapping> {
        lock(&self.table).rows.values().cloned().collect()
    }

    /// A subject's row.
    pub(crate) fn row(&self, subject: &Subject) -> Option<Mapping> {
        lock(&self.table).rows.get(&key(subject)).cloned()
    }

    /// A subject's audit entries, by the events' own time.
    pub(crate) fn audit(&self, subject: &Subject) -> Vec<NewAuditEntry> {
        let table = lock(&self.table);
        let mine = key(subject);
        let entries = table.audit.iter().filter(|((key, ..), _)| *key == mine);
        entries.map(|(_, entry)| entry.clone()).collect()
    }

    /// What is kept of a delivery.
    pub(crate) fn delivery(&self, delivery: &DeliveryId) -> Option<Delivered> {
        lock(&self.table).deliveries.get(delivery).cloned()
    }

    /// The number of the repository that was last heard of under this name.
    pub(crate) fn repository(&self, name: &str) -> Option<RepositoryId> {
        lock(&self.table).aliases.get(name).copied()
    }

    /// How many places are taken, by rule.
    pub(crate) fn all_places(&self) -> Vec<(String, usize)> {
        let table = lock(&self.table);
        let places = table.places.iter();
        places
            .map(|(rule, places)| (rule.clone(), places.len()))
            .collect()
    }

    /// The pipeline names that are reserved, each with the key of the subject that has it.
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
    /// Whether the table holds what the transition expects.
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

    /// Whether the row is already what the transition writes.
    fn is_written(&self, transition: &Transition) -> bool {
        self.rows.get(&key(&transition.next.subject)) == Some(&transition.next)
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

    fn record(&mut self, transition: &Transition, entry: &NewAuditEntry) -> RecordResult {
        let next = &transition.next;
        assert!(next.claim.is_none(), "a settled row with a claim");
        match next.state {
            State::Active | State::Gone => {}
            State::Creating | State::Starting | State::Deleting => {
                panic!("a half-way row settled: {:?}", next.state)
            }
        }
        if self.is_written(transition) {
            return RecordResult::Done;
        }
        if !self.holds(transition) {
            return RecordResult::Lost(self.lost(transition));
        }
        self.write(transition);
        let place = (key(&next.subject), entry.time, entry.cause.to_string());
        self.audit.insert(place, entry.clone());
        if let Some(delivery) = entry.cause.delivery() {
            let delivered = Delivered {
                subject: next.subject.key(),
                outcome: entry.outcome,
                processed_at: entry.processed_at,
            };
            self.deliveries.insert(delivery.clone(), delivered);
        }
        let name = next.repository.to_string();
        let lower = name.to_ascii_lowercase();
        self.aliases.insert(lower, next.subject.repository);
        self.aliases.insert(name, next.subject.repository);
        RecordResult::Done
    }

    /// Small pages, so that a listing of a few rows has several; the longest unchanged first.
    fn page(&self, of: impl Fn(&Mapping) -> bool, after: Option<&Cursor>) -> Page {
        let place = |row: &Mapping| {
            let (repository, subject) = key(&row.subject);
            let words = [row.updated_at.to_string(), repository.to_string(), subject];
            let names = ["updated_at", "x-repository", "x-subject"].map(str::to_owned);
            names.into_iter().zip(words).collect::<BTreeMap<_, _>>()
        };
        let mut rows: Vec<&Mapping> = self.rows.values().filter(|row| of(row)).collect();
        rows.sort_by_key(|row| place(row));
        let from = after.map_or(0, |after| {
            rows.iter().filter(|row| place(row) <= after.0).count()
        });
        let page: Vec<Mapping> = rows
            .iter()
            .skip(from)
            .take(PAGE)
            .map(|row| (*row).clone())
            .collect();
        let more = rows.len() > from + page.len();
        let next = page.last().filter(|_| more).map(|row| Cursor(place(row)));
        Page {
            rows: page.into_iter().map(Ok).collect(),
            next,
        }
    }

    fn acquire_slot(&mut self, rule: &str, max: u32, subject: &Subject) -> SlotResult {
        let Some(places) = self.places.get_mut(rule) else {
            return SlotResult::Uncounted;
        };
        let room = places.len() < usize::try_from(max).unwrap_or(usize::MAX);
        if !room && !places.contains(&key(subject)) {
            return SlotResult::Full;
        }
        places.insert(key(subject));
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
        }
    }
}

impl Store for FakeStore {
    async fn claim(&self, transition: Transition) -> Result<ClaimResult, Fault> {
        let effect = || Ok(lock(&self.table).claim(transition));
        self.weather.pass(Op::Claim, effect).await
    }

    async fn record(
        &self,
        transition: &Transition,
        entry: &NewAuditEntry,
    ) -> Result<RecordResult, Fault> {
        let effect = || Ok(lock(&self.table).record(transition, entry));
        self.weather.pass(Op::Record, effect).await
    }

    async fn give_up(&self, transition: &Transition) -> Result<(), Fault> {
        let effect = || {
            lock(&self.table).give_up(transition);
            Ok(())
        };
        self.weather.pass(Op::GiveUp, effect).await
    }

    async fn mapping(&self, subject: &Subject) -> Result<Option<Mapping>, Fault> {
        let effect = || Ok(lock(&self.table).rows.get(&key(subject)).cloned());
        self.weather.pass(Op::Mapping, effect).await
    }

    async fn in_state(&self, state: State, after: Option<Cursor>) -> Result<Page, Fault> {
        let of = |row: &Mapping| row.state == state;
        let effect = || Ok(lock(&self.table).page(of, after.as_ref()));
        self.weather.pass(Op::InState, effect).await
    }

    async fn of_repository(
        &self,
        repository: RepositoryId,
        after: Option<Cursor>,
    ) -> Result<Page, Fault> {
        let of = |row: &Mapping| row.subject.repository == repository;
        let effect = || Ok(lock(&self.table).page(of, after.as_ref()));
        self.weather.pass(Op::OfRepository, effect).await
    }

    async fn acquire_slot(
        &self,
        rule: &str,
        max: u32,
        subject: &Subject,
    ) -> Result<SlotResult, Fault> {
        let effect = || Ok(lock(&self.table).acquire_slot(rule, max, subject));
        self.weather.pass(Op::TakePlace, effect).await
    }

    async fn release_slot(&self, rule: &str, subject: &Subject) -> Result<(), Fault> {
        let effect = || {
            if let Some(places) = lock(&self.table).places.get_mut(rule) {
                places.remove(&key(subject));
            }
            Ok(())
        };
        self.weather.pass(Op::FreePlace, effect).await
    }

    async fn count_slots(&self, rule: &str, subjects: &[Subject]) -> Result<(), Fault> {
        let effect = || {
            let mut table = lock(&self.table);
            let places = table.places.entry(rule.to_owned());
            places.or_insert_with(|| subjects.iter().map(key).collect());
            Ok(())
        };
        self.weather.pass(Op::CountPlaces, effect).await
    }
}
