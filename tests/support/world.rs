//! The stage for stories: one world with its queue, table and pipelines, and the line that works in it.
//!
//! [`run_line`] plays a story and fails it if anything is left over.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use branchline::line::ids::{Subject, Timestamp};
use branchline::line::journal::Journal;
use branchline::line::mapping::{Mapping, State};
use branchline::line::rule::{Rule, Rules};
use branchline::line::template::{Tags, is_ours};
use branchline::line::verdict::{Grave, MaxAttempts};
use branchline::ports::Clock;
use branchline::worker::walk::{Setup, Walker};
use branchline::worker::{Settings, Worker};
use serde_json::Value;

use super::clock::FakeClock;
use super::pipelines::{FakePipelines, Pipeline};
use super::queue::{FakeQueue, Letter};
use super::rules::{TEMPLATE, pull_request_rule, template};
use super::store::FakeStore;
use super::weather::Weather;
use super::webhook::{self, REPOSITORY, Webhook};
use super::{drive, lock};

/// The table's name, which marks our pipelines.
pub(crate) const TABLE: &str = "branchline";
/// The source queue's redrive, as in the sandbox.
pub(crate) const MAX_RECEIVES: u32 = 100;

/// The walker of the tests.
pub(crate) type FakeWalker = Walker<FakeStore, FakePipelines, FakeClock>;

/// Everything there is.
pub(crate) struct World {
    pub(crate) clock: FakeClock,
    pub(crate) weather: Weather,
    pub(crate) queue: FakeQueue,
    pub(crate) store: FakeStore,
    pub(crate) account: FakePipelines,
    walker: Mutex<Arc<FakeWalker>>,
    half_way: Mutex<BTreeSet<String>>,
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
        let weather = Weather::new(&clock);
        let store = FakeStore::new(&weather);
        let account = FakePipelines::new(&weather);
        let walker = new_walker(&store, &account, &clock, vec![pull_request_rule()], "w1");
        let world = Self {
            queue: FakeQueue::new(&clock, &weather, MAX_RECEIVES),
            walker: Mutex::new(Arc::new(walker)),
            half_way: Mutex::default(),
            clock,
            weather,
            store,
            account,
        };
        world.give(template(TEMPLATE, REPOSITORY.1), Tags::new());
        world
    }

    /// The line starts anew under these rules: memory gone, queue and table kept.
    pub(crate) fn restart(&self, rules: Vec<Rule>) {
        *lock(&self.walker) = Arc::new(self.worker("w1", rules));
    }

    /// One more worker in this world, under the world's own weather.
    pub(crate) fn worker(&self, name: &str, rules: Vec<Rule>) -> FakeWalker {
        new_walker(&self.store, &self.account, &self.clock, rules, name)
    }

    /// A whole daemon in this world, under a weather and a clock of its own.
    pub(crate) fn daemon(
        &self,
        name: &str,
        rules: Vec<Rule>,
        weather: &Weather,
        clock: &FakeClock,
        settings: Settings,
    ) -> Worker<FakeQueue, FakeStore, FakePipelines, FakeClock> {
        let (store, account) = (self.store.under(weather), self.account.under(weather));
        let walker = new_walker(&store, &account, clock, rules, name);
        Worker::new(self.queue.under(weather), walker, settings)
    }

    /// The line as it runs now.
    pub(crate) fn line(&self) -> Arc<FakeWalker> {
        Arc::clone(&lock(&self.walker))
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
            .send(&sealed.body, &sealed.attributes)
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
        drive::settle(self).await
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
            let pipeline = row.spec.as_ref().map_or("-", |spec| spec.pipeline.as_str());
            format!("{} {} {pipeline}", display(row), row.state.word())
        };
        rows.iter().map(line).collect()
    }

    /// What is there, without how it came to be: which subjects are gone, which have what pipeline on which branch and
    /// (with `heads`) at which commit, and each pipeline with its source, its tags and how often it ran.
    pub(crate) fn picture(&self, heads: bool) -> Vec<String> {
        let mapping = |row: &Mapping| {
            if row.state == State::Gone {
                return format!("{} gone", display(row));
            }
            let branch = row.spec.as_ref().map_or("-", |spec| spec.branch.as_str());
            let head = row.moment.head.as_ref().map_or("-", |head| head.as_str());
            let (name, state) = (display(row), row.state.word());
            let head = if heads { head } else { "" };
            format!("{name} {state} {} {branch} {head}", pipeline_of(row))
        };
        let pipeline = |(name, pipeline): (&String, &Pipeline)| {
            let source = pipeline.source("BranchName").unwrap_or("-");
            format!(
                "{name} {source} {:?} {}",
                pipeline.tags, pipeline.executions
            )
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
        let line = |entry: &branchline::line::journal::Entry| {
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
        self.queue.take(Grave::DeadLetters)
    }

    /// Takes what is quarantined: the story expects it.
    pub(crate) fn take_quarantined(&self) -> Vec<Letter> {
        self.queue.take(Grave::Quarantine)
    }

    /// The subjects that are half-way.
    pub(crate) fn half_way(&self) -> Vec<String> {
        let rows = self.store.rows();
        let half = rows.iter().filter(|row| not_stuck(row).is_none());
        half.map(display).collect()
    }

    /// The story expects that this subject is left half-way.
    pub(crate) fn take_half_way(&self, subject: &str) {
        lock(&self.half_way).insert(subject.to_owned());
    }

    /// Fails the test if anything is left over.
    pub(crate) fn finish(&self) {
        let left = self.leftovers();
        assert!(left.is_empty(), "left over:\n  {}", left.join("\n  "));
    }

    /// What is left over, in sentences.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let expected = lock(&self.half_way).clone();
        let rows = self.store.rows();
        let (stuck, rows): (Vec<_>, Vec<_>) = rows
            .into_iter()
            .partition(|row| expected.contains(&display(row)));
        let mut left = self.letters_left();
        left.extend(self.account.violations());
        let unmet = expected.len() - stuck.len();
        left.extend((unmet > 0).then(|| format!("{unmet} expected half-way, not there")));
        left.extend(stuck.iter().filter_map(not_stuck));
        left.extend(
            rows.iter()
                .filter_map(|row| unsettled(row, self.clock.now())),
        );
        left.extend(self.pipelines_left(&rows, &stuck));
        left.extend(self.names_left(&rows, &stuck));
        left
    }

    fn letters_left(&self) -> Vec<String> {
        let places = [
            ("the source queue", self.queue.waiting()),
            ("the dead letters", self.queue.look(Grave::DeadLetters)),
            ("quarantine", self.queue.look(Grave::Quarantine)),
        ];
        let line = |place: &str, letter: &Letter| {
            let event = letter.text("X-GitHub-Event").unwrap_or("?");
            let reason = letter.text("branchline-reason").unwrap_or("no reason");
            let id = &letter.message_id;
            format!(
                "{id} ({event}, {reason}) in {place}, {} receives",
                letter.receives
            )
        };
        let lines = places
            .iter()
            .flat_map(|(place, letters)| letters.iter().map(move |letter| line(place, letter)));
        lines.collect()
    }

    /// Pipelines and active mappings must be the same, and every pipeline must carry its subject's tags.
    fn pipelines_left(&self, rows: &[Mapping], stuck: &[Mapping]) -> Vec<String> {
        let all = self.account.all();
        let mut unowned: BTreeSet<String> = self.pipelines().into_iter().collect();
        for row in stuck {
            unowned.remove(pipeline_of(row));
        }
        let mut left = Vec::new();
        for row in rows.iter().filter(|row| row.state == State::Active) {
            let name = pipeline_of(row);
            unowned.remove(name);
            let ours = |pipeline: &Pipeline| is_ours(&pipeline.tags, &row.subject, TABLE);
            match all.get(name) {
                None => left.push(format!("{} is active, without its '{name}'", display(row))),
                Some(pipeline) if !ours(pipeline) => {
                    left.push(format!("'{name}' is not marked as {}'s", display(row)));
                }
                Some(_) => {}
            }
        }
        left.extend(
            unowned
                .iter()
                .map(|name| format!("pipeline '{name}' is nobody's")),
        );
        left
    }

    /// A name is reserved exactly as long as its subject is not gone.
    fn names_left(&self, rows: &[Mapping], stuck: &[Mapping]) -> Vec<String> {
        let mut reserved: BTreeSet<(String, String)> = self.store.names().into_iter().collect();
        let name = |row: &Mapping| (pipeline_of(row).to_owned(), row.subject.key());
        for row in stuck {
            reserved.remove(&name(row));
        }
        let owners = rows.iter().filter(|row| row.state == State::Active);
        let missing = owners.filter(|row| !reserved.remove(&name(row)));
        let mut left: Vec<String> = missing
            .map(|row| format!("'{}' is used, but not reserved", pipeline_of(row)))
            .collect();
        let line = |(name, key): &(String, String)| format!("'{name}' is still reserved by {key}");
        left.extend(reserved.iter().map(line));
        left
    }
}

