//! The one place that acts: claims a subject, runs the effect through the ports, settles what came of it.
//!
//! Guarantees: a pipeline is touched only while the claim outlasts the call and the message is still ours. Assumes: the
//! process is not paused between that look at the clock and the call's way out ([`TOUCH`] is the margin).

use std::time::Duration;

use crate::line::fault::{Fault, Reason, Room};
use crate::line::ids::Timestamp;
use crate::line::intent::Spec;
use crate::line::journal::{Cause, Entry, Journal, Outcome};
use crate::line::mapping::{Claim, Done, Mapping, Transition};
use crate::line::plan::{Effect, Plan, unfinished};
use crate::line::rule::Rule;
use crate::line::template::is_ours;
use crate::ports::{Claimed, Clock, Created, Pipelines, Recorded, Store};

use super::lease::Lease;
use super::walk::{Walker, lane_full};

/// How long one call that changes a pipeline may last, with its echo at AWS and on the clock of another worker: a claim
/// that ends sooner is not used any more. `tests/budget.rs` holds it against the AWS client's time limits.
pub const TOUCH: Duration = Duration::from_secs(30);

/// Why a walk works on a subject.
pub(super) struct Errand<'a> {
    /// What made it.
    pub(super) cause: Cause,
    /// The event's own time.
    pub(super) time: Timestamp,
    /// The message's lease; a sweep has none.
    pub(super) lease: Option<&'a Lease>,
}

impl Errand<'_> {
    /// A walk whose message may be somebody else's by now stops here.
    pub(super) fn goes_on(&self) -> Result<(), Fault> {
        if self.lease.is_none_or(Lease::holds) {
            return Ok(());
        }
        let detail = "the message's visibility ended before its walk did, and could not be renewed";
        Err(Fault::new(Room::Mapping, Reason::LeaseLost, detail))
    }
}

/// What came of an attempt to act.
pub(super) enum Acted {
    /// Done and settled.
    Done(Outcome),
    /// The row was not as planned, and nothing was done. This is what it is.
    Lost(Option<Box<Mapping>>),
}

impl<S: Store, P: Pipelines, C: Clock> Walker<S, P, C> {
    /// Finishes what an abandoned mapping records, as the next event of its subject would.
    ///
    /// `None` when there was nothing to do any more: somebody else was faster.
    ///
    /// # Errors
    /// As of any walk. The row then says so, and waits for the next event of its subject.
    ///
    /// Cancelled: as [`Walker::walk`].
    pub async fn heal(&self, abandoned: &Mapping) -> Result<Option<Outcome>, Fault> {
        let Some(_turn) = self.lanes.enter(&abandoned.subject).await else {
            return Err(lane_full());
        };
        let now = self.clock.now();
        let hold = self.hold(now);
        let errand = Errand {
            cause: Cause::Sweep(hold.owner.clone()),
            time: abandoned.moment.event,
            lease: None,
        };
        let planned = unfinished(abandoned, hold, now).filter(|_| abandoned.is_abandoned(now));
        let Some(Plan::Act { claim, effect }) = planned else {
            return Ok(None);
        };
        let mut journal = Journal::resume(abandoned);
        match self.act(claim, &effect, &errand, &mut journal).await? {
            Acted::Done(outcome) => Ok(Some(outcome)),
            Acted::Lost(_) => Ok(None),
        }
    }

    /// Claims, runs the effect, settles.
    pub(super) async fn act(
        &self,
        claim: Transition,
        effect: &Effect,
        errand: &Errand<'_>,
        journal: &mut Journal,
    ) -> Result<Acted, Fault> {
        let claim = match self.store.claim(claim).await? {
            Claimed::Won(claim) => *claim,
            Claimed::Lost(row) => return Ok(Acted::Lost(row)),
            Claimed::NameTaken(other) => return Err(name_taken(effect, &other)),
        };
        let (done, outcome) = match self.apply(effect, &claim, errand).await {
            Ok(done) => done,
            Err(fault) => {
                let given_up = claim.give_up(&fault, self.clock.now());
                journal.attempts = Some(given_up.next.attempts);
                if let Err(second) = self.store.give_up(&given_up).await {
                    tracing::warn!(fault = %second, "A claim could not be given up; it expires by itself");
                }
                return Err(fault);
            }
        };
        // The write is conditional on the claim, so a late one harms nobody, and spares the next worker the work.
        let transition = claim.settle(done, self.clock.now());
        match self.record(&transition, errand, &outcome, journal).await? {
            Recorded::Done => Ok(Acted::Done(outcome)),
            Recorded::Lost(_) => {
                let detail = "the claim expired and was taken over before the outcome was recorded";
                Err(Fault::new(Room::Mapping, Reason::ClaimLost, detail))
            }
        }
    }

    async fn apply(
        &self,
        effect: &Effect,
        claim: &Claim,
        errand: &Errand<'_>,
    ) -> Result<(Done, Outcome), Fault> {
        match effect {
            Effect::Create(spec) => self.create(spec, claim, errand).await,
            Effect::Delete(spec) => self.delete(spec, claim, errand).await,
        }
    }

