//! The attempts to deliver one event, and how it stands.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::deliveries::attempt::DeliveryAttempt;
use crate::domain::ids::{DeliveryId, Timestamp};

/// How long github.com lists an attempt, and delivers its event again (GitHub Docs, "Redelivering
/// webhooks").
pub const RETENTION: Duration = Duration::from_hours(3 * 24);

/// How long after a failed attempt the event is asked for: at once after GitHub's own attempt, and
/// later after each one that was asked for. Their number is the most requests for one event.
const WAITS: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_mins(30),
    Duration::from_hours(3),
];

/// An event and the attempts to deliver it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventDeliveries {
    /// The event.
    pub delivery: DeliveryId,
    /// When the first attempt was made.
    pub first_at: Timestamp,
    /// True if GitHub's own attempt is among them.
    pub has_first_attempt: bool,
    /// The newest attempt.
    pub newest: DeliveryAttempt,
    /// When an attempt first succeeded; `None` if none did.
    pub arrived_at: Option<Timestamp>,
    /// The attempts that were asked for.
    pub redeliveries: usize,
}

/// How an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It arrived.
    Arrived,
    /// GitHub delays the delivery itself.
    Delayed,
    /// It did not arrive, and may be asked for.
    Missed,
    /// It did not arrive, and may be asked for again at this time.
    Waiting(Timestamp),
    /// It did not arrive, and was asked for as often as it may be.
    Exhausted,
    /// It did not arrive, and GitHub does not deliver it any more.
    TooOld,
}

impl Standing {
    /// Returns the word in commands.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arrived => "arrived",
            Self::Delayed => "delayed",
            Self::Missed => "missed",
            Self::Waiting(_) => "waiting",
            Self::Exhausted => "exhausted",
            Self::TooOld => "too-old",
        }
    }
}

impl EventDeliveries {
    fn new(attempt: DeliveryAttempt) -> Self {
        Self {
            delivery: attempt.delivery.clone(),
            first_at: attempt.at,
            has_first_attempt: !attempt.is_redelivery,
            arrived_at: attempt.has_arrived().then_some(attempt.at),
            redeliveries: usize::from(attempt.is_redelivery),
            newest: attempt,
        }
    }

    fn add(&mut self, attempt: DeliveryAttempt) {
        self.first_at = self.first_at.min(attempt.at);
        self.has_first_attempt |= !attempt.is_redelivery;
        self.redeliveries += usize::from(attempt.is_redelivery);
        let arrived_at = attempt.has_arrived().then_some(attempt.at);
        self.arrived_at = [self.arrived_at, arrived_at].into_iter().flatten().min();
        if (attempt.at, attempt.id) > (self.newest.at, self.newest.id) {
            self.newest = attempt;
        }
    }

    /// Returns when GitHub does not deliver it any more.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.first_at.plus(RETENTION)
    }

    /// Returns how it stands at a time. One success of any webhook is enough.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        if self.arrived_at.is_some() {
            return Standing::Arrived;
        }
        if self.ends_at() <= now {
            return Standing::TooOld;
        }
        let Some(wait) = WAITS.get(self.redeliveries) else {
            return Standing::Exhausted;
        };
        let next = self.newest.at.plus(*wait);
        match (self.newest.is_throttled, next <= now || wait.is_zero()) {
            (true, _) => Standing::Delayed,
            (false, true) => Standing::Missed,
            (false, false) => Standing::Waiting(next),
        }
    }
}

/// Returns the events of these attempts, the newest first.
#[must_use]
pub fn by_event(attempts: Vec<DeliveryAttempt>) -> Vec<EventDeliveries> {
    let mut events: BTreeMap<DeliveryId, EventDeliveries> = BTreeMap::new();
    for attempt in attempts {
        match events.get_mut(&attempt.delivery) {
            Some(event) => event.add(attempt),
            None => {
                let event = EventDeliveries::new(attempt);
                events.insert(event.delivery.clone(), event);
            }
        }
    }
    let mut events: Vec<EventDeliveries> = events.into_values().collect();
    events.sort_by_key(|event| std::cmp::Reverse((event.first_at, event.newest.id)));
    events
}
