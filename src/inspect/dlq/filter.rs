//! Selects dead letters.

use std::collections::BTreeSet;

use globset::GlobMatcher;

use crate::domain::ids::{RepositoryName, SubjectKind, Timestamp};

use crate::inspect::dlq::dead_letter::DeadLetter;

/// The word for the reason and the step of a message that SQS moved by itself.
pub const NONE: &str = "none";

/// Conditions on a dead letter. A condition that is not set accepts every message.
#[derive(Clone, Debug, Default)]
pub struct DeadLetterFilter {
    /// SQS's ids, or their beginnings; an empty set accepts any.
    pub ids: BTreeSet<String>,
    /// GitHub's delivery GUIDs; an empty set accepts any.
    pub deliveries: BTreeSet<String>,
    /// Subjects; an empty list accepts any.
    pub subjects: Vec<(RepositoryName, SubjectKind)>,
    /// Reasons; an empty set accepts any. [`NONE`] is a message that SQS moved by itself.
    pub reasons: BTreeSet<String>,
    /// Steps; an empty set accepts any.
    pub steps: BTreeSet<String>,
    /// Events; an empty set accepts any.
    pub events: BTreeSet<String>,
    /// A glob for `owner/name`.
    pub repository: Option<GlobMatcher>,
    /// The earliest time when the message entered the queue.
    pub since: Option<Timestamp>,
    /// The latest time when the message entered the queue.
    pub until: Option<Timestamp>,
}

impl DeadLetterFilter {
    /// Returns true if the message meets the conditions.
    #[must_use]
    pub fn admits(&self, message: &DeadLetter, sent_at: Timestamp) -> bool {
        let among = |words: &BTreeSet<String>, word: Option<&str>| {
            words.is_empty() || words.contains(word.unwrap_or(NONE))
        };
        let repository = message.repository.as_deref().unwrap_or_default();
        self.names(&message.id)
            && among(&self.deliveries, message.delivery.as_deref())
            && self.is_about(message)
            && among(&self.reasons, message.reason.as_deref())
            && among(&self.steps, message.step.as_deref())
            && among(&self.events, message.event.as_deref())
            && self
                .repository
                .as_ref()
                .is_none_or(|glob| glob.is_match(repository))
            && self.since.is_none_or(|since| sent_at >= since)
            && self.until.is_none_or(|until| sent_at <= until)
    }

    /// Returns true if an id, or its beginning, is requested, or none is.
    fn names(&self, id: &str) -> bool {
        self.ids.is_empty() || self.ids.iter().any(|requested| id.starts_with(requested))
    }

    /// Returns true if the message is about one of the subjects, or none is requested.
    fn is_about(&self, message: &DeadLetter) -> bool {
        let is_it = |(name, kind): &(RepositoryName, SubjectKind)| {
            let is_repository = |other: &str| other.eq_ignore_ascii_case(name.as_str());
            message.repository.as_deref().is_some_and(is_repository)
                && message.key.as_ref().is_some_and(|key| key.kind == *kind)
        };
        self.subjects.is_empty() || self.subjects.iter().any(is_it)
    }

    /// Refuses the beginning of an id that several messages have.
    ///
    /// # Errors
    /// One sentence that names the messages.
    pub fn check_unambiguous(&self, present: &[&str]) -> Result<(), String> {
        for requested in &self.ids {
            let matches = present.iter().filter(|id| id.starts_with(requested));
            let matches: Vec<&str> = matches.copied().collect();
            if matches.len() > 1 && !matches.contains(&requested.as_str()) {
                let requested = crate::domain::text::one_line(requested, 60);
                return Err(format!(
                    "'{requested}' is the beginning of {} ids: {}",
                    matches.len(),
                    matches.join(", ")
                ));
            }
        }
        Ok(())
    }

    /// Returns the requested ids of which no message in `present` has the beginning.
    #[must_use]
    pub fn missing<'a>(&self, present: impl IntoIterator<Item = &'a str>) -> Vec<&str> {
        let present: Vec<&str> = present.into_iter().collect();
        let ids = self.ids.iter().map(String::as_str);
        let is_present = |id: &str| present.iter().any(|one| one.starts_with(id));
        ids.filter(|id| !is_present(id)).collect()
    }

    /// Returns true if no condition is set.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.ids.is_empty()
            && self.deliveries.is_empty()
            && self.subjects.is_empty()
            && self.reasons.is_empty()
            && self.steps.is_empty()
            && self.events.is_empty()
            && self.repository.is_none()
            && self.since.is_none()
            && self.until.is_none()
    }
}
