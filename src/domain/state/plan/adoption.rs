//! Step 6 for a clone whose mapping was lost. In: [`RepairRequest`], [`TaggedClone`] and
//! [`Mapping`]. Out: [`Plan`].
//!
//! The row gets what the tags say. It has no head commit, and its order is older than every event
//! of GitHub, or that of the tombstone: so the next event of the subject is news, and brings the
//! row up to date.

use crate::domain::clone::tags::TaggedClone;
use crate::domain::ids::{SubjectKind, Timestamp};
use crate::domain::intake::repair_request::RepairRequest;
use crate::domain::rules::rule::Rules;
use crate::domain::state::claim::Transition;
use crate::domain::state::desired::{Desired, Spec};
use crate::domain::state::effect::Effect;
use crate::domain::state::mapping::{ClaimInfo, Expect, Mapping, State};
use crate::domain::state::ordering::{EventKind, EventOrder};
use crate::domain::state::plan::{Plan, Unchanged, reclaimed};
use crate::domain::state::resources::Resources;

/// Decides about a clone to adopt. A subject that has a mapping, or whose mapping has changed since
/// the audit, is left alone.
#[must_use]
pub fn plan_adoption(
    request: &RepairRequest,
    clone: &TaggedClone,
    seen: Option<&Mapping>,
    rules: &Rules,
    claim: ClaimInfo,
    now: Timestamp,
) -> Plan {
    if let Some(held) = seen.and_then(|seen| seen.claim_at(now)) {
        return Plan::Busy { until: held.until };
    }
    if let Some((seen, spec)) = seen.and_then(|seen| Some((seen, begun(request, seen)?))) {
        return reclaimed(seen, Effect::Adopt(spec.clone()), claim, now);
    }
    if seen.map_or(0, |seen| seen.generation) != request.repair.generation {
        return Plan::Nothing(Unchanged::Stale);
    }
    if seen.is_some_and(|seen| !seen.state.is_removed()) {
        return Plan::Nothing(Unchanged::Repeated);
    }
    let pipeline = request.repair.pipeline.clone();
    let base = seen.cloned().unwrap_or_else(|| unseen(clone, now));
    let last = base.spec();
    let spec = Spec {
        pipeline: pipeline.clone(),
        template: clone.template.clone(),
        branch: clone.branch.clone(),
        rule: clone.rule.clone(),
        rule_digest: digest(clone, rules),
        base: last.and_then(|last| last.base.clone()),
        title: last.and_then(|last| last.title.clone()),
        author: last.and_then(|last| last.author.clone()),
    };
    let next = Mapping {
        generation: base.generation + 1,
        state: State::Creating,
        desired: Some(Desired::Present(spec.clone())),
        resources: Resources {
            left: base.resources.left.clone(),
            ..Resources::named(pipeline)
        },
        order: EventOrder {
            head: None,
            before: None,
            ..base.order
        },
        // Marks the row as this adoption's.
        start_token: Some(request.delivery.clone()),
        activity: base.activity.active_at(now),
        claim: Some(claim),
        updated_at: now,
        ..base
    };
    let expect = seen.map_or(Expect::Unseen, Mapping::as_seen);
    Plan::Act {
        transition: Transition::new(expect, next),
        effect: Effect::Adopt(spec),
    }
}

/// Returns the spec in a row that an earlier attempt at this adoption left half-way.
fn begun<'a>(request: &RepairRequest, seen: &'a Mapping) -> Option<&'a Spec> {
    let is_its_own =
        seen.state == State::Creating && seen.start_token.as_ref() == Some(&request.delivery);
    seen.spec().filter(|_| is_its_own)
}

/// Returns the row of a subject of which nothing was heard.
fn unseen(clone: &TaggedClone, now: Timestamp) -> Mapping {
    let order = EventOrder {
        event_time: Mapping::UNHEARD,
        received_at: Mapping::UNHEARD,
        kind: match clone.subject.kind {
            SubjectKind::PullRequest(_) => EventKind::Open,
            SubjectKind::Branch(_) => EventKind::Pushed,
        },
        head: None,
        before: None,
    };
    Mapping::unseen(clone.subject.clone(), clone.repository.clone(), order, now)
}

/// Returns the digest of the rule that made the clone; empty if it is not in the configuration any
/// more, so that no rule has it.
fn digest(clone: &TaggedClone, rules: &Rules) -> String {
    let rule = rules.named(&clone.rule);
    rule.filter(|rule| rule.template == clone.template)
        .map(|rule| rule.digest.clone())
        .unwrap_or_default()
}
