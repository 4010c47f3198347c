use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::domain::github::hook::Hook;
use crate::domain::ids::{DeliveryAttemptId, DeliveryId, RepositoryId, Timestamp};
use crate::domain::jobs::JobSuccess;

/// The start of the run under test, with three days before it.
const NOW: Timestamp = Timestamp(1_000_000_000);

/// Returns the time of this many minutes before the run.
fn ago(minutes: u64) -> Timestamp {
    NOW.minus(Duration::from_mins(minutes))
}

/// Returns an attempt that failed this many minutes before the run.
fn failed(delivery: &str, minutes: u64) -> DeliveryAttempt {
    DeliveryAttempt {
        hook: Hook::App,
        id: DeliveryAttemptId(10_000 - minutes),
        delivery: DeliveryId::parse(delivery).unwrap(),
        at: ago(minutes),
        is_redelivery: false,
        status: "failed to connect to host".to_owned(),
        status_code: 0,
        event: "pull_request".to_owned(),
        action: Some("opened".to_owned()),
        repository: Some(RepositoryId(1)),
        is_throttled: false,
    }
}

fn arrived(delivery: &str, minutes: u64) -> DeliveryAttempt {
    DeliveryAttempt {
        status: "OK".to_owned(),
        status_code: 200,
        ..failed(delivery, minutes)
    }
}

fn again(attempt: DeliveryAttempt) -> DeliveryAttempt {
    DeliveryAttempt {
        is_redelivery: true,
        ..attempt
    }
}

fn of(event: &str, action: Option<&str>, repository: u64) -> DeliveryAttempt {
    DeliveryAttempt {
        event: event.to_owned(),
        action: action.map(str::to_owned),
        repository: Some(RepositoryId(repository)),
        ..failed("e", 5)
    }
}

/// Returns the run after one that began 15 minutes before.
fn look() -> Look {
    let success = JobSuccess {
        began_at: ago(15),
        open_since: None,
    };
    Look::after(Some(success), NOW)
}

/// Plans with the repositories 1, which has a rule for pull requests, and 2, which has none.
fn planned(attempts: Vec<DeliveryAttempt>, look: Look) -> MissedPlan {
    let known = [(1, true), (2, false)].map(|(id, has_pull_request_rule)| {
        let known = KnownRepository {
            has_pull_request_rule,
        };
        (RepositoryId(id), known)
    });
    plan(by_event(attempts), &BTreeMap::from(known), look)
}

fn names(events: &[EventDeliveries]) -> Vec<&str> {
    let names = events.iter().map(|event| event.delivery.as_str());
    names.collect()
}

#[test]
fn an_event_stands_as_its_attempts_say() {
    let throttled = DeliveryAttempt {
        is_throttled: true,
        ..failed("e", 5)
    };
    let accepted = DeliveryAttempt {
        status: "Accepted".to_owned(),
        status_code: 202,
        ..failed("e", 5)
    };
    let cases: [(&str, Vec<DeliveryAttempt>); 12] = [
        ("arrived", vec![arrived("e", 5)]),
        ("arrived", vec![accepted]),
        ("missed", vec![failed("e", 0)]),
        ("arrived", vec![failed("e", 20), again(arrived("e", 5))]),
        // An older success of another webhook counts, whatever is newer.
        ("arrived", vec![arrived("e", 20), again(failed("e", 5))]),
        ("delayed", vec![throttled]),
        ("waiting", vec![failed("e", 40), again(failed("e", 29))]),
        ("missed", vec![failed("e", 60), again(failed("e", 30))]),
        (
            "waiting",
            vec![
                failed("e", 300),
                again(failed("e", 270)),
                again(failed("e", 179)),
            ],
        ),
        (
            "missed",
            vec![
                failed("e", 300),
                again(failed("e", 270)),
                again(failed("e", 180)),
            ],
        ),
        (
            "exhausted",
            vec![
                failed("e", 600),
                again(failed("e", 570)),
                again(failed("e", 480)),
                again(failed("e", 300)),
            ],
        ),
        ("too-old", vec![failed("e", 3 * 24 * 60)]),
    ];
    for (expected, attempts) in cases {
        let events = by_event(attempts.clone());
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].standing(NOW).as_str(), expected, "{attempts:?}");
    }
}

#[test]
fn a_run_looks_back_to_the_last_success_and_to_what_it_left() {
    assert_eq!(Look::after(None, NOW).since, ago(24 * 60));
    assert_eq!(look().since, ago(75));
    let success = |open| JobSuccess {
        began_at: ago(15),
        open_since: Some(open),
    };
    assert_eq!(Look::after(Some(success(ago(500))), NOW).since, ago(500));
    assert_eq!(Look::after(Some(success(ago(20))), NOW).since, ago(75));
}

