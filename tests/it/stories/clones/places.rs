//! `max_active`: how many clones a rule may hold.

use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::rules::glob::GlobFilter;
use branchline::domain::rules::rule::Rule;
use branchline::domain::state::slots::Waiter;
use branchline::ports::{Clock, SlotResult, Store};
use branchline::worker::{RunMode, WorkerConfig};
use std::time::Duration;

use crate::stories::clones::{pushed, rule};
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{TEMPLATE, pipeline_name, template};
use crate::world::samples::pull;
use crate::world::story::{World, run_daemon, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};
use branchline::worker::Shutdown;

pub(super) fn limited(max: u32) -> Rule {
    rule(|rule| rule.max_active = Some(max))
}

pub(super) fn opened(number: u64) -> Webhook {
    Webhook::pull_request("opened").number(number)
}

pub(super) fn closed(number: u64) -> Webhook {
    Webhook::pull_request("closed").number(number)
}

/// A daemon works off the queue: at its start it counts.
pub(super) async fn work(world: &World, rules: Vec<Rule>) {
    let settings = WorkerConfig {
        concurrency: 8,
        drain_timeout: Duration::from_secs(25),
        seed: 1,
    };
    let daemon = world.daemon("w2", rules, &world.faults, &world.clock, settings);
    let (_sender, stop) = Shutdown::channel();
    daemon.run(RunMode::UntilEmpty, stop).await.unwrap();
}

/// A daemon works off the queue, and another one once the longest wait of a message is over.
pub(super) async fn work_twice(world: &World, rules: impl Fn() -> Vec<Rule>) {
    work(world, rules()).await;
    later().await;
    work(world, rules()).await;
}

/// The longest wait of a message that met a quota is over.
async fn later() {
    tokio::time::sleep(Duration::from_secs(3_600)).await;
}

#[test]
fn the_clone_too_many_waits_until_another_closes() {
    run_daemon(async |world| {
        work(world, vec![limited(2)]).await;
        for number in 1..=5 {
            world.send(&opened(number));
        }
        work(world, vec![limited(2)]).await;
        assert_eq!(world.pipelines().len(), 2, "{:?}", world.pipelines());
        let waits = world.half_way();
        assert_eq!(waits.len(), 3);
        let error = world.mapping(&waits[0]).last_error.unwrap();
        assert!(
            error.starts_with("rule-full: rule 'pull requests' has its max_active = 2 clones"),
            "{error}"
        );
        let waiting = |world: &World| world.half_way().len();
        for left in (0..3).rev() {
            let open: Vec<_> = world.open().into_iter().collect();
            let number = open[0].rsplit_once('#').unwrap().1.parse().unwrap();
            world.send(&closed(number));
            work_twice(world, || vec![limited(2)]).await;
            assert_eq!((waiting(world), world.pipelines().len()), (left, 2));
        }
    });
}

#[test]
fn the_clones_that_there_are_count() {
    run_daemon(async |world| {
        for number in 1..=3 {
            world.send(&opened(number));
        }
        work(world, vec![rule(|_| {})]).await;
        world.send(&opened(4));
        work(world, vec![limited(3)]).await;
        assert_eq!(world.half_way(), ["acme/api#4"]);
        world.send(&closed(1));
        work_twice(world, || vec![limited(3)]).await;
        assert_eq!(world.pipelines().len(), 3);
        // Those from before the limit do not say so in their mapping.
        world.expect_uncounted(2);
    });
}

#[test]
fn a_clone_that_cannot_be_made_holds_no_place() {
    run_daemon(async |world| {
        work(world, vec![limited(1)]).await;
        world.send(&opened(1).of(9, "acme/other"));
        work(world, vec![limited(1)]).await;
        world.take_dead_letters();
        world.expect_half_way("acme/other#1");
        world.send(&opened(2));
        work(world, vec![limited(1)]).await;
        assert_eq!(world.pipelines(), ["api-pr-2"]);
    });
}

#[test]
fn a_rule_without_a_limit_costs_nothing_more() {
    run_daemon(async |world| {
        world.send(&opened(1));
        world.send(&closed(1));
        work(world, vec![rule(|_| {})]).await;
        for op in [Op::AcquireSlot, Op::ReleaseSlot, Op::CountSlots] {
            assert_eq!(world.faults.count(op), 0);
        }
    });
}

