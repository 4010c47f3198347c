//! The reconcilers of a world.

use std::sync::Arc;

use branchline::domain::intake::authenticated::{Authenticator, EventOrigin};
use branchline::domain::outcome::disposition::MaxAttempts;
use branchline::domain::rules::rule::{Rule, Rules};
use branchline::reconcile::{Reconciler, ReconcilerConfig};

use super::clock::FakeClock;
use super::pipelines::FakePipelines;
use super::store::FakeStore;
use super::story::{FakeReconciler, QUOTA, REGION, owner};
use super::webhook;

pub(super) fn new_reconciler(
    store: &FakeStore,
    account: &FakePipelines,
    clock: &FakeClock,
    rules: Vec<Rule>,
    worker: &str,
) -> FakeReconciler {
    let config = reconciler_config(rules, worker, account);
    Reconciler::new(store.clone(), account.clone(), clock.clone(), config)
}

/// Returns the account and the Region of the fakes.
pub(super) fn origin() -> EventOrigin {
    EventOrigin {
        account: Some("123456789012".to_owned()),
        region: Some(REGION.to_owned()),
    }
}

pub(super) fn reconciler_config(
    rules: Vec<Rule>,
    worker: &str,
    account: &FakePipelines,
) -> ReconcilerConfig {
    ReconcilerConfig {
        rules: Rules::new(rules),
        authenticator: Authenticator::source_queues(webhook::secrets()).with_origin(origin()),
        owner: owner(),
        worker: worker.to_owned(),
        max_attempts: MaxAttempts::default(),
        region: REGION.to_owned(),
        quota: QUOTA,
        files: None,
        projects: Arc::new(account.clone()),
        stacks: Arc::new(account.clone()),
    }
}
