//! What a world tells GitHub, and what CodePipeline tells the world.

use std::time::Duration;

use branchline::domain::intake::envelope::Source;
use branchline::ports::{Clock, Queue};
use branchline::reports::{Outbox, Reporter, ReporterConfig};

use super::clock::FakeClock;
use super::driver;
use super::github::FakeGitHub;
use super::pipeline_event::PipelineEvent;
use super::pipelines::FakePipelines;
use super::store::FakeStore;
use super::story::{REGION, World};

impl World {
    /// Returns a reporter of this world.
    pub(crate) fn reporter(
        &self,
        name: &str,
    ) -> Reporter<FakeStore, FakePipelines, FakeGitHub, FakeClock> {
        self.reporter_with(name, self.outbox.clone())
    }

    /// Returns the reporter of another daemon, which finds in the table what is due.
    pub(crate) fn other_reporter(
        &self,
        name: &str,
    ) -> Reporter<FakeStore, FakePipelines, FakeGitHub, FakeClock> {
        self.reporter_with(name, Outbox::default())
    }

    fn reporter_with(
        &self,
        name: &str,
        outbox: Outbox,
    ) -> Reporter<FakeStore, FakePipelines, FakeGitHub, FakeClock> {
        let config = ReporterConfig {
            worker: name.to_owned(),
            region: REGION.to_owned(),
        };
        let (store, account) = (self.store.clone(), self.account.clone());
        let (github, clock) = (self.github.clone(), self.clock.clone());
        Reporter::new(store, account, github, clock, outbox, config)
    }

    /// Tells GitHub everything that is due.
    pub(crate) async fn tell(&self) {
        self.reporter("w1").drain().await;
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
}
