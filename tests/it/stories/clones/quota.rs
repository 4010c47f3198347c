//! The account's quota of pipelines: subjects are parked before AWS refuses, and wait in a line.

use branchline::domain::fault::Reason;
use branchline::domain::outcome::journal::Journal;
use branchline::ports::{Clock, Store, StoreReader};

use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::story::{QUOTA, World, run_story};
use crate::world::webhook::Webhook;

fn opened(number: u64) -> Webhook {
    Webhook::pull_request("opened").number(number)
}

fn closed(number: u64) -> Webhook {
    Webhook::pull_request("closed").number(number)
}

/// The pipelines of the Region are counted, and the daemon looks.
async fn counted(world: &World, pipelines: u32) {
    let pipelines = usize::try_from(pipelines).unwrap();
    let now = world.clock.now();
    world.store.note_pipelines(pipelines, now).await.unwrap();
    world.reconciler().look_at_account().await;
}

/// Opens a pull request, whose message is processed once.
async fn open(world: &World, number: u64) {
    world.send(&opened(number));
    world.work_once().await;
}

fn outcomes(journals: &[Journal]) -> Vec<&'static str> {
    journals.iter().map(Journal::outcome).collect()
}

#[test]
fn a_subject_is_parked_before_aws_refuses_and_woken_by_a_deletion() {
    run_story(async |world| {
        world.deliver(opened(1)).await;
        counted(world, QUOTA.usable()).await;
        open(world, 2).await;
        open(world, 3).await;
        assert_eq!(world.faults.count(Op::Create), 1, "AWS was not asked");
        let error = world.mapping("acme/api#2").last_error.unwrap();
        let expected = "aws-quota: the account has 1000 of 1002 pipelines in the Region (aws.pipeline_limit), and branchline leaves 2 to others";
        assert!(error.starts_with(expected), "{error}");
        world.send(&closed(1));
        let journals = world.settle().await;
        assert_eq!(outcomes(&journals)[..2], ["deleted", "created"]);
        assert_eq!(world.pipelines()[0], "api-pr-2");
        world.deliver(closed(2)).await;
        world.deliver(closed(3)).await;
        world.take_dead_letters();
    });
}

#[test]
fn a_subject_that_aws_refused_waits_in_the_same_line() {
    run_story(async |world| {
        world.deliver(opened(1)).await;
        // The count is older than what others created.
        counted(world, 1).await;
        let refused = Trouble::Fail(When::Before, Reason::AwsQuota);
        world.faults.next(Op::Create, 1, refused);
        open(world, 2).await;
        let line = world.store.account_use().await.unwrap();
        assert_eq!(line.waiting.len(), 1);
        world.send(&closed(1));
        let journals = world.settle().await;
        assert_eq!(outcomes(&journals)[..2], ["deleted", "created"]);
        assert_eq!(world.pipelines(), ["api-pr-2"]);
    });
}

#[test]
fn what_the_daemon_created_since_the_count_counts() {
    run_story(async |world| {
        counted(world, QUOTA.usable() - 1).await;
        world.deliver(opened(1)).await;
        // The same count, read again a minute later.
        world.reconciler().look_at_account().await;
        open(world, 2).await;
        assert_eq!(world.pipelines(), ["api-pr-1"]);
        world.deliver(closed(1)).await;
        assert_eq!(world.pipelines(), ["api-pr-2"]);
    });
}

#[test]
fn the_count_wakes_those_for_whom_there_is_a_pipeline() {
    run_story(async |world| {
        counted(world, QUOTA.usable()).await;
        open(world, 1).await;
        open(world, 2).await;
        assert_eq!(world.pipelines(), Vec::<String>::new());
        // Others deleted theirs: the template is left.
        let (pipelines, woken) = world.reconciler().count_pipelines().await.unwrap();
        assert_eq!((pipelines, woken), (1, 2));
        assert_eq!(world.pipelines(), ["api-pr-1", "api-pr-2"]);
        let line = world.store.account_use().await.unwrap();
        assert_eq!(line.waiting, []);
        world.settle().await;
    });
}
