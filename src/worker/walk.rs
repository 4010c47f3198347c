//! The one place that acts: a message walks through the seven rooms, and what the plan says is done through the ports.
//!
//! Guarantees: no pipeline is touched without a claim; what was done is settled with its audit entry, or the row says
//! what is half done. Assumes: a call to AWS does not outlast [`CLAIM`]. What can fail is judged in `line/verdict.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::line::delivery::{Delivery, Secrets};
use crate::line::envelope::{Envelope, Receipt};
use crate::line::event::{Event, Heed};
use crate::line::fault::{Fault, Reason, Room};
use crate::line::ids::Timestamp;
use crate::line::intent::{Intent, Spec};
use crate::line::journal::{Entry, Journal, Outcome};
use crate::line::mapping::{Claim, Done, Hold, Mapping, Transition};
use crate::line::plan::{Effect, Plan, plan};
use crate::line::rule::Rules;
use crate::line::template::is_ours;
use crate::line::verdict::{Burial, Grave, Verdict, judge};
use crate::ports::{Claimed, Clock, Created, Pipelines, Recorded, Store};

use super::templates::Templates;

/// How long a claim counts. Longer than the slowest walk (each AWS call is bounded by `aws::OPERATION_TIMEOUT`), and as
/// long as a received message stays invisible, so that a redelivery finds the claim expired.
pub const CLAIM: Duration = Duration::from_secs(120);

/// How often a walk plans again after somebody else wrote the row first. More would be a fight, not a race.
const RACES: usize = 4;

/// What a walk needs beside the message.
pub struct Walker<S, P, C> {
    store: S,
    pipelines: P,
    clock: C,
    templates: Templates,
    setup: Setup,
    walks: AtomicU64,
}

/// What the configuration says about a walk.
pub struct Setup {
    /// Which repositories get which pipelines.
    pub rules: Rules,
    /// What proves a body.
    pub secrets: Secrets,
    /// The table's name, which marks our pipelines.
    pub table: String,
    /// The name of this process in claims: unique among all workers.
    pub worker: String,
}

/// The end of a walk: what happened, and what is to become of the message.
#[derive(Debug)]
pub struct Walked {
    /// What happened.
    pub journal: Journal,
    /// The message's handle.
    pub receipt: Receipt,
    /// How often it was received.
    pub receives: u32,
    /// What is to become of it.
    pub ending: Ending,
}

/// A verdict with all that its execution needs.
#[derive(Debug)]
pub enum Ending {
    /// Delete it.
    Ack,
    /// Hand it back for later.
    Retry(crate::line::fault::Class),
    /// Send it to a grave, then delete it.
    Bury(Grave, Burial),
}

impl<S: Store, P: Pipelines, C: Clock> Walker<S, P, C> {
    /// A walker over these ports.
    pub fn new(store: S, pipelines: P, clock: C, setup: Setup) -> Self {
        Self {
            store,
            pipelines,
            clock,
            templates: Templates::default(),
            setup,
            walks: AtomicU64::new(0),
        }
    }

    /// The clock that its walks go by.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// Walks one message through the line.
    ///
    /// Cancelled: at most one call to AWS took effect unrecorded, and the mapping is half-way; the message comes back
    /// when its visibility ends and finishes it.
    pub async fn walk(&self, envelope: Envelope) -> Walked {
        let mut journal = Journal::open(&envelope);
        match envelope.verify(&self.setup.secrets) {
            Err(refused) => finish(journal, refused.envelope, Err(refused.fault)),
            Ok(delivery) => {
                journal.delivery(&delivery);
                let outcome = self.heed(&delivery, &mut journal).await;
                finish(journal, delivery.into_envelope(), outcome)
            }
        }
    }

    async fn heed(&self, delivery: &Delivery, journal: &mut Journal) -> Result<Outcome, Fault> {
        let event = match Event::read(delivery)? {
            Heed::Act(event) => event,
            Heed::Ignore(why) => return Ok(Outcome::Ignored(why)),
        };
        journal.event(&event);
        let intent = match Intent::read(event, &self.setup.rules, delivery.envelope().sent_at)? {
            Heed::Act(intent) => intent,
            Heed::Ignore(why) => return Ok(Outcome::Ignored(why)),
        };
        journal.intent(&intent);
        self.converge(delivery, &intent, journal).await
    }

    /// Plans and acts until the table agrees. The first plan assumes that the subject was never seen: for a new one that
    /// saves a read, for any other the refused write brings the row.
    async fn converge(
        &self,
        delivery: &Delivery,
        intent: &Intent,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        let mut seen: Option<Box<Mapping>> = None;
        for _ in 0..RACES {
            let now = self.clock.now();
            journal.found(seen.as_deref());
            let lost = match plan(intent, seen.as_deref(), self.hold(now), now) {
                Plan::Nothing(why) => return Ok(Outcome::Unchanged(why)),
                Plan::Busy { until } => return Err(busy(until)),
                Plan::Record(transition) => {
                    let outcome = Outcome::Recorded;
                    match self
                        .record(&transition, delivery, intent, &outcome, journal)
                        .await?
                    {
                        Recorded::Done => return Ok(outcome),
                        Recorded::Lost(row) => row,
                    }
                }
                Plan::Act { claim, effect } => match self.store.claim(claim).await? {
                    Claimed::Won(claim) => {
                        return self.act(*claim, effect, delivery, intent, journal).await;
                    }
                    Claimed::NameTaken(other) => return Err(name_taken(&effect, &other)),
                    Claimed::Lost(row) => row,
                },
            };
            seen = lost;
        }
        let detail = format!("the mapping changed {RACES} times while this message was planned");
        Err(Fault::new(Room::Mapping, Reason::ClaimLost, detail))
    }

