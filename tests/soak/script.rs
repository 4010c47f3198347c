//! The messages of one round, from GitHub and from others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::Value;
use tokio::time::sleep;

use super::account::Account;
use crate::world::clock::START;
use crate::world::history::History;
use crate::world::webhook::{Sealed, Webhook};

/// Invalid payloads in a round.
const INVALID: usize = 20;
/// Forgeries in a round.
const FORGERIES: usize = 10;

/// Webhooks without a signature in a round.
const UNSIGNED: usize = 5;

/// What GitHub sends and nobody receives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// All webhooks of one subject in ten: nobody has heard of it.
    Subjects,
    /// One webhook in twenty.
    Webhooks,
}

/// The webhooks of one round, in the order of their arrival.
pub(crate) struct Round {
    pub(crate) history: History,
    pub(crate) webhooks: Vec<Sealed>,
    /// How many of them are sent again.
    pub(crate) again: usize,
    /// How many webhooks of the history are lost.
    pub(crate) lost: usize,
    /// The subjects of which a webhook is sent.
    pub(crate) heard: BTreeSet<String>,
    /// The invalid bodies, each with the reason for its dead letter.
    pub(crate) invalid: BTreeMap<String, &'static str>,
    /// The forged bodies, each with the reason for its quarantine.
    pub(crate) forgeries: BTreeMap<String, &'static str>,
    /// Every subject, as people write it.
    pub(crate) subjects: BTreeSet<String>,
}

impl Round {
    pub(crate) fn new(rng: &mut fastrand::Rng, number: usize, subjects: usize, loss: Loss) -> Self {
        let first = number * subjects;
        let history = History::random(rng, first..first + subjects);
        let mut webhooks: Vec<Sealed> = Vec::new();
        let (mut again, mut lost) = (0, 0);
        let mut heard = BTreeSet::new();
        let mut unheard: BTreeSet<_> = history.subjects.iter().cloned().collect();
        unheard.retain(|_| loss == Loss::Subjects && rng.u8(0..10) == 0);
        for event in &history.events {
            let subject = subject(&event.webhook);
            if unheard.contains(&subject) || (loss == Loss::Webhooks && rng.u8(0..20) == 0) {
                lost += 1;
                continue;
            }
            heard.insert(subject);
            webhooks.push(event.webhook.clone().seal(START));
            if rng.u8(0..5) == 0 {
                webhooks.push(event.webhook.clone().seal(START));
                again += 1;
            }
        }
        let invalid: BTreeMap<_, _> = (0..INVALID).map(|n| bad(number, n)).collect();
        let forgeries: BTreeMap<_, _> = (0..FORGERIES).map(|n| forged(number, n)).collect();
        webhooks.extend(invalid.values().map(|(sealed, _)| sealed.clone()));
        webhooks.extend(forgeries.values().map(|(sealed, _)| sealed.clone()));
        webhooks.extend((0..UNSIGNED).map(unsigned));
        rng.shuffle(&mut webhooks);
        let reasons = |of: BTreeMap<String, (Sealed, &'static str)>| {
            let named = of.into_iter().map(|(body, (_, reason))| (body, reason));
            named.collect()
        };
        Self {
            subjects: history.subjects.clone(),
            history,
            webhooks,
            again,
            lost,
            heard,
            invalid: reasons(invalid),
            forgeries: reasons(forgeries),
        }
    }

    /// Sends them until then, in bursts.
    pub(crate) async fn send(&self, account: &Account, until: Instant, rng: &mut fastrand::Rng) {
        let left = |sent: usize| u32::try_from(self.webhooks.len() - sent).unwrap_or(1);
        for (place, webhook) in self.webhooks.iter().enumerate() {
            let time = until.saturating_duration_since(Instant::now());
            if rng.u8(0..4) == 0 {
                // Most of the time passes between bursts of about four.
                sleep(time.mul_f64(3.0) / left(place).max(4)).await;
            }
            account.send(webhook.clone()).await;
        }
        sleep(until.saturating_duration_since(Instant::now())).await;
    }
}

/// Returns the subject of a webhook, as people write it.
fn subject(webhook: &Webhook) -> String {
    let (_, payload) = webhook.content();
    let text = |pointer| payload.pointer(pointer).and_then(Value::as_str);
    let repository = text("/repository/full_name").unwrap();
    match (text("/ref"), payload.get("number")) {
        (Some(branch), _) => format!("{repository}@{}", branch.trim_start_matches("refs/heads/")),
        (None, number) => format!("{repository}#{}", number.unwrap()),
    }
}

/// Returns an invalid payload with a valid signature.
fn bad(round: usize, number: usize) -> (String, (Sealed, &'static str)) {
    let name = format!("invalid-{round}-{number}");
    let opened = Webhook::pull_request("opened").delivery(&name);
    let body = match number % 4 {
        0 => format!("{{\"action\":5,\"name\":\"{name}\"}}"),
        1 => format!("{name} is not JSON"),
        2 => format!("[\"{name}\"]"),
        _ => format!("{{\"action\":\"opened\",\"number\":-1,\"name\":\"{name}\"}}"),
    };
    (
        body.clone(),
        (opened.body(&body).seal(START), "invalid-payload"),
    )
}

/// Returns a webhook with a signature of another secret.
fn forged(round: usize, number: usize) -> (String, (Sealed, &'static str)) {
    let name = format!("forged-{round}-{number}");
    let opened = Webhook::pull_request("opened").title(&name).delivery(&name);
    let sealed = opened.signed_with("guess").seal(START);
    (sealed.body.clone(), (sealed, "signature-mismatch"))
}

/// Returns a webhook without a signature, which is discarded.
fn unsigned(number: usize) -> Sealed {
    let name = format!("unsigned-{number}");
    let opened = Webhook::pull_request("opened").title(&name).delivery(&name);
    opened.unsigned().seal(START)
}