#[test]
fn twenty_are_asked_for_the_newest_of_known_repositories_first() {
    let mut attempts: Vec<DeliveryAttempt> = (0..25)
        .map(|minute| failed(&format!("e{minute:02}"), minute))
        .collect();
    let stranger = DeliveryAttempt {
        repository: Some(RepositoryId(99)),
        ..failed("stranger", 0)
    };
    attempts.push(stranger);
    let plan = planned(attempts, look());
    assert_eq!(plan.requests.len(), MOST_REQUESTS);
    assert_eq!(names(&plan.requests)[..2], ["e00", "e01"]);
    assert_eq!(plan.open, 26);
    assert_eq!(plan.open_since, Some(ago(24)));
    let few = vec![
        DeliveryAttempt {
            repository: Some(RepositoryId(99)),
            ..failed("stranger", 0)
        },
        failed("known", 9),
    ];
    assert_eq!(names(&planned(few, look()).requests), ["known", "stranger"]);
}

#[test]
fn an_event_that_certainly_concerns_nothing_is_left_alone() {
    let cases = [
        (true, of("pull_request", Some("synchronize"), 99)),
        (true, of("push", None, 99)),
        (true, of("create", None, 99)),
        (true, of("delete", None, 2)),
        (false, of("delete", None, 99)),
        (true, of("repository", Some("archived"), 2)),
        (false, of("repository", Some("archived"), 99)),
        (false, of("repository", Some("publicized"), 2)),
        (true, of("check_run", Some("rerequested"), 1)),
        (false, of("check_run", Some("rerequested"), 99)),
        (false, of("check_run", Some("completed"), 1)),
        (false, of("pull_request", Some("labeled"), 1)),
        (false, of("ping", None, 1)),
        (false, of("issues", Some("opened"), 1)),
    ];
    for (expected, attempt) in cases {
        let plan = planned(vec![attempt.clone()], look());
        assert_eq!(plan.requests.len(), usize::from(expected), "{attempt:?}");
        assert_eq!(plan.open, usize::from(expected), "{attempt:?}");
    }
}

#[test]
fn what_waits_keeps_the_window_open_and_what_arrived_does_not() {
    let attempts = vec![
        failed("waits", 70),
        again(failed("waits", 20)),
        failed("healed", 74),
        again(arrived("healed", 3)),
    ];
    let plan = planned(attempts, look());
    assert_eq!((plan.open, plan.open_since), (1, Some(ago(70))));
    assert_eq!(plan.requests, []);
}

#[test]
fn what_is_given_up_is_named_once() {
    let exhausted = |newest| {
        vec![
            failed("e", 60),
            again(failed("e", 50)),
            again(failed("e", 40)),
            again(failed("e", newest)),
        ]
    };
    let given_up = |attempts| {
        let plan = planned(attempts, look());
        assert_eq!((plan.open, plan.requests.len()), (0, 0));
        let standings = plan.given_up.iter().map(|(_, standing)| standing.as_str());
        standings.collect::<Vec<_>>()
    };
    assert_eq!(given_up(exhausted(10)), ["exhausted"]);
    assert_eq!(given_up(exhausted(15)), ["exhausted"]);
    assert_eq!(given_up(exhausted(16)), [""; 0], "the last run named it");
    let days = 3 * 24 * 60;
    assert_eq!(given_up(vec![failed("e", days + 15)]), ["too-old"]);
    assert_eq!(given_up(vec![failed("e", days)]), [""; 0], "the next run");
    assert_eq!(given_up(vec![failed("e", days + 16)]), [""; 0]);
}

#[test]
fn an_event_is_not_asked_for_again_once_its_first_attempt_is_out_of_sight() {
    let rest = vec![again(failed("e", 70)), again(failed("e", 40))];
    let plan = planned(rest, look());
    assert_eq!(plan, MissedPlan::default());
}

#[test]
fn a_record_is_expected_once_of_a_pull_request_that_a_rule_names() {
    let expected = |attempt: DeliveryAttempt| {
        let plan = planned(vec![attempt], look());
        plan.expect_record.len()
    };
    assert_eq!(expected(arrived("e", 15)), 0, "it may still be in work");
    assert_eq!(expected(arrived("e", 16)), 1);
    assert_eq!(expected(arrived("e", 30)), 1);
    assert_eq!(expected(arrived("e", 31)), 0, "the last run looked");
    let others = [
        of("push", None, 1),
        of("pull_request", Some("labeled"), 1),
        of("pull_request", Some("opened"), 2),
        of("pull_request", Some("opened"), 99),
    ];
    for other in others {
        let attempt = DeliveryAttempt {
            status: "OK".to_owned(),
            at: ago(20),
            ..other
        };
        assert_eq!(expected(attempt.clone()), 0, "{attempt:?}");
    }
    let first = Look::after(None, NOW);
    let plan = planned(vec![arrived("e", 20)], first);
    assert_eq!(plan.expect_record, [], "there may have been no daemon");
}
