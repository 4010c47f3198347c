//! The cost of a webhook in DynamoDB's capacity units (docs/SCALING.md).

#![expect(clippy::print_stdout, reason = "the figures are part of the test")]

use branchline::ports::Clock;

use crate::world::meter::Units;
use crate::world::metered::MeteredDaemon;
use crate::world::webhook::Webhook;

/// Delivers a webhook, and checks what became of it and what it took.
async fn expect(daemon: &MeteredDaemon, webhook: Webhook, outcome: &str, expected: Units) {
    let kind = webhook.kind();
    let (found, units) = daemon.deliver(webhook).await;
    println!(
        "{kind}: {found}: {units:?}, a row of {} bytes",
        daemon.meter.size("PR#0000000007")
    );
    assert_eq!((found.as_str(), units), (outcome, expected), "{kind}");
}

fn units(calls: usize, read: usize, tables: usize, indexes: usize) -> Units {
    Units {
        calls,
        read,
        tables,
        indexes,
    }
}

#[tokio::test]
async fn a_webhook_that_acts_takes_so_many_units() {
    let daemon = &MeteredDaemon::new().await;
    let opened = || Webhook::pull_request("opened");
    let first = opened().number(6);
    expect(daemon, first, "created", units(5, 1, 16, 5)).await;
    expect(daemon, opened(), "created", units(3, 1, 14, 5)).await;
    let pushed = |before, sha| Webhook::pull_request("synchronize").before(before).sha(sha);
    for sha in [2, 3, 4] {
        let pushed = pushed(sha - 1, sha);
        expect(daemon, pushed, "started", units(3, 2, 10, 9)).await;
    }
    let edited = Webhook::pull_request("edited").title("Another").sha(4);
    expect(daemon, edited, "recorded", units(2, 1, 8, 5)).await;
    let closed = || Webhook::pull_request("closed").sha(4);
    expect(daemon, closed(), "deleted", units(3, 1, 14, 9)).await;
    let reopened = Webhook::pull_request("reopened").sha(4);
    expect(daemon, reopened, "created", units(4, 3, 12, 6)).await;
    expect(daemon, closed(), "deleted", units(3, 1, 12, 8)).await;
}

#[tokio::test]
async fn a_webhook_that_changes_nothing_takes_no_write_units() {
    let daemon = &MeteredDaemon::new().await;
    let now = || daemon.world.clock.now();
    daemon.deliver(Webhook::pull_request("opened")).await;
    let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
    let pushed = pushed.at(now());
    daemon.deliver(pushed.clone()).await;
    let repeated = "unchanged: repeated";
    // The second unit is for the record of the commit, which is not there.
    expect(daemon, pushed, repeated, units(1, 2, 0, 0)).await;
    let edited = Webhook::pull_request("edited").sha(2);
    expect(daemon, edited, "recorded", units(2, 1, 8, 5)).await;
    let labeled = Webhook::pull_request("labeled");
    expect(daemon, labeled, "ignored: label", units(0, 0, 0, 0)).await;
    let closed = Webhook::pull_request("closed").sha(2).at(now());
    daemon.deliver(closed.clone()).await;
    expect(daemon, closed, repeated, units(1, 1, 0, 0)).await;
}

#[tokio::test]
async fn an_opening_that_is_delivered_again_takes_a_refused_transaction() {
    let daemon = &MeteredDaemon::new().await;
    let opened = Webhook::pull_request("opened").at(daemon.world.clock.now());
    daemon.deliver(opened.clone()).await;
    // The record of the repository is read at the same time.
    expect(daemon, opened, "unchanged: repeated", units(2, 1, 8, 0)).await;
}
