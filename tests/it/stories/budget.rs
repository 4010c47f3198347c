//! The cost of a webhook in AWS calls, and what fits into the time of a claim.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the figures are part of the test, and a message that is not received fails it"
)]

use std::time::Duration;

use branchline::aws::OPERATION_TIMEOUT;
use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::{Class, Reason};
use branchline::domain::outcome::disposition::MaxAttempts;
use branchline::domain::state::claim::{CLOCK_SKEW, LATE_EFFECT_WINDOW};
use branchline::ports::{Clock, Queue};
use branchline::reconcile::execute::CLAIM_SAFETY_MARGIN;
use branchline::reconcile::lease::VISIBILITY;
use branchline::reconcile::{CLAIM, PROJECT_CALL};
use branchline::worker::backoff;

use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{TEMPLATE, template};
use crate::world::story::{MAX_RECEIVES, World, run_daemon, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

/// Returns the cost of one webhook in AWS calls, without the queue's batches.
async fn cost(world: &World, webhook: Webhook) -> usize {
    world.faults.clear();
    world.deliver(webhook).await;
    world.faults.spent()
}

#[test]
fn a_new_pipeline_costs_five_calls_and_four_within_a_minute_of_the_last() {
    run_story(async |world| {
        assert_eq!(cost(world, Webhook::pull_request("opened")).await, 5);
        assert_eq!(
            cost(world, Webhook::pull_request("opened").number(8)).await,
            4
        );
    });
}

/// Returns how long a webhook takes, from its message to what is recorded of it.
async fn time_of(world: &World, webhook: Webhook) -> Duration {
    world.send(&webhook);
    let received = world.queue.receive(1, Duration::ZERO).await;
    let envelope = received.unwrap().pop().unwrap();
    let begun = world.clock.now();
    let processed = world.reconciler().process(envelope, None).await;
    let took = world.clock.now().since(begun);
    world.queue.delete(&[processed.receipt]).await.unwrap();
    took
}

#[test]
fn a_new_pipeline_waits_for_its_claim_and_a_push_for_three_calls() {
    const CALL: Duration = Duration::from_millis(20);
    run_daemon(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        world.faults.slow_down(CALL);
        let opened = Webhook::pull_request("opened").number(8);
        // The claim, CreatePipeline, the result.
        assert_eq!(time_of(world, opened).await, CALL * 3);
        // The row, the claim, the tags, StartPipelineExecution, the result.
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        assert_eq!(time_of(world, pushed).await, CALL * 5);
    });
}

#[test]
fn a_push_costs_six_calls_and_a_closing_six() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let pushed = |before, sha| Webhook::pull_request("synchronize").before(before).sha(sha);
        assert_eq!(cost(world, pushed(1, 2)).await, 5, "the template is cached");
        world.clock.advance(Duration::from_secs(60));
        assert_eq!(cost(world, pushed(2, 3)).await, 6);
        assert_eq!(cost(world, Webhook::pull_request("closed").sha(3)).await, 6);
    });
}

#[test]
fn a_webhook_that_changes_nothing_costs_one_call_or_two_if_it_opens() {
    run_story(async |world| {
        let opened = Webhook::pull_request("opened").at(world.clock.now());
        world.deliver(opened.clone()).await;
        world
            .deliver(Webhook::pull_request("edited").title("Another"))
            .await;
        // The claim that is refused, and the record of the repository.
        assert_eq!(cost(world, opened).await, 2, "stale");
        let closed = Webhook::pull_request("closed")
            .number(9)
            .at(world.clock.now());
        world.deliver(closed.clone()).await;
        assert_eq!(cost(world, closed).await, 1, "repeated");
    });
}

#[test]
fn a_push_that_asks_for_no_build_costs_one_call() {
    run_story(async |world| {
        let head = serde_json::json!({"id": "c", "message": "[skip ci]"});
        let push = Webhook::push("feature/x", 1, 2).with("/head_commit", head);
        assert_eq!(cost(world, push.clone()).await, 1);
        let other = push.of(2, "other/repository");
        assert_eq!(cost(world, other).await, 0, "no rule is about it");
        // The claim that is refused, the record of the repository, and the result.
        assert_eq!(cost(world, Webhook::pull_request("opened").sha(2)).await, 3);
    });
}

