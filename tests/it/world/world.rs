//! The stage for stories: one world with its queue, table and pipelines, and the line that works in it.
//!
//! [`run_line`] plays a story and fails it if anything is left over.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use branchline::domain::clone::tags::Tags;
use branchline::domain::ids::Subject;
use branchline::domain::intake::authenticated::Authenticator;
use branchline::domain::outcome::disposition::MaxAttempts;
use branchline::domain::outcome::journal::Journal;
use branchline::domain::outcome::outgoing::Destination;
use branchline::domain::rules::rule::{Rule, Rules};
use branchline::domain::state::mapping::{Mapping, State};
use branchline::ports::Clock;
use branchline::reconcile::{Reconciler, ReconcilerConfig};
use branchline::worker::{Worker, WorkerConfig};
use serde_json::Value;

use super::account::Pipeline;
use super::clock::FakeClock;
use super::pipelines::FakePipelines;
use super::queue::{FakeQueue, Letter};
use super::rules::{TEMPLATE, pull_request_rule, template};
use super::store::FakeStore;
use super::webhook::{self, REPOSITORY, Webhook};
use super::{driver, lock};
use crate::world::fault_injection::FaultInjection;

/// The table's name, which marks our pipelines.
pub(crate) const TABLE: &str = "branchline";
/// The source queue's redrive, as in the sandbox.
pub(crate) const MAX_RECEIVES: u32 = 100;

/// The reconciler of the tests.
pub(crate) type FakeReconciler = Reconciler<FakeStore, FakePipelines, FakeClock>;

/// Everything there is.
pub(crate) struct World {
    pub(crate) clock: FakeClock,
    pub(crate) faults: FaultInjection,
    pub(crate) queue: FakeQueue,
    pub(crate) store: FakeStore,
    pub(crate) account: FakePipelines,
    reconciler: Mutex<Arc<FakeReconciler>>,
    pub(super) half_way: Mutex<BTreeSet<String>>,
    pub(super) unbuilt: Mutex<BTreeSet<String>>,
    pub(super) built_twice: Mutex<BTreeSet<String>>,
    pub(super) chaos: Mutex<Option<BTreeSet<(String, String)>>>,
    pub(super) uncounted: Mutex<usize>,
}

/// Plays a story, then demands that nothing is left over: no message, no claim, no half-way mapping, no letter in a
/// grave that the story did not take, no pipeline without an active mapping and none missing.
pub(crate) fn run_line(story: impl AsyncFnOnce(&World)) {
    play(FakeClock::new, story);
}

/// The same for a story about a loop that sleeps by itself: the world's clock follows tokio's.
pub(crate) fn run_daemon(story: impl AsyncFnOnce(&World)) {
    play(FakeClock::following_tokio, story);
}

/// A runtime whose time is paused: it passes when everything waits for it.
pub(crate) fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

fn play(clock: impl FnOnce() -> FakeClock, story: impl AsyncFnOnce(&World)) {
    paused().block_on(async {
        let world = World::new(clock());
        story(&world).await;
        world.finish();
    });
}

impl World {
    /// The template for `acme/api`, one rule for its pull requests, and nothing else.
    pub(crate) fn new(clock: FakeClock) -> Self {
        let faults = FaultInjection::new(&clock);
        let store = FakeStore::new(&faults);
        let account = FakePipelines::new(&faults);
        let reconciler = new_reconciler(&store, &account, &clock, vec![pull_request_rule()], "w1");
        let world = Self {
            queue: FakeQueue::new(&clock, &faults, MAX_RECEIVES),
            reconciler: Mutex::new(Arc::new(reconciler)),
            half_way: Mutex::default(),
            unbuilt: Mutex::default(),
            built_twice: Mutex::default(),
            chaos: Mutex::default(),
            uncounted: Mutex::default(),
            clock,
            faults,
            store,
            account,
        };
        world.give(template(TEMPLATE, REPOSITORY.1), Tags::new());
        world
    }

    /// The line starts anew under these rules: memory gone, queue and table kept.
    pub(crate) fn restart(&self, rules: Vec<Rule>) {
        *lock(&self.reconciler) = Arc::new(self.worker("w1", rules));
    }

