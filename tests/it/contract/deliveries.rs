//! The contract of the deliveries port, for the fake of the stories and for the client of GitHub
//! over HTTP.

use branchline::domain::github::hook::Hook;
use branchline::domain::ids::DeliveryAttemptId;
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::ports::{DeliveryPage, DeliveryReader, Redelivery};
use serde_json::json;

use crate::github::fake;
use crate::world::deliveries::Fate;
use crate::world::story::run_story;
use crate::world::webhook::Webhook;

const MISSING: DeliveryAttemptId = DeliveryAttemptId(1_000_000);

async fn list<G: DeliveryReader>(github: &G) -> DeliveryPage {
    let page = github.deliveries(&Hook::App, None).await.unwrap();
    assert!(
        page.attempts.is_sorted_by(|one, other| one.id > other.id),
        "{page:?}"
    );
    page
}

/// "Returns a page of a webhook's attempts, the newest first." "Asks GitHub to deliver the event of
/// an attempt again, under the same GUID."
async fn a_lost_event_is_asked_for<G: Redelivery>(github: &G, deliver: impl FnOnce()) {
    assert_eq!(github.hooks(), [Hook::App]);
    let before = list(github).await;
    let lost = before.attempts.first().unwrap();
    assert!(!lost.has_arrived() && !lost.is_redelivery);
    github.redeliver(&Hook::App, lost.id).await.unwrap();
    deliver();
    let after = list(github).await;
    assert_eq!(after.attempts.len(), before.attempts.len() + 1);
    let newest = after.attempts.first().unwrap();
    assert!(newest.has_arrived() && newest.is_redelivery);
    assert_eq!(newest.delivery, lost.delivery);
    assert_eq!((&newest.event, &newest.action), (&lost.event, &lost.action));
    let pull_request = github.delivered_pull_request(&Hook::App, lost.id).await;
    assert_eq!(pull_request.unwrap().unwrap().number, 7);
}

/// "`github-missing` also if GitHub does not keep the attempt any more."
async fn an_attempt_that_is_gone_is_missing<G: Redelivery>(github: &G) {
    let asked = github.redeliver(&Hook::App, MISSING).await.unwrap_err();
    let read = github.delivered_pull_request(&Hook::App, MISSING).await;
    for fault in [asked, read.unwrap_err()] {
        assert_eq!(fault.kind, GitHubFaultKind::Missing, "{fault}");
    }
}

/// "From the beginning or from where another page ended."
async fn each_attempt_is_on_one_page<G: DeliveryReader>(github: &G, count: usize) {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = github.deliveries(&Hook::App, after.as_ref()).await.unwrap();
        ids.extend(page.attempts.iter().map(|attempt| attempt.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn the_fake_of_the_stories() {
    run_story(async |world| {
        world.attempt(&Webhook::pull_request("opened"), Fate::Fails);
        let deliver = || world.redeliver(Fate::Arrives);
        a_lost_event_is_asked_for(&world.github, deliver).await;
        an_attempt_that_is_gone_is_missing(&world.github).await;
        for _ in 2..25 {
            world.attempt(&Webhook::ping(), Fate::Fails);
        }
        each_attempt_is_on_one_page(&world.github, 25).await;
        world.settle().await;
    });
}

#[tokio::test]
async fn the_client_over_http() {
    let world = fake::World::new("contract-deliveries").await;
    let add = async || {
        let payload = json!({
            "number": 7, "pull_request": { "updated_at": "2026-01-01T00:00:00Z" },
        });
        let delivery = json!({
            "guid": "72d3162e-cc78-11e3-81ab-4c9367dc0958", "duration": 0.1,
            "status": "timed out", "status_code": 0, "event": "pull_request",
            "action": "opened", "installation_id": null, "repository_id": 730_001,
            "request": { "headers": {}, "payload": payload },
        });
        world.control("PUT deliveries", &delivery).await;
    };
    add().await;
    let github = world.app();
    a_lost_event_is_asked_for(&github, || {}).await;
    an_attempt_that_is_gone_is_missing(&github).await;
    for _ in 2..205 {
        add().await;
    }
    each_attempt_is_on_one_page(&github, 205).await;
    world.no_violations().await;
}
