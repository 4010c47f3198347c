//! The world in which stories happen: queues, a table, pipelines, and a reconciler that works on
//! them.
//!
//! [`run_story`] plays a story and fails it if anything is left over.

use std::collections::BTreeSet;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use branchline::domain::clone::tags::Tags;
use branchline::domain::ids::{Owner, RepositoryName, Subject};
use branchline::domain::intake::authenticated::{Authenticator, Secrets};
use branchline::domain::intake::envelope::Source;
use branchline::domain::intake::repair_request::Repair;
use branchline::domain::outcome::audit_entry::AuditEntry;
use branchline::domain::outcome::journal::Journal;
use branchline::domain::outcome::outgoing::Destination;
use branchline::domain::rules::rule::Rule;
use branchline::domain::state::mapping::{Mapping, State};
use branchline::domain::state::slots::PipelineQuota;
use branchline::ports::Clock;
use branchline::reconcile::{Reconciler, ReconcilerConfig};
use branchline::reports::Outbox;
use serde_json::Value;

use super::account::Pipeline;
use super::clock::FakeClock;
use super::files::FakeFiles;
use super::github::FakeGitHub;
use super::pipelines::FakePipelines;
use super::projects::project;
use super::queue::{FakeQueue, SENDER};
use super::queue_state::StoredMessage;
use super::reconcilers::{new_reconciler, origin, reconciler_config};
use super::rules::{TEMPLATE, pull_request_rule, template};
use super::store::FakeStore;
use super::webhook::{REPOSITORY, Webhook};
use super::{driver, lock};
use crate::world::fault_injection::FaultInjection;

/// The name of the table, which also marks our pipelines.
pub(crate) const TABLE: &str = "branchline";

/// Returns the name of the installation: by default that of its table.
pub(crate) fn owner() -> Owner {
    Owner::parse(TABLE).unwrap()
}
/// The `maxReceiveCount` of the source queues, as in the sandbox.
pub(crate) const MAX_RECEIVES: u32 = 100;

/// The Region of the fakes.
pub(crate) const REGION: &str = "eu-west-1";

/// The quota of pipelines.
pub(crate) const QUOTA: PipelineQuota = PipelineQuota {
    limit: 1_002,
    reserve: 2,
};

/// The reconciler of the tests.
pub(crate) type FakeReconciler = Reconciler<FakeStore, FakePipelines, FakeClock>;

/// Holds everything that a story can look at or change.
pub(crate) struct World {
    pub(crate) clock: FakeClock,
    pub(crate) faults: FaultInjection,
    pub(crate) queue: FakeQueue,
    pub(crate) store: FakeStore,
    pub(crate) account: FakePipelines,
    pub(crate) github: FakeGitHub,
    pub(super) outbox: Mutex<Outbox>,
    reconciler: Mutex<Arc<FakeReconciler>>,
    pub(super) half_way: Mutex<BTreeSet<String>>,
    pub(super) unbuilt: Mutex<BTreeSet<String>>,
    pub(super) built_twice: Mutex<BTreeSet<String>>,
    pub(super) chaos: Mutex<Option<BTreeSet<(String, String)>>>,
    pub(super) uncounted: Mutex<usize>,
    pub(super) stacks: Mutex<BTreeSet<String>>,
}

/// Plays a story, then checks that nothing is left over: no message, no claim, no half-way mapping,
/// no dead letter that the story did not expect, no pipeline without an active mapping, and no
/// active mapping without its pipeline.
pub(crate) fn run_story(story: impl AsyncFnOnce(&World)) {
    play(FakeClock::new, story);
}

/// Plays a story about a loop that sleeps by itself: the world's clock follows tokio's.
pub(crate) fn run_daemon(story: impl AsyncFnOnce(&World)) {
    play(FakeClock::following_tokio, story);
}

/// Returns a runtime whose time is paused: it passes when every task waits for it.
pub(crate) fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

/// Returns such a runtime for a world that plays this seed. What the daemon does in a random order,
/// its jobs for instance, is the same in every play.
pub(crate) fn seeded(seed: u64) -> tokio::runtime::Runtime {
    fastrand::seed(seed);
    paused()
}

fn play(clock: impl FnOnce() -> FakeClock, story: impl AsyncFnOnce(&World)) {
    let played = pin!(async {
        let world = World::new(clock());
        story(&world).await;
        world.finish();
    });
    // The runtime is compiled once, and not once for each of hundreds of stories.
    let played: Pin<&mut dyn Future<Output = ()>> = played;
    paused().block_on(played);
}

