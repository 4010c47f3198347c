//! Which letters are meant.

use std::collections::BTreeSet;

use globset::GlobMatcher;

use crate::domain::fault::{Reason, Step};
use crate::domain::ids::Timestamp;

use crate::inspect::dlq::letter::DeadLetter;

/// The reason and the room of a letter that SQS moved by itself.
pub const NONE: &str = "none";

/// What a letter must be. What is not said, every letter is.
#[derive(Clone, Debug, Default)]
pub struct DeadLetterFilter {
    /// SQS's ids; empty is any.
    pub ids: BTreeSet<String>,
    /// Reasons; empty is any. [`NONE`] is a letter that SQS moved by itself.
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

impl DeadLetterFilter {
    /// Refuses a word that no letter can have: it was mistyped, and "nothing matches" would be taken for an answer.
    ///
    /// # Errors
    /// One sentence with the words that there are.
    pub fn check(&self) -> Result<(), String> {
        let reasons = Reason::ALL.iter().map(|reason| reason.as_str());
        let rooms = Step::ALL.iter().map(|room| room.as_str());
        known("reason", &self.reasons, reasons.collect())?;
        known("room", &self.rooms, rooms.collect())
    }

    /// Whether the letter is meant.
    #[must_use]
    pub fn admits(&self, letter: &DeadLetter, sent_at: Timestamp) -> bool {
        let among = |words: &BTreeSet<String>, word: Option<&str>| {
            words.is_empty() || words.contains(word.unwrap_or(NONE))
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

    /// The ids that were asked for and are not among these.
    #[must_use]
    pub fn missing<'a>(&self, found: impl IntoIterator<Item = &'a str>) -> Vec<&str> {
        let found: BTreeSet<&str> = found.into_iter().collect();
        let ids = self.ids.iter().map(String::as_str);
        ids.filter(|id| !found.contains(id)).collect()
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

fn known(flag: &str, asked: &BTreeSet<String>, mut words: Vec<&str>) -> Result<(), String> {
    words.push(NONE);
    let strange = asked.iter().find(|word| !words.contains(&word.as_str()));
    let Some(strange) = strange else {
        return Ok(());
    };
    words.sort_unstable();
    let strange = crate::domain::text::one_line(strange, 60);
    Err(format!(
        "--{flag}: '{strange}' is none of {}",
        words.join(", ")
    ))
}
