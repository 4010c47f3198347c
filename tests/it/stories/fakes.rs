//! The test world itself: its fakes misbehave as AWS does, and what a story leaves over is
//! reported.

use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::domain::intake::envelope::Attribute;
use branchline::domain::outcome::outgoing::Destination;
use branchline::ports::Queue;
use branchline::reconcile::lease::VISIBILITY;

use crate::world::clock::FakeClock;
use crate::world::clock::START;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{branch_rule, pull_request_rule, template};
use crate::world::story::{MAX_RECEIVES, World, run_story};
use crate::world::webhook::Webhook;

#[tokio::test]
async fn what_is_left_over_is_reported() {
    let world = World::new(FakeClock::new());
    assert!(world.leftovers().is_empty());

    world.send(&Webhook::pull_request("opened"));
    assert!(world.leftovers()[0].contains("in the source queue"));
    world.settle().await;
    assert!(world.leftovers().is_empty());

    assert!(world.account.remove("api-pr-7"));
    assert_eq!(
        world.leftovers(),
        ["acme/api#7 is active, without its 'api-pr-7'"]
    );
}

#[tokio::test]
async fn an_unexpected_dead_letter_is_left_over() {
    let world = World::new(FakeClock::new());
    let forged = Webhook::pull_request("opened").signed_with("guess");
    world.deliver(forged).await;
    let left = world.leftovers();
    assert!(
        left[0].contains("signature-mismatch) in quarantine"),
        "{left:?}"
    );
    assert_eq!(world.take_quarantined().len(), 1);
    world
        .deliver(Webhook::pull_request("opened").body("{"))
        .await;
    let left = world.leftovers();
    assert!(
        left[0].contains("invalid-payload) in the dead letters"),
        "{left:?}"
    );
    assert_eq!(world.take_dead_letters().len(), 1);
    world.finish();
}

#[tokio::test]
async fn a_claim_and_a_half_way_mapping_are_left_over() {
    let world = World::new(FakeClock::new());
    world
        .faults
        .next(Op::Create, 1, Trouble::Hang(When::Before));
    world.send(&Webhook::pull_request("opened"));
    let envelope = world
        .queue
        .receive(1, Duration::ZERO)
        .await
        .unwrap()
        .remove(0);
    let crashed = crate::world::driver::handle(&world, envelope).await;
    assert!(crashed.is_none());
    let left = world.leftovers();
    assert!(
        left.iter().any(|line| line.contains("with a live claim")),
        "{left:?}"
    );

    world.clock.advance(VISIBILITY - Duration::from_secs(1));
    assert_eq!(world.queue.depth().in_flight, 1);
    world.settle().await;
    assert_eq!(world.pipelines(), ["api-pr-7"]);
    world.finish();
}

#[test]
fn a_half_way_mapping_can_be_expected() {
    run_story(async |world| {
        let foreign = template("api-pr-7", "acme/api");
        world.add_pipeline(foreign, [].into());
        let outcomes = world.deliver(Webhook::pull_request("opened")).await;
        assert!(
            outcomes[0].starts_with("pipeline-name-taken"),
            "{outcomes:?}"
        );
        let dead_letters = world.take_dead_letters();
        assert_eq!(
            dead_letters[0].text("branchline-reason"),
            Some("pipeline-name-taken")
        );
        world.expect_half_way("acme/api#7");
    });
}

#[test]
fn a_call_fails_before_or_after_it_took_effect() {
    run_story(async |world| {
        let fail = |when| Trouble::Fail(when, Reason::AwsUnavailable);
        world.faults.next(Op::Create, 1, fail(When::Before));
        world.faults.next(Op::Create, 1, fail(When::After));
        world.faults.next(Op::Delete, 1, fail(When::After));
        let outcomes = world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(outcomes.last().map(String::as_str), Some("already-created"));
        assert_eq!(world.pipeline("api-pr-7").executions(), 1);
    });
}

