//! Bounds what strangers can make the daemon do: everybody who knows the URL of the webhook can
//! send messages that fail authentication.

use std::sync::{Mutex, PoisonError};

use crate::domain::fault::Sender;
use crate::domain::ids::Timestamp;

/// How many messages of one kind of sender a daemon quarantines, and how many discarded ones it
/// logs, before it takes one a second. A rotation of the webhook secret that was done in the wrong
/// order fits.
const BURST: u32 = 1_000;
/// Milliseconds until one more is admitted.
const REFILL_MS: u64 = 1_000;

/// A limit for each kind of sender that could flood the daemon.
pub(super) struct RateLimits {
    unproven: Bucket,
    other_secret: Bucket,
}

impl RateLimits {
    /// Creates limits of which none is used up.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            unproven: Bucket::new(now),
            other_secret: Bucket::new(now),
        }
    }

    /// Counts a message. Returns false if there are too many of its kind. Authenticated messages
    /// have no limit.
    pub(super) fn admits(&self, sender: Sender, now: Timestamp) -> bool {
        match sender {
            Sender::Unproven => self.unproven.admits(now),
            Sender::OtherSecret => self.other_secret.admits(now),
            Sender::Authenticated => true,
        }
    }
}

/// A token bucket.
struct Bucket(Mutex<Tokens>);

struct Tokens {
    tokens: u32,
    /// The time up to which tokens were added.
    filled: Timestamp,
}

impl Bucket {
    /// Creates a full bucket.
    fn new(now: Timestamp) -> Self {
        Self(Mutex::new(Tokens {
            tokens: BURST,
            filled: now,
        }))
    }

    /// Takes a token. Returns false if there is none.
    fn admits(&self, now: Timestamp) -> bool {
        // No code panics under this lock.
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = u64::try_from(now.since(bucket.filled).as_millis()).unwrap_or(u64::MAX);
        let added = elapsed / REFILL_MS;
        if added > 0 {
            let added = u32::try_from(added).unwrap_or(BURST);
            bucket.tokens = bucket.tokens.saturating_add(added).min(BURST);
            bucket.filled = now;
        }
        let admitted = bucket.tokens > 0;
        bucket.tokens = bucket.tokens.saturating_sub(1);
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_admitted_and_then_one_a_second() {
        let at = |millis| Timestamp(millis);
        let limit = Bucket::new(at(0));
        let admitted = |now| (0..5_000).filter(|_| limit.admits(now)).count();
        assert_eq!(admitted(at(0)), 1_000);
        assert_eq!(admitted(at(999)), 0);
        assert_eq!(admitted(at(1_000)), 1);
        assert_eq!(admitted(at(4_500)), 3);
        assert_eq!(admitted(at(10_000_000)), 1_000, "and no more than a burst");
        assert_eq!(admitted(at(0)), 0, "a clock that is set back adds nothing");
    }

    #[test]
    fn a_flood_from_one_kind_of_sender_leaves_the_others_their_limit() {
        let now = Timestamp(0);
        for flooding in [Sender::Unproven, Sender::OtherSecret] {
            let limits = RateLimits::new(now);
            let flood = (0..5_000).filter(|_| limits.admits(flooding, now));
            assert_eq!(flood.count(), 1_000, "{flooding:?}");
            for other in [Sender::Unproven, Sender::OtherSecret, Sender::Authenticated] {
                assert_eq!(limits.admits(other, now), other != flooding, "{other:?}");
            }
        }
    }
}