#[test]
fn a_limit_that_was_removed_and_comes_back_counts_every_clone() {
    run_daemon(async |world| {
        work(world, vec![limited(1)]).await;
        world.send(&opened(1));
        work(world, vec![limited(1)]).await;
        for number in 2..=4 {
            world.send(&opened(number));
        }
        work(world, vec![rule(|_| {})]).await;
        world.send(&opened(5));
        work(world, vec![limited(3)]).await;
        assert_eq!(
            world.half_way(),
            ["acme/api#5"],
            "four clones, and three slots"
        );
        for number in [1, 2] {
            world.send(&closed(number));
        }
        work_twice(world, || vec![limited(3)]).await;
        assert_eq!(world.pipelines().len(), 3);
        world.expect_uncounted(2);
    });
}

#[test]
fn a_rule_that_was_renamed_keeps_its_clones() {
    run_daemon(async |world| {
        let renamed = || {
            rule(|rule| {
                rule.name = "previews".to_owned();
                rule.max_active = Some(1);
            })
        };
        work(world, vec![limited(1)]).await;
        world.send(&opened(1));
        work(world, vec![limited(1)]).await;
        world.send(&opened(2));
        work(world, vec![renamed()]).await;
        assert_eq!(world.half_way(), ["acme/api#2"]);
        assert_eq!(world.store.slot_use("previews").taken, 1);
        world.send(&closed(1));
        work_twice(world, || vec![renamed()]).await;
        assert_eq!(world.pipelines(), ["api-pr-2"]);
    });
}

#[test]
fn a_retargeted_pull_request_takes_its_slot_to_the_other_rule() {
    run_daemon(async |world| {
        let of = |name: &str, base: &str, template: &str| {
            rule(|rule| {
                rule.name = name.to_owned();
                rule.base = GlobFilter::parse(&[base.to_owned()]).unwrap();
                rule.template = pipeline_name(template);
                rule.max_active = Some(1);
            })
        };
        world.add_pipeline(template("other", REPOSITORY.1), Tags::new());
        let rules = || vec![of("main", "main", TEMPLATE), of("dev", "dev", "other")];
        let taken = |world: &World| ["main", "dev"].map(|rule| world.store.slot_use(rule).taken);
        work(world, rules()).await;
        world.send(&opened(1));
        work(world, rules()).await;
        world.send(&opened(2));
        work(world, rules()).await;
        assert_eq!((taken(world), world.half_way().len()), ([1, 0], 1));
        world.send(
            &Webhook::pull_request("edited")
                .number(1)
                .base("dev")
                .at(world.clock.now()),
        );
        work_twice(world, rules).await;
        assert_eq!(world.pipelines(), ["api-pr-1", "api-pr-2"]);
        assert_eq!(taken(world), [1, 1], "the one that waited has the slot");
        // A clone that exists counts in its new rule, also beyond the limit.
        world.send(
            &Webhook::pull_request("edited")
                .number(2)
                .base("dev")
                .at(world.clock.now()),
        );
        world.send(&opened(3).base("dev"));
        work(world, rules()).await;
        assert_eq!(taken(world), [0, 2]);
        assert_eq!(world.half_way(), ["acme/api#3"]);
        for number in 1..=3 {
            world.send(&closed(number).at(world.clock.now()));
        }
        work_twice(world, rules).await;
        assert_eq!(taken(world), [0, 0]);
    });
}

/// Removes the clone by hand. While the next push makes it again, somebody else's pipeline gets its
/// name.
async fn lose_the_name(world: &World) {
    assert!(world.account.remove("api-pr-7"));
    let stall = Trouble::Stall(When::Before, Duration::from_secs(10));
    world.faults.next(Op::Create, 1, stall);
    world.send(&pushed(1, 2));
    let stranger = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        world.add_pipeline(template("api-pr-7", REPOSITORY.1), Tags::new());
    };
    tokio::join!(work(world, vec![limited(1)]), stranger);
    let error = world.mapping("acme/api#7").last_error.unwrap();
    assert!(error.starts_with("pipeline-name-taken"), "{error}");
    assert_eq!(world.take_dead_letters().len(), 1);
}