#[test]
fn a_worker_that_crashes_anywhere_leaves_nothing_behind() {
    for number in 1.. {
        let mut struck = false;
        for when in [When::Before, When::After] {
            run_story(async |world| {
                world.faults.at_call(number, Trouble::Hang(when));
                world.deliver(Webhook::pull_request("opened")).await;
                world.deliver(Webhook::pull_request("closed").sha(2)).await;
                world
                    .deliver(Webhook::pull_request("reopened").sha(2))
                    .await;
                struck = world.faults.calls().len() >= number;
                assert_eq!(world.pipelines(), ["api-pr-7"], "call {number}, {when:?}");
            });
        }
        if !struck {
            assert!(number > 15, "only {number} calls");
            return;
        }
    }
}

#[test]
fn an_unruly_queue_does_not_change_the_result() {
    for seed in 0..50 {
        run_story(async |world| {
            world.queue.unruly(seed);
            for number in 1..=12 {
                let opened = Webhook::pull_request("opened").number(number).at(START);
                world.send(&opened);
                world.send(&opened);
                if number % 2 == 0 {
                    let later = START.plus(Duration::from_secs(number));
                    world.send(&Webhook::pull_request("closed").number(number).at(later));
                }
            }
            world.settle().await;
            let odd: Vec<String> = [
                "api-pr-1",
                "api-pr-11",
                "api-pr-3",
                "api-pr-5",
                "api-pr-7",
                "api-pr-9",
            ]
            .map(str::to_owned)
            .into();
            assert_eq!(world.pipelines(), odd, "seed {seed}");
        });
    }
}

#[tokio::test]
async fn an_unruly_queue_redelivers_and_reorders() {
    let (mut twice, mut reordered) = (0, 0);
    for seed in 0..20 {
        let world = World::new(FakeClock::new());
        world.queue.unruly(seed);
        for number in 0..10 {
            world.queue.deliver(&format!("{number}"), &[]).unwrap();
        }
        let mut order = Vec::new();
        while world.queue.depth().visible > 0 {
            for envelope in world.queue.receive(10, Duration::ZERO).await.unwrap() {
                order.push(envelope.message_id.clone());
            }
        }
        reordered += usize::from(!order.is_sorted());
        twice += usize::from(order.len() > 10);
    }
    assert!(twice > 5 && reordered > 15, "{twice} {reordered}");
}

#[tokio::test]
async fn the_queue_moves_a_message_after_too_many_receives() {
    let world = World::new(FakeClock::new());
    // A busy subject is not a failure of the message, so it is never dead-lettered for it.
    let busy = Trouble::Fail(When::Before, Reason::SubjectBusy);
    world.faults.next(Op::Claim, u32::MAX, busy);
    world.send(&Webhook::pull_request("opened"));
    world.settle().await;
    let dead_letters = world.queue.take(Destination::DeadLetters);
    assert_eq!(dead_letters.len(), 1);
    assert_eq!(dead_letters[0].receives, MAX_RECEIVES);
    assert_eq!(dead_letters[0].text("branchline-reason"), None);
    world.finish();
}

#[tokio::test]
async fn an_expired_receipt_returns_nothing_and_an_old_one_deletes_nothing() {
    let world = World::new(FakeClock::new());
    world.queue.deliver("body", &[]).unwrap();
    let one = || world.queue.receive(1, Duration::ZERO);
    let old = one().await.unwrap().remove(0).receipt;
    world.clock.advance(Duration::from_secs(120));
    let back = [(old.clone(), Duration::ZERO)];
    let failed = Ok(vec![old.clone()]);
    assert_eq!(world.queue.change_visibility(&back).await, failed);
    let new = one().await.unwrap().remove(0).receipt;
    assert_eq!(world.queue.change_visibility(&back).await, failed);
    assert_eq!(world.queue.delete(&[old]).await, Ok(Vec::new()));
    assert_eq!(world.queue.waiting().len(), 1);
    assert_eq!(world.queue.delete(&[new]).await, Ok(Vec::new()));
    world.finish();
}

