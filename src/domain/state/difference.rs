//! Compares what GitHub shows with what the table has, by the plan of the message that would make
//! them equal.

use crate::domain::fault::{Class, Fault, Reason};
use crate::domain::ids::{BodyDigest, DeliveryId, Timestamp};
use crate::domain::intake::decision::Decision;
use crate::domain::intake::envelope::Source;
use crate::domain::intake::sighting::{SETTLED_AFTER, Sighting};
use crate::domain::rules::rule::Rules;
use crate::domain::state::desired::{AbsenceReason, DesiredState};
use crate::domain::state::effect::Effect;
use crate::domain::state::intent::{Intent, Received, Request, report_target};
use crate::domain::state::mapping::{ClaimInfo, Mapping, State};
use crate::domain::state::plan::{Plan, plan};

/// What would follow from a sighting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Nothing: GitHub and the table agree, or the subject is being changed.
    Nothing,
    /// Its pipeline would be created, started or deleted.
    Effect(Effect),
    /// The mapping would change, and no pipeline.
    Recorded,
    /// Nothing yet: the mapping or GitHub changed a moment ago, and a webhook may be on its way.
    Recent,
    /// Nothing: the change was tried and failed. Its message is tried again, or was dead-lettered.
    Failing,
    /// The change would fail by the rules.
    Refused(Fault),
}

/// Compares a pull request or a branch with its row. `begun` is when branchline began to look,
/// after it had read the row.
#[must_use]
pub fn difference(
    sighting: &Sighting,
    rules: &Rules,
    row: Option<&Mapping>,
    begun: Timestamp,
) -> Difference {
    let found = match intent(sighting, rules, begun) {
        Err(fault) => Difference::Refused(fault),
        Ok(Some(Request::Subject(intent))) => of_intent(&intent, row, begun),
        Ok(Some(Request::KnownSubject(intent))) if row.is_some() => of_intent(&intent, row, begun),
        Ok(_) => Difference::Nothing,
    };
    match row {
        Some(row) => found.unless_recent(row.updated_at, begun),
        None => found,
    }
}

impl Difference {
    /// Returns [`Difference::Recent`] instead of a difference that may end by itself: something
    /// changed so late before branchline began to look that its webhook may be on its way.
    #[must_use]
    pub fn unless_recent(self, changed_at: Timestamp, begun: Timestamp) -> Self {
        let may_end = matches!(self, Self::Recorded | Self::Effect(_) | Self::Refused(_));
        match may_end && changed_at.plus(SETTLED_AFTER) > begun {
            true => Self::Recent,
            false => self,
        }
    }
}

fn intent(
    sighting: &Sighting,
    rules: &Rules,
    received_at: Timestamp,
) -> Result<Option<Request>, Fault> {
    let message = sighting.to_message();
    let event = sighting.event();
    let report = report_target(&event, rules);
    let body = BodyDigest::of(message.body.as_bytes());
    let received = Received {
        source: Source::Internal,
        delivery: DeliveryId::from(&body),
        body,
        received_at,
    };
    Ok(match Intent::read(event, rules, report, received)? {
        Decision::Handle(request) => Some(request),
        Decision::Ignore(_) => None,
    })
}

fn of_intent(intent: &Intent, row: Option<&Mapping>, now: Timestamp) -> Difference {
    if row.is_some_and(|row| is_failing(intent, row)) {
        return Difference::Failing;
    }
    // An audit finds it (rule-gone), and an operator confirms that its environment is removed.
    let has_no_rule = intent.wanted == DesiredState::Absent(AbsenceReason::NoRule);
    if has_no_rule && row.is_some_and(|row| row.resources.may_be_torn_down()) {
        return Difference::Nothing;
    }
    let claim = ClaimInfo {
        owner: String::new(),
        until: now,
    };
    match plan(intent, row, claim, now) {
        Plan::Nothing(_) | Plan::Busy { .. } | Plan::Remember(_) => Difference::Nothing,
        Plan::Act { effect, .. } => Difference::Effect(effect),
        Plan::Record(transition) => match row {
            Some(row) if !says_more(&transition.next, row) => Difference::Nothing,
            // A commit that is never built has to be reported as well.
            None if intent.report.is_none() => Difference::Nothing,
            Some(_) | None => Difference::Recorded,
        },
    }
}

/// Returns true if the row is waiting for another attempt at what the intent asks for. Nobody tries
/// again what the repository's file prevented.
fn is_failing(intent: &Intent, row: &Mapping) -> bool {
    let is_same = match &intent.wanted {
        DesiredState::Present(..) => row.absence().is_none() && row.order.head == intent.order.head,
        DesiredState::Absent(_) => row.absence().is_some(),
    };
    let last = row.last_error.as_deref().and_then(Reason::of_text);
    let is_refused = last.is_some_and(|reason| reason.class() == Class::Refused);
    is_same && row.attempts > 0 && State::HALF_WAY.contains(&row.state) && !is_refused
}

/// Returns true if the row changes in more than the position of its last event.
fn says_more(next: &Mapping, row: &Mapping) -> bool {
    next.desired != row.desired
        || next.order.head != row.order.head
        || next.state != row.state
        || next.activity.is_kept != row.activity.is_kept
}
