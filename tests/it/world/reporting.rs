//! What a world tells GitHub, and what CodePipeline tells the world.

use std::sync::Arc;
use std::time::Duration;

use branchline::domain::intake::envelope::Source;
use branchline::ports::{Clock, Queue};
use branchline::reports::{Outbox, Reporter};

use super::daemons::{FakeReporter, reporter_config};
use super::event_bridge::EventBridge;
use super::pipeline_event::PipelineEvent;
use super::story::World;
use super::webhook::{Webhook, commit};
use super::{driver, lock};

/// Longer than the wait before a report is looked for whose daemon ended, and than any wait after a
/// failure that passes by itself.
const REPORT_WAIT: Duration = Duration::from_secs(700);
/// Longer than the wait before CodePipeline is asked about an execution.
const UNHEARD: Duration = Duration::from_secs(901);
/// Longer than a commit may wait for the next attempt of its message.
const WAITING: Duration = Duration::from_secs(7_201);
/// More rounds than any world needs to come to rest.
const ROUNDS: usize = 300;

impl World {
    /// Returns a reporter of this world.
    pub(crate) fn reporter(&self, name: &str) -> FakeReporter {
        self.reporter_with(name, self.outbox())
    }

    /// Returns the reporter of another daemon, which finds in the table what is due.
    pub(crate) fn other_reporter(&self, name: &str) -> FakeReporter {
        self.reporter_with(name, Outbox::default())
    }

    fn reporter_with(&self, name: &str, outbox: Outbox) -> FakeReporter {
        let (store, account) = (self.store.clone(), self.account.clone());
        let (github, clock) = (Arc::new(self.github.clone()), self.clock.clone());
        let config = reporter_config(name, self.reconciler().rules().all());
        Reporter::new(store, account, github, clock, outbox, config)
    }

    /// Returns the commits that wait for their report, as the present process knows them.
    pub(crate) fn outbox(&self) -> Outbox {
        lock(&self.outbox).clone()
    }

    /// Forgets them, as a process does that ends.
    pub(crate) fn forget_outbox(&self) {
        *lock(&self.outbox) = Outbox::default();
    }

    /// Tells GitHub everything that is due.
    pub(crate) async fn tell(&self) {
        self.reporter("w1").drain().await;
    }

    /// Tells GitHub everything that is due. If a call hangs, the process dies there, and its memory
    /// is lost. Returns false then.
    pub(crate) async fn tell_or_die(&self) -> bool {
        let died = tokio::select! {
            biased;
            () = self.tell() => false,
            () = self.faults.hangs() => true,
        };
        if died {
            self.forget_outbox();
        }
        !died
    }

    /// Works until the queues are empty, tells GitHub what follows, and lets ten seconds pass.
    pub(crate) async fn work_and_tell(&self) {
        self.settle().await;
        self.tell_or_die().await;
        self.clock.advance(Duration::from_secs(10));
    }

    /// Delivers a webhook, and tells GitHub what follows from it. Returns what became of each
    /// message.
    pub(crate) async fn handle(&self, webhook: Webhook) -> Vec<String> {
        let outcomes = self.deliver(webhook).await;
        self.tell().await;
        outcomes
    }

    /// Lets CodePipeline report on an execution, and tells GitHub.
    pub(crate) async fn hear(&self, event: PipelineEvent) {
        self.send_event(&event);
        self.settle().await;
        self.clock.advance(Duration::from_secs(1));
        self.tell().await;
    }

    /// Returns what a commit shows, which has one report.
    pub(crate) fn page(&self, number: u64) -> String {
        self.github.page(&commit(number)).join("\n")
    }

    /// Sends an event of CodePipeline to the internal queue, as EventBridge does.
    pub(crate) fn send_event(&self, event: &PipelineEvent) {
        let body = event.body(self.clock.now());
        self.queue
            .deliver_to(Source::Internal, None, &body, &[])
            .expect("a message that SQS accepts");
    }

    /// Processes the messages that are visible, once.
    pub(crate) async fn work_once(&self) {
        let received = self.queue.receive(10, Duration::ZERO).await;
        for envelope in received.expect("a queue that answers") {
            driver::handle(self, envelope).await;
        }
    }

    /// Lets every execution end, delivers the events, and tells GitHub what follows, until nothing
    /// is left to do. Executions of which no event arrived are looked up.
    pub(crate) async fn come_to_rest(&self, bridge: &mut EventBridge) {
        let mut rounds = 0;
        while !bridge.is_quiet(self) {
            bridge.tick(self);
            self.settle().await;
            self.tell_or_die().await;
            self.clock.advance(Duration::from_secs(30));
            rounds += 1;
            assert!(rounds < ROUNDS, "the executions do not end");
        }
        self.report_everything().await;
    }

    /// Waits until nothing is left to tell GitHub. Executions of which no event arrived are looked
    /// up.
    pub(crate) async fn report_everything(&self) {
        for wait in [REPORT_WAIT, UNHEARD, REPORT_WAIT, WAITING, REPORT_WAIT] {
            self.clock.advance(wait);
            while !self.tell_or_die().await {}
        }
    }
}
