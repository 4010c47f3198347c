//! Checks that a webhook under a bound secret is about a repository of that secret.
//!
//! A secret is bound to names, and branchline identifies a repository by its number. Both are in
//! the body, so a person who knows the secret of one repository could sign a body with its name and
//! with the number of another. The names in the table show it.

use crate::domain::fault::Fault;
use crate::domain::ids::{RepositoryId, RepositoryName, Subject};
use crate::domain::intake::authenticated::SecretScope;
use crate::domain::state::mapping::Mapping;
use crate::ports::{Clock, Pipelines, Store};
use crate::reconcile::{KnownRow, Reconciler};

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Returns the subject's row if it was read: only a bound secret needs it here.
    ///
    /// # Errors
    /// `WrongSecret`, if the subject or its repository has a name that the secret does not cover.
    pub(super) async fn check_subject(
        &self,
        secret: Option<&SecretScope>,
        subject: &Subject,
        claimed: &RepositoryName,
    ) -> Result<KnownRow, Fault> {
        if secret.is_none_or(|secret| secret.repositories.is_none()) {
            return Ok(KnownRow::Unread);
        }
        let row = self.store().mapping(subject).await?;
        self.check_row(secret, subject, claimed, row.as_ref())
            .await?;
        Ok(KnownRow::Read(row.map(Box::new)))
    }

    /// Checks the subject's row, or the first row of its repository if there is none.
    ///
    /// # Errors
    /// `WrongSecret`, as for a subject.
    pub(super) async fn check_row(
        &self,
        secret: Option<&SecretScope>,
        subject: &Subject,
        claimed: &RepositoryName,
        row: Option<&Mapping>,
    ) -> Result<(), Fault> {
        match (secret.filter(|secret| secret.repositories.is_some()), row) {
            (None, _) => Ok(()),
            (Some(secret), Some(row)) => covered(secret, claimed, row),
            (Some(_), None) => {
                self.check_repository(secret, subject.repository, claimed)
                    .await
            }
        }
    }

    /// Checks the first row of a repository. If there is none, the number belongs to nobody yet.
    ///
    /// # Errors
    /// `WrongSecret`, as for a subject.
    pub(super) async fn check_repository(
        &self,
        secret: Option<&SecretScope>,
        repository: RepositoryId,
        claimed: &RepositoryName,
    ) -> Result<(), Fault> {
        let Some(secret) = secret.filter(|secret| secret.repositories.is_some()) else {
            return Ok(());
        };
        let mut after = None;
        loop {
            let page = self.store().of_repository(repository, after).await?;
            if let Some(row) = page.rows.iter().flatten().next() {
                return covered(secret, claimed, row);
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

fn covered(secret: &SecretScope, claimed: &RepositoryName, row: &Mapping) -> Result<(), Fault> {
    match secret.covers(&row.repository) {
        true => Ok(()),
        false => Err(secret.fault(&format!("{claimed}, with the number of {}", row.repository))),
    }
}