    /// One more worker in this world, under the world's own faults.
    pub(crate) fn worker(&self, name: &str, rules: Vec<Rule>) -> FakeReconciler {
        new_reconciler(&self.store, &self.account, &self.clock, rules, name)
    }

    /// A whole daemon in this world, under a faults and a clock of its own.
    pub(crate) fn daemon(
        &self,
        name: &str,
        rules: Vec<Rule>,
        faults: &FaultInjection,
        clock: &FakeClock,
        settings: WorkerConfig,
    ) -> Worker<FakeQueue, FakeStore, FakePipelines, FakeClock> {
        let (store, account) = (self.store.under(faults), self.account.under(faults));
        let reconciler = new_reconciler(&store, &account, clock, rules, name);
        let queue = self.queue.under(faults);
        let internal = queue.internal();
        Worker::new(queue, internal, reconciler, settings)
    }

    /// The line as it runs now.
    pub(crate) fn reconciler(&self) -> Arc<FakeReconciler> {
        Arc::clone(&lock(&self.reconciler))
    }

    /// Somebody else makes or updates a pipeline: a template, or a stranger's.
    pub(crate) fn give(&self, declaration: Value, tags: Tags) {
        self.account
            .give(declaration, tags)
            .expect("a declaration that CodePipeline takes");
    }

    /// GitHub sends a webhook, which waits in the queue.
    pub(crate) fn send(&self, webhook: &Webhook) {
        let sealed = webhook.clone().seal(self.clock.now());
        self.queue
            .deliver(&sealed.body, &sealed.attributes)
            .expect("a message that SQS takes");
    }

    /// GitHub sends a webhook, and the line works until the queue is quiet; a second later the world goes on.
    /// Answers with what each walk came to, as `outcome` or `outcome: detail`.
    pub(crate) async fn deliver(&self, webhook: Webhook) -> Vec<String> {
        self.send(&webhook);
        let outcomes = self.settle().await.iter().map(outcome).collect();
        self.clock.advance(Duration::from_secs(1));
        outcomes
    }

    /// The line works until the queue is quiet; time passes as far as that takes.
    pub(crate) async fn settle(&self) -> Vec<Journal> {
        driver::settle(self).await
    }

    /// The pipelines that branchline made, by name.
    pub(crate) fn pipelines(&self) -> Vec<String> {
        let all = self.account.all().into_iter();
        all.filter(|(_, pipeline)| !pipeline.given)
            .map(|(name, _)| name)
            .collect()
    }

    /// One pipeline.
    pub(crate) fn pipeline(&self, name: &str) -> Pipeline {
        let found = self.account.all().remove(name);
        found.unwrap_or_else(|| panic!("no pipeline '{name}': {:?}", self.pipelines()))
    }

    /// The mappings, each as `acme/api#7 active api-pr-7`.
    pub(crate) fn mappings(&self) -> Vec<String> {
        let rows = self.store.rows();
        let line = |row: &Mapping| {
            let pipeline = row.last_pipeline_name().map_or("-", |name| name.as_str());
            format!("{} {} {pipeline}", display(row), row.state.as_str())
        };
        rows.iter().map(line).collect()
    }

    /// What is there, without how it came to be: which subjects are gone, which have what pipeline on which branch and
    /// (with `heads`) at which commit, and each pipeline with its source and its tags.
    pub(crate) fn picture(&self, heads: bool) -> Vec<String> {
        let mapping = |row: &Mapping| {
            if row.state == State::Gone {
                return format!("{} gone", display(row));
            }
            let branch = row.spec().map_or("-", |spec| spec.branch.as_str());
            let head = row.order.head.as_ref().map_or("-", |head| head.as_str());
            let (name, state) = (display(row), row.state.as_str());
            let head = if heads { head } else { "" };
            format!("{name} {state} {} {branch} {head}", pipeline_of(row))
        };
        let pipeline = |(name, pipeline): (&String, &Pipeline)| {
            let source = pipeline.source("BranchName").unwrap_or("-");
            format!("{name} {source} {:?}", pipeline.tags)
        };
        let all = self.account.all();
        let rows = self.store.rows();
        let mappings = rows.iter().map(mapping);
        mappings.chain(all.iter().map(pipeline)).collect()
    }