#[test]
fn an_ignored_webhook_costs_nothing() {
    run_story(async |world| {
        let webhooks = [
            Webhook::ping(),
            Webhook::pull_request("labeled"),
            Webhook::pull_request("opened").of(2, "other/repository"),
            Webhook::push("main", 1, 2),
            Webhook::event("issues", serde_json::json!({})),
        ];
        for webhook in webhooks {
            assert_eq!(cost(world, webhook.clone()).await, 0, "{webhook:?}");
        }
    });
}

#[test]
fn the_longest_processing_under_a_claim_ends_before_the_claim() {
    run_story(async |world| {
        // An attempt that could not record its result: the next one finds its own pipeline.
        world.faults.next(
            Op::Record,
            SETTLES,
            Trouble::Fail(When::Before, Reason::AwsThrottled),
        );
        world.deliver(Webhook::pull_request("opened")).await;
        let retried = under_a_claim(&world.faults.calls());
        // Closed while its ARN is unknown: the pipeline is found by its name.
        world.faults.next(
            Op::Record,
            SETTLES,
            Trouble::Fail(When::Before, Reason::AwsThrottled),
        );
        world.send(&Webhook::pull_request("opened").number(8));
        world.faults.clear();
        world.deliver(Webhook::pull_request("closed")).await;
        let closed = under_a_claim(&world.faults.calls());
        // Pushed to, after its template changed.
        world.add_pipeline(template(TEMPLATE, REPOSITORY.1), Tags::new());
        let mut changed = template(TEMPLATE, REPOSITORY.1);
        changed["artifactStore"]["location"] = "elsewhere".into();
        world.add_pipeline(changed, Tags::new());
        world.clock.advance(Duration::from_secs(60));
        world.faults.clear();
        let pushed = Webhook::pull_request("synchronize").number(8).before(1);
        world.deliver(pushed.sha(2)).await;
        let updated = under_a_claim(&world.faults.calls());

        let calls = retried.max(closed).max(updated);
        println!("{calls} calls of at most {OPERATION_TIMEOUT:?} under a claim of {CLAIM:?}");
        assert!(
            calls >= 5,
            "the stories above are not the longest any more: {calls}"
        );
        assert!(OPERATION_TIMEOUT * calls < CLAIM);
    });
}

/// How often a result is recorded before it is given up.
const SETTLES: u32 = 5;

/// Returns the most calls between winning a claim and recording its result or giving it up. A write
/// that is repeated counts once: it is conditional on the claim, so that it may outlast it.
fn under_a_claim(calls: &[Op]) -> u32 {
    let mut longest = 0;
    let mut current = 0;
    let mut calls = calls.to_vec();
    calls.dedup_by(|one, other| *one == *other && matches!(one, Op::Record | Op::GiveUp));
    for call in &calls {
        current = match call {
            Op::Receive | Op::ReceiveInternal | Op::Delete | Op::ChangeVisibility | Op::Send => {
                current
            }
            Op::InState | Op::OfRepository | Op::CountSlots => current,
            // Read before anything is claimed.
            Op::ReadProjects | Op::Mapping | Op::ListPipelines | Op::Known => current,
            Op::Slots | Op::AccountUse | Op::NotePipelines => current,
            // After the call that they follow.
            Op::StopWaiting | Op::WaitForAccount => current,
            Op::RememberReceived | Op::RememberEnd | Op::RememberNames => current,
            Op::IsSkipped | Op::RememberSkipped => current,
            // Read beside the claim, or while the template is fetched.
            Op::RepositoryRecord => current,
            // At start, after a message has failed, and beside messages.
            Op::Chain | Op::Note | Op::Probe => current,
            Op::Jobs | Op::BeginJob | Op::EndJob | Op::List => current,
            Op::Delivered | Op::ListDeliveries | Op::ReadDelivery | Op::Redeliver => current,
            Op::Owner | Op::Commit | Op::Commits | Op::ListCommits => current,
            Op::UpdateCommit | Op::ReplaceCommit | Op::Report => current,
            Op::Comment | Op::ReplaceComment | Op::ListComments | Op::WriteComment => current,
            Op::Deployments | Op::ReplaceDeployments | Op::ListDeployments => current,
            Op::CreateDeployment | Op::FindDeployments | Op::ShowDeployment => current,
            Op::Claim => 0,
            // The second one where it finds no slot, or where others wait.
            Op::FindByName | Op::AcquireSlot => current + 2,
            Op::Record | Op::GiveUp | Op::ReleaseSlot => current + 1,
            Op::Template | Op::Create | Op::Find | Op::Remove => current + 1,
            Op::DeleteStack => current + 1,
            // The claim is longer for them.
            Op::CreateProject | Op::UpdateProject | Op::DeleteProject => current,
            Op::FindStack | Op::ListStacks => current,
            Op::Update | Op::Start | Op::Retry | Op::Stop | Op::Executions | Op::CreatedAt => {
                current + 1
            }
        };
        longest = longest.max(current);
    }
    longest
}

