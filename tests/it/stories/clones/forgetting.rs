//! `mappings forget`: a mapping that can never settle is given up, and nothing comes back but by
//! its next event.

use std::time::Duration;

use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::intake::repair_request::{Repair, RepairKind};
use branchline::domain::rules::rule::Rule;
use branchline::domain::state::desired::AbsenceReason;
use branchline::domain::state::mapping::{Mapping, State};
use branchline::ports::{Clock, Queue, Store};

use super::places::{work, work_twice};
use super::repairs::outcomes;
use super::{pushed, rule};
use crate::world::driver;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{pipeline_name, template};
use crate::world::story::{World, run_daemon, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

const SUBJECT: &str = "acme/api#7";

/// Asks to forget a mapping as it was read.
pub(in crate::stories) async fn forget(world: &World, read: &Mapping) -> Vec<String> {
    request(world, read);
    outcomes(world).await
}

/// Sends the request to forget a mapping as it was read.
fn request(world: &World, read: &Mapping) {
    let repair = Repair {
        project: None,
        subject: read.subject.clone(),
        generation: read.generation,
        kind: RepairKind::Forget,
        pipeline: pipeline_name("api-pr-7"),
    };
    world.send_repair(&repair, &read.repository);
}

/// Adds a pipeline of this name that branchline did not create.
fn add_foreign(world: &World) {
    world.add_pipeline(template("api-pr-7", REPOSITORY.1), Tags::new());
}

/// Closes the pull request while its pipeline's name belongs to another pipeline.
async fn with_a_foreign_pipeline(world: &World, rules: Vec<Rule>) {
    world.restart(rules);
    // The daemon counts at its start.
    let counted = world.store.count_slots("pull requests", &[]);
    counted.await.unwrap();
    world.deliver(Webhook::pull_request("opened")).await;
    assert!(world.account.remove("api-pr-7"));
    add_foreign(world);
    let ended = world.deliver(pushed(1, 2)).await;
    assert!(ended[0].starts_with("pipeline-n"), "{ended:?}");
    assert_eq!(world.take_dead_letters().len(), 1);
}

#[test]
fn a_mapping_without_a_pipeline_of_ours_becomes_a_tombstone() {
    run_story(async |world| {
        add_foreign(world);
        let ended = world.deliver(Webhook::pull_request("opened")).await;
        assert!(ended[0].starts_with("pipeline-name-taken"), "{ended:?}");
        let read = world.mapping(SUBJECT);
        assert_eq!(read.state, State::Creating);
        assert_eq!(forget(world, &read).await, ["recorded"]);
        let row = world.mapping(SUBJECT);
        assert_eq!(
            (row.state, row.absence(), row.attempts, row.last_error),
            (State::Gone, Some(AbsenceReason::Forgotten), 0, None)
        );
        assert_eq!(row.order, read.order);
        assert_eq!(
            world.history(SUBJECT).last().unwrap(),
            "recorded creating>gone"
        );

        // The dead letter is replayed, and its event is not news.
        assert!(world.account.remove("api-pr-7"));
        for letter in world.take_dead_letters() {
            let attributes: Vec<_> = letter.attributes.into_iter().collect();
            let replayed = world.queue.deliver(&letter.body, &attributes);
            replayed.unwrap();
        }
        assert_eq!(outcomes(world).await, ["unchanged"]);
        assert_eq!(world.pipelines(), Vec::<String>::new());
        // The next event is.
        assert_eq!(world.deliver(pushed(1, 2)).await, ["created"]);
        assert_eq!(world.pipelines(), ["api-pr-7"]);
    });
}

#[test]
fn it_frees_the_name_and_the_slot_and_leaves_a_strangers_pipeline_alone() {
    run_story(async |world| {
        let one = || vec![rule(|rule| rule.max_active = Some(1))];
        with_a_foreign_pipeline(world, one()).await;
        let taken = || world.store.slot_use("pull requests").taken;
        assert_eq!(taken(), 1, "the row may still have a pipeline");
        let eight = || Webhook::pull_request("opened").number(8);
        let read = world.mapping(SUBJECT);
        let outcome = forget(world, &read).await;
        assert!(
            ["skipped-foreign", "recorded"].contains(&outcome[0].as_str()),
            "{outcome:?}"
        );
        let row = world.mapping(SUBJECT);
        assert_eq!((row.state, row.slot), (State::Gone, None));
        assert!(
            world.account.all().contains_key("api-pr-7"),
            "the stranger's"
        );
        assert_eq!(world.deliver(eight()).await, ["created"]);
        assert!(world.account.remove("api-pr-7"));
    });
}

#[test]
fn it_is_refused_while_a_pipeline_of_ours_exists() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let read = world.mapping(SUBJECT);
        world.send_repair(
            &Repair {
                project: None,
                subject: read.subject.clone(),
                generation: read.generation,
                kind: RepairKind::Forget,
                pipeline: pipeline_name("api-pr-7"),
            },
            &read.repository,
        );
        let journals = world.settle().await;
        assert_eq!(journals[0].outcome(), "unchanged");
        assert_eq!(journals[0].detail().as_deref(), Some("pipeline-exists"));
        assert_eq!(world.mapping(SUBJECT), read);
        assert_eq!(world.pipelines(), ["api-pr-7"]);
    });
}

