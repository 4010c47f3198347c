//! Subjects whose stacks are being deleted.

use super::*;
use crate::domain::clone::stacks::Stack;
use crate::domain::ids::ExecutionId;
use crate::domain::state::activity::{Sleep, SleepReason};
use crate::domain::state::teardown::{Teardown, TeardownRun, TeardownStep};

fn stack() -> Stack {
    Stack {
        name: "api-pr-7".into(),
        region: None,
        role: None,
        action_role: None,
        id: None,
    }
}

fn running() -> Teardown {
    let execution = ExecutionId::parse("e-1").unwrap();
    Teardown::started(TeardownRun::Execution(execution), 0)
}

fn begun() -> EffectResult {
    EffectResult::retiring(running())
}

/// A subject with a stack, whose pipeline is about to be deleted.
fn deleting() -> Mapping {
    let mut row = active();
    row.resources.stacks = vec![stack()];
    claimed(&closed(2), Some(&row))
}

/// A closed subject whose stacks are being deleted.
fn retiring() -> Mapping {
    let done = begun();
    Claim::proven(deleting()).settle(done, NOW).next
}

/// The same, with a teardown that is given up.
fn left_behind() -> Mapping {
    let mut row = retiring();
    row.resources.teardown = Some(Teardown::impossible());
    row
}

fn recorded(intent: &Intent, row: &Mapping) -> Mapping {
    match decide(intent, Some(row)) {
        Plan::Record(transition) => transition.next,
        other @ (Plan::Nothing(_) | Plan::Busy { .. } | Plan::Act { .. } | Plan::Remember(_)) => {
            panic!("{other:?}")
        }
    }
}

fn found(step: &TeardownStep) -> TeardownLook {
    TeardownLook {
        step: step.clone(),
        has_rule: true,
        remaining: None,
    }
}

fn go_on(step: &TeardownStep, row: &Mapping) -> Plan {
    let read = row.resources.teardown.as_ref();
    plan_teardown(&found(step), read, Some(row), claim("me"), NOW)
}

fn acted(step: &TeardownStep, row: &Mapping) -> (Mapping, Effect) {
    match go_on(step, row) {
        Plan::Act { transition, effect } => (transition.next, effect),
        other @ (Plan::Nothing(_) | Plan::Busy { .. } | Plan::Record(_) | Plan::Remember(_)) => {
            panic!("{other:?}")
        }
    }
}

#[test]
fn a_retiring_subject_keeps_its_pipeline_its_name_and_what_is_to_be_deleted() {
    let row = retiring();
    assert_eq!(row.state, State::Retiring);
    assert_eq!(row.resources.stacks, [stack()]);
    assert!(row.pipeline_arn().is_some() && row.fingerprint().is_none());
    assert!(row.claim.is_none());
    let done = begun();
    assert_eq!(Claim::proven(deleting()).settle(done, NOW).releases, None);
}

#[test]
fn the_pipeline_is_deleted_after_its_stacks() {
    let (next, effect) = acted(&TeardownStep::Finish, &retiring());
    assert!(matches!(effect, Effect::Delete(_)));
    assert_eq!(next.state, State::Deleting);
    assert!(next.resources.stacks.is_empty());
    let mut given_up = next.clone();
    given_up.claim = None;
    assert!(
        given_up.is_abandoned(NOW.plus(Duration::from_mins(10))),
        "no message returns"
    );
    let gone = settled(next);
    assert_eq!(gone.state, State::Gone);
    assert_eq!(gone.resources.teardown, None);
}

#[test]
fn an_idle_subject_sleeps_when_its_stacks_are_deleted() {
    let mut row = retiring();
    row.desired = active().desired;
    row.activity.sleep = Some(Sleep {
        reason: SleepReason::Idle,
        since: NOW,
    });
    let (next, effect) = acted(&TeardownStep::Finish, &row);
    assert!(matches!(effect, Effect::Delete(_)));
    assert_eq!(settled(next).state, State::Asleep);
}