    async fn act(
        &self,
        claim: Claim,
        effect: Effect,
        delivery: &Delivery,
        intent: &Intent,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        let (done, outcome) = match self.apply(&effect, &claim).await {
            Ok(done) => done,
            Err(fault) => {
                let given_up = claim.give_up(&fault, self.clock.now());
                if let Err(second) = self.store.give_up(&given_up).await {
                    tracing::warn!(fault = %second, "A claim could not be given up; it expires by itself");
                }
                return Err(fault);
            }
        };
        let transition = claim.settle(done, self.clock.now());
        match self
            .record(&transition, delivery, intent, &outcome, journal)
            .await?
        {
            Recorded::Done => Ok(outcome),
            Recorded::Lost(_) => {
                let detail = "the claim expired and was taken over before the outcome was recorded";
                Err(Fault::new(Room::Mapping, Reason::ClaimLost, detail))
            }
        }
    }

    async fn apply(&self, effect: &Effect, claim: &Claim) -> Result<(Done, Outcome), Fault> {
        match effect {
            Effect::Create(spec) => self.create(spec, claim).await,
            Effect::Delete(spec) => self.delete(spec, claim).await,
        }
    }

    async fn create(&self, spec: &Spec, claim: &Claim) -> Result<(Done, Outcome), Fault> {
        let mapping = claim.mapping();
        let template = self
            .templates
            .get(&spec.template, &self.pipelines, self.clock.now())
            .await?;
        let pipeline = template.clone_for(mapping, spec, &self.setup.table)?;
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

    async fn delete(&self, spec: &Spec, claim: &Claim) -> Result<(Done, Outcome), Fault> {
        let (mapping, name) = (claim.mapping(), &spec.pipeline);
        if self.setup.rules.has_template(name) || *name == spec.template {
            let detail = format!("'{name}' is a template now: branchline never deletes a template");
            return Err(Fault::new(Room::Plan, Reason::PipelineIsTemplate, detail));
        }
        match self.pipelines.find(name, mapping.arn.as_ref()).await? {
            None => Ok((Done::Deleted, Outcome::AlreadyDeleted)),
            Some(found) if is_ours(&found.tags, &mapping.subject, &self.setup.table) => {
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

    async fn record(
        &self,
        transition: &Transition,
        delivery: &Delivery,
        intent: &Intent,
        outcome: &Outcome,
        journal: &mut Journal,
    ) -> Result<Recorded, Fault> {
        journal.left(&transition.next);
        journal.close(outcome);
        let entry = Entry::of(journal, delivery.id(), intent, &transition.next);
        self.store.record(transition, &entry).await
    }

    fn hold(&self, now: Timestamp) -> Hold {
        let walk = self.walks.fetch_add(1, Ordering::Relaxed);
        Hold {
            owner: format!("{}/{walk}", self.setup.worker),
            until: now.plus(CLAIM),
        }
    }
}

fn finish(mut journal: Journal, envelope: Envelope, outcome: Result<Outcome, Fault>) -> Walked {
    let receipt = envelope.receipt.clone();
    let receives = envelope.receive_count;
    let ending = match outcome {
        Ok(outcome) => {
            journal.close(&outcome);
            Ending::Ack
        }
        Err(fault) => {
            journal.fail(&fault);
            match judge(&fault, receives) {
                Verdict::Ack => Ending::Ack,
                Verdict::Retry(class) => Ending::Retry(class),
                Verdict::Bury(grave) => Ending::Bury(grave, Burial::of(envelope, &fault)),
            }
        }
    };
    Walked {
        journal,
        receipt,
        receives,
        ending,
    }
}

fn busy(until: Timestamp) -> Fault {
    Fault::new(
        Room::Mapping,
        Reason::SubjectBusy,
        format!("another worker holds this subject until {until} at the latest"),
    )
}

fn name_taken(effect: &Effect, other: &str) -> Fault {
    let (Effect::Create(spec) | Effect::Delete(spec)) = effect;
    let detail = format!(
        "'{}' is the pipeline of {other}: make pipeline_name of rule '{}' tell them apart, for instance with {{owner}}",
        spec.pipeline, spec.rule
    );
    Fault::new(Room::Mapping, Reason::PipelineNameTaken, detail)
}

/// A walker shared by the messages in work.
pub type Shared<S, P, C> = Arc<Walker<S, P, C>>;
