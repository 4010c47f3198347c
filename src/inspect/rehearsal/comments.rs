//! The comments port of a rehearsal, which has none: a rehearsal tells GitHub nothing.

use crate::domain::fault::Fault;
use crate::domain::ids::{Subject, Timestamp};
use crate::domain::report::comment::record::CommentRecord;
use crate::ports::{CommentLog, Cursor, StoreReader, SubjectPage};

use crate::inspect::rehearsal::RehearsalStore;

impl<S: StoreReader> CommentLog for RehearsalStore<S> {
    async fn comment(&self, _subject: &Subject) -> Result<Option<CommentRecord>, Fault> {
        Ok(None)
    }

    async fn replace_comment(&self, _record: &CommentRecord) -> Result<bool, Fault> {
        Ok(true)
    }

    async fn unsent_comments(
        &self,
        _before: Timestamp,
        _after: Option<Cursor>,
    ) -> Result<SubjectPage, Fault> {
        Ok(SubjectPage {
            subjects: Vec::new(),
            next: None,
        })
    }
}
