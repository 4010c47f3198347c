//! What the fake GitHub delivers: each attempt with its result, and what it is asked to deliver
//! again.

use std::collections::BTreeMap;

use branchline::domain::deliveries::{DeliveredPullRequest, DeliveryAttempt};
use branchline::domain::github::hook::Hook;
use branchline::domain::ids::{DeliveryAttemptId, DeliveryId, RepositoryId, Timestamp};
use branchline::domain::intake::authenticated::{DELIVERY, EVENT};
use branchline::domain::report::fault::{GitHubFault, GitHubFaultKind};
use branchline::ports::{Clock, DeliveryCursor, DeliveryPage, DeliveryReader, Redelivery};
use serde_json::Value;

use super::github::FakeGitHub;
use super::story::World;
use super::webhook::{Sealed, Webhook};
use crate::world::fault_injection::Op;

/// Attempts on a page of the list.
const PAGE: usize = 10;
/// How long GitHub keeps an attempt, and delivers its event again.
const KEPT_MILLIS: i64 = 3 * 24 * 60 * 60 * 1_000;

/// What becomes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The front door takes it, and SQS has it.
    Arrives,
    /// The front door does not answer.
    Fails,
    /// GitHub delays it.
    Throttled,
    /// The front door takes it, and SQS loses it.
    Vanishes,
}

/// Every attempt, the oldest first, and what was asked for.
#[derive(Default)]
pub(super) struct Deliveries {
    attempts: Vec<(DeliveryAttempt, Sealed)>,
    requests: Vec<DeliveryAttemptId>,
    /// How often each event was asked for.
    counts: BTreeMap<DeliveryId, usize>,
}

impl Deliveries {
    fn add(&mut self, sealed: &Sealed, fate: Fate, is_redelivery: bool, now: Timestamp) {
        let id = u64::try_from(self.attempts.len()).unwrap_or(0) + 1;
        let (status, status_code) = match fate {
            Fate::Arrives | Fate::Vanishes => ("OK", 200),
            Fate::Fails | Fate::Throttled => ("failed to connect to host", 0),
        };
        let payload: Value = serde_json::from_str(&sealed.body).expect("JSON");
        let attempt = DeliveryAttempt {
            hook: Hook::App,
            id: DeliveryAttemptId(id),
            delivery: DeliveryId::parse(header(sealed, DELIVERY)).expect("a GUID"),
            at: now,
            is_redelivery,
            status: status.to_owned(),
            status_code,
            event: header(sealed, EVENT),
            action: text(&payload, "/action").map(str::to_owned),
            repository: number(&payload, "/repository/id").map(RepositoryId),
            is_throttled: fate == Fate::Throttled,
        };
        self.attempts.push((attempt, sealed.clone()));
    }

    fn find(&self, id: DeliveryAttemptId) -> Result<&(DeliveryAttempt, Sealed), GitHubFault> {
        let mut attempts = self.attempts.iter();
        let found = attempts.find(|(attempt, _)| attempt.id == id);
        found.ok_or_else(|| GitHubFault::new(GitHubFaultKind::Missing, "no such attempt"))
    }

    fn page(&self, after: Option<&DeliveryCursor>) -> DeliveryPage {
        let before = after.map(|DeliveryCursor(id)| id.parse::<u64>().expect("a cursor of ours"));
        let listed = self.attempts.iter().rev();
        let listed = listed.filter(|(one, _)| before.is_none_or(|before| one.id.0 < before));
        let listed: Vec<DeliveryAttempt> = listed.map(|(one, _)| one.clone()).collect();
        let next = listed.get(PAGE - 1).filter(|_| listed.len() > PAGE);
        DeliveryPage {
            next: next.map(|last| DeliveryCursor(last.id.to_string())),
            attempts: listed.into_iter().take(PAGE).collect(),
        }
    }

    fn request(&mut self, id: DeliveryAttemptId, now: Timestamp) -> Result<(), GitHubFault> {
        let (attempt, _) = self.find(id)?;
        if attempt.at.0 + KEPT_MILLIS <= now.0 {
            return Err(GitHubFault::new(GitHubFaultKind::Refused, "too old"));
        }
        *self.counts.entry(attempt.delivery.clone()).or_default() += 1;
        self.requests.push(id);
        Ok(())
    }
}

fn header(sealed: &Sealed, name: &str) -> String {
    let mut attributes = sealed.attributes.iter();
    let found = attributes.find(|(key, _)| key == name);
    let text = found.and_then(|(_, value)| value.as_text());
    text.expect("a header of every webhook").to_owned()
}

fn text<'a>(payload: &'a Value, pointer: &str) -> Option<&'a str> {
    payload.pointer(pointer)?.as_str()
}

fn number(payload: &Value, pointer: &str) -> Option<u64> {
    payload.pointer(pointer)?.as_u64()
}

impl FakeGitHub {
    /// Returns how often each event was asked for.
    pub(crate) fn request_counts(&self) -> BTreeMap<DeliveryId, usize> {
        self.deliveries(|all| all.counts.clone())
    }
}

impl World {
    /// Lets GitHub make its attempt to deliver a webhook.
    pub(crate) fn attempt(&self, webhook: &Webhook, fate: Fate) {
        let now = self.clock.now();
        self.make_attempt(&webhook.clone().seal(now), fate, false);
    }

    /// Lets GitHub deliver what it was asked for.
    pub(crate) fn redeliver(&self, fate: Fate) {
        let requests = self
            .github
            .deliveries(|all| std::mem::take(&mut all.requests));
        for id in requests {
            let sealed = self.github.deliveries(|all| {
                let found = all.find(id);
                found.expect("an attempt that was asked for").1.clone()
            });
            self.make_attempt(&sealed, fate, true);
        }
    }

    fn make_attempt(&self, sealed: &Sealed, fate: Fate, is_redelivery: bool) {
        let now = self.clock.now();
        self.github
            .deliveries(|all| all.add(sealed, fate, is_redelivery, now));
        if fate == Fate::Arrives {
            self.queue
                .deliver(&sealed.body, &sealed.attributes)
                .expect("a message that SQS accepts");
        }
    }
}

impl DeliveryReader for FakeGitHub {
    fn hooks(&self) -> &[Hook] {
        &[Hook::App]
    }

    async fn deliveries(
        &self,
        _hook: &Hook,
        after: Option<&DeliveryCursor>,
    ) -> Result<DeliveryPage, GitHubFault> {
        self.on_deliveries(Op::ListDeliveries, |all, _| Ok(all.page(after)))
            .await
    }

    async fn delivered_pull_request(
        &self,
        _hook: &Hook,
        attempt: DeliveryAttemptId,
    ) -> Result<Option<DeliveredPullRequest>, GitHubFault> {
        self.on_deliveries(Op::ReadDelivery, |all, _| {
            let (_, sealed) = all.find(attempt)?;
            let payload: Value = serde_json::from_str(&sealed.body).expect("JSON");
            let updated_at = text(&payload, "/pull_request/updated_at");
            let updated_at = updated_at.and_then(Timestamp::from_rfc3339);
            let found = number(&payload, "/number").zip(updated_at);
            Ok(found.map(|(number, updated_at)| DeliveredPullRequest { number, updated_at }))
        })
        .await
    }
}

impl Redelivery for FakeGitHub {
    async fn redeliver(&self, _hook: &Hook, attempt: DeliveryAttemptId) -> Result<(), GitHubFault> {
        self.on_deliveries(Op::Redeliver, |all, now| all.request(attempt, now))
            .await
    }
}
