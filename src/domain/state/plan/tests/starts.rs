//! When a head commit is started, and under which token.

use super::*;

/// An open pull request at a commit, which is one hexadecimal digit repeated.
fn at(seconds: i64, head: char, call: BuildPolicy) -> Intent {
    let commit = |c: char| CommitId::parse(c.to_string().repeat(40)).unwrap();
    let mut intent = intent(
        seconds,
        EventKind::Open,
        DesiredState::Present(Box::new(spec("api-pr-7")), call),
    );
    intent.order.head = Some(commit(head));
    intent
}

/// Returns the second of the event whose body is the token.
fn token(row: &Mapping) -> &str {
    let token = row.start_token.as_ref().unwrap().as_str();
    token.trim_start_matches('0')
}

#[test]
fn a_new_head_is_started_once_and_under_the_delivery_that_brought_it() {
    let made = settled(claimed(&at(1, 'a', OURS), None));
    assert_eq!(made.observed.built, made.order.head, "the first execution");
    assert_eq!(
        word(&decide(&at(2, 'a', OURS), Some(&made))),
        "record active"
    );

    let starting = claimed(&at(3, 'b', OURS), Some(&made));
    assert_eq!((starting.state, token(&starting)), (State::Starting, "3"));
    assert_eq!(starting.observed.built, made.observed.built, "not yet");
    let mut dead = starting.clone();
    dead.claim = None;
    let again = claimed(&at(4, 'b', OURS), Some(&dead));
    assert_eq!(
        (again.state, token(&again)),
        (State::Starting, "3"),
        "the same head"
    );
    let newer = claimed(&at(5, 'c', OURS), Some(&dead));
    assert_eq!(token(&newer), "5", "another head");
    assert_eq!(
        settled(starting.clone()).observed.built,
        starting.order.head
    );

    let back = claimed(&at(6, 'a', OURS), Some(&settled(starting)));
    assert_eq!(
        token(&back),
        "6",
        "a commit that was built before is started again"
    );
}

#[test]
fn a_head_that_a_closing_brought_is_not_started_under_the_token_of_the_one_before() {
    let made = settled(claimed(&at(1, 'a', OURS), None));
    let started = settled(claimed(&at(2, 'b', OURS), Some(&made)));
    let mut closing = at(3, 'c', OURS);
    closing.order.kind = EventKind::Closed;
    closing.wanted = DesiredState::Absent(AbsenceReason::Closed);
    let deleting = expired(claimed(&closing, Some(&started)));
    let reopened = claimed(&at(4, 'c', OURS), Some(&deleting));
    assert_eq!((reopened.state, token(&reopened)), (State::Creating, "4"));
    let again = claimed(&at(5, 'c', OURS), Some(&expired(reopened)));
    assert_eq!(token(&again), "4", "the same head");
}

#[test]
fn what_asks_for_no_build_is_not_started_and_makes_no_pipeline() {
    let skip = BuildPolicy {
        head: BuildTrigger::Skipped,
        ..OURS
    };
    let made = settled(claimed(&at(1, 'a', OURS), None));
    assert_eq!(
        word(&decide(&at(2, 'b', skip), Some(&made))),
        "record active"
    );
    match decide(&at(1, 'a', skip), None) {
        Plan::Record(transition) => {
            assert_eq!(transition.next.absence(), Some(AbsenceReason::Skipped))
        }
        other @ (Plan::Nothing(_) | Plan::Busy { .. } | Plan::Remember(_) | Plan::Act { .. }) => {
            panic!("{other:?}")
        }
    }
}

#[test]
fn what_the_clone_detects_by_itself_is_not_started() {
    let push = BuildPolicy {
        head: BuildTrigger::ChangeDetection,
        ..OURS
    };
    let made = settled(claimed(&at(1, 'a', push), None));
    assert_eq!(
        word(&decide(&at(2, 'b', push), Some(&made))),
        "record active"
    );
}

#[test]
fn a_moved_clone_is_started_under_a_token_of_its_own() {
    let made = settled(claimed(&at(1, 'a', OURS), None));
    let mut moved = at(2, 'a', OURS);
    if let DesiredState::Present(spec, _) = &mut moved.wanted {
        spec.template = PipelineName::parse("other").unwrap();
    }
    let row = claimed(&moved, Some(&made));
    assert_eq!((row.state, token(&row)), (State::Starting, "2"));
}

#[test]
fn a_start_after_a_stop_has_a_token_of_its_claims_own() {
    let made = settled(claimed(&at(1, 'a', OURS), None));
    let mut row = claimed(&at(2, 'b', OURS), Some(&made));
    let first = row.token(true);
    row.claim = Some(ClaimInfo {
        owner: "next".into(),
        until: NOW,
    });
    assert!(first.is_some() && first != row.token(true));
    assert_ne!(first, row.start_token);
    assert_eq!(row.token(false), row.start_token);
    row.start_token = DeliveryId::parse("d".repeat(DeliveryId::MAX)).ok();
    assert!(row.token(true).is_some());
}

#[test]
fn a_new_branchs_first_execution_is_that_of_its_first_push() {
    let mut create = at(1, 'a', OURS);
    create.order.head = None;
    let made = settled(claimed(&create, None));
    assert_eq!(made.observed.built, None);
    let first = at(2, 'a', OURS);
    match decide(&first, Some(&made)) {
        Plan::Record(transition) => assert_eq!(transition.next.observed.built, first.order.head),
        other @ (Plan::Nothing(_) | Plan::Busy { .. } | Plan::Remember(_) | Plan::Act { .. }) => {
            panic!("{other:?}")
        }
    }
    let mut second = at(2, 'b', OURS);
    second.order.before = first.order.head;
    assert_eq!(word(&decide(&second, Some(&made))), "start api-pr-7");
}

#[test]
fn a_clone_made_by_an_attempt_before_owes_the_head_that_came_meanwhile() {
    let dead = Mapping {
        claim: None,
        ..claimed(&at(1, 'a', OURS), None)
    };
    let again = claimed(&at(2, 'a', OURS), Some(&dead));
    assert!(!again.owes_start(), "its first execution has this head");
    let newer = claimed(&at(2, 'b', OURS), Some(&dead));
    assert!(newer.owes_start());
}
