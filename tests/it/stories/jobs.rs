//! Periodic jobs: several daemons run each once, and what fails runs again.

#![expect(
    clippy::expect_used,
    reason = "a world that does not answer fails the test"
)]

use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::domain::jobs::{Job, JobRecord};
use branchline::ports::{Clock, JobLog, JobReader, Queue};
use branchline::reconcile::CLAIM;

use crate::world::driver;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::story::{World, run_story};
use crate::world::webhook::Webhook;

pub(super) async fn record(world: &World, job: Job) -> JobRecord {
    let records = world.store.jobs().await.expect("a table that answers");
    let found = records.into_iter().find(|one| one.job == job);
    found.expect("a record of each job")
}

/// Lets a worker die in the middle of a creation, and loses its message.
async fn abandon(world: &World, number: u64) {
    abandon_creation(world, number, When::After).await;
}

/// Lets a worker die before or after it calls CreatePipeline, and loses its message.
pub(super) async fn abandon_creation(world: &World, number: u64, when: When) {
    world.send(&Webhook::pull_request("opened").number(number));
    world.faults.next(Op::Create, 1, Trouble::Hang(when));
    let received = world.queue.receive(1, Duration::ZERO).await;
    let mut received = received.expect("a queue that answers");
    let processed = driver::handle(world, received.remove(0)).await;
    assert!(processed.is_none(), "the worker crashed on the way");
    world.queue.purge();
    world.clock.advance(CLAIM);
}

#[test]
fn a_half_way_mapping_is_finished_by_one_of_two_daemons_within_a_minute() {
    run_story(async |world| {
        let (one, other) = (world.driver("w1"), world.driver("w2"));
        tokio::join!(one.run_due(), other.run_due());
        let first = record(world, Job::HalfWayMappings).await;
        assert_eq!(first.started_at, Some(world.clock.now()));
        let first_worker = first.worker.expect("a daemon");
        abandon(world, 7).await;
        let spent = world.faults.spent();
        tokio::join!(one.run_due(), other.run_due());
        assert_eq!(world.mappings(), ["acme/api#7 active api-pr-7"]);
        let both = [one.status().lines(), other.status().lines()].concat();
        let finished = "job half-way-mappings: done";
        let mentions = both.iter().filter(|line| line.starts_with(finished));
        assert!(mentions.count() >= 1, "{both:?} {first_worker}");
        assert!(world.faults.spent() > spent);
        let spent = world.faults.spent();
        world.clock.advance(Duration::from_secs(59));
        tokio::join!(one.run_due(), other.run_due());
        assert_eq!(
            world.faults.spent() - spent,
            4,
            "two looks each, at the jobs and at the account, and nothing is due"
        );
    });
}

#[test]
fn a_requested_job_runs_before_its_time() {
    run_story(async |world| {
        let daemon = world.driver("w1");
        daemon.run_due().await;
        let job = Job::UnheardExecutions;
        world.clock.advance(Duration::from_secs(5));
        let requested = world.store.request_job(job, world.clock.now()).await;
        requested.expect("a table that answers");
        daemon.run_due().await;
        assert_eq!(record(world, job).await.started_at, Some(world.clock.now()));
        world.clock.advance(Duration::from_secs(5));
        daemon.run_due().await;
        let started_at = record(world, job).await.started_at;
        assert_eq!(
            started_at,
            Some(world.clock.now().minus(Duration::from_secs(5)))
        );
    });
}

#[test]
fn a_job_that_fails_is_recorded_and_runs_again() {
    run_story(async |world| {
        let daemon = world.driver("w1");
        let failing = Trouble::Fail(When::Before, Reason::AwsUnavailable);
        world.faults.next(Op::InState, 1, failing);
        daemon.run_due().await;
        let failed = record(world, Job::HalfWayMappings).await;
        let result = failed.result.expect("a result");
        assert_eq!(result.as_str(), "failed");
        assert!(result.detail().starts_with("aws-unavailable"), "{result:?}");
        let other = record(world, Job::UnheardExecutions).await.result;
        assert_eq!(
            other.map(|one| one.as_str()),
            Some("done"),
            "the others go on"
        );
        world.clock.advance(Duration::from_secs(60));
        daemon.run_due().await;
        let result = record(world, Job::HalfWayMappings).await.result;
        assert_eq!(result.map(|one| one.as_str()), Some("done"));
    });
}

#[test]
fn a_daemon_that_dies_in_a_job_leaves_it_to_another_one() {
    run_story(async |world| {
        let (one, other) = (world.driver("w1"), world.driver("w2"));
        world
            .faults
            .next(Op::InState, 1, Trouble::Hang(When::Before));
        tokio::select! {
            _ = one.run_due() => {}
            () = world.faults.hangs() => {}
        }
        world.clock.advance(Duration::from_secs(60));
        other.run_due().await;
        let job = Job::HalfWayMappings;
        assert_eq!(record(world, job).await.worker.as_deref(), Some("w1"));
        world.clock.advance(job.lease());
        other.run_due().await;
        let taken_over = record(world, job).await;
        assert_eq!(taken_over.worker.as_deref(), Some("w2"));
        assert_eq!(taken_over.result.map(|one| one.as_str()), Some("done"));
    });
}
