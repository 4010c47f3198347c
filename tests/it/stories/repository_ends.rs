//! Repositories that end: what arrives late makes nothing, and every subject is handled, whatever
//! happens to the others.

#![expect(
    clippy::unwrap_used,
    reason = "a message that is not received fails the test"
)]

use std::cell::RefCell;
use std::time::Duration;

use branchline::domain::clone::overrides::CloneOverrides;
use branchline::domain::fault::Reason;
use branchline::domain::intake::envelope::Envelope;
use branchline::domain::rules::rule::Rule;
use branchline::domain::state::desired::AbsenceReason;
use branchline::domain::state::mapping::State;
use branchline::ports::{Clock, Queue};
use tokio::time::sleep;

use crate::stories::identity::{ended, open_both, rules};
use crate::world::driver::handle;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{TEMPLATE, preview_rule, pull_request_rule, with_image};
use crate::world::story::{World, outcome, run_daemon, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

#[test]
fn what_was_before_the_end_of_a_repository_makes_nothing_after_it() {
    for action in ["deleted", "archived"] {
        run_story(async |world| {
            world.restart(rules());
            world.deliver(Webhook::pull_request("opened")).await;
            world.deliver(Webhook::pull_request("closed")).await;
            let reopened = Webhook::pull_request("reopened").at(world.clock.now());
            let opened = Webhook::pull_request("opened")
                .number(8)
                .at(world.clock.now());
            let pushed = Webhook::push("x", 0, 1).at(world.clock.now());
            world.deliver(ended(world, action, REPOSITORY.1)).await;
            world.clock.advance(Duration::from_secs(60));
            for late in [reopened, opened, pushed] {
                let outcomes = world.deliver(late).await;
                assert_eq!(outcomes, [format!("recorded: repository-{action}")]);
            }
            assert!(world.pipelines().is_empty());
            let rows = world.store.rows();
            assert!(rows.iter().all(|row| row.state == State::Gone));
            let reason = world
                .mapping("acme/api#8")
                .absence()
                .map(AbsenceReason::as_str);
            assert_eq!(reason, Some(format!("repository-{action}").as_str()));
        });
    }
}

#[test]
fn a_clone_that_cannot_be_built_does_not_hide_the_end_of_its_repository() {
    for overrides in [
        CloneOverrides::default(),
        with_image("ci:2"),
        preview_rule().overrides,
    ] {
        run_story(async |world| {
            let rule = Rule {
                overrides,
                ..pull_request_rule()
            };
            world.restart(vec![rule]);
            let opened = Webhook::pull_request("opened").at(world.clock.now());
            world.clock.advance(Duration::from_secs(2));
            world.deliver(ended(world, "archived", REPOSITORY.1)).await;
            assert!(world.account.remove(TEMPLATE));
            let outcomes = world.deliver(opened).await;
            assert_eq!(outcomes, ["recorded: repository-archived"]);
            assert_eq!(world.mapping("acme/api#7").state, State::Gone);
        });
    }
}

#[test]
fn a_repository_that_was_unarchived_or_restored_works_again() {
    for action in ["deleted", "archived"] {
        run_story(async |world| {
            open_both(world).await;
            world.clock.advance(Duration::from_secs(1));
            let end = ended(world, action, REPOSITORY.1);
            world.deliver(end.clone()).await;
            world.clock.advance(Duration::from_secs(60));
            let unarchived = ended(world, "unarchived", REPOSITORY.1);
            assert_eq!(
                world.deliver(unarchived).await,
                ["ignored: action unarchived"]
            );
            let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
            assert_eq!(world.deliver(pushed).await, ["created"]);
            assert_eq!(world.deliver(Webhook::push("y", 0, 1)).await, ["created"]);
            assert_eq!(world.deliver(end).await, ["repository-removed: 0 subjects"]);
            assert_eq!(world.pipelines(), ["api-pr-7", "api-y"]);
            world.deliver(Webhook::pull_request("closed").sha(2)).await;
            world.deliver(Webhook::delete("y")).await;
        });
    }
}

#[test]
fn a_creation_that_was_cut_off_before_the_end_leaves_nothing() {
    run_story(async |world| {
        world.restart(rules());
        let unanswered = Trouble::Fail(When::After, Reason::AwsUnavailable);
        world.faults.next(Op::Create, 1, unanswered);
        world.send(&Webhook::pull_request("opened"));
        world.clock.advance(Duration::from_secs(1));
        world.send(&ended(world, "deleted", REPOSITORY.1));
        world.settle().await;
        assert!(world.pipelines().is_empty());
        assert_eq!(world.mapping("acme/api#7").state, State::Gone);
    });
}

/// Opens a pull request, whose claim is written this much later, and deletes its repository
/// meanwhile. Returns the two outcomes, the earlier one first.
async fn ended_beside_a_claim(world: &World, later: Duration) -> Vec<String> {
    world.restart(rules());
    let stalls = Trouble::Stall(When::Before, later);
    world.faults.next(Op::Claim, 1, stalls);
    world.send(&Webhook::pull_request("opened"));
    let opened = world.queue.receive(1, Duration::ZERO).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    world.send(&ended(world, "deleted", REPOSITORY.1));
    let deleted = world.queue.receive(1, Duration::ZERO).await.unwrap();
    let outcomes = RefCell::new(Vec::new());
    let handled = async |message: Envelope, after| {
        sleep(after).await;
        let journal = handle(world, message).await.unwrap();
        outcomes.borrow_mut().push(outcome(&journal));
    };
    let [opened, deleted] = [opened, deleted].map(|mut messages| messages.pop().unwrap());
    tokio::join!(
        handled(opened, Duration::ZERO),
        handled(deleted, Duration::from_millis(100)),
    );
    outcomes.into_inner()
}

#[test]
fn a_claim_beside_the_end_of_its_repository_is_listed_or_finds_the_end() {
    let (created, removed) = ("created", "repository-removed: 1 subject");
    let (none, found) = (
        "repository-removed: 0 subjects",
        "recorded: repository-deleted",
    );
    for (later, expected) in [
        // The look was before the end, and the claim is in the last listing.
        (Duration::from_millis(50), [created, removed]),
        (Duration::from_millis(500), [created, removed]),
        // The last listing was before the claim, under which the record is read again.
        (Duration::from_millis(1_200), [none, found]),
        (Duration::from_secs(7), [none, found]),
    ] {
        run_daemon(async |world| {
            let outcomes = ended_beside_a_claim(world, later).await;
            assert_eq!(outcomes, expected, "{later:?}");
            let creations = usize::from(expected.contains(&created));
            assert_eq!(world.faults.count(Op::Create), creations, "{later:?}");
            assert!(world.pipelines().is_empty(), "{later:?}");
            assert_eq!(world.mapping("acme/api#7").state, State::Gone);
        });
    }
}

#[test]
fn a_look_at_a_repository_that_fails_is_repeated_under_the_claim() {
    run_story(async |world| {
        world.restart(rules());
        let opened = Webhook::pull_request("opened").at(world.clock.now());
        world.clock.advance(Duration::from_secs(2));
        world.deliver(ended(world, "deleted", REPOSITORY.1)).await;
        let throttled = Trouble::Fail(When::Before, Reason::AwsThrottled);
        world.faults.next(Op::RepositoryRecord, 1, throttled);
        let outcomes = world.deliver(opened).await;
        assert_eq!(outcomes, ["recorded: repository-deleted"]);
        assert_eq!(world.faults.count(Op::Create), 0);
    });
}

/// Opens pull requests 1 to 3, then fails the deletion of their pipelines for these reasons, in
/// order, and delivers the end of the repository once.
async fn removed_once(world: &World, reasons: [Reason; 3]) -> String {
    world.restart(rules());
    for number in 1..=3 {
        world
            .deliver(Webhook::pull_request("opened").number(number))
            .await;
    }
    for reason in reasons {
        let fails = Trouble::Fail(When::Before, reason);
        world.faults.next(Op::Remove, 1, fails);
    }
    world.send(&ended(world, "deleted", REPOSITORY.1));
    let journals = world.settle().await;
    let first = journals.first();
    first.map_or_else(String::new, |journal| journal.outcome().to_owned())
}

#[test]
fn the_first_of_the_worst_faults_decides_about_the_end_of_a_repository() {
    use Reason::{AwsConflict, AwsQuota, AwsThrottled, AwsUnavailable, AwsUnknown};
    use Reason::{ClaimLost, DeclarationRefused, InvalidValue, PipelineNotOurs};
    let cases = [
        // Permanent faults alone: the first one is the reason of the dead letter.
        (
            [DeclarationRefused, InvalidValue, PipelineNotOurs],
            DeclarationRefused,
        ),
        ([AwsUnavailable, AwsConflict, InvalidValue], AwsUnavailable),
        ([InvalidValue, AwsConflict, AwsUnavailable], AwsConflict),
        ([AwsUnknown, AwsUnavailable, AwsThrottled], AwsThrottled),
        ([AwsThrottled, AwsQuota, AwsUnknown], AwsQuota),
        ([ClaimLost, AwsQuota, InvalidValue], ClaimLost),
        ([InvalidValue, AwsQuota, ClaimLost], ClaimLost),
    ];
    for (reasons, expected) in cases {
        run_story(async |world| {
            let outcome = removed_once(world, reasons).await;
            assert_eq!(outcome, expected.as_str(), "{reasons:?}");
            for letter in world.take_dead_letters() {
                let reason = letter.text("branchline-reason");
                assert_eq!(reason, Some(expected.as_str()), "{reasons:?}");
            }
            for number in 1..=3 {
                world
                    .deliver(Webhook::pull_request("closed").number(number))
                    .await;
            }
        });
    }
}

#[test]
fn a_repository_with_a_busy_subject_is_never_dead_lettered() {
    run_story(async |world| {
        world.restart(rules());
        for number in 1..=2 {
            world
                .deliver(Webhook::pull_request("opened").number(number))
                .await;
        }
        let lost = Trouble::Fail(When::Before, Reason::ClaimLost);
        world.faults.next(
            Op::Remove,
            1,
            Trouble::Fail(When::Before, Reason::InvalidValue),
        );
        world.faults.next(Op::Remove, 80, lost);
        world.send(&ended(world, "deleted", REPOSITORY.1));
        let journals = world.settle().await;
        assert!(journals.len() > 30, "{}", journals.len());
        assert!(world.take_dead_letters().is_empty());
        assert!(world.pipelines().is_empty());
    });
}
