//! Step 6 of 7. In: [`Intent`] and [`Mapping`]. Out: [`Plan`].
//!
//! The plan decides and does nothing: it returns the transition to write and the effect to run
//! under it.

use crate::domain::ids::{DeliveryId, SubjectKind, Timestamp};
use crate::domain::report::updates;
use crate::domain::state::claim::Transition;
use crate::domain::state::desired::{
    AbsenceReason, BuildPolicy, BuildTrigger, Desired, DesiredState, Spec,
};
use crate::domain::state::effect::Effect;
use crate::domain::state::intent::Intent;
use crate::domain::state::mapping::{ClaimInfo, Expect, Mapping, State};
use crate::domain::state::ordering::{EventOrder, Recency};
use crate::domain::state::resources::PipelineResource;

/// The decision about an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Do nothing: the table has this event already, or a later one.
    Nothing(Unchanged),
    /// Wait: another worker has claimed the subject.
    Busy {
        /// When its claim expires.
        until: Timestamp,
    },
    /// Write the row. No pipeline changes.
    Record(Transition),
    /// Write the row, which remembers a stale event.
    Remember(Transition),
    /// Claim the row, run the effect, and settle the row.
    Act {
        /// The half-way row.
        transition: Transition,
        /// The effect to run under the claim.
        effect: Effect,
    },
}

/// Decides about an intent. `mapping` is the row as it was read, or as it is assumed to be: if the
/// assumption is wrong, the write is refused, and the answer has the row. `claim` is the claim to
/// write if one is needed.
#[must_use]
pub fn plan(intent: &Intent, mapping: Option<&Mapping>, claim: ClaimInfo, now: Timestamp) -> Plan {
    let Some(seen) = mapping else {
        return fresh(intent, None, claim, now);
    };
    let age = recency(intent, seen);
    let remembered = remembered(intent, seen);
    if let Some(held) = seen.claim_at(now) {
        return match (age, remembered) {
            // If the other worker ends, its own message returns and finishes the recorded change.
            (Recency::Older, None) => Plan::Nothing(Unchanged::Stale),
            (Recency::Older, Some(_)) | (Recency::Newer | Recency::Same, _) => {
                Plan::Busy { until: held.until }
            }
        };
    }
    match age {
        Recency::Newer => fresh(intent, Some(seen), claim, now),
        Recency::Older => {
            let row = remembered.as_ref().unwrap_or(seen);
            unfinished(row, claim, now).unwrap_or_else(|| stale(seen, remembered, now))
        }
        Recency::Same => match seen.state {
            // The rules of today apply to the same event: an operator who corrected a rule and
            // replayed the message expects that.
            State::Deleting if seen.activity.sleep.is_some() => {
                unfinished(seen, claim, now).unwrap_or(Plan::Nothing(Unchanged::Repeated))
            }
            State::Creating | State::Starting | State::Deleting => {
                fresh(intent, Some(seen), claim, now)
            }
            State::Active | State::Retiring | State::Gone | State::Asleep => {
                Plan::Nothing(Unchanged::Repeated)
            }
        },
    }
}

/// Compares an event with the recorded ones. Of the events that share the second of the last one,
/// those that were heard before it are older. Their bodies decide: if such a message is sent again,
/// it arrives later than all others, and its order alone would not show it.
fn recency(intent: &Intent, seen: &Mapping) -> Recency {
    if seen.absence() == Some(AbsenceReason::Forgotten) && !says_more(intent, seen) {
        return Recency::Older;
    }
    let same_second = intent.order.event_time == seen.order.event_time;
    let last = seen.bodies.last();
    let is_last = last == Some(&intent.body);
    if same_second && !is_last && seen.bodies.contains(&intent.body) {
        return Recency::Older;
    }
    match intent.order.recency(&seen.order) {
        // Two events entered the queue in one millisecond. This one was received later.
        Recency::Same if last.is_some() && !is_last => Recency::Newer,
        recency @ (Recency::Newer | Recency::Same | Recency::Older) => recency,
    }
}

