//! The commits port of a rehearsal: what it wrote, and nothing of the table. A rehearsal tells
//! GitHub nothing.

use crate::domain::fault::Fault;
use crate::domain::ids::{Subject, Timestamp};
use crate::domain::report::record::{CommitKey, CommitRecord, CommitUpdate};
use crate::ports::{CommitList, CommitLog, CommitPage, Cursor, StoreReader};

use crate::inspect::rehearsal::RehearsalStore;

impl<S: StoreReader> CommitLog for RehearsalStore<S> {
    async fn commit(&self, key: &CommitKey) -> Result<Option<CommitRecord>, Fault> {
        Ok(self.rehearsed_commit(key))
    }

    async fn commits(&self, _subject: &Subject) -> Result<Vec<CommitRecord>, Fault> {
        Ok(Vec::new())
    }

    async fn update_unstarted(&self, update: &CommitUpdate, now: Timestamp) -> Result<(), Fault> {
        self.write_commit(update, now);
        Ok(())
    }

    async fn replace(&self, _record: &CommitRecord) -> Result<bool, Fault> {
        Ok(true)
    }

    async fn listed(
        &self,
        _list: CommitList,
        _before: Timestamp,
        _after: Option<Cursor>,
    ) -> Result<CommitPage, Fault> {
        Ok(CommitPage {
            keys: Vec::new(),
            next: None,
        })
    }
}