    /// The subjects that have a pipeline, as people write them.
    pub(crate) fn open(&self) -> BTreeSet<String> {
        let rows = self.store.rows();
        let active = rows.iter().filter(|row| row.state == State::Active);
        active.map(display).collect()
    }

    /// The row of a subject, as people write it: `acme/api#7`.
    pub(crate) fn mapping(&self, subject: &str) -> Mapping {
        let found = self
            .store
            .rows()
            .into_iter()
            .find(|row| display(row) == subject);
        found.unwrap_or_else(|| panic!("no mapping of {subject}: {:?}", self.mappings()))
    }

    /// The audit trail of a subject, each entry as `outcome from>to`.
    pub(crate) fn history(&self, subject: &str) -> Vec<String> {
        let subject: Subject = self.mapping(subject).subject;
        let entries = self.store.audit(&subject);
        let line = |entry: &branchline::domain::outcome::audit_entry::NewAuditEntry| {
            format!(
                "{} {}>{}",
                entry.outcome,
                entry.from.unwrap_or("-"),
                entry.to
            )
        };
        entries.iter().map(line).collect()
    }

    /// Takes the dead letters out of their queue: the story expects them.
    pub(crate) fn take_dead_letters(&self) -> Vec<Letter> {
        self.queue.take(Destination::DeadLetters)
    }

    /// Takes what is quarantined: the story expects it.
    pub(crate) fn take_quarantined(&self) -> Vec<Letter> {
        self.queue.take(Destination::Quarantine)
    }

    /// The subjects that are half-way.
    pub(crate) fn half_way(&self) -> Vec<String> {
        let rows = self.store.rows();
        let half = rows
            .iter()
            .filter(|row| State::HALF_WAY.contains(&row.state));
        half.map(display).collect()
    }

    /// The story expects that this subject's head is not started by branchline.
    pub(crate) fn take_unbuilt(&self, subject: &str) {
        lock(&self.unbuilt).insert(subject.to_owned());
    }

    /// The story expects that this subject's head is built by two declarations, one after the other.
    pub(crate) fn take_built_twice(&self, subject: &str) {
        lock(&self.built_twice).insert(subject.to_owned());
    }

    /// Workers die in this world, so a commit may be built again in two cases: its execution was stopped by an update that
    /// was repeated; or a push went back to it (`back`, by subject), and the start of the commit in between was cut off, so
    /// that nobody knows whether that was built.
    pub(crate) fn storms(&self, back: &BTreeSet<(String, String)>) {
        *lock(&self.chaos) = Some(back.clone());
    }

    /// The story expects so many clones that were counted without saying so.
    pub(crate) fn take_uncounted(&self, clones: usize) {
        *lock(&self.uncounted) = clones;
    }

    /// The time as GitHub writes it.
    pub(crate) fn clock_text(&self) -> String {
        self.clock.now().to_string()
    }

    /// The story expects that this subject is not half-way any more.
    pub(crate) fn forget_half_way(&self, subject: &str) {
        lock(&self.half_way).remove(subject);
    }

    /// The story expects that this subject is left half-way.
    pub(crate) fn take_half_way(&self, subject: &str) {
        lock(&self.half_way).insert(subject.to_owned());
    }
}

fn new_reconciler(
    store: &FakeStore,
    account: &FakePipelines,
    clock: &FakeClock,
    rules: Vec<Rule>,
    worker: &str,
) -> FakeReconciler {
    let setup = ReconcilerConfig {
        rules: Rules(rules),
        authenticator: Authenticator::SourceQueues(webhook::secrets()),
        table: TABLE.to_owned(),
        worker: worker.to_owned(),
        max_attempts: MaxAttempts::default(),
    };
    Reconciler::new(store.clone(), account.clone(), clock.clone(), setup)
}

fn outcome(journal: &Journal) -> String {
    match journal.detail() {
        Some(detail) => format!("{}: {detail}", journal.outcome()),
        None => journal.outcome().to_owned(),
    }
}

pub(crate) fn display(row: &Mapping) -> String {
    row.subject.display(&row.repository)
}

pub(crate) fn pipeline_of(row: &Mapping) -> &str {
    row.last_pipeline_name().map_or("-", |name| name.as_str())
}
