//! Limits the audit entries for messages without a known subject.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::fault::Sender;
use crate::domain::ids::Timestamp;

/// Entries a minute for messages without a known subject from one kind of sender. Anybody on the
/// internet can send some of them. At this rate a month costs a worker 2.6 million writes, or less
/// than 2 US dollars.
pub const UNKNOWN_PER_MINUTE: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// The entries of the last minute, and the messages without one, by kind of sender: a flood from
/// one does not leave out the messages of another.
#[derive(Debug, Default)]
pub(super) struct UnknownMessages {
    unproven: Entries,
    other_secret: Entries,
    authenticated: Entries,
}

impl UnknownMessages {
    /// Returns the entries of one kind of sender.
    pub(super) fn of_sender(&self, sender: Sender) -> &Entries {
        match sender {
            Sender::Unproven => &self.unproven,
            Sender::OtherSecret => &self.other_secret,
            Sender::Authenticated => &self.authenticated,
        }
    }
}

/// The entries of the last minute, and the messages without one.
#[derive(Debug, Default)]
pub(super) struct Entries(Mutex<Minute>);

#[derive(Debug)]
struct Minute {
    began: Timestamp,
    entries: u32,
    /// The messages that were left out since the last entry.
    omitted: u64,
}

impl Default for Minute {
    fn default() -> Self {
        Self {
            began: Timestamp(i64::MIN),
            entries: 0,
            omitted: 0,
        }
    }
}

impl Entries {
    /// Returns how many messages were left out before this one; `None` if this one is left out.
    pub(super) fn admit(&self, now: Timestamp) -> Option<u64> {
        // No code panics under this lock.
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(minute.began) >= MINUTE {
            minute.began = now;
            minute.entries = 0;
        }
        if minute.entries >= UNKNOWN_PER_MINUTE {
            minute.omitted += 1;
            return None;
        }
        minute.entries += 1;
        Some(std::mem::take(&mut minute.omitted))
    }

    /// Counts messages that were admitted, or left out before, and have no entry after all.
    pub(super) fn give_back(&self, messages: u64) {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        minute.omitted = minute.omitted.saturating_add(messages);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_recorded_one_by_one() {
        let messages = Entries::default();
        let at = |seconds: i64| Timestamp(seconds * 1_000);
        let admitted = (0..100).filter_map(|_| messages.admit(at(5))).count();
        assert_eq!(admitted, UNKNOWN_PER_MINUTE as usize);
        assert_eq!(messages.admit(at(64)), None);
        assert_eq!(messages.admit(at(65)), Some(41));
        messages.give_back(42);
        assert_eq!(messages.admit(at(66)), Some(42));
        assert_eq!(messages.admit(at(66)), Some(0));
    }
}
