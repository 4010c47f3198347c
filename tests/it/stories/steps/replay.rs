//! Stories of letters that are replayed: what was predicted comes true, and what was overtaken
//! stays overtaken.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a letter that is not there fails its test"
)]

use std::sync::Arc;
use std::time::Duration;

use branchline::domain::ids::PipelineName;
use branchline::domain::intake::authenticated::Authenticator;
use branchline::domain::intake::envelope::{Envelope, Receipt};
use branchline::domain::outcome::disposition::MaxAttempts;
use branchline::domain::rules::rule::{Rule, Rules};
use branchline::inspect::dlq::exported_message::ExportedMessage;
use branchline::inspect::explain::{Rehearsal, RehearsalConfig};
use branchline::inspect::given_file::GivenFiles;
use branchline::ports::{Clock, Queue};
use branchline::reconcile::CLAIM;

use crate::world::clock::{FakeClock, START};
use crate::world::driver::handle;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::pipelines::FakePipelines;
use crate::world::queue_state::StoredMessage;
use crate::world::rules::{branch_rule, pull_request_rule};
use crate::world::store::FakeStore;
use crate::world::story::{REGION, World, owner, run_story};
use crate::world::webhook::{Webhook, secrets};

pub(super) fn envelope(letter: &StoredMessage) -> Envelope {
    Envelope::new(
        letter.message_id.clone(),
        Receipt("of the grave".to_owned()),
        letter.body.clone(),
        letter.attributes.clone(),
        letter.sent_at,
        letter.receives,
    )
}

/// Gives the line a rule whose template is not there, so that what comes is buried, and then the
/// right one again.
pub(super) async fn dead_letter(world: &World, rule: Rule, webhook: Webhook) -> StoredMessage {
    let missing = PipelineName::parse("no-such-template".to_owned()).unwrap();
    world.restart(vec![Rule {
        template: missing,
        ..rule.clone()
    }]);
    world.deliver(webhook).await;
    world.restart(vec![rule]);
    world.take_dead_letters().pop().unwrap()
}

/// A rehearsal over the fakes.
type FakeRehearsal = Rehearsal<FakeStore, FakePipelines, FakeClock>;

/// A rehearsal over the world.
pub(super) fn rehearsal(world: &World, with: Vec<Rule>) -> FakeRehearsal {
    let config = RehearsalConfig {
        rules: Rules::new(with),
        owner: owner(),
        authenticator: Authenticator::source_queues(secrets()),
        max_attempts: MaxAttempts::default(),
        region: REGION.to_owned(),
        files: GivenFiles::default(),
        projects: Arc::new(world.account.clone()),
        stacks: Arc::new(world.account.clone()),
    };
    let (store, pipelines) = (world.store.clone(), world.account.clone());
    Rehearsal::new(store, pipelines, world.clock.clone(), config)
}

/// The outcome that is predicted for a message after those that were rehearsed before.
pub(super) async fn outcome(rehearsal: &FakeRehearsal, letter: &StoredMessage) -> String {
    let explanation = rehearsal.explain(envelope(letter)).await.unwrap();
    explanation.journal.outcome().to_owned()
}

/// The outcome that is predicted for a message.
pub(super) async fn predict(world: &World, letter: &StoredMessage, with: Vec<Rule>) -> String {
    outcome(&rehearsal(world, with), letter).await
}

/// Predicts the outcome of a replay, does it, and returns both.
pub(super) async fn replay(world: &World, letter: &StoredMessage, with: Vec<Rule>) -> [String; 2] {
    let predicted = predict(world, letter, with).await;
    let back = ExportedMessage::new(envelope(letter)).replayed_by("ada");
    world.queue.deliver(&back.body, &back.attributes).unwrap();
    let journals = world.settle().await;
    [predicted, journals[0].outcome().to_owned()]
}

