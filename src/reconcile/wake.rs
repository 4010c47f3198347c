//! Wakes subjects that waited for a slot of `max_active`.
//!
//! The daemon that releases a slot sends a wake to the subject that is in turn, whose half-way row
//! is finished then. If the wake is lost, or `max_active` was raised, the sweep at start and the
//! job for half-way mappings find the subjects that are in turn.

use std::collections::VecDeque;

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{RepositoryId, Subject, SubjectKind};
use crate::domain::intake::wake::Wake;
use crate::domain::outcome::cause::Cause;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::report::record::CommitKey;
use crate::domain::report::updates::wanted_head;
use crate::domain::state::mapping::Mapping;
use crate::domain::state::plan::{Unchanged, plan_wake, wants_slot};
use crate::domain::state::slots::Line;
use crate::ports::{Clock, Pipelines, Store};
use crate::reconcile::Reconciler;
use crate::reconcile::execute::ActionContext;
use crate::reconcile::lease::Lease;

/// Returns a subject for questions about slots whose answer does not depend on who asks.
pub(super) fn anyone() -> Subject {
    Subject {
        repository: RepositoryId(0),
        kind: SubjectKind::PullRequest(0),
    }
}

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Finishes the row of a subject whose turn it is. A subject that wants no slot any more hands
    /// its turn on.
    pub(super) async fn wake(
        &self,
        wake: &Wake,
        cause: Cause,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        let subject = &wake.waiter.subject;
        journal.of_known(subject);
        let _lane = self.lanes.enter(subject).await?;
        let seen = self.store().mapping(subject).await?;
        // If it gets no pipeline now, its commit shows why.
        journal.head = seen.as_ref().and_then(wanted_head);
        self.leave_unless_wanted(wake, seen.as_ref(), journal)
            .await?;
        let context = ActionContext {
            cause,
            time: self.clock().now(),
            lease,
        };
        let plan = |row: Option<&Mapping>, claim, now, _| plan_wake(row, claim, now);
        let done = self
            .apply_plan(plan, seen.map(Box::new), &context, journal)
            .await;
        match done {
            // It waits in line again, and is woken again.
            Err(fault) if matches!(fault.reason, Reason::RuleFull | Reason::AwsQuota) => {
                Ok(Outcome::Unchanged(Unchanged::StillWaiting))
            }
            done => done,
        }
    }

    async fn leave_unless_wanted(
        &self,
        wake: &Wake,
        row: Option<&Mapping>,
        journal: &mut Journal,
    ) -> Result<(), Fault> {
        let rules = self.rules();
        let wants = |rule: &str| row.is_some_and(|row| wants_slot(row, rule, rules));
        // The line for the account was left when the turn was taken.
        if wake.line.rule().is_none_or(wants) {
            return Ok(());
        }
        self.executor.leave_queue(wake, journal).await
    }

    /// Finishes the rows of all subjects whose turn it is, one after the other, and returns how
    /// many they were, and the commits whose records changed. A fault is logged: the next run, or
    /// the next event of the subject, tries again.
    ///
    /// # Errors
    /// The slots of a rule could not be read.
    ///
    /// If cancelled, the effect is that of [`Reconciler::process`].
    pub async fn wake_all_in_turn(&self) -> Result<(usize, Vec<CommitKey>), Fault> {
        let (mut woken, mut commits) = (0, Vec::new());
        for rule in self.rules().all() {
            let Some(max) = rule.max_active else {
                continue;
            };
            let slots = self.store().slots(&rule.name, &anyone()).await?;
            let in_turn = slots.in_turn(max).iter().map(|waiter| Wake {
                line: Line::Rule(rule.name.clone()),
                waiter: waiter.clone(),
            });
            woken += self.wake_each(in_turn.collect(), &mut commits).await;
        }
        Ok((woken, commits))
    }

    /// Counts the pipelines of the account, and finishes the rows of those for which there is one.
    /// Returns how many pipelines and how many subjects they were.
    ///
    /// # Errors
    /// CodePipeline or the table did not answer.
    ///
    /// If cancelled, the effect is that of [`Reconciler::process`].
    pub async fn count_pipelines(&self) -> Result<(usize, usize), Fault> {
        let count = self.pipelines().list().await?.len();
        let now = self.clock().now();
        let seen = self.store().note_pipelines(count, now).await?;
        self.executor.account.counts(seen);
        let mut woken = 0;
        for waiter in self.executor.account.in_turn() {
            if self.executor.takes_turn(&waiter).await {
                let line = Line::Account;
                let wakes = VecDeque::from([Wake { line, waiter }]);
                // The commits are reported by the sweep for what is unreported.
                woken += self.wake_each(wakes, &mut Vec::new()).await;
            }
        }
        Ok((count, woken))
    }

    /// Reads how many pipelines the account has. A fault is logged: what was read before counts.
    pub async fn look_at_account(&self) {
        match self.store().account_use().await {
            Ok(seen) => self.executor.account.reads(seen),
            Err(fault) => {
                tracing::warn!(%fault, "The number of the account's pipelines could not be read; the next attempt is in a minute");
            }
        }
    }

    async fn wake_each(&self, mut wakes: VecDeque<Wake>, commits: &mut Vec<CommitKey>) -> usize {
        let mut woken = 0;
        while let Some(wake) = wakes.pop_front() {
            let mut journal = Journal::wakened(&wake);
            match self.wake_here(&wake, &mut journal).await {
                Ok(finished) => woken += usize::from(finished),
                Err(fault) => {
                    let subject = journal.subject();
                    tracing::warn!(%fault, subject, "A subject whose turn it is could not be given a pipeline; the next run tries again");
                }
            }
            wakes.extend(journal.wakes.drain(..));
            commits.append(&mut journal.commits);
        }
        woken
    }

    /// Returns true if the subject's row was finished.
    async fn wake_here(&self, wake: &Wake, journal: &mut Journal) -> Result<bool, Fault> {
        let subject = &wake.waiter.subject;
        let _lane = self.lanes.enter(subject).await?;
        let row = self.store().mapping(subject).await?;
        self.leave_unless_wanted(wake, row.as_ref(), journal)
            .await?;
        // Another worker is at it.
        let Some(row) = row.filter(|row| row.claim_at(self.clock().now()).is_none()) else {
            return Ok(false);
        };
        let finished = self.finish_row(&row, journal).await;
        if let Err(fault) = &finished {
            self.note_refusal(&row, fault, journal).await;
        }
        let outcome = finished?;
        if let Some(outcome) = &outcome {
            tracing::info!(
                outcome = outcome.as_str(),
                subject = journal.subject(),
                "A subject that waited for a slot was woken"
            );
        }
        Ok(outcome.is_some())
    }
}