#[test]
fn a_clone_that_is_gone_and_whose_name_is_taken_holds_no_place() {
    run_daemon(async |world| {
        work(world, vec![limited(1)]).await;
        world.send(&opened(7));
        work(world, vec![limited(1)]).await;
        assert_eq!(world.store.slot_use("pull requests").taken, 1);
        lose_the_name(world).await;
        assert_eq!(world.store.slot_use("pull requests").taken, 0);
        world.send(&opened(8));
        work(world, vec![limited(1)]).await;
        assert!(world.account.all().contains_key("api-pr-8"));
        assert!(world.account.remove("api-pr-7"), "the stranger's");
        world.send(&closed(7).at(world.clock.now()));
        work(world, vec![limited(1)]).await;
    });
}

#[test]
fn no_slot_is_acquired_under_a_claim_that_is_about_to_end() {
    run_daemon(async |world| {
        work(world, vec![limited(1)]).await;
        // After it, the claim lasts too short for the calls that acquire a slot.
        let stall = Trouble::Stall(When::Before, Duration::from_secs(50));
        world.faults.next(Op::Template, 1, stall);
        world.send(&opened(7));
        work_twice(world, || vec![limited(1)]).await;
        assert_eq!(world.pipelines(), ["api-pr-7"]);
        assert_eq!(
            world.faults.count(Op::AcquireSlot),
            1,
            "by the second attempt"
        );
    });
}

#[test]
fn the_slot_of_a_clone_that_was_deleted_while_clones_were_counted_is_released() {
    const RULE: &str = "pull requests";
    run_story(async |world| {
        world.restart(vec![rule(|_| {})]);
        for number in [1, 2] {
            world.deliver(opened(number)).await;
        }
        let subjects = [1, 2].map(|number| world.mapping(&format!("acme/api#{number}")).subject);
        let [deleted, kept] = &subjects;
        world.deliver(closed(1)).await;
        // Both were read before the first was deleted.
        world.store.count_slots(RULE, &subjects).await.unwrap();
        let taken = || world.store.slot_use(RULE).taken;
        assert_eq!(taken(), 2);
        let daemon = world.reconciler();

        // A table that does not answer is asked again, and a row that cannot be read is left alone.
        let fails = |reason| {
            let trouble = Trouble::Fail(When::Before, reason);
            world.faults.next(Op::Mapping, 1, trouble);
        };
        fails(Reason::AwsThrottled);
        let fault = daemon.release_if_deleted(RULE, deleted).await.unwrap_err();
        assert_eq!(fault.reason, Reason::AwsThrottled);
        fails(Reason::MappingUnreadable);
        daemon.release_if_deleted(RULE, deleted).await.unwrap();
        assert_eq!(taken(), 2);

        daemon.release_if_deleted(RULE, kept).await.unwrap();
        assert_eq!(taken(), 2);
        daemon.release_if_deleted(RULE, deleted).await.unwrap();
        assert_eq!(taken(), 1);
        world.expect_uncounted(1);
    });
}

#[test]
fn a_subject_that_wants_no_slot_any_more_leaves_the_line_and_passes_the_turn_on() {
    const RULE: &str = "pull requests";
    run_daemon(async |world| {
        work(world, vec![limited(1)]).await;
        world.send(&opened(1));
        work(world, vec![limited(1)]).await;
        // Its mapping is gone, and it waits since before the next one.
        let forgotten = Waiter {
            subject: pull(9),
            repository: world.mapping("acme/api#1").repository,
            since: world.clock.now(),
        };
        let refused = world.store.acquire_slot(RULE, 1, &forgotten).await.unwrap();
        assert!(matches!(refused, SlotResult::Full { .. }), "{refused:?}");
        later().await;
        world.send(&opened(2));
        work(world, vec![limited(1)]).await;
        assert_eq!(world.store.slot_use(RULE).waiting.len(), 2);
        world.send(&closed(1).at(world.clock.now()));
        work(world, vec![limited(1)]).await;
        assert_eq!(world.store.slot_use(RULE).waiting, []);
        assert_eq!(world.pipelines(), ["api-pr-2"]);
        work_twice(world, || vec![limited(1)]).await;
    });
}