#[test]
fn what_was_overtaken_while_it_was_buried_raises_nothing_from_the_dead() {
    run_story(async |world| {
        let create = Webhook::create("release-1").at(START);
        let letter = dead_letter(world, branch_rule(), create).await;
        world.deliver(Webhook::delete("release-1").at(START)).await;
        let came = replay(world, &letter, vec![branch_rule()]).await;
        assert_eq!(came, ["unchanged", "unchanged"]);
        assert_eq!(world.mappings(), ["acme/api@release-1 gone api-release-1"]);
    });
}

#[test]
fn of_two_statements_of_one_second_the_older_stays_the_older() {
    run_story(async |world| {
        let titled = |title: &str| Webhook::pull_request("edited").title(title).at(START);
        let letter = dead_letter(world, pull_request_rule(), titled("old")).await;
        world.deliver(titled("new")).await;
        let came = replay(world, &letter, vec![pull_request_rule()]).await;
        assert_eq!(came, ["unchanged", "unchanged"]);
        let spec = world.mapping("acme/api#7").spec().cloned().unwrap();
        assert_eq!(spec.title.as_deref(), Some("new"));
    });
}

#[test]
fn what_sqs_moved_by_itself_keeps_the_day_on_which_it_was_sent() {
    run_story(async |world| {
        let create = Webhook::create("release-1").at(START);
        let mut letter = dead_letter(world, branch_rule(), create).await;
        // As SQS's redrive leaves it: as it was sent, and nothing of ours beside it.
        letter
            .attributes
            .retain(|name, _| !name.starts_with("branchline-"));
        world.deliver(Webhook::delete("release-1").at(START)).await;
        let came = replay(world, &letter, vec![branch_rule()]).await;
        assert_eq!(came, ["unchanged", "unchanged"]);
    });
}

#[test]
fn what_is_predicted_is_what_the_replay_does() {
    run_story(async |world| {
        let rule = || vec![pull_request_rule()];
        let opened = dead_letter(world, pull_request_rule(), Webhook::pull_request("opened")).await;
        assert_eq!(replay(world, &opened, rule()).await, ["created", "created"]);
        world.clock.advance(Duration::from_secs(9));
        assert_eq!(
            replay(world, &opened, rule()).await,
            ["unchanged", "unchanged"]
        );
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        let pushed = unread(world, pushed);
        assert_eq!(replay(world, &pushed, rule()).await, ["started", "started"]);
        let closed = unread(world, Webhook::pull_request("closed").sha(2));
        assert_eq!(replay(world, &closed, rule()).await, ["deleted", "deleted"]);
        assert_eq!(
            replay(world, &pushed, rule()).await,
            ["unchanged", "unchanged"]
        );
    });
}

#[test]
fn a_claim_that_has_run_out_since_is_no_reason_to_wait() {
    run_story(async |world| {
        let opened = unread(world, Webhook::pull_request("opened"));
        // A worker stands still in the middle and dies.
        let hangs = Trouble::Hang(When::Before);
        world.faults.next(Op::Create, 1, hangs);
        world.send(&Webhook::pull_request("opened"));
        let message = world
            .queue
            .receive(1, Duration::ZERO)
            .await
            .unwrap()
            .remove(0);
        assert!(handle(world, message).await.is_none());
        let pushed = unread(world, Webhook::pull_request("synchronize").before(1).sha(2));
        let rule = || vec![pull_request_rule()];
        assert_eq!(predict(world, &pushed, rule()).await, "subject-busy");
        world.clock.advance(CLAIM);
        assert_eq!(predict(world, &pushed, rule()).await, "created");
        assert_eq!(predict(world, &opened, rule()).await, "created");
        world.settle().await;
    });
}

/// A letter that nobody had in work: SQS moved it.
pub(super) fn unread(world: &World, webhook: Webhook) -> StoredMessage {
    world.clock.advance(Duration::from_secs(1));
    let sealed = webhook.seal(world.clock.now());
    world.clock.advance(Duration::from_secs(1));
    StoredMessage {
        message_id: "moved".to_owned(),
        body: sealed.body,
        attributes: sealed.attributes.into_iter().collect(),
        sent_at: world.clock.now(),
        receives: 100,
    }
}