#[test]
fn a_reopened_subject_gets_its_clone_again_after_its_stacks_are_deleted() {
    let reopened = recorded(&open(3), &retiring());
    assert_eq!(reopened.state, State::Retiring);
    assert_eq!(reopened.resources, retiring().resources);
    let (next, effect) = acted(&TeardownStep::Finish, &reopened);
    assert!(matches!(effect, Effect::Start(_)));
    assert_eq!(next.state, State::Starting);
    assert!(next.resources.stacks.is_empty() && next.fingerprint().is_none());
    let closed_again = recorded(&closed(4), &reopened);
    assert_eq!(closed_again.state, State::Retiring);
    assert!(matches!(
        acted(&TeardownStep::Finish, &closed_again).1,
        Effect::Delete(_)
    ));
}

#[test]
fn a_failed_teardown_is_recorded_and_repeated() {
    let why = "its execution e-1 ended as Failed";
    let Plan::Record(transition) = go_on(&TeardownStep::Fail(why.into()), &retiring()) else {
        panic!("not recorded");
    };
    let failed = transition.next;
    assert_eq!(failed.state, State::Retiring);
    assert_eq!(failed.resources.teardown, Some(running().failed(NOW)));
    assert_eq!(failed.resources.stacks, [stack()]);
    assert!(
        failed
            .last_error
            .as_deref()
            .is_some_and(|error| error.contains(why))
    );
    assert!(!teardown_is_due(&failed, NOW));
    let later = failed
        .resources
        .teardown
        .as_ref()
        .unwrap()
        .retry_at
        .unwrap();
    assert!(teardown_is_due(&failed, later));
    let (next, effect) = acted(&TeardownStep::Repeat, &failed);
    assert!(matches!(effect, Effect::Delete(_)));
    assert_eq!(next.resources.stacks, [stack()]);
    assert_eq!(
        next.resources.teardown.map(|teardown| teardown.failures),
        Some(1)
    );
}

#[test]
fn stacks_that_are_left_behind_keep_the_row_until_the_subject_is_open_again() {
    let row = left_behind();
    assert_eq!(
        go_on(&TeardownStep::LeftBehind, &row),
        Plan::Nothing(Unchanged::Repeated)
    );
    assert!(!teardown_is_due(&row, NOW));
    let next = claimed(&open(3), Some(&row));
    assert_eq!(next.state, State::Starting);
    assert_eq!(
        next.resources.stacks,
        [stack()],
        "deleted with the clone the next time"
    );
    assert_eq!(settled(next).resources.teardown, None);
    let mut overtaken = recorded(&open(3), &retiring());
    overtaken.resources.teardown = Some(Teardown::impossible());
    assert!(teardown_is_due(&overtaken, NOW));
    assert!(matches!(
        acted(&TeardownStep::LeftBehind, &overtaken).1,
        Effect::Start(_)
    ));
}

#[test]
fn a_teardown_that_has_changed_since_it_was_read_is_left_alone() {
    let row = retiring();
    for (read, seen) in [
        (None, Some(&row)),
        (Some(&running().failed(NOW)), Some(&row)),
        (Some(&running()), None),
        (Some(&running()), Some(&active())),
    ] {
        let plan = plan_teardown(&found(&TeardownStep::Finish), read, seen, claim("me"), NOW);
        assert_eq!(plan, Plan::Nothing(Unchanged::Repeated), "{read:?}");
    }
    assert_eq!(
        go_on(&TeardownStep::Wait, &row),
        Plan::Nothing(Unchanged::Repeated)
    );
    assert!(teardown_is_due(&row, NOW));
}

#[test]
fn a_subject_that_is_opened_while_its_teardown_begins_is_made_again() {
    let row = expired(deleting());
    let next = claimed(&open(3), Some(&row));
    assert_eq!(
        next.state,
        State::Starting,
        "its pipeline may be the one that deletes stacks"
    );
    assert_eq!(next.resources.stacks, [stack()]);
    assert!(next.fingerprint().is_none());
}
