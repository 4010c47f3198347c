//! A daemon whose table is in the emulator, and whose calls to it are counted in DynamoDB's units.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use branchline::aws::DynamoStore;
use branchline::ports::Queue;
use branchline::reconcile::Reconciler;

use super::clock::FakeClock;
use super::meter::{Meter, Units};
use super::pipelines::FakePipelines;
use super::reconcilers::reconciler_config;
use super::rules::pull_request_rule;
use super::story::{TABLE, World, outcome};
use super::webhook::Webhook;
use super::{emulator, table};

/// The daemon, in a world whose own table is not used.
pub(crate) struct MeteredDaemon {
    pub(crate) world: World,
    pub(crate) meter: Meter,
    reconciler: Reconciler<DynamoStore, FakePipelines, FakeClock>,
}

impl MeteredDaemon {
    /// Makes it, over empty tables.
    pub(crate) async fn new() -> Self {
        static DAEMONS: AtomicUsize = AtomicUsize::new(0);
        let number = DAEMONS.fetch_add(1, Ordering::Relaxed);
        let config = emulator::config(format!("metered-{number}")).await;
        table::make(&Client::new(&config), TABLE).await;
        let meter = Meter::default();
        let config = Builder::from(&config).interceptor(meter.clone()).build();
        let store = DynamoStore::new(Client::from_conf(config), TABLE.to_owned());
        let world = World::new(FakeClock::new());
        let config = reconciler_config(vec![pull_request_rule()], "w1", &world.account);
        let reconciler = Reconciler::new(store, world.account.clone(), world.clock.clone(), config);
        Self {
            world,
            meter,
            reconciler,
        }
    }

    /// Processes a webhook; then a second passes. Returns what became of it, and what it took.
    pub(crate) async fn deliver(&self, webhook: Webhook) -> (String, Units) {
        self.meter.take();
        self.world.send(&webhook);
        let received = self.world.queue.receive(1, Duration::ZERO).await;
        let envelope = received.unwrap().pop().unwrap();
        let processed = self.reconciler.process(envelope, None).await;
        self.world.queue.delete(&[processed.receipt]).await.unwrap();
        self.world.clock.advance(Duration::from_secs(1));
        (outcome(&processed.journal), self.meter.take())
    }
}
