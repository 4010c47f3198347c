//! What is sent to the queues of a simulated world.

use std::time::Duration;
use tokio::time::{sleep, sleep_until};

use super::CHAOS;
use crate::world::history::{self, History};
use crate::world::story::World;
use crate::world::webhook::Webhook;

/// How much was sent.
pub(super) struct Sent {
    pub(super) webhooks: usize,
    pub(super) lost: usize,
    pub(super) repairs: usize,
}

/// Sends GitHub's webhooks, out of order and some of them twice, a forgery and an invalid one among
/// them, and operators' repairs of whatever generation. If it `loses` some, a tenth never arrives.
pub(super) async fn send(
    world: &World,
    history: &History,
    loses: bool,
    rng: &mut fastrand::Rng,
) -> Sent {
    let mut events = history.events.clone();
    events.retain(|_| !loses || rng.u8(0..10) > 0);
    let lost = history.events.len() - events.len();
    let mut webhooks: Vec<Webhook> = events.into_iter().map(|event| event.webhook).collect();
    let again: Vec<Webhook> = webhooks
        .iter()
        .filter(|_| rng.u8(0..4) == 0)
        .cloned()
        .collect();
    webhooks.extend(again);
    rng.shuffle(&mut webhooks);
    webhooks.push(Webhook::ping().signed_with("guess"));
    webhooks.push(Webhook::pull_request("opened").body("{"));
    let end = tokio::time::Instant::now() + CHAOS;
    let most = CHAOS.as_secs() / u64::try_from(webhooks.len()).unwrap_or(1);
    let mut repairs = 0;
    for webhook in &webhooks {
        // In bursts: messages that arrive together are processed together.
        if rng.bool() {
            sleep(Duration::from_secs(rng.u64(0..=2 * most))).await;
        }
        world.send(webhook);
        if rng.u8(0..4) == 0 {
            send_repair(world, history, rng);
            repairs += 1;
        }
    }
    sleep_until(end).await;
    // The last ones find a world that is nearly or entirely at rest.
    for _ in 0..rng.usize(0..4) {
        send_repair(world, history, rng);
        repairs += 1;
    }
    Sent {
        webhooks: webhooks.len(),
        lost,
        repairs,
    }
}

fn send_repair(world: &World, history: &History, rng: &mut fastrand::Rng) {
    let (repair, repository) = history::repair(world, history, rng);
    world.send_repair(&repair, &repository);
    // An operator's script that sends it twice.
    if rng.bool() {
        world.send_repair(&repair, &repository);
    }
}
