//! Which letters are meant.

use std::collections::BTreeSet;

use globset::GlobMatcher;

use crate::line::ids::Timestamp;

use super::letter::Letter;

/// What a letter must be. What is not said, every letter is.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// SQS's ids; empty is any.
    pub ids: BTreeSet<String>,
    /// Reasons; empty is any. `none` is a letter that SQS moved by itself.
    pub reasons: BTreeSet<String>,
    /// Rooms; empty is any.
    pub rooms: BTreeSet<String>,
    /// Events; empty is any.
    pub events: BTreeSet<String>,
    /// A glob over `owner/name`.
    pub repository: Option<GlobMatcher>,
    /// In the grave from then on.
    pub since: Option<Timestamp>,
    /// In the grave until then.
    pub until: Option<Timestamp>,
}

impl Selection {
    /// Whether the letter is meant.
    #[must_use]
    pub fn admits(&self, letter: &Letter, sent_at: Timestamp) -> bool {
        let among = |words: &BTreeSet<String>, word: Option<&str>| {
            words.is_empty() || words.contains(word.unwrap_or("none"))
        };
        let repository = letter.repository.as_deref().unwrap_or_default();
        among(&self.ids, Some(&letter.id))
            && among(&self.reasons, letter.reason.as_deref())
            && among(&self.rooms, letter.room.as_deref())
            && among(&self.events, letter.event.as_deref())
            && self
                .repository
                .as_ref()
                .is_none_or(|glob| glob.is_match(repository))
            && self.since.is_none_or(|since| sent_at >= since)
            && self.until.is_none_or(|until| sent_at <= until)
    }

    /// Whether nothing narrows it down.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.ids.is_empty()
            && self.reasons.is_empty()
            && self.rooms.is_empty()
            && self.events.is_empty()
            && self.repository.is_none()
            && self.since.is_none()
            && self.until.is_none()
    }
}
