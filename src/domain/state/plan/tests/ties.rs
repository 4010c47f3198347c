//! Events of one second, and what is sent again.

use super::*;

/// The same event with another body and another time of arrival.
fn other(intent: &Intent, body: u32, received_at: i64) -> Intent {
    let mut other = intent.clone();
    other.body = BodyDigest::parse(format!("{body:064}")).unwrap();
    other.order.received_at = Timestamp(received_at);
    other
}

fn recorded(intent: &Intent, seen: &Mapping) -> Mapping {
    match decide(intent, Some(seen)) {
        Plan::Record(transition) | Plan::Remember(transition) => transition.next,
        other @ (Plan::Nothing(_) | Plan::Busy { .. } | Plan::Act { .. }) => panic!("{other:?}"),
    }
}

#[test]
fn a_stale_event_is_remembered_for_its_second() {
    let early = other(&closed(2), 8, 1);
    let late = other(&open(2), 9, 5_000);
    let gone = settled(claimed(&early, Some(&active())));
    let row = recorded(&late, &gone);
    assert_eq!(row.bodies, [late.body.clone(), early.body.clone()]);
    assert_eq!((row.state, &row.order), (gone.state, &gone.order));
    assert_eq!(word(&decide(&late, Some(&row))), "stale", "twice");
    let earlier_second = decide(&open(1), Some(&gone));
    assert_eq!(earlier_second, Plan::Nothing(Unchanged::Stale));
}

#[test]
fn a_stale_event_waits_for_the_claim_before_it_is_remembered() {
    let deleting = claimed(&other(&closed(2), 8, 1), Some(&active()));
    let late = other(&open(2), 9, 5_000);
    assert_eq!(word(&decide(&late, Some(&deleting))), "busy");
    let finished = claimed(&late, Some(&expired(deleting)));
    assert_eq!(finished.state, State::Deleting);
    assert!(finished.bodies.contains(&late.body));
    assert_eq!(word(&decide(&late, Some(&finished))), "stale");
}

#[test]
fn of_two_events_of_one_millisecond_the_second_one_counts() {
    let first = other(&open(2), 8, 2_000);
    let row = recorded(&first, &active());
    let mut second = other(&first, 9, 2_000);
    second.wanted = DesiredState::Absent(AbsenceReason::Draft);
    let row = settled(claimed(&second, Some(&row)));
    assert_eq!(word(&decide(&first, Some(&row))), "stale", "sent again");
    assert_eq!(word(&decide(&second, Some(&row))), "repeated", "sent again");
}
