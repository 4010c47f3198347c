//! A fake audit trail: chains of entries, to which entries are only added.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use branchline::domain::fault::Fault;
use branchline::domain::ids::{Subject, Timestamp};
use branchline::domain::outcome::audit_entry::{AuditEntry, NewAuditEntry};
use branchline::domain::outcome::chain::{Chain, ChainHead};
use branchline::domain::time_range::TimeRange;
use branchline::ports::{AuditLog, Cursor, EntryPage, TrailReader};

use super::fault_injection::Op;
use super::lock;
use super::store::FakeStore;

/// Entries in one page.
const PAGE: usize = 3;

/// The chains.
type Chains = BTreeMap<Chain, Vec<AuditEntry>>;

/// A handle to the chains. Clones are handles to the same chains.
#[derive(Clone, Default)]
pub(super) struct FakeTrail(Arc<Mutex<Chains>>);

impl FakeTrail {
    /// Adds an entry after `after`, or after the last one if the place is taken. Returns its link.
    pub(super) fn link(
        &self,
        chain: &Chain,
        after: Option<&ChainHead>,
        entry: &NewAuditEntry,
    ) -> ChainHead {
        let mut chains = lock(&self.0);
        let entries = chains.entry(chain.clone()).or_default();
        let last = entries.last().map(AuditEntry::head);
        let number = |head: Option<&ChainHead>| head.map_or(0, |head| head.sequence);
        let is_free = number(after) == number(last.as_ref());
        let after = if is_free { after } else { last.as_ref() };
        let linked = AuditEntry::link(entry, chain, after);
        let head = linked.head();
        entries.push(linked);
        head
    }

    /// Adds an entry after the last one, unless that one is this entry.
    fn note(&self, chain: &Chain, entry: &NewAuditEntry) {
        let last = lock(&self.0).get(chain).and_then(|all| all.last().cloned());
        if !last.as_ref().is_some_and(|last| last.is(entry, chain)) {
            let head = last.as_ref().map(AuditEntry::head);
            self.link(chain, head.as_ref(), entry);
        }
    }

    /// Returns the entries of a range, in order.
    fn within(&self, range: TimeRange) -> Vec<AuditEntry> {
        let is_within = |entry: &&AuditEntry| {
            let made_at = Timestamp::from_rfc3339(&entry.processed_at);
            made_at.is_some_and(|made_at| range.contains(made_at))
        };
        let chains = lock(&self.0);
        let entries = chains.values().flatten().filter(is_within);
        let mut entries: Vec<_> = entries.cloned().collect();
        entries.sort_by(|one, other| one.processed_at.cmp(&other.processed_at));
        entries
    }

    fn page(&self, after: Option<&Cursor>) -> EntryPage {
        page(lock(&self.0).values().flatten().cloned(), after)
    }
}

/// Returns the entries after this position.
fn page(all: impl Iterator<Item = AuditEntry>, after: Option<&Cursor>) -> EntryPage {
    let from = after.map_or(0, |after| after.0.get("position").unwrap().parse().unwrap());
    let entries: Vec<_> = all.skip(from).take(PAGE).collect();
    let next = (entries.len() == PAGE).then(|| {
        let position = ("position".to_owned(), (from + PAGE).to_string());
        Cursor([position].into())
    });
    EntryPage { entries, next }
}

impl FakeStore {
    /// Returns the entries of a subject's changes, in their order.
    pub(crate) fn audit(&self, subject: &Subject) -> Vec<AuditEntry> {
        self.chain_of(&Chain::Changes(subject.clone()))
    }

    /// Returns the entries of a chain, in their order.
    pub(crate) fn chain_of(&self, chain: &Chain) -> Vec<AuditEntry> {
        let chains = lock(&self.trail.0);
        chains.get(chain).cloned().unwrap_or_default()
    }

    /// Returns the chains that have entries.
    pub(crate) fn chains(&self) -> Vec<Chain> {
        lock(&self.trail.0).keys().cloned().collect()
    }

    /// Changes the audit trail as an attacker does, who has the rights for it.
    pub(crate) fn tamper(&self, change: impl FnOnce(&mut Chains)) {
        change(&mut lock(&self.trail.0));
    }
}

impl TrailReader for FakeStore {
    async fn chain(&self, chain: &Chain) -> Result<Vec<AuditEntry>, Fault> {
        let effect = || Ok(self.chain_of(chain));
        self.faults.pass(Op::Chain, effect).await
    }

    async fn entries(&self, after: Option<Cursor>) -> Result<EntryPage, Fault> {
        Ok(self.trail.page(after.as_ref()))
    }

    async fn within_day(
        &self,
        range: TimeRange,
        newest_first: bool,
        after: Option<Cursor>,
    ) -> Result<EntryPage, Fault> {
        let mut entries = self.trail.within(range);
        if newest_first {
            entries.reverse();
        }
        Ok(page(entries.into_iter(), after.as_ref()))
    }
}

impl AuditLog for FakeStore {
    async fn note(&self, chain: &Chain, entry: &NewAuditEntry) -> Result<(), Fault> {
        let effect = || {
            self.trail.note(chain, entry);
            if let (Chain::DeadLetters(subject), Some(name)) = (chain, &entry.repository) {
                self.name_repository(subject.repository, name);
            }
            Ok(())
        };
        self.faults.pass(Op::Note, effect).await
    }
}
