//! The state of the fake table: what each write expects and changes.

use std::collections::{BTreeMap, BTreeSet};

use branchline::domain::clone::stacks::StackKey;
use branchline::domain::ids::{
    BodyDigest, CommitId, DeliveryId, PipelineName, RepositoryId, RepositoryName, Subject,
    Timestamp,
};
use branchline::domain::outcome::audit_entry::NewAuditEntry;
use branchline::domain::outcome::chain::Chain;
use branchline::domain::state::claim::{Claim, Transition};
use branchline::domain::state::mapping::{Expect, Mapping, State};
use branchline::domain::state::repository::{RepositoryRecord, RepositoryTombstone};
use branchline::domain::state::slots::{Line, SlotUse, Waiter};
use branchline::ports::{ClaimResult, Cursor, Page, RecordResult, SlotResult, StackHolder};

use super::comments::Comments;
use super::commits::Commits;
use super::deployments::DeploymentRecords;
use super::trail::FakeTrail;

/// A subject, as the table keys it.
pub(super) type Key = (RepositoryId, String);

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

/// The slots of a rule.
#[derive(Default)]
pub(super) struct Slots {
    pub(super) holders: BTreeSet<Key>,
    pub(super) waiting: BTreeMap<Key, Waiter>,
}

/// The item of the account.
#[derive(Default)]
pub(super) struct AccountItem {
    pub(super) pipelines: usize,
    waiting: BTreeMap<Key, Waiter>,
}

impl AccountItem {
    pub(super) fn seen(&self) -> SlotUse {
        SlotUse {
            counted: true,
            taken: self.pipelines,
            held: false,
            waiting: self.waiting.values().cloned().collect(),
        }
        .in_order()
    }
}

#[derive(Default)]
pub(super) struct Table {
    pub(super) rows: BTreeMap<Key, Mapping>,
    pub(super) names: BTreeMap<PipelineName, Key>,
    /// Who reserved each stack.
    pub(super) stacks: BTreeMap<StackKey, StackHolder>,
    pub(super) deliveries: BTreeMap<DeliveryId, Delivered>,
    /// The repository that last had a name, in lower case.
    pub(super) aliases: BTreeMap<String, RepositoryId>,
    pub(super) records: BTreeMap<RepositoryId, RepositoryRecord>,
    pub(super) renamed: BTreeMap<RepositoryId, Timestamp>,
    pub(super) received: BTreeMap<BodyDigest, Timestamp>,
    pub(super) skipped: BTreeSet<(RepositoryId, CommitId)>,
    /// The slots, by rule.
    pub(super) slots: BTreeMap<String, Slots>,
    pub(super) account: Option<AccountItem>,
    pub(super) commits: Commits,
    pub(super) comments: Comments,
    pub(super) deployments: DeploymentRecords,
}