/// Returns true if an intent says more than the events before a mapping was forgotten. A copy of
/// the last one does not, and neither does a look at GitHub, whose time is later.
fn says_more(intent: &Intent, seen: &Mapping) -> bool {
    let is_same_branch = matches!(seen.subject.kind, SubjectKind::Branch(_))
        && intent.order.head.is_some()
        && intent.order.head == seen.order.head;
    // GitHub's times are whole seconds, and a look at GitHub is at the end of its second.
    let second = |order: &EventOrder| order.event_time.seconds();
    second(&intent.order) > second(&seen.order) && !is_same_branch
}

/// Returns the row that remembers the body of a stale event, or `None` if that is not needed: its
/// body is known, or its time alone shows that it is stale.
fn remembered(intent: &Intent, seen: &Mapping) -> Option<Mapping> {
    let same_second = intent.order.event_time == seen.order.event_time;
    if !same_second || seen.bodies.contains(&intent.body) {
        return None;
    }
    let mut next = seen.clone();
    next.bodies.insert(0, intent.body.clone());
    Some(next)
}

fn stale(seen: &Mapping, remembered: Option<Mapping>, now: Timestamp) -> Plan {
    let Some(remembered) = remembered else {
        return Plan::Nothing(Unchanged::Stale);
    };
    let next = Mapping {
        generation: seen.generation + 1,
        updated_at: now,
        ..remembered
    };
    Plan::Remember(Transition::new(seen.as_seen(), next))
}

/// Plans to finish a half-way row as it is recorded. Returns `None` if the row is not half-way.
#[must_use]
pub fn unfinished(seen: &Mapping, claim: ClaimInfo, now: Timestamp) -> Option<Plan> {
    Some(reclaimed(seen, unfinished_effect(seen)?, claim, now))
}

/// Plans to run the effect of a half-way row again, under another claim.
fn reclaimed(seen: &Mapping, effect: Effect, claim: ClaimInfo, now: Timestamp) -> Plan {
    let next = Mapping {
        claim: Some(claim),
        updated_at: now,
        ..seen.clone()
    };
    Plan::Act {
        transition: Transition::new(seen.as_seen(), next),
        effect,
    }
}

/// Returns what a half-way row requires. Returns `None` if the row is not half-way.
fn unfinished_effect(row: &Mapping) -> Option<Effect> {
    let name = row.pipeline_name()?;
    match (row.state, &row.desired) {
        (State::Creating, Some(Desired::Present(spec))) => Some(Effect::Create(spec.clone())),
        (State::Starting, Some(Desired::Present(spec))) => Some(Effect::Start(spec.clone())),
        (State::Deleting, _) => Some(Effect::Delete(name.clone())),
        (State::Active | State::Retiring | State::Gone | State::Asleep, _) => None,
        // branchline writes no such row.
        (State::Creating | State::Starting, Some(Desired::Absent { .. }) | None) => None,
    }
}

/// Plans for an intent that was not accepted before.
fn fresh(intent: &Intent, seen: Option<&Mapping>, claim: ClaimInfo, now: Timestamp) -> Plan {
    let expect = seen.map_or(Expect::Unseen, Mapping::as_seen);
    let next = accepted(intent, seen, now);
    let plan = match &intent.wanted {
        DesiredState::Present(spec, policy) => present(intent, spec, *policy, seen, next, claim),
        DesiredState::Absent(why) => absent(*why, expect, next, claim),
    };
    match (plan, seen) {
        (Plan::Record(transition), Some(seen)) if !is_news(&transition.next, seen) => {
            Plan::Nothing(Unchanged::Repeated)
        }
        (Plan::Record(mut transition), _) => {
            let builds = intent.wanted.builds();
            transition.commits = updates::recorded(seen, &transition.next, builds);
            Plan::Record(transition)
        }
        (
            Plan::Act {
                mut transition,
                effect,
            },
            _,
        ) => {
            let superseded = updates::superseded(seen, &transition.next);
            let ended = updates::ended(seen, &transition.next);
            transition.commits = superseded.into_iter().chain(ended).collect();
            Plan::Act { transition, effect }
        }
        (plan @ (Plan::Nothing(_) | Plan::Busy { .. } | Plan::Remember(_)), _) => plan,
    }
}

