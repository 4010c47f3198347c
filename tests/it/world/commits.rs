//! The fake records of commits.

use std::collections::BTreeMap;

use branchline::domain::fault::Fault;
use branchline::domain::ids::{Subject, Timestamp};
use branchline::domain::report::record::{CommitKey, CommitRecord, CommitUpdate};
use branchline::domain::state::claim::Transition;
use branchline::ports::{CommitList, CommitLog, CommitPage, Cursor};

use super::pages::page;
use super::store::FakeStore;
use crate::world::fault_injection::Op;

/// Commits in one page.
const PAGE: usize = 3;

/// The records.
#[derive(Default)]
pub(super) struct Commits(BTreeMap<CommitKey, CommitRecord>);

impl Commits {
    /// Applies the updates of a transition.
    pub(super) fn follow(&mut self, transition: &Transition) {
        for update in &transition.commits {
            self.update(update, transition.next.updated_at);
        }
    }

    fn update(&mut self, update: &CommitUpdate, now: Timestamp) {
        let seen = self.0.get(update.key()).cloned();
        if let Some(record) = CommitRecord::updated(seen, update, now) {
            self.0.insert(update.key().clone(), record);
        }
    }
}

impl FakeStore {
    /// Returns every record.
    pub(crate) fn all_commits(&self) -> Vec<CommitRecord> {
        let table = self.locked();
        let records = table.commits.0.values();
        records.cloned().collect()
    }
}

impl CommitLog for FakeStore {
    async fn commit(&self, key: &CommitKey) -> Result<Option<CommitRecord>, Fault> {
        let effect = || {
            let table = self.locked();
            Ok(table.commits.0.get(key).cloned())
        };
        self.faults.pass(Op::Commit, effect).await
    }

    async fn commits(&self, subject: &Subject) -> Result<Vec<CommitRecord>, Fault> {
        let effect = || {
            let table = self.locked();
            let records = table.commits.0.values();
            let of_subject = records.filter(|record| record.key.subject == *subject);
            Ok(of_subject.cloned().collect())
        };
        self.faults.pass(Op::Commits, effect).await
    }

    async fn update_unstarted(&self, update: &CommitUpdate, now: Timestamp) -> Result<(), Fault> {
        let effect = || {
            let mut table = self.locked();
            let seen = table.commits.0.get(update.key());
            if !seen.is_some_and(CommitRecord::is_building) {
                table.commits.update(update, now);
            }
            Ok(())
        };
        self.faults.pass(Op::UpdateCommit, effect).await
    }

    async fn replace(&self, record: &CommitRecord) -> Result<bool, Fault> {
        let effect = || {
            let mut table = self.locked();
            let seen = table.commits.0.get(&record.key);
            let is_seen = seen.is_some_and(|seen| seen.version + 1 == record.version);
            if is_seen {
                table.commits.0.insert(record.key.clone(), record.clone());
            }
            Ok(is_seen)
        };
        self.faults.pass(Op::ReplaceCommit, effect).await
    }

    async fn listed(
        &self,
        list: CommitList,
        before: Timestamp,
        after: Option<Cursor>,
    ) -> Result<CommitPage, Fault> {
        let effect = || {
            let table = self.locked();
            let listed = table.commits.0.values();
            let listed = listed
                .filter(|record| CommitList::of(record) == Some(list) && record.updated_at < before)
                .map(|record| {
                    let (subject, commit) = (record.key.subject.key(), &record.key.commit);
                    let position = format!("{} {subject} {commit}", record.updated_at);
                    (position, record.key.clone())
                });
            let (keys, next) = page(PAGE, listed, after);
            Ok(CommitPage { keys, next })
        };
        self.faults.pass(Op::ListCommits, effect).await
    }
}