pub(super) fn key(subject: &Subject) -> Key {
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
        if let Some(claim) = &transition.next.claim {
            let holder = StackHolder {
                subject: transition.next.subject.clone(),
                claim: claim.owner.clone(),
            };
            let stacks = transition.stacks.iter().cloned();
            self.stacks
                .extend(stacks.map(|stack| (stack, holder.clone())));
        }
        self.rows.insert(key, transition.next.clone());
        self.commits.follow(transition);
    }

    pub(super) fn claim(&mut self, transition: Transition) -> ClaimResult {
        let next = &transition.next;
        assert!(next.claim.is_some(), "a claim without a claim");
        match next.state {
            State::Creating | State::Starting | State::Deleting => {}
            State::Active | State::Retiring | State::Gone | State::Asleep => {
                panic!("a claim of a settled state: {:?}", next.state)
            }
        }
        self.name(&transition.next);
        let next = &transition.next;
        let written = self.is_written(&transition);
        if !written && !self.holds(&transition) {
            return ClaimResult::Lost(self.lost(&transition));
        }
        let repository = next.subject.repository;
        let mut unless = transition.unless_skipped.iter();
        let is_skipped = |commit: &CommitId| self.skipped.contains(&(repository, commit.clone()));
        if !written && unless.any(is_skipped) {
            return ClaimResult::Skipped;
        }
        let mine = key(&next.subject);
        let other = transition.reserves().and_then(|name| self.names.get(name));
        if let Some((repository, other)) = other.filter(|other| **other != mine) {
            return ClaimResult::NameTaken(format!("REPO#{repository}/{other}"));
        }
        let is_taken = |stack: &&StackKey| {
            let holder = self.stacks.get(*stack);
            holder.is_some_and(|holder| holder.subject != next.subject)
        };
        if let Some(stack) = transition.stacks.iter().find(is_taken) {
            return ClaimResult::StackTaken(stack.clone());
        }
        self.write(&transition);
        self.name(&transition.next);
        ClaimResult::Won(Box::new(Claim::proven(transition.next)))
    }

    pub(super) fn record(
        &mut self,
        transition: &Transition,
        entry: &NewAuditEntry,
        trail: &FakeTrail,
    ) -> RecordResult {
        let next = &transition.next;
        assert!(next.claim.is_none(), "a settled row with a claim");
        match next.state {
            State::Active | State::Retiring | State::Gone | State::Asleep => {}
            State::Creating | State::Starting | State::Deleting => {
                panic!("a half-way row settled: {:?}", next.state)
            }
        }
        self.name(next);
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
        RecordResult::Done
    }

    /// Remembers the name of a mapping's repository.
    fn name(&mut self, mapping: &Mapping) {
        let (repository, name) = (mapping.subject.repository, mapping.repository.clone());
        let lower = name.to_lower_case().to_string();
        self.aliases.insert(lower, repository);
        self.remember(repository, [name], None);
    }

    /// Adds to the record of a repository.
    pub(super) fn remember(
        &mut self,
        repository: RepositoryId,
        names: impl IntoIterator<Item = RepositoryName>,
        end: Option<RepositoryTombstone>,
    ) {
        let record = self.records.entry(repository).or_default();
        *record = std::mem::take(record).with(names, end);
    }

    pub(super) fn rename(
        &mut self,
        repository: RepositoryId,
        names: &[RepositoryName],
        since: Timestamp,
    ) {
        self.remember(repository, names.iter().cloned(), None);
        let is_known = self
            .renamed
            .get(&repository)
            .is_some_and(|known| *known >= since);
        if let Some(name) = names.last().filter(|_| !is_known) {
            self.renamed.insert(repository, since);
            let lower = name.to_lower_case().to_string();
            self.aliases.insert(lower, repository);
        }
    }

    /// Returns a page. Pages are small, so that a listing of a few rows has several; the longest
    /// unchanged row comes first.
    pub(super) fn page(&self, of: impl Fn(&Mapping) -> bool, after: Option<&Cursor>) -> Page {
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

    pub(super) fn slot_use(&self, rule: &str, subject: &Subject) -> SlotUse {
        let Some(slots) = self.slots.get(rule) else {
            return SlotUse::default();
        };
        SlotUse {
            counted: true,
            taken: slots.holders.len(),
            held: slots.holders.contains(&key(subject)),
            waiting: slots.waiting.values().cloned().collect(),
        }
        .in_order()
    }

    pub(super) fn acquire_slot(&mut self, rule: &str, max: u32, waiter: &Waiter) -> SlotResult {
        let subject = &waiter.subject;
        let seen = self.slot_use(rule, subject);
        let Some(slots) = self.slots.get_mut(rule) else {
            return SlotResult::Uncounted;
        };
        if seen.admits(subject, max) {
            slots.waiting.remove(&key(subject));
            slots.holders.insert(key(subject));
            return SlotResult::Acquired;
        }
        slots
            .waiting
            .entry(key(subject))
            .or_insert_with(|| waiter.clone());
        let ahead = seen.ahead_of(subject);
        SlotResult::Full { ahead }
    }

    pub(super) fn release_slot(&mut self, rule: &str, subject: &Subject) -> SlotUse {
        let before = self.slot_use(rule, subject);
        if let Some(slots) = self.slots.get_mut(rule) {
            slots.holders.remove(&key(subject));
            slots.waiting.remove(&key(subject));
        }
        before
    }

    pub(super) fn stop_waiting(&mut self, line: &Line, waiter: &Waiter) -> SlotUse {
        let before = match line {
            Line::Rule(rule) => self.slot_use(rule, &waiter.subject),
            Line::Account => self.account_use(),
        };
        let waiting = match line {
            Line::Rule(rule) => self.slots.get_mut(rule).map(|slots| &mut slots.waiting),
            Line::Account => self.account.as_mut().map(|account| &mut account.waiting),
        };
        let key = key(&waiter.subject);
        let is_same = |found: &Waiter| found.since == waiter.since;
        match waiting {
            Some(waiting) if waiting.get(&key).is_some_and(is_same) => {
                waiting.remove(&key);
                before
            }
            Some(_) | None => SlotUse::default(),
        }
    }

    pub(super) fn account_use(&self) -> SlotUse {
        let account = self.account.as_ref();
        account.map_or_else(SlotUse::default, AccountItem::seen)
    }

    pub(super) fn wait_for_account(&mut self, waiter: &Waiter) -> SlotUse {
        let Some(account) = &mut self.account else {
            return SlotUse::default();
        };
        let entry = account.waiting.entry(key(&waiter.subject));
        entry.or_insert_with(|| waiter.clone());
        account.seen()
    }

    pub(super) fn give_up(&mut self, transition: &Transition, delivery: Option<&DeliveryId>) {
        let next = &transition.next;
        match next.state {
            State::Creating | State::Starting | State::Deleting => {}
            State::Active | State::Retiring | State::Gone | State::Asleep => {
                panic!("a settled row given up: {:?}", next.state)
            }
        }
        if self.holds(transition) {
            self.write(transition);
            if let Some(delivery) = delivery {
                let given_up = Delivered {
                    repository: next.subject.repository,
                    subject: next.subject.key(),
                    outcome: "given-up".to_owned(),
                    processed_at: next.updated_at,
                };
                self.deliveries.insert(delivery.clone(), given_up);
            }
        }
    }
}