#[test]
fn a_mapping_that_changed_since_it_was_read_is_left_alone() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let read = world.mapping(SUBJECT);
        world.deliver(pushed(1, 2)).await;
        assert!(world.account.remove("api-pr-7"));
        assert_eq!(forget(world, &read).await, ["unchanged"]);
        assert_eq!(world.mapping(SUBJECT).state, State::Active);

        // As it is now, it is forgotten, and a second request changes nothing.
        let read = world.mapping(SUBJECT);
        assert_eq!(forget(world, &read).await, ["already-deleted"]);
        assert_eq!(forget(world, &read).await, ["unchanged"]);
        assert_eq!(world.mapping(SUBJECT).state, State::Gone);
    });
}

#[test]
fn what_was_heard_before_comes_back_under_no_delivery_and_by_no_look_at_github() {
    run_story(async |world| {
        add_foreign(world);
        let opened_at = world.clock.now();
        let webhook = || Webhook::pull_request("opened").at(opened_at);
        world.github.learn(&webhook(), world.clock.now());
        world.deliver(webhook()).await;
        let read = world.mapping(SUBJECT);
        assert_eq!(forget(world, &read).await, ["recorded"]);
        assert!(world.account.remove("api-pr-7"));
        world.take_dead_letters();
        // The same body under another delivery, and what reconcile sees at GitHub.
        assert_eq!(world.deliver(webhook()).await, ["unchanged: stale"]);
        world.clock.advance(Duration::from_secs(130));
        let seen = world.reconcile().await;
        assert!(seen.contains("0 differences sent"), "{seen}");
        assert_eq!(world.pipelines(), Vec::<String>::new());
        assert_eq!(world.deliver(pushed(1, 2)).await, ["created"]);
    });
}

#[test]
fn attempts_after_the_operator_looked_do_not_keep_the_mapping() {
    run_story(async |world| {
        add_foreign(world);
        world.deliver(Webhook::pull_request("opened")).await;
        let read = world.mapping(SUBJECT);
        let letters = world.take_dead_letters();
        for letter in letters {
            let attributes: Vec<_> = letter.attributes.into_iter().collect();
            world.queue.deliver(&letter.body, &attributes).unwrap();
        }
        outcomes(world).await;
        world.take_dead_letters();
        assert!(world.mapping(SUBJECT).generation > read.generation);
        forget(world, &read).await;
        let row = world.mapping(SUBJECT);
        assert_eq!(
            (row.state, row.absence()),
            (State::Gone, Some(AbsenceReason::Forgotten))
        );
        assert!(world.account.remove("api-pr-7"));
    });
}

#[test]
fn a_pipeline_that_is_created_meanwhile_is_kept() {
    run_daemon(async |world| {
        add_foreign(world);
        world.send(&Webhook::pull_request("opened"));
        work(world, vec![rule(|_| {})]).await;
        assert_eq!(world.take_dead_letters().len(), 1);
        assert!(world.account.remove("api-pr-7"));
        request(world, &world.mapping(SUBJECT));
        let late = Trouble::Stall(When::After, Duration::from_secs(10));
        world.faults.next(Op::Mapping, 1, late);
        let forgotten = async {
            let received = world.queue.internal().receive(10, Duration::ZERO).await;
            for envelope in received.unwrap() {
                driver::handle(world, envelope).await;
            }
        };
        let created = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            // Its claim ends with the answer.
            let throttled = Trouble::Fail(When::After, Reason::AwsThrottled);
            world.faults.next(Op::Create, 1, throttled);
            world.send(&pushed(1, 2));
            work(world, vec![rule(|_| {})]).await;
        };
        tokio::join!(forgotten, created);
        assert_eq!(world.pipelines(), ["api-pr-7"]);
        assert_eq!(world.mapping(SUBJECT).state, State::Creating);
        work_twice(world, || vec![rule(|_| {})]).await;
        assert_eq!(world.mapping(SUBJECT).state, State::Active);
    });
}
