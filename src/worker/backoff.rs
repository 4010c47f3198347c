//! Computes waits: the retry curves by class, and the poller's own back-off. No other module uses
//! the `backoff` crate.
//!
//! Retries happen in two places only. The SDK makes `aws::ATTEMPTS` attempts inside one call.
//! Across deliveries, SQS delivers a message again after a visibility timeout from these curves,
//! until its attempts are used up (`domain/outcome/disposition.rs`).

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;

use crate::domain::fault::Class;

/// A curve: the first wait, the factor by which it grows, and the longest wait.
struct Backoff {
    first: Duration,
    factor: f64,
    longest: Duration,
}

impl Backoff {
    const fn new(first: u64, factor: f64, longest: u64) -> Self {
        Self {
            first: Duration::from_secs(first),
            factor,
            longest: Duration::from_secs(longest),
        }
    }

    /// Another worker is done within seconds. If it died, its claim lasts for `reconcile::CLAIM`,
    /// and the queue's own redrive counts the receives.
    const BUSY: Self = Self::new(3, 2.0, 30);
    /// The messages that come first may need minutes, and each receive counts for the queue's
    /// redrive.
    const DEFERRED: Self = Self::new(5, 2.0, 300);
    /// An outage of an hour must not use up a message's attempts.
    const TRANSIENT: Self = Self::new(2, 2.0, 300);
    /// Early retries would be throttled again.
    const THROTTLED: Self = Self::new(5, 2.0, 600);
    /// A quota is free again when pull requests close, or when AWS raises it: within hours.
    const QUOTA: Self = Self::new(60, 2.0, 3_600);
    /// Long enough for a person to look, short enough for five attempts within an hour.
    const UNKNOWN: Self = Self::new(5, 3.0, 900);

    fn for_class(class: Class) -> Self {
        match class {
            Class::Busy => Self::BUSY,
            Class::Deferred => Self::DEFERRED,
            Class::Transient => Self::TRANSIENT,
            Class::Throttled => Self::THROTTLED,
            Class::Quota => Self::QUOTA,
            // Messages of the other three classes are never retried. If one were, it would wait
            // like an unknown error.
            Class::Unknown | Class::Permanent | Class::Refused | Class::Unverified => Self::UNKNOWN,
        }
    }

    /// Returns the crate's curve without randomness, because jitter is an argument here.
    fn exponential(&self) -> ExponentialBackoff {
        ExponentialBackoff {
            initial_interval: self.first,
            current_interval: self.first,
            multiplier: self.factor,
            max_interval: self.longest,
            max_elapsed_time: None,
            randomization_factor: 0.0,
            ..ExponentialBackoff::default()
        }
    }
}

/// Returns the visibility timeout of a message of this class after this attempt, in whole seconds
/// as SQS expects it. `jitter` is uniformly distributed in 0..1 and spreads the wait over its upper
/// half, so that messages that failed together do not return together.
#[must_use]
pub fn visibility(class: Class, attempt: u32, jitter: f64) -> Duration {
    let curve = Backoff::for_class(class);
    let mut backoff = curve.exponential();
    // After this many steps, every curve has reached its longest wait.
    let steps = attempt.clamp(1, 32);
    let wait = (0..steps).fold(curve.first, |last, _| {
        backoff.next_backoff().unwrap_or(last)
    });
    Duration::from_secs(spread(wait, jitter).as_secs_f64().ceil() as u64)
}

fn spread(wait: Duration, jitter: f64) -> Duration {
    wait.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

/// The back-off of polls that fail: from 1 s, doubling to 30 s.
pub struct PollBackoff(ExponentialBackoff);

impl Default for PollBackoff {
    fn default() -> Self {
        Self(Backoff::new(1, 2.0, 30).exponential())
    }
}

impl PollBackoff {
    /// Returns the wait after another failure. `jitter` is as for [`visibility`].
    pub fn after_failure(&mut self, jitter: f64) -> Duration {
        let wait = self.0.next_backoff().unwrap_or(self.0.max_interval);
        spread(wait, jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(class: Class, receives: u32, jitter: f64) -> u64 {
        visibility(class, receives, jitter).as_secs()
    }

    #[test]
    fn a_curve_doubles_from_its_first_wait_to_its_longest() {
        let waits: Vec<u64> = (1..=10)
            .map(|receives| seconds(Class::Transient, receives, 1.0))
            .collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn jitter_spreads_over_the_upper_half() {
        assert_eq!(
            (seconds(Class::Quota, 1, 0.0), seconds(Class::Quota, 1, 1.0)),
            (30, 60)
        );
    }

    #[test]
    fn every_wait_is_within_the_limits_of_sqs() {
        let classes = [
            Class::Busy,
            Class::Deferred,
            Class::Transient,
            Class::Throttled,
            Class::Quota,
            Class::Unknown,
        ];
        for class in classes {
            for receives in [0, 1, 7, u32::MAX] {
                let wait = seconds(class, receives, 0.5);
                assert!((1..=43_200).contains(&wait), "{class:?} {receives}: {wait}");
            }
        }
    }

    #[test]
    fn a_message_outwaits_an_abandoned_claim_within_a_dozen_receives() {
        let claim = crate::reconcile::CLAIM.as_secs();
        let waited = |receives: u32| {
            (1..=receives)
                .map(|receive| seconds(Class::Busy, receive, 0.0))
                .sum::<u64>()
        };
        let receives = (1..).find(|receives| waited(*receives) >= claim).unwrap();
        assert!(
            receives <= 12,
            "{receives} receives, where the queue's redrive takes a message after 100"
        );
    }

    #[test]
    fn the_poll_backoff_grows_to_its_longest_wait() {
        let mut backoff = PollBackoff::default();
        let waits: Vec<u64> = (0..7)
            .map(|_| backoff.after_failure(1.0).as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    }
}
