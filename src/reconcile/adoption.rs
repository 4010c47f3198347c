//! Adopts a clone whose mapping was lost, at an operator's request.

use crate::domain::clone::tags::TaggedClone;
use crate::domain::fault::Fault;
use crate::domain::intake::repair_request::RepairRequest;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::state::mapping::Mapping;
use crate::domain::state::plan::{Unchanged, plan_adoption};
use crate::ports::{Clock, Pipelines, Store};
use crate::reconcile::Reconciler;
use crate::reconcile::execute::ActionContext;
use crate::reconcile::lease::Lease;

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Writes a row for a clone from its tags, unless its subject has one. The tags are read again:
    /// what the message says about the clone does not count.
    pub(super) async fn adopt(
        &self,
        request: &RepairRequest,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        journal.repair(request);
        let (subject, name) = (&request.repair.subject, &request.repair.pipeline);
        self.executor.is_no_template(name, None)?;
        let _lane = self.lanes.enter(subject).await?;
        let context = ActionContext::of_repair(request, lease);
        let found = self.pipelines().find(name, None).await?;
        let clone = found
            .and_then(|found| TaggedClone::read(&found.tags, &self.executor.owner).ok())
            .filter(|clone| clone.subject == *subject);
        let Some(clone) = clone else {
            return Ok(Outcome::Unchanged(Unchanged::NoClone));
        };
        let seen = self.store().mapping(subject).await?;
        let rules = self.rules();
        let plan = |seen: Option<&Mapping>, claim, now, _| {
            plan_adoption(request, &clone, seen, rules, claim, now)
        };
        self.apply_plan(plan, seen.map(Box::new), &context, journal)
            .await
    }
}