fn new_walker(
    store: &FakeStore,
    account: &FakePipelines,
    clock: &FakeClock,
    rules: Vec<Rule>,
    worker: &str,
) -> FakeWalker {
    let setup = Setup {
        rules: Rules(rules),
        secrets: webhook::secrets(),
        table: TABLE.to_owned(),
        worker: worker.to_owned(),
        max_attempts: MaxAttempts::default(),
    };
    Walker::new(store.clone(), account.clone(), clock.clone(), setup)
}

fn unsettled(row: &Mapping, now: Timestamp) -> Option<String> {
    let state = row.state.word();
    if row.held(now).is_some() {
        return Some(format!("{} is {state}, with a live claim", display(row)));
    }
    match row.state {
        State::Creating | State::Deleting => Some(format!("{} is half-way: {state}", display(row))),
        State::Active | State::Gone => None,
    }
}

fn not_stuck(row: &Mapping) -> Option<String> {
    match row.state {
        State::Creating | State::Deleting => None,
        State::Active | State::Gone => Some(format!("{} is not half-way", display(row))),
    }
}

fn outcome(journal: &Journal) -> String {
    match &journal.detail {
        Some(detail) => format!("{}: {detail}", journal.outcome),
        None => journal.outcome.to_owned(),
    }
}

fn display(row: &Mapping) -> String {
    row.subject.display(&row.repository)
}

fn pipeline_of(row: &Mapping) -> &str {
    row.spec.as_ref().map_or("-", |spec| spec.pipeline.as_str())
}
