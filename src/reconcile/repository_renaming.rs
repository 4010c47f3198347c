//! Gives the subjects of a repository its new name.

use crate::domain::fault::{Class, Fault};
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::state::intent::RepositoryRenaming;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::plan::{Standing, plan_renaming, standing};
use crate::domain::text::plural;
use crate::ports::{Clock, Pipelines, Store};

use crate::reconcile::Reconciler;
use crate::reconcile::execute::ActionContext;
use crate::reconcile::lease::Lease;

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Writes the new name into the row of each subject that has a pipeline. Warns if the rules do
    /// not admit such a subject under the new name: its pipeline stays until the subject ends, and
    /// builds nothing.
    pub(super) async fn rename_repository(
        &self,
        renaming: &RepositoryRenaming,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        journal.repository(&renaming.name);
        let names: Vec<_> = renaming.before.iter().chain([&renaming.name]).collect();
        let names: Vec<_> = names.into_iter().cloned().collect();
        let repository = renaming.repository;
        let since = renaming.event_time;
        self.store()
            .remember_names(repository, &names, since)
            .await?;
        let (mut renamed, mut without_rule) = (0, 0);
        let mut after = None;
        loop {
            let page = self.store().of_repository(repository, after).await?;
            for row in page.rows {
                let row = row?;
                if row.state == State::Gone {
                    continue;
                }
                let Some(row) = self.rename_subject(renaming, row, lease, journal).await? else {
                    continue;
                };
                renamed += 1;
                let spec = row.spec();
                let admitted = spec.is_none_or(|spec| {
                    !matches!(standing(&row, spec, self.rules()), Standing::Gone)
                });
                without_rule += usize::from(!admitted);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if without_rule > 0 {
            tracing::warn!(
                repository.name = renaming.name.as_str(),
                "No rule admits {} of a repository that was renamed to {}: name it in `repository` of a rule; until then these pipelines build nothing, and are deleted when their pull request or branch ends",
                plural(without_rule, "pipeline"),
                renaming.name
            );
        }
        Ok(Outcome::RepositoryRenamed {
            subjects: renamed,
            without_rule,
        })
    }

    /// Returns the row under the new name; `None` if a later event named it.
    async fn rename_subject(
        &self,
        renaming: &RepositoryRenaming,
        row: Mapping,
        lease: Option<&Lease>,
        journal: &Journal,
    ) -> Result<Option<Mapping>, Fault> {
        let subject = row.subject.clone();
        let _lane = self.lanes.enter(&subject).await?;
        let context = ActionContext {
            cause: renaming.cause.clone(),
            time: renaming.event_time,
            lease,
        };
        let mut part = journal.of_subject(&subject);
        let plan =
            |seen: Option<&Mapping>, claim, now, _| plan_renaming(renaming, seen, claim, now);
        let done = self
            .apply_plan(plan, Some(Box::new(row)), &context, &mut part)
            .await;
        let row = self.store().mapping(&subject).await?;
        let row = row.filter(|row| row.repository == renaming.name);
        match done {
            // The fault belongs to the change that was finished on the way.
            Err(fault) if row.is_none() || fault.reason.class() == Class::Busy => Err(fault),
            Ok(_) | Err(_) => Ok(row),
        }
    }
}
