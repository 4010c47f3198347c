//! The messages inside the fake SQS.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use branchline::domain::ids::Timestamp;
use branchline::domain::intake::envelope::{Attribute, Envelope, Receipt, Source};
use branchline::domain::outcome::outgoing::Destination;
use branchline::reconcile::lease::VISIBILITY;

use super::sqs;

/// The longest visibility timeout that SQS accepts.
const LONGEST: Duration = Duration::from_secs(43_200);
/// The most anomalies that one message meets in the unruly mode, so that every test ends.
const MAX_ANOMALIES: u8 = 3;

/// A message as people see it: in the dead letters, in quarantine, or still in a source queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredMessage {
    pub(crate) message_id: String,
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, Attribute>,
    pub(crate) sent_at: Timestamp,
    pub(crate) receives: u32,
}

impl StoredMessage {
    /// Returns the text of an attribute.
    pub(crate) fn text(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).and_then(Attribute::as_text)
    }
}

pub(super) struct Message {
    pub(super) source: Source,
    pub(super) sender: Option<String>,
    pub(super) view: StoredMessage,
    /// Every receipt so far, the current one last.
    pub(super) receipts: Vec<Receipt>,
    pub(super) visible_at: Timestamp,
    pub(super) anomalies: u8,
}

/// The number of messages in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Depth {
    pub(crate) visible: usize,
    pub(crate) in_flight: usize,
}

pub(super) struct Queues {
    pub(super) source: Vec<Message>,
    pub(super) dead_letters: Vec<StoredMessage>,
    pub(super) quarantine: Vec<StoredMessage>,
    pub(super) sent: u64,
    pub(super) received: usize,
    pub(super) spent: HashSet<Receipt>,
    pub(super) max_receives: u32,
    /// The largest message of each queue that accepts less than 1 MiB.
    pub(super) limits: HashMap<Destination, usize>,
    pub(super) rng: Option<fastrand::Rng>,
}

impl Queues {
    pub(super) fn view(
        &mut self,
        body: &str,
        attributes: &[(String, Attribute)],
        now: Timestamp,
    ) -> Result<StoredMessage, String> {
        sqs::check(body, attributes)?;
        self.sent += 1;
        Ok(StoredMessage {
            message_id: format!("m-{}", self.sent),
            body: body.to_owned(),
            attributes: attributes.iter().cloned().collect(),
            sent_at: now,
            receives: 0,
        })
    }

    pub(super) fn limit(&self, destination: Destination) -> usize {
        self.limits
            .get(&destination)
            .copied()
            .unwrap_or(sqs::MAX_MESSAGE)
    }

    pub(super) fn push(&mut self, source: Source, sender: Option<&str>, view: StoredMessage) {
        self.source.push(Message {
            source,
            sender: sender.map(str::to_owned),
            visible_at: view.sent_at,
            view,
            receipts: Vec::new(),
            anomalies: 0,
        });
    }

    pub(super) fn messages(&mut self, destination: Destination) -> &mut Vec<StoredMessage> {
        match destination {
            Destination::DeadLetters => &mut self.dead_letters,
            Destination::Quarantine => &mut self.quarantine,
            Destination::Webhooks | Destination::Internal => panic!("a source queue"),
        }
    }

    /// Returns true with a probability of one in `sides`, and only in the unruly mode.
    pub(super) fn rolls(&mut self, sides: u8) -> bool {
        self.rng.as_mut().is_some_and(|rng| rng.u8(0..sides) == 0)
    }

    pub(super) fn receive(&mut self, source: Source, max: usize, now: Timestamp) -> Vec<Envelope> {
        self.redrive(now);
        let mut indices: Vec<usize> = (0..self.source.len()).collect();
        if let Some(rng) = &mut self.rng {
            rng.shuffle(&mut indices);
        }
        let mut received = Vec::new();
        for index in indices {
            let (early, lingers) = (self.rolls(16), self.rolls(16));
            let Some(message) = self.source.get_mut(index) else {
                continue;
            };
            let anomaly = message.anomalies < MAX_ANOMALIES && (early || lingers);
            let due = message.visible_at <= now || (anomaly && early);
            if !due || message.source != source || received.len() == max {
                continue;
            }
            message.anomalies += u8::from(anomaly);
            let visible_at = if anomaly && lingers {
                now
            } else {
                now.plus(VISIBILITY)
            };
            received.push(message.receive(visible_at));
        }
        self.received += received.len();
        received
    }

    /// Moves a message to the dead letters instead of delivering it once more than allowed. It
    /// keeps its id and its age.
    pub(super) fn redrive(&mut self, now: Timestamp) {
        let max = self.max_receives;
        let worn = |m: &Message| m.visible_at <= now && m.view.receives >= max;
        let (worn, left): (Vec<_>, Vec<_>) = self.source.drain(..).partition(worn);
        self.source = left;
        for message in worn {
            self.spent.extend(message.receipts);
            self.dead_letters.push(message.view);
        }
    }

    /// Returns true if SQS confirms the deletion, which under an old receipt need not have
    /// happened.
    pub(super) fn delete(&mut self, receipt: &Receipt) -> bool {
        let forgets = self.rolls(16);
        let obeys_old = self.rolls(2);
        let Some(index) = self.index_of(receipt) else {
            return self.spent.contains(receipt);
        };
        let Some(message) = self.source.get_mut(index) else {
            return false;
        };
        let current = message.receipts.last() == Some(receipt);
        if forgets && message.anomalies < MAX_ANOMALIES {
            message.anomalies += 1;
        } else if current || obeys_old {
            let message = self.source.remove(index);
            self.spent.extend(message.receipts);
        }
        true
    }

    /// Returns true if the visibility was changed: only of a message in flight, under its current
    /// receipt.
    pub(super) fn change_visibility(
        &mut self,
        receipt: &Receipt,
        wait: Duration,
        now: Timestamp,
    ) -> bool {
        let index = self.index_of(receipt);
        let Some(message) = index.and_then(|index| self.source.get_mut(index)) else {
            return false;
        };
        let in_flight = message.visible_at > now && message.receipts.last() == Some(receipt);
        // SQS accepts whole seconds.
        let seconds = Duration::from_secs_f64(wait.as_secs_f64().ceil());
        if in_flight && seconds <= LONGEST {
            message.visible_at = now.plus(seconds);
        }
        in_flight && seconds <= LONGEST
    }

    pub(super) fn index_of(&self, receipt: &Receipt) -> Option<usize> {
        let has = |message: &Message| message.receipts.contains(receipt);
        self.source.iter().position(has)
    }
}

impl Message {
    pub(super) fn receive(&mut self, visible_at: Timestamp) -> Envelope {
        self.view.receives += 1;
        self.visible_at = visible_at;
        let receipt = Receipt(format!(
            "receipt-{}-{}",
            self.view.message_id, self.view.receives
        ));
        self.receipts.push(receipt.clone());
        let view = self.view.clone();
        let mut envelope = Envelope::new(
            view.message_id,
            receipt,
            view.body,
            view.attributes,
            view.sent_at,
            view.receives,
        );
        envelope.source = self.source;
        envelope.sender.clone_from(&self.sender);
        envelope
    }
}