    /// The rule that a mapping was claimed under. It may be gone since, and another may have its name: `rule 1` is
    /// whichever stands first.
    fn rule(&self, spec: &Spec) -> Result<&Rule, Fault> {
        let named = self.setup.rules.named(&spec.rule);
        let same = named.filter(|rule| rule.template == spec.template);
        same.ok_or_else(|| {
            let detail = format!(
                "no rule '{}' clones '{}' any more: the next event of this subject asks the rules again",
                spec.rule, spec.template
            );
            Fault::new(Room::Plan, Reason::RuleMissing, detail)
        })
    }

    /// Looked at before every call that changes a pipeline.
    fn may_touch(&self, claim: &Claim, errand: &Errand<'_>) -> Result<(), Fault> {
        errand.goes_on()?;
        if claim.lasts(TOUCH, self.clock.now()) {
            return Ok(());
        }
        let detail = "the claim is about to expire, and another worker may take the subject over";
        Err(Fault::new(Room::Mapping, Reason::ClaimLost, detail))
    }

    async fn create(
        &self,
        spec: &Spec,
        claim: &Claim,
        errand: &Errand<'_>,
    ) -> Result<(Done, Outcome), Fault> {
        let mapping = claim.mapping();
        let template = self
            .templates
            .get(&spec.template, &self.pipelines, &self.clock)
            .await?;
        let changes = &self.rule(spec)?.changes;
        let pipeline = template.clone_for(mapping, spec, changes, &self.setup.table)?;
        self.may_touch(claim, errand)?;
        if self.pipelines.create(&pipeline, claim).await? == Created::Made {
            let done = Done::Created {
                arn: pipeline.arn,
                template_version: template.version,
            };
            return Ok((done, Outcome::Created));
        }
        match self
            .pipelines
            .find(&spec.pipeline, Some(&pipeline.arn))
            .await?
        {
            Some(found) if is_ours(&found.tags, &mapping.subject, &self.setup.table) => Ok((
                Done::Created {
                    arn: found.arn,
                    template_version: None,
                },
                Outcome::AlreadyCreated,
            )),
            Some(_) => {
                let name = &spec.pipeline;
                let detail = format!(
                    "a pipeline '{name}' exists that branchline did not make for this subject: rename it, or change pipeline_name of rule '{}'",
                    spec.rule
                );
                Err(Fault::new(Room::Plan, Reason::PipelineNameTaken, detail))
            }
            None => {
                let detail = format!(
                    "the name '{}' is in use, yet no such pipeline is there",
                    spec.pipeline
                );
                Err(Fault::new(Room::Plan, Reason::AwsConflict, detail))
            }
        }
    }

    async fn delete(
        &self,
        spec: &Spec,
        claim: &Claim,
        errand: &Errand<'_>,
    ) -> Result<(Done, Outcome), Fault> {
        let (mapping, name) = (claim.mapping(), &spec.pipeline);
        if self.setup.rules.has_template(name) || *name == spec.template {
            let detail = format!("'{name}' is a template now: branchline never deletes a template");
            return Err(Fault::new(Room::Plan, Reason::PipelineIsTemplate, detail));
        }
        match self.pipelines.find(name, mapping.arn.as_ref()).await? {
            None => Ok((Done::Deleted, Outcome::AlreadyDeleted)),
            Some(found) if is_ours(&found.tags, &mapping.subject, &self.setup.table) => {
                self.may_touch(claim, errand)?;
                self.pipelines.delete(name, claim).await?;
                Ok((Done::Deleted, Outcome::Deleted))
            }
            // Never settled as made, so never ours.
            Some(_) if mapping.arn.is_none() => Ok((Done::Deleted, Outcome::LeftAlone)),
            Some(_) => {
                let detail = format!(
                    "pipeline '{name}' no longer carries this subject's branchline tags: delete it by hand, or put them back and replay"
                );
                Err(Fault::new(Room::Plan, Reason::PipelineNotOurs, detail))
            }
        }
    }

    pub(super) async fn record(
        &self,
        transition: &Transition,
        errand: &Errand<'_>,
        outcome: &Outcome,
        journal: &mut Journal,
    ) -> Result<Recorded, Fault> {
        journal.left(&transition.next);
        journal.close(outcome);
        let entry = Entry::of(journal, &errand.cause, errand.time, &transition.next);
        self.store.record(transition, &entry).await
    }
}

fn name_taken(effect: &Effect, other: &str) -> Fault {
    let (Effect::Create(spec) | Effect::Delete(spec)) = effect;
    let detail = format!(
        "'{}' is the pipeline of {other}: make pipeline_name of rule '{}' tell them apart, for instance with {{owner}}",
        spec.pipeline, spec.rule
    );
    Fault::new(Room::Mapping, Reason::PipelineNameTaken, detail)
}