/// Returns true if the row changes. A redelivery from GitHub arrives later and changes nothing.
fn is_news(next: &Mapping, seen: &Mapping) -> bool {
    let mut same = next.clone();
    same.generation = seen.generation;
    same.updated_at = seen.updated_at;
    same.order.received_at = seen.order.received_at;
    same != *seen
}

/// Returns the spec for a subject that may have a pipeline, and true if the pipeline's template or
/// branch changes with it.
fn merged(spec: &Spec, policy: BuildPolicy, existing: Option<&Mapping>) -> (Spec, bool) {
    let mut spec = spec.clone();
    let Some(existing) = existing else {
        return (spec, false);
    };
    if let Some(name) = existing.pipeline_name() {
        // While there may be a pipeline, its name stays. If the rule gives another name today, the
        // pipeline must not become an orphan.
        spec.pipeline = name.clone();
    }
    let Some(last) = existing.spec() else {
        return (spec, false);
    };
    if matches!(existing.state, State::Active | State::Starting) && !policy.follows {
        spec.template = last.template.clone();
        spec.branch = last.branch.clone();
    }
    let moved = (&spec.template, &spec.branch) != (&last.template, &last.branch);
    (spec, moved)
}

fn present(
    intent: &Intent,
    spec: &Spec,
    policy: BuildPolicy,
    seen: Option<&Mapping>,
    mut next: Mapping,
    claim: ClaimInfo,
) -> Plan {
    let expect = seen.map_or(Expect::Unseen, Mapping::as_seen);
    let existing = seen.filter(|seen| !seen.state.is_removed());
    let (spec, moved) = merged(spec, policy, existing);
    next.desired = Some(Desired::Present(spec.clone()));
    // CodePipeline starts nothing under a token that was used before.
    if moved || existing.is_none() || next.start_token.is_none() {
        next.start_token = Some(DeliveryId::from(&intent.body));
    }
    if next.activity.sleep.is_some() {
        return asleep(expect, next, claim);
    }
    if is_deleted_first(&next) {
        return delete(expect, next, claim);
    }
    let is_remade = is_to_be_remade(&next);
    if is_remade {
        next = remade(next);
    }
    match next.state {
        State::Active | State::Starting => {
            let half_way = next.state == State::Starting;
            let starts = match policy.head {
                BuildTrigger::Branchline => half_way || moved || next.owes_start(),
                BuildTrigger::ChangeDetection => half_way || moved,
                BuildTrigger::Skipped => is_remade,
            };
            if starts {
                next.state = State::Starting;
                next.claim = Some(claim);
                let effect = Effect::Start(spec);
                return Plan::Act {
                    transition: building(intent, Transition::new(expect, next)),
                    effect,
                };
            }
            next.state = State::Active;
            if next.observed.built.is_none() && !next.owes_start() {
                next.observed.built = next.order.head.clone();
            }
            Plan::Record(Transition::new(expect, next))
        }
        // CreatePipeline would start an execution, and the commit asks for none.
        State::Gone if policy.head == BuildTrigger::Skipped => {
            next.desired = seen.and_then(|seen| seen.desired.clone());
            absent(AbsenceReason::Skipped, expect, next, claim)
        }
        State::Retiring => Plan::Record(Transition::new(expect, next)),
        State::Creating | State::Deleting | State::Gone | State::Asleep => {
            if next.state.is_removed() {
                next.observed.built = next.order.head.clone();
            }
            let mut next = with_resource(next, &spec);
            next.state = State::Creating;
            next.claim = Some(claim);
            Plan::Act {
                transition: building(intent, Transition::new(expect, next)),
                effect: Effect::Create(spec),
            }
        }
    }
}

