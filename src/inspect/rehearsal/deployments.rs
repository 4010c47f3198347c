//! The deployments port of a rehearsal, which has none: a rehearsal tells GitHub nothing.

use crate::domain::fault::Fault;
use crate::domain::ids::{Subject, Timestamp};
use crate::domain::report::deployment::record::DeploymentRecord;
use crate::ports::{Cursor, DeploymentLog, StoreReader, SubjectPage};

use crate::inspect::rehearsal::RehearsalStore;

impl<S: StoreReader> DeploymentLog for RehearsalStore<S> {
    async fn deployments(&self, _subject: &Subject) -> Result<Option<DeploymentRecord>, Fault> {
        Ok(None)
    }

    async fn replace_deployments(&self, _record: &DeploymentRecord) -> Result<bool, Fault> {
        Ok(true)
    }

    async fn unsent_deployments(
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
