//! The account's quota of pipelines: a creation that it does not allow waits, and a deletion wakes
//! the subject that waited longest.

use crate::domain::fault::{Fault, Reason};
use crate::domain::intake::wake::Wake;
use crate::domain::outcome::cause::Cause;
use crate::domain::outcome::journal::Journal;
use crate::domain::state::slots::{Line, Waiter};
use crate::ports::{Clock, CreateResult, Pipelines, Store};

use crate::reconcile::execute::{ClaimedAction, Executor};

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Checks whether the account may have one more pipeline. A subject that was woken has its
    /// turn, whatever was counted: AWS decides.
    pub(in crate::reconcile) async fn check_quota(
        &self,
        action: &ClaimedAction<'_>,
        journal: &mut Journal,
    ) -> Result<(), Fault> {
        let waiter = self.waiter(action);
        let has_turn = matches!(action.context.cause, Cause::Wake(_) | Cause::Sweep(_));
        match self.account.refuses(&waiter).filter(|_| !has_turn) {
            Some(fault) => {
                self.wait_for_account(&waiter, journal).await;
                Err(fault)
            }
            None => Ok(()),
        }
    }

    /// Notes what CodePipeline answered to a creation.
    pub(in crate::reconcile) async fn created(
        &self,
        result: Result<CreateResult, Fault>,
        action: &ClaimedAction<'_>,
        journal: &mut Journal,
    ) -> Result<CreateResult, Fault> {
        match &result {
            Ok(CreateResult::Made) => self.account.created(),
            Ok(CreateResult::NameInUse) => {}
            Err(fault) if fault.reason == Reason::AwsQuota => {
                self.wait_for_account(&self.waiter(action), journal).await;
            }
            Err(_) => {}
        }
        result
    }

    /// Notes that a pipeline was deleted, and wakes the subject that waited longest for one.
    pub(in crate::reconcile) async fn deleted(&self, journal: &mut Journal) {
        self.account.deleted();
        let next = self.account.in_turn().into_iter().next();
        if let Some(waiter) = next
            && self.takes_turn(&waiter).await
        {
            let line = Line::Account;
            journal.wakes.push(Wake { line, waiter });
        }
    }

    /// Takes a subject out of the line. Returns false if another daemon did.
    pub(in crate::reconcile) async fn takes_turn(&self, waiter: &Waiter) -> bool {
        self.account.forgets(waiter);
        match self.store.stop_waiting(&Line::Account, waiter).await {
            Ok(before) => before.is_waiting(&waiter.subject),
            Err(fault) => {
                tracing::warn!(%fault, "The line for the account's pipelines could not be changed; the job pipeline-count wakes those who wait");
                false
            }
        }
    }

    /// Lets the subject wait. If that fails, its own message returns.
    async fn wait_for_account(&self, waiter: &Waiter, journal: &mut Journal) {
        match self.store.wait_for_account(waiter).await {
            Ok(line) => {
                journal.ahead = line.counted.then(|| line.ahead_of(&waiter.subject));
                self.account.waits(line.waiting);
            }
            Err(fault) => {
                tracing::warn!(%fault, "A subject could not wait in line for the account's pipelines; its message returns");
            }
        }
    }
}