/// Returns the row whose pipeline is to be created, with the name of the pipeline.
fn with_resource(mut next: Mapping, spec: &Spec) -> Mapping {
    // A deletion that was cut off remembered them, and another execution will start.
    next.observed.executions = Vec::new();
    next.resources.pipeline = next
        .resources
        .pipeline
        .or_else(|| Some(PipelineResource::named(spec.pipeline.clone())));
    next
}

/// Returns the transition before a build. The payload of a pull request does not show whether the
/// commit's message asks for no build, but the table may have that from a push.
fn building(intent: &Intent, transition: Transition) -> Transition {
    Transition {
        unless_skipped: intent
            .without_build()
            .and(transition.next.order.head.clone()),
        ..transition
    }
}

fn absent(reason: AbsenceReason, expect: Expect, mut next: Mapping, claim: ClaimInfo) -> Plan {
    // A name that was released before the pipeline was created belongs to another pipeline.
    let had_one = next.state.is_removed() || next.pipeline_name().is_some();
    next.activity.sleep = None;
    let last = next.spec().filter(|_| had_one).cloned();
    next.desired = Some(Desired::Absent { reason, last });
    match (next.state, next.pipeline_name().cloned()) {
        (State::Creating | State::Active | State::Starting | State::Deleting, Some(name)) => {
            next.state = State::Deleting;
            next.claim = Some(claim);
            Plan::Act {
                transition: Transition::new(expect, next),
                effect: Effect::Delete(name),
            }
        }
        (State::Retiring, _) => Plan::Record(Transition::new(expect, next)),
        (State::Gone | State::Asleep, _)
        | (State::Creating | State::Active | State::Starting | State::Deleting, None) => {
            next.state = State::Gone;
            Plan::Record(Transition::new(expect, next))
        }
    }
}

/// Plans to delete the pipeline, or to remove the environment first.
fn delete(expect: Expect, mut next: Mapping, claim: ClaimInfo) -> Plan {
    let Some(name) = next.pipeline_name().cloned() else {
        return Plan::Nothing(Unchanged::NoPipeline);
    };
    next.state = State::Deleting;
    next.claim = Some(claim);
    Plan::Act {
        transition: Transition::new(expect, next),
        effect: Effect::Delete(name),
    }
}

/// Plans for an event that does not wake its subject: the row has what the event says, and the
/// removal of the pipeline is finished.
fn asleep(expect: Expect, mut next: Mapping, claim: ClaimInfo) -> Plan {
    match next.pipeline_name() {
        Some(_) if next.state == State::Deleting => delete(expect, next, claim),
        Some(_) if next.state == State::Retiring => Plan::Record(Transition::new(expect, next)),
        Some(_) | None => {
            next.state = State::Asleep;
            Plan::Record(Transition::new(expect, next))
        }
    }
}

mod accepted;
mod adoption;
mod asleep;
mod forgetting;
mod remade;
mod renaming;
mod repair;
mod rerun;
mod teardown;
mod unchanged;
mod wake;
use accepted::accepted;
pub use adoption::plan_adoption;
pub use asleep::plan_sleep;
pub use forgetting::plan_forgetting;
use remade::{is_deleted_first, is_to_be_remade, remade};
pub use renaming::plan_renaming;
pub use repair::{Standing, plan_repair, rule_of, standing};
pub use rerun::plan_rerun;
pub use teardown::{TeardownLook, plan_teardown, teardown_is_due};
pub use unchanged::Unchanged;
pub use wake::{plan_wake, wants_slot};

#[cfg(test)]
mod tests;
