//! The fakes under the contracts.

use std::time::Duration;

use branchline::domain::clone::tags::Tags;
use branchline::domain::ids::Subject;
use branchline::domain::intake::envelope::Attribute;
use branchline::domain::outcome::audit_entry::NewAuditEntry;
use branchline::domain::outcome::outgoing::Destination;
use branchline::reconcile::lease::VISIBILITY;
use serde_json::Value;

use super::pipelines::PipelinesStage;
use super::projects::ProjectsStage;
use super::queue::{QueueStage, StoredMessage};
use super::stacks::StacksStage;
use super::store::StoreStage;
use crate::world::clock::FakeClock;
use crate::world::fault_injection::FaultInjection;
use crate::world::pipelines::FakePipelines;
use crate::world::queue::FakeQueue;
use crate::world::rules::ROLE;
use crate::world::store::FakeStore;

/// The `maxReceiveCount` of this stage's queues.
const MAX_RECEIVES: u32 = 3;

/// The queues and their clock.
struct Queues {
    queue: FakeQueue,
    clock: FakeClock,
}

impl Queues {
    fn new() -> Self {
        let clock = FakeClock::new();
        Self {
            queue: FakeQueue::new(&clock, &FaultInjection::new(&clock), MAX_RECEIVES),
            clock,
        }
    }
}

impl QueueStage for Queues {
    type Port = FakeQueue;

    fn queue(&self) -> &FakeQueue {
        &self.queue
    }

    fn visibility(&self) -> Duration {
        VISIBILITY
    }

    fn patience(&self) -> Duration {
        Duration::ZERO
    }

    fn max_receives(&self) -> u32 {
        MAX_RECEIVES
    }

    async fn send(&self, body: &str, attributes: &[(String, Attribute)]) -> String {
        self.queue.deliver(body, attributes).unwrap()
    }

    async fn count(&self) -> usize {
        self.queue.waiting().len()
    }

    async fn look(&self, destination: Destination) -> Vec<StoredMessage> {
        let dead_letters = self.queue.look(destination).into_iter();
        dead_letters
            .map(|dead_letter| StoredMessage {
                body: dead_letter.body,
                attributes: dead_letter.attributes,
            })
            .collect()
    }

    async fn wait(&self, time: Duration) {
        self.clock.advance(time);
    }
}

/// A table.
struct Table(FakeStore);

impl Table {
    fn new() -> Self {
        Self(FakeStore::new(&FaultInjection::new(&FakeClock::new())))
    }
}

impl StoreStage for Table {
    type Port = FakeStore;

    fn store(&self) -> &FakeStore {
        &self.0
    }

    async fn audit(&self, subject: &Subject) -> Vec<(String, String)> {
        let entries = self.0.audit(subject).into_iter();
        entries.map(|entry| (entry.cause, entry.outcome)).collect()
    }

    async fn journal(&self, subject: &Subject, entry: &NewAuditEntry) -> Option<String> {
        let mut entries = self.0.audit(subject).into_iter();
        entries
            .find(|kept| kept.cause == entry.cause.to_string())
            .map(|kept| kept.journal)
    }

    async fn delivery(&self, entry: &NewAuditEntry) -> Option<String> {
        let kept = self.0.delivery(entry.cause.delivery()?)?;
        Some(kept.outcome.to_owned())
    }

    async fn repository(&self, name: &str) -> Option<u64> {
        self.0.alias(name).map(|id| id.0)
    }

    fn another(&self) -> FakeStore {
        self.0.clone()
    }

    async fn remove_row(&self, subject: &Subject) {
        self.0.remove_row(subject);
    }
}

/// An account.
struct Account(FakePipelines);

impl Account {
    fn new() -> Self {
        Self(FakePipelines::new(&FaultInjection::new(&FakeClock::new())))
    }
}

impl PipelinesStage for Account {
    type Port = FakePipelines;

    fn pipelines(&self) -> &FakePipelines {
        &self.0
    }

    fn role(&self) -> String {
        ROLE.to_owned()
    }

    async fn give(&self, declaration: Value) {
        self.0.add(declaration, Tags::new()).unwrap();
    }

    async fn update(&self, declaration: Value) {
        self.0.add(declaration, Tags::new()).unwrap();
    }

    async fn executions(&self, name: &str) -> usize {
        self.0.all().get(name).unwrap().executions()
    }
}

impl ProjectsStage for Account {
    type Port = FakePipelines;

    fn projects(&self) -> &FakePipelines {
        &self.0
    }

    async fn give(&self, project: Value) {
        self.0.add_project(project);
    }
}

/// CloudFormation and its clock.
struct Stacks {
    account: FakePipelines,
    clock: FakeClock,
}

impl Stacks {
    fn new() -> Self {
        let clock = FakeClock::new();
        let account = FakePipelines::new(&FaultInjection::new(&clock));
        Self { account, clock }
    }
}

impl StacksStage for Stacks {
    type Port = FakePipelines;

    fn stacks(&self) -> &FakePipelines {
        &self.account
    }

    async fn give(&self, name: &str) {
        self.account.give_stack(name);
    }

    async fn end_deletions(&self) {
        self.clock.advance(Duration::from_mins(1));
    }
}

mod queue {
    use super::Queues;
    use crate::contract::queue::queue_contract;

    queue_contract!(Queues::new());
}

mod store {
    use super::Table;
    use crate::contract::store::store_contract;

    store_contract!(Table::new());
}

mod repositories {
    use super::Table;
    use crate::contract::repositories::repositories_contract;

    repositories_contract!(Table::new());
}

mod comments {
    use super::Table;
    use crate::contract::comments::comments_contract;

    comments_contract!(Table::new());
}

mod deployments {
    use super::Table;
    use crate::contract::deployments::deployments_contract;

    deployments_contract!(Table::new());
}

mod commits {
    use super::Table;
    use crate::contract::commits::commits_contract;

    commits_contract!(Table::new());
}

mod trail {
    use super::Table;
    use crate::contract::trail::trail_contract;

    trail_contract!(Table::new());
}

mod listing {
    use super::Table;
    use crate::contract::listing::listing_contract;

    listing_contract!(Table::new());
}

mod pipelines {
    use super::Account;
    use crate::contract::pipelines::pipelines_contract;

    pipelines_contract!(Account::new());
}

mod slots {
    use super::Table;
    use crate::contract::slots::slots_contract;

    slots_contract!(Table::new());
}

mod projects {
    use super::Account;
    use crate::contract::projects::projects_contract;

    projects_contract!(Account::new());
}

mod stacks {
    use super::Stacks;
    use crate::contract::stacks::stacks_contract;

    stacks_contract!(Stacks::new());
}