#[test]
fn the_fake_refuses_what_sqs_refuses() {
    let text = |name: &str, value: &str| (name.to_owned(), Attribute::text(value));
    let check = crate::world::sqs::check;
    let eleven: Vec<_> = (0..11).map(|n| text(&format!("n{n}"), "v")).collect();
    assert!(check("body", &eleven[..10]).is_ok());
    assert!(check("body", &eleven).is_err());
    assert!(check(&"x".repeat(1_048_576), &[]).is_ok());
    assert!(check(&"x".repeat(1_048_576), &[text("n", "v")]).is_err());
    for (name, value) in [
        ("", "v"),
        ("n", ""),
        ("a b", "v"),
        ("AWS.n", "v"),
        ("n", "\0"),
    ] {
        assert!(
            check("body", &[text(name, value)]).is_err(),
            "{name:?} {value:?}"
        );
    }
    assert!(check("\t\r\n\u{E000}\u{FFFD}\u{10000}", &[]).is_ok());
    for body in ["", "\u{8}", "\u{FFFE}", "\0"] {
        assert!(check(body, &[]).is_err(), "{body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_can_follow_tokio_and_a_long_poll_waits() {
    use crate::world::clock::FakeClock;
    use crate::world::fault_injection::FaultInjection;
    use crate::world::queue::FakeQueue;

    let clock = FakeClock::following_tokio();
    let queue = FakeQueue::new(&clock, &FaultInjection::new(&clock), 3);
    let begun = tokio::time::Instant::now();
    let long = Duration::from_secs(20);
    assert!(queue.receive(1, long).await.unwrap().is_empty());
    assert!(begun.elapsed() >= long);
    let sender = queue.clone();
    let (received, ()) = tokio::join!(queue.receive(1, long), async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        sender.deliver("body", &[]).unwrap();
    });
    assert_eq!(received.unwrap().len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(26));
}

#[test]
fn a_call_can_take_long() {
    run_story(async |world| {
        let slow = Trouble::Stall(When::Before, Duration::from_secs(30));
        world.faults.next(Op::Create, 1, slow);
        tokio::join!(world.deliver(Webhook::pull_request("opened")), async {
            while world.pipelines().is_empty() {
                world.clock.advance(Duration::from_secs(1));
                tokio::task::yield_now().await;
            }
        });
        let mapping = world.mapping("acme/api#7");
        let took = mapping.updated_at.since(mapping.created_at);
        assert!(took >= Duration::from_secs(30), "{took:?}");
    });
}

#[test]
fn the_fakes_count_the_cost_of_a_webhook() {
    run_story(async |world| {
        let rules = || vec![pull_request_rule(), branch_rule()];
        world.restart(rules());
        let budget = [
            (Webhook::pull_request("opened"), 5),
            (Webhook::push("feature/y", 0, 1), 4),
            (Webhook::pull_request("labeled"), 0),
            (Webhook::ping(), 0),
        ];
        for (webhook, most) in budget {
            world.faults.clear();
            world.deliver(webhook).await;
            let calls = world.faults.calls();
            assert!(world.faults.spent() <= most, "more than {most}: {calls:?}");
        }
        world.faults.clear();
        world
            .deliver(Webhook::pull_request("opened").at(START))
            .await;
        // The claim that is refused, and the record of the repository beside it.
        assert_eq!(world.faults.spent(), 2, "{:?}", world.faults.calls());
        // Another event of the same second changes nothing, and is remembered.
        world.faults.clear();
        let other = Webhook::pull_request("synchronize").at(START);
        assert_eq!(world.deliver(other).await, ["recorded"]);
        assert_eq!(world.faults.spent(), 2, "{:?}", world.faults.calls());
    });
}
