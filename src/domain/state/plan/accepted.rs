//! The row of a subject after an event was accepted.

use crate::domain::ids::Timestamp;
use crate::domain::state::desired::DesiredState;
use crate::domain::state::intent::Intent;
use crate::domain::state::mapping::{Mapping, State};

/// Returns the row after the event was accepted: the next generation, without a claim, in the same
/// state. The start token follows the head in every case, because a closing may have a new head as
/// well, and its pipeline may outlive it.
pub(super) fn accepted(intent: &Intent, seen: Option<&Mapping>, now: Timestamp) -> Mapping {
    let unseen = || {
        let (subject, order) = (intent.subject.clone(), intent.order.clone());
        Mapping::unseen(subject, intent.repository.clone(), order, now)
    };
    let mut base = seen.cloned().unwrap_or_else(unseen);
    if intent.order.event_time != base.order.event_time {
        base.bodies.clear();
    }
    base.bodies.retain(|body| *body != intent.body);
    base.bodies.push(intent.body.clone());
    let is_renamed = |at: &Timestamp| intent.order.event_time <= *at;
    let renamed_at = base.renamed_at.filter(is_renamed);
    let repository = match renamed_at {
        Some(_) => base.repository.clone(),
        None => intent.repository.clone(),
    };
    // Only an event with a head commit says where it is reported.
    let report = match intent.order.head {
        Some(_) => intent.report.clone(),
        None => base.report.take(),
    };
    let order = intent.order.clone().over(&base.order);
    let is_same_head = order.head == base.order.head;
    let is_starting = base.state == State::Starting;
    let start_token = base.start_token.take_if(|_| is_same_head);
    let retry = base.retry.take_if(|_| is_same_head && is_starting);
    let activity = std::mem::take(&mut base.activity);
    let is_new_head = order.head.is_some() && !is_same_head;
    // A subject begins again with a reopening that is overtaken by the event after it as well.
    let begins_again = |seen: &Mapping| {
        let is_present = matches!(intent.wanted, DesiredState::Present(..));
        is_present && seen.absence().is_some()
    };
    let begins = seen.is_none_or(begins_again);
    let is_first = begins && order.head.is_some();
    let event_time = intent.order.event_time;
    let activity = activity.after(
        intent.signs,
        &intent.wanted,
        is_new_head || is_first,
        event_time,
    );
    Mapping {
        repository,
        renamed_at,
        generation: base.generation + 1,
        order,
        report,
        start_token,
        retry,
        activity,
        claim: None,
        updated_at: now,
        ..base
    }
}