impl World {
    /// Makes a world with the template for `acme/api`, one rule for its pull requests, and nothing
    /// else.
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
            stacks: Mutex::default(),
            github: FakeGitHub::new(&faults),
            outbox: Mutex::default(),
            clock,
            faults,
            store,
            account,
        };
        world.add_pipeline(template(TEMPLATE, REPOSITORY.1), Tags::new());
        world.account.add_project(project("api"));
        world
    }

    /// Restarts the reconciler with these rules: its memory is lost, queues and table are kept.
    pub(crate) fn restart(&self, rules: Vec<Rule>) {
        *lock(&self.reconciler) = Arc::new(self.worker("w1", rules));
    }

    /// Restarts the reconciler with these rules and these files at GitHub.
    pub(crate) fn restart_with_files(&self, rules: Vec<Rule>, files: &FakeFiles) {
        let config = ReconcilerConfig {
            files: Some(Arc::new(files.clone())),
            ..reconciler_config(rules, "w1", &self.account)
        };
        let (store, account) = (self.store.clone(), self.account.clone());
        let reconciler = Reconciler::new(store, account, self.clock.clone(), config);
        *lock(&self.reconciler) = Arc::new(reconciler);
    }

    /// Restarts the reconciler with these rules and these webhook secrets.
    pub(crate) fn restart_with_secrets(&self, rules: Vec<Rule>, secrets: Secrets) {
        *lock(&self.reconciler) = Arc::new(self.worker_with_secrets("w1", rules, secrets));
    }

    /// Returns one more worker in this world, with these webhook secrets.
    pub(crate) fn worker_with_secrets(
        &self,
        name: &str,
        rules: Vec<Rule>,
        secrets: Secrets,
    ) -> FakeReconciler {
        let (store, account) = (self.store.clone(), self.account.clone());
        let config = ReconcilerConfig {
            authenticator: Authenticator::source_queues(secrets).with_origin(origin()),
            ..reconciler_config(rules, name, &self.account)
        };
        Reconciler::new(store, account, self.clock.clone(), config)
    }

    /// Returns one more worker in this world, with the world's own faults.
    pub(crate) fn worker(&self, name: &str, rules: Vec<Rule>) -> FakeReconciler {
        new_reconciler(&self.store, &self.account, &self.clock, rules, name)
    }

    /// Returns the reconciler as it runs now.
    pub(crate) fn reconciler(&self) -> Arc<FakeReconciler> {
        Arc::clone(&lock(&self.reconciler))
    }

    /// Makes or updates a pipeline as another user of the account: a template, or a foreign
    /// pipeline.
    pub(crate) fn add_pipeline(&self, declaration: Value, tags: Tags) {
        self.account
            .add(declaration, tags)
            .expect("a declaration that CodePipeline accepts");
    }

    /// Sends a webhook to the queue of webhooks, as GitHub does.
    pub(crate) fn send(&self, webhook: &Webhook) {
        let sealed = webhook.clone().seal(self.clock.now());
        self.queue
            .deliver(&sealed.body, &sealed.attributes)
            .expect("a message that SQS accepts");
    }

    /// Sends a repair to the internal queue, as an operator does. No fault applies to it.
    pub(crate) fn send_repair(&self, repair: &Repair, repository: &RepositoryName) {
        let message = repair.to_message(repository, &owner());
        let source = Source::Internal;
        self.queue
            .deliver_to(source, Some(SENDER), &message.body, &message.attributes)
            .expect("a message that SQS accepts");
    }

    /// Sends a webhook and works until the queues are empty; then a second passes. Returns what
    /// became of each message, as `outcome` or `outcome: detail`.
    pub(crate) async fn deliver(&self, webhook: Webhook) -> Vec<String> {
        self.send(&webhook);
        let outcomes = self.settle().await.iter().map(outcome).collect();
        self.clock.advance(Duration::from_secs(1));
        outcomes
    }

    /// Works until the queues are empty; time passes as far as that takes. Returns the journals.
    pub(crate) async fn settle(&self) -> Vec<Journal> {
        driver::settle(self).await
    }

    /// Returns the names of the pipelines that branchline made.
    pub(crate) fn pipelines(&self) -> Vec<String> {
        let all = self.account.all().into_iter();
        all.filter(|(_, pipeline)| !pipeline.given)
            .map(|(name, _)| name)
            .collect()
    }

    /// Returns one pipeline.
    pub(crate) fn pipeline(&self, name: &str) -> Pipeline {
        let found = self.account.all().remove(name);
        found.unwrap_or_else(|| panic!("no pipeline '{name}': {:?}", self.pipelines()))
    }

    /// Returns the mappings, each as `acme/api#7 active api-pr-7`.
    pub(crate) fn mappings(&self) -> Vec<String> {
        let rows = self.store.rows();
        let line = |row: &Mapping| {
            let pipeline = row.last_pipeline_name().map_or("-", |name| name.as_str());
            format!("{} {} {pipeline}", display(row), row.state.as_str())
        };
        rows.iter().map(line).collect()
    }

    /// Returns the state of the world without its history: which subjects are gone, which have what
    /// pipeline on which branch and (with `heads`) at which commit, and each pipeline with its
    /// source and its tags.
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
        let pipelines = all.iter().map(pipeline);
        let projects = self.account.project_lines();
        mappings.chain(pipelines).chain(projects).collect()
    }

    /// Returns the subjects that have a pipeline, as people write them.
    pub(crate) fn open(&self) -> BTreeSet<String> {
        let rows = self.store.rows();
        let active = rows.iter().filter(|row| row.state == State::Active);
        active.map(display).collect()
    }

    /// Returns the row of a subject, given as people write it: `acme/api#7`.
    pub(crate) fn mapping(&self, subject: &str) -> Mapping {
        let found = self
            .store
            .rows()
            .into_iter()
            .find(|row| display(row) == subject);
        found.unwrap_or_else(|| panic!("no mapping of {subject}: {:?}", self.mappings()))
    }

    /// Returns the audit trail of a subject, each entry as `outcome from>to`.
    pub(crate) fn history(&self, subject: &str) -> Vec<String> {
        let subject: Subject = self.mapping(subject).subject;
        let entries = self.store.audit(&subject);
        let line = |entry: &AuditEntry| {
            let from = entry.from.as_deref().unwrap_or("-");
            format!("{} {from}>{}", entry.outcome, entry.to)
        };
        entries.iter().map(line).collect()
    }

    /// Takes the messages out of the dead-letter queue. The story expects them.
    pub(crate) fn take_dead_letters(&self) -> Vec<StoredMessage> {
        self.queue.take(Destination::DeadLetters)
    }

    /// Takes the messages out of quarantine. The story expects them.
    pub(crate) fn take_quarantined(&self) -> Vec<StoredMessage> {
        self.queue.take(Destination::Quarantine)
    }

    /// Returns the subjects that are half-way.
    pub(crate) fn half_way(&self) -> Vec<String> {
        let rows = self.store.rows();
        let half = rows
            .iter()
            .filter(|row| State::HALF_WAY.contains(&row.state));
        half.map(display).collect()
    }

    /// Expects that branchline does not start this subject's head.
    pub(crate) fn expect_unbuilt(&self, subject: &str) {
        lock(&self.unbuilt).insert(subject.to_owned());
    }

    /// Expects that this subject's head is built with two declarations, one after the other.
    pub(crate) fn expect_built_twice(&self, subject: &str) {
        lock(&self.built_twice).insert(subject.to_owned());
    }

    /// Expects workers that crash, so a commit may be built again in two cases: its execution was
    /// stopped by an update that was repeated; or a push went back to it (`back`, by subject), and
    /// the start of the commit in between was cut off, so that it is unknown whether that was
    /// built.
    pub(crate) fn expect_chaos(&self, back: &BTreeSet<(String, String)>) {
        *lock(&self.chaos) = Some(back.clone());
    }

    /// Expects this many clones that were counted without a slot in their mapping.
    pub(crate) fn expect_uncounted(&self, clones: usize) {
        *lock(&self.uncounted) = clones;
    }

    /// Expects that a stack is left, and belongs to no subject.
    pub(crate) fn expect_stack(&self, name: &str) {
        lock(&self.stacks).insert(name.to_owned());
    }

    /// Returns the time as GitHub writes it.
    pub(crate) fn clock_text(&self) -> String {
        self.clock.now().to_string()
    }

    /// Expects that this subject is not half-way any more.
    pub(crate) fn expect_not_half_way(&self, subject: &str) {
        lock(&self.half_way).remove(subject);
    }

    /// Expects that this subject is left half-way.
    pub(crate) fn expect_half_way(&self, subject: &str) {
        lock(&self.half_way).insert(subject.to_owned());
    }
}

pub(crate) fn outcome(journal: &Journal) -> String {
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
