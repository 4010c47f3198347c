//! Commits whose message asks for no build. The payload of a pull request does not contain the
//! message, but the `push` beside it does. A webhook that sends no pushes leaves such a commit
//! unknown, and so does a push that arrives after the build was started.

use crate::domain::fault::Fault;
use crate::domain::ids::{CommitId, Subject};
use crate::domain::intake::authenticated::SecretScope;
use crate::domain::intake::event::{Change, Event, Tip};
use crate::domain::rules::rule::On;
use crate::domain::state::mapping::Mapping;
use crate::ports::{Clock, Pipelines, Store};
use crate::reconcile::Reconciler;
use crate::reconcile::commit_look::CommitLook;

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Reads the row of a subject, and looks at the record of a commit.
    pub(super) async fn look(
        &self,
        subject: &Subject,
        commit: CommitId,
    ) -> Result<(Option<Mapping>, Option<CommitLook>), Fault> {
        let at = self.clock().now();
        let pushed = self.store().pushed(subject, &commit).await?;
        let look = CommitLook {
            commit,
            is_skipped: pushed.is_skipped,
            at,
        };
        Ok((pushed.mapping, Some(look)))
    }

    /// Remembers the commit of a push that asks for no build, if a rule is about pull requests of
    /// the repository.
    pub(super) async fn remember_skipped(
        &self,
        event: &Event,
        secret: Option<&SecretScope>,
    ) -> Result<(), Fault> {
        let Change::Branch(
            _,
            Tip::At {
                sha, skip: true, ..
            },
        ) = &event.change
        else {
            return Ok(());
        };
        let (repository, name) = (event.repository, &event.name);
        if self.rules().of(On::PullRequest, name).next().is_none() {
            return Ok(());
        }
        self.check_repository(secret, repository, name).await?;
        let now = self.clock().now();
        self.store().remember_skipped(repository, sha, now).await
    }
}