#[test]
fn a_claim_that_is_about_to_expire_is_not_used() {
    println!(
        "a call of {OPERATION_TIMEOUT:?}, its late effect of {LATE_EFFECT_WINDOW:?} and {CLOCK_SKEW:?} of skew within {CLAIM_SAFETY_MARGIN:?}"
    );
    assert!(OPERATION_TIMEOUT <= PROJECT_CALL);
    assert!(OPERATION_TIMEOUT + LATE_EFFECT_WINDOW + CLOCK_SKEW <= CLAIM_SAFETY_MARGIN);
    // Before the call that changes a pipeline: GetPipeline, or GetPipeline and ListTagsForResource.
    assert!(OPERATION_TIMEOUT * 2 + CLAIM_SAFETY_MARGIN < CLAIM);
}

#[test]
fn our_limits_come_before_the_queues_own_redrive() {
    let max = MaxAttempts::default();
    let classes = [
        (Class::Transient, max.transient),
        (Class::Throttled, max.throttled),
        (Class::Quota, max.quota),
        (Class::Unknown, max.unknown),
    ];
    for (class, limit) in classes {
        let waited: Duration = (1..limit)
            .map(|tries| backoff::visibility(class, tries, 0.0))
            .sum();
        println!("{class:?}: {limit} attempts take {waited:?} or longer");
    }
    // Without the mapping's count, the receives are counted, with the waits for a slot.
    let most = classes.iter().map(|(_, limit)| *limit).max().unwrap() + max.quota;
    // A busy subject has no limit of ours, but the queue counts its receives.
    let spare = MAX_RECEIVES.checked_sub(most).unwrap();
    let busy: Duration = (1..=spare)
        .map(|tries| backoff::visibility(Class::Busy, tries, 0.0))
        .sum();
    println!(
        "{most} attempts and {spare} receives of a busy subject, which take {busy:?} or longer"
    );
    assert!(busy > CLAIM * 5, "workers that crash one after the other");
}

#[test]
fn a_lease_outlives_failed_renewals() {
    println!("a lease of {VISIBILITY:?}");
    assert!(OPERATION_TIMEOUT * 2 < VISIBILITY);
}

#[test]
fn a_template_is_read_once_a_minute() {
    run_story(async |world| {
        world.faults.clear();
        for number in 1..=5 {
            world
                .deliver(Webhook::pull_request("opened").number(number))
                .await;
        }
        assert_eq!(template_calls(world), 1);
        world.add_pipeline(template(TEMPLATE, REPOSITORY.1), Tags::new());
        world.clock.advance(Duration::from_secs(60));
        world
            .deliver(Webhook::pull_request("opened").number(6))
            .await;
        assert_eq!(template_calls(world), 2);
        assert_eq!(world.mapping("acme/api#6").template_version(), Some(2));
    });
}

fn template_calls(world: &World) -> usize {
    world
        .faults
        .calls()
        .iter()
        .filter(|call| **call == Op::Template)
        .count()
}
