//! Finds the subjects and repositories that the table knows by their numbers, where no rule names
//! them: the repository was renamed, or the rules were changed. Such a subject must still end.

use crate::domain::fault::Fault;
use crate::domain::ids::{RepositoryId, RepositoryName};
use crate::domain::intake::authenticated::SecretScope;
use crate::domain::state::intent::Intent;
use crate::domain::state::mapping::Mapping;
use crate::ports::{Clock, KnownSubject, Pipelines, Store};
use crate::reconcile::Reconciler;

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Returns the row of a subject that has ended and that no rule admits. Returns `None` if the
    /// end concerns nothing: there is no row, and no rule admits the subject under another name of
    /// its repository, under which an older event could still arrive.
    ///
    /// # Errors
    /// `WrongSecret`, as for a subject that a rule admits.
    pub(super) async fn known_subject(
        &self,
        secret: Option<&SecretScope>,
        ended: &Intent,
    ) -> Result<Option<Option<Box<Mapping>>>, Fault> {
        let KnownSubject {
            mapping,
            repository,
        } = self.store().known(&ended.subject).await?;
        let may_follow =
            || repository.is_some_and(|record| ended.is_admitted_under(&record, self.rules()));
        if mapping.is_none() && !may_follow() {
            return Ok(None);
        }
        self.check_row(secret, &ended.subject, &ended.repository, mapping.as_ref())
            .await?;
        Ok(Some(mapping.map(Box::new)))
    }

    /// Returns true if a rule names the repository under one of its names, or the table knows it.
    pub(super) async fn is_known_repository<'a>(
        &self,
        repository: RepositoryId,
        names: impl IntoIterator<Item = &'a RepositoryName>,
    ) -> Result<bool, Fault> {
        if names.into_iter().any(|name| self.rules().covers(name)) {
            return Ok(true);
        }
        let record = self.store().repository_record(repository).await?;
        Ok(record.is_some())
    }
}
