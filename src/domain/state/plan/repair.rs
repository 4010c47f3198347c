//! Room 6 for repairs. In: [`RepairRequest`] and [`Mapping`]. Out: [`Plan`].
//!
//! A repair makes the pipeline what the mapping and today's rules say, whatever an audit saw. It accepts no statement of
//! GitHub's: the mapping's order stays, so the next event is judged as if there had been none.

use crate::domain::ids::{SubjectKind, Timestamp};
use crate::domain::intake::repair_request::{FindingKind, RepairRequest};
use crate::domain::rules::rule::{On, Rule, Rules, Update};
use crate::domain::state::claim::Transition;
use crate::domain::state::desired::{AbsenceReason, Desired, Spec};
use crate::domain::state::mapping::{ClaimInfo, Expect, Mapping, State};
use crate::domain::state::ordering::{EventKind, EventOrder};
use crate::domain::state::resources::{PipelineResource, Resources};

use crate::domain::state::plan::{Effect, Plan, Unchanged, absent, unfinished};

/// Where a mapping stands with today's rules.
#[derive(Clone, Copy, Debug)]
pub enum Standing<'a> {
    /// The rule that made its clone would make it today.
    Kept(&'a Rule),
    /// Another rule would, or from another template.
    Moved(&'a Rule),
    /// No rule admits it any more.
    Gone,
}

/// Asks the rules again about what a mapping records: its repository, branch and base.
#[must_use]
pub fn standing<'a>(mapping: &'a Mapping, spec: &Spec, rules: &'a Rules) -> Standing<'a> {
    let on = match mapping.subject.kind {
        SubjectKind::PullRequest(_) => On::PullRequest,
        SubjectKind::Branch(_) => On::Branch,
    };
    let admits = |rule: &&Rule| {
        let base = spec.base.as_ref();
        base.is_none_or(|base| rule.base.is_match(base.as_str()))
            && rule.branches.is_match(spec.branch.as_str())
    };
    match rules.of(on, &mapping.repository).find(admits) {
        None => Standing::Gone,
        Some(rule) if rule.name == spec.rule && rule.template == spec.template => {
            Standing::Kept(rule)
        }
        Some(rule) => Standing::Moved(rule),
    }
}

/// Decides about a repair. A mapping that moved on since it was looked at is left alone, unless it is half-way: then it is
/// finished, as any event of its subject would.
#[must_use]
pub fn plan_repair(
    request: &RepairRequest,
    seen: Option<&Mapping>,
    rules: &Rules,
    claim: ClaimInfo,
    now: Timestamp,
) -> Plan {
    if let Some(held) = seen.and_then(|seen| seen.claim_at(now)) {
        return Plan::Busy { until: held.until };
    }
    let generation = seen.map_or(0, |seen| seen.generation);
    let half_way = seen.is_some_and(|seen| State::HALF_WAY.contains(&seen.state));
    if generation != request.repair.generation && !half_way {
        return Plan::Nothing(Unchanged::Stale);
    }
    let nothing = Plan::Nothing(Unchanged::Repeated);
    let Some(seen) = seen.filter(|seen| seen.state != State::Gone) else {
        return match request.repair.kind {
            FindingKind::Orphan => orphan(request, seen, claim, now),
            FindingKind::Missing
            | FindingKind::HalfWay
            | FindingKind::Drifted
            | FindingKind::RuleGone
            | FindingKind::NotOurs
            | FindingKind::Unreadable => nothing,
        };
    };
    let Some(spec) = seen.spec().filter(|_| seen.pipeline_name().is_some()) else {
        return nothing;
    };
    let (state, rule) = match (seen.state, standing(seen, spec, rules)) {
        (State::Deleting | State::Gone, _) => {
            return unfinished(seen, claim, now).unwrap_or(nothing);
        }
        (_, Standing::Gone) => {
            let next = Mapping {
                generation: seen.generation + 1,
                updated_at: now,
                ..seen.clone()
            };
            return absent(AbsenceReason::NoRule, seen.as_seen(), next, claim);
        }
        // Whoever sent it audits with other rules than these, under which nothing is wrong.
        (State::Active, Standing::Kept(_)) if request.repair.kind == FindingKind::RuleGone => {
            return nothing;
        }
        (State::Active, Standing::Kept(rule) | Standing::Moved(rule)) => {
            match request.repair.kind {
                FindingKind::Missing => (State::Creating, rule),
                FindingKind::Drifted | FindingKind::RuleGone
                    if rule.update == Update::NextStart =>
                {
                    (State::Starting, rule)
                }
                FindingKind::Drifted
                | FindingKind::RuleGone
                | FindingKind::Orphan
                | FindingKind::HalfWay
                | FindingKind::NotOurs
                | FindingKind::Unreadable => return nothing,
            }
        }
        (state, Standing::Kept(rule) | Standing::Moved(rule)) => (state, rule),
    };
    again(request, seen, state, rule, claim, now)
}

/// The clone as today's rule has it, under the name that it has.
fn again(
    request: &RepairRequest,
    seen: &Mapping,
    state: State,
    rule: &Rule,
    claim: ClaimInfo,
    now: Timestamp,
) -> Plan {
    let Some(mut spec) = seen.spec().cloned() else {
        return Plan::Nothing(Unchanged::Repeated);
    };
    spec.rule.clone_from(&rule.name);
    if state == State::Creating || rule.update == Update::NextStart {
        spec.template.clone_from(&rule.template);
    }
    let mut next = Mapping {
        generation: seen.generation + 1,
        state,
        desired: Some(Desired::Present(spec.clone())),
        claim: Some(claim),
        updated_at: now,
        ..seen.clone()
    };
    if seen.state == State::Active {
        // Whatever was written to CodePipeline before, it is written again.
        if let Some(pipeline) = &mut next.resources.pipeline {
            pipeline.fingerprint = None;
        }
        // An execution under a token that was used already would not start.
        next.start_token = Some(request.delivery.clone());
    }
    let effect = match state {
        State::Creating => Effect::Create(spec),
        State::Active | State::Starting | State::Deleting | State::Gone => Effect::Start(spec),
    };
    Plan::Act {
        transition: Transition::new(seen.as_seen(), next),
        effect,
    }
}

/// A pipeline that carries the tags of a subject without one. Whether it does is looked at before it is deleted.
fn orphan(
    request: &RepairRequest,
    seen: Option<&Mapping>,
    claim: ClaimInfo,
    now: Timestamp,
) -> Plan {
    let subject = &request.repair.subject;
    let unseen = || {
        // Older than anything that GitHub can say.
        let order = EventOrder {
            event_time: Timestamp(0),
            received_at: Timestamp(0),
            kind: match subject.kind {
                SubjectKind::PullRequest(_) => EventKind::Closed,
                SubjectKind::Branch(_) => EventKind::Deleted,
            },
            head: None,
            before: None,
        };
        Mapping::unseen(subject.clone(), request.repository.clone(), order, now)
    };
    let base = seen.cloned().unwrap_or_else(unseen);
    let name = request.repair.pipeline.clone();
    let next = Mapping {
        generation: base.generation + 1,
        state: State::Deleting,
        desired: Some(Desired::Absent {
            reason: base.absence().unwrap_or(AbsenceReason::Orphan),
            last: base.spec().cloned(),
        }),
        resources: Resources {
            pipeline: Some(PipelineResource::named(name.clone())),
        },
        claim: Some(claim),
        updated_at: now,
        ..base
    };
    let expect = seen.map_or(Expect::Unseen, Mapping::as_seen);
    Plan::Act {
        transition: Transition::new(expect, next),
        effect: Effect::Delete(name),
    }
}
