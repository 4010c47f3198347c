//! Step 6 for repairs. In: [`RepairRequest`] and [`Mapping`]. Out: [`Plan`].
//!
//! A repair brings the pipeline to what the mapping and today's rules require, whatever an audit
//! found. It is not an event of GitHub: the order in the mapping stays, and the next event is
//! compared with it as if there had been no repair.

use crate::domain::ids::{ProjectName, SubjectKind, Timestamp};
use crate::domain::intake::repair_request::{FindingKind, RepairRequest};
use crate::domain::rules::rule::{On, Rule, Rules, Update};
use crate::domain::state::claim::Transition;
use crate::domain::state::desired::{AbsenceReason, Desired, Spec};
use crate::domain::state::effect::Effect;
use crate::domain::state::mapping::{ClaimInfo, Expect, Mapping, State};
use crate::domain::state::ordering::{EventKind, EventOrder};
use crate::domain::state::resources::{ProjectResource, Resources};

use crate::domain::state::plan::{Plan, Unchanged, absent, unfinished, unfinished_effect};

/// The relation of a mapping to today's rules.
#[derive(Clone, Copy, Debug)]
pub enum Standing<'a> {
    /// The same rule and template apply as when its clone was created.
    Kept(&'a Rule),
    /// Another rule or another template applies.
    Moved(&'a Rule),
    /// No rule applies any more.
    Gone,
}

/// Returns the rule for which a clone was made, under whatever name it has today. If it was edited
/// or removed, returns the rule that the subject's next event would find.
#[must_use]
pub fn rule_of<'a>(mapping: &'a Mapping, spec: &Spec, rules: &'a Rules) -> Option<&'a Rule> {
    let same = |rule: &&Rule| rule.digest == spec.rule_digest && rule.template == spec.template;
    let named = rules.named(&spec.rule).filter(same);
    let made = named.or_else(|| rules.all().iter().find(same));
    made.or_else(|| match standing(mapping, spec, rules) {
        Standing::Kept(rule) | Standing::Moved(rule) => Some(rule),
        Standing::Gone => None,
    })
}

/// Applies the rules to the repository, branch and base in a mapping.
#[must_use]
pub fn standing<'a>(mapping: &'a Mapping, spec: &Spec, rules: &'a Rules) -> Standing<'a> {
    let admits = |rule: &&Rule| {
        let base = spec.base.as_ref();
        base.is_none_or(|base| rule.base.is_match(base.as_str()))
            && rule.admits_branch(&spec.branch)
    };
    let rule = match &mapping.subject.kind {
        SubjectKind::PullRequest(_) => {
            let about = || {
                rules
                    .of(On::PullRequest, &mapping.repository)
                    .filter(admits)
            };
            // Without a base, the rule that made the clone counts.
            let made_it = |rule: &&Rule| spec.base.is_none() && rule.name == spec.rule;
            about().find(made_it).or_else(|| about().next())
        }
        SubjectKind::Branch(branch) => rules.for_branch(branch, &mapping.repository),
    };
    match rule {
        None => Standing::Gone,
        Some(rule)
            if (rule.name == spec.rule || rule.digest == spec.rule_digest)
                && rule.template == spec.template =>
        {
            Standing::Kept(rule)
        }
        Some(rule) => Standing::Moved(rule),
    }
}

/// Decides about a repair. A mapping that has changed since the audit is left alone. If it is
/// half-way, it is finished, as any event of its subject would do.
#[must_use]
pub fn plan_repair(
    request: &RepairRequest,
    kind: FindingKind,
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
    let Some(seen) = seen.filter(|seen| !seen.state.is_removed()) else {
        return match kind {
            FindingKind::Orphan => orphan(request, seen, claim, now),
            FindingKind::Missing
            | FindingKind::HalfWay
            | FindingKind::Drifted
            | FindingKind::RuleGone
            | FindingKind::NotOurs
            | FindingKind::Unreadable
            | FindingKind::LeftBehind
            | FindingKind::StackLeft
            | FindingKind::StackMissing
            | FindingKind::DeploymentMissing => nothing,
        };
    };
    match seen.state {
        State::Deleting => return unfinished(seen, claim, now).unwrap_or(nothing),
        // The job that looks after teardowns finishes it.
        State::Retiring => return nothing,
        State::Creating | State::Active | State::Starting | State::Gone | State::Asleep => {}
    }
    if let (FindingKind::Orphan, State::Active, Some(project)) =
        (kind, seen.state, &request.repair.project)
    {
        return with_project(seen, project, now);
    }
    let Some(spec) = seen.spec().filter(|_| seen.pipeline_name().is_some()) else {
        return nothing;
    };
    let (state, rule) = match (seen.state, standing(seen, spec, rules)) {
        (_, Standing::Gone) => {
            let next = Mapping {
                generation: seen.generation + 1,
                updated_at: now,
                ..seen.clone()
            };
            return absent(AbsenceReason::NoRule, seen.as_seen(), next, claim);
        }
        // The audit ran with other rules. Under these, nothing is wrong.
        (State::Active, Standing::Kept(_)) if kind == FindingKind::RuleGone => {
            return nothing;
        }
        (State::Active, Standing::Kept(rule) | Standing::Moved(rule)) => match kind {
            FindingKind::Missing => (State::Creating, rule),
            FindingKind::Drifted | FindingKind::RuleGone if rule.update == Update::NextStart => {
                (State::Starting, rule)
            }
            FindingKind::Drifted
            | FindingKind::RuleGone
            | FindingKind::Orphan
            | FindingKind::HalfWay
            | FindingKind::NotOurs
            | FindingKind::Unreadable
            | FindingKind::LeftBehind
            | FindingKind::StackLeft
            | FindingKind::StackMissing
            | FindingKind::DeploymentMissing => return nothing,
        },
        (state, Standing::Kept(rule) | Standing::Moved(rule)) => (state, rule),
    };
    again(request, seen, state, rule, claim, now)
}

/// Plans to record a CodeBuild project that has the tags of a subject with a clone. The next start
/// of the clone deletes it, or the end of the clone.
fn with_project(seen: &Mapping, project: &ProjectName, now: Timestamp) -> Plan {
    let known = &seen.resources.projects;
    if known.iter().any(|known| known.name == *project) {
        return Plan::Nothing(Unchanged::Repeated);
    }
    let mut next = Mapping {
        generation: seen.generation + 1,
        updated_at: now,
        ..seen.clone()
    };
    let projects = &mut next.resources.projects;
    projects.push(ProjectResource::named(project.clone()));
    Plan::Record(Transition::new(seen.as_seen(), next))
}

/// Plans to create or update the clone by today's rule, under its present name.
fn again(
    request: &RepairRequest,
    seen: &Mapping,
    state: State,
    rule: &Rule,
    claim: ClaimInfo,
    now: Timestamp,
) -> Plan {
    let Some(mut next) = under_rule(seen, state, rule, claim, now) else {
        return Plan::Nothing(Unchanged::Repeated);
    };
    if seen.state == State::Active {
        // Without a fingerprint, the declaration is written to CodePipeline again.
        if let Some(pipeline) = &mut next.resources.pipeline {
            pipeline.fingerprint = None;
        }
        for project in &mut next.resources.projects {
            project.fingerprint = None;
        }
        // CodePipeline starts nothing under a token that was used before.
        next.start_token = Some(request.delivery.clone());
    }
    half_way(seen, next)
}

/// Returns the half-way row in which the clone is created or started by today's rule. Returns
/// `None` if nothing is known of the clone.
pub(super) fn under_rule(
    seen: &Mapping,
    state: State,
    rule: &Rule,
    claim: ClaimInfo,
    now: Timestamp,
) -> Option<Mapping> {
    let mut spec = seen.spec()?.clone();
    spec.rule.clone_from(&rule.name);
    spec.rule_digest.clone_from(&rule.digest);
    if state == State::Creating || rule.update == Update::NextStart {
        spec.template.clone_from(&rule.template);
    }
    Some(Mapping {
        generation: seen.generation + 1,
        state,
        desired: Some(Desired::Present(spec)),
        claim: Some(claim),
        updated_at: now,
        ..seen.clone()
    })
}

/// Plans to write a half-way row, and to do what its state requires.
pub(super) fn half_way(seen: &Mapping, next: Mapping) -> Plan {
    let Some(effect) = unfinished_effect(&next) else {
        return Plan::Nothing(Unchanged::Repeated);
    };
    Plan::Act {
        transition: Transition::new(seen.as_seen(), next),
        effect,
    }
}

/// Plans to delete a pipeline that has the tags of a subject without a pipeline. The effect checks
/// the tags before it deletes.
fn orphan(
    request: &RepairRequest,
    seen: Option<&Mapping>,
    claim: ClaimInfo,
    now: Timestamp,
) -> Plan {
    let subject = &request.repair.subject;
    let unseen = || {
        // Older than every event from GitHub.
        let order = EventOrder {
            event_time: Mapping::UNHEARD,
            received_at: Mapping::UNHEARD,
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
        desired: match base.activity.sleep {
            // Its next activity brings a pipeline back.
            Some(_) => base.desired.clone(),
            None => Some(Desired::Absent {
                reason: base.absence().unwrap_or(AbsenceReason::Orphan),
                last: base.spec().cloned(),
            }),
        },
        resources: Resources {
            projects: request
                .repair
                .project
                .iter()
                .cloned()
                .map(ProjectResource::named)
                .collect(),
            left: base.resources.left.clone(),
            ..Resources::named(name.clone())
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
