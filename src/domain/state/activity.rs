//! The activity of a subject: when something last happened for which its pipeline is kept, and
//! whether the pipeline was removed because nothing did.

use std::time::Duration;

use crate::domain::ids::Timestamp;
use crate::domain::state::desired::DesiredState;

/// How much earlier than the removal of the pipeline an activity may be that still brings it back:
/// its webhook was under way then.
const UNDER_WAY: Duration = Duration::from_mins(2);

/// The activity of a subject, as recorded in its row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// The time of the last activity: a push, a reopening, a request to run the checks again, the
    /// end of a draft, or the label by which it is kept. `None` before the first one.
    pub last: Option<Timestamp>,
    /// True if the pull request is a draft.
    pub is_draft: bool,
    /// True if the pull request has the label by which the rule keeps pipelines.
    pub is_kept: bool,
    /// When the pipeline will be removed, as the report of the head commit says.
    pub removal_at: Option<Timestamp>,
    /// Set while the subject is asleep, and while its pipeline is being removed for that.
    pub sleep: Option<Sleep>,
}

/// Why and since when a subject is asleep: it is open, and its pipeline was removed until its next
/// activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sleep {
    /// Why its pipeline was removed.
    pub reason: SleepReason,
    /// When that was decided.
    pub since: Timestamp,
}

/// Why the pipeline of an open subject was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SleepReason {
    /// Nothing happened for the rule's `idle`.
    Idle,
    /// It was older than the rule's `max_age`.
    MaxAge,
    /// It was idle, and another subject waited for its slot (`on_full`).
    Evicted,
}

impl SleepReason {
    /// All reasons.
    pub const ALL: [Self; 3] = [Self::Idle, Self::MaxAge, Self::Evicted];

    /// Returns the word in the table, in messages and in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::MaxAge => "max-age",
            Self::Evicted => "evicted",
        }
    }

    /// Returns the reason of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

impl Sleep {
    /// Returns true if an activity at this time brings the pipeline back. One that is older was
    /// known when the pipeline was removed, or did not keep it.
    #[must_use]
    pub fn is_ended_by(&self, at: Timestamp) -> bool {
        at.plus(UNDER_WAY) >= self.since
    }
}

/// What an event says about the activity of its subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// True if the event is an activity, whether or not it has a new head commit.
    pub is_activity: bool,
    /// True if the pull request is a draft.
    pub is_draft: bool,
    /// True if the pull request has the label by which the rule keeps pipelines.
    pub is_kept: bool,
}

impl Activity {
    /// Returns the activity after an event that was accepted. `is_new_head` is true if it has
    /// another head commit than the row, which is an activity however it was noticed.
    #[must_use]
    pub fn after(
        self,
        signs: Signs,
        wanted: &DesiredState,
        is_new_head: bool,
        event_time: Timestamp,
    ) -> Self {
        let is_present = matches!(wanted, DesiredState::Present(..));
        let is_active = signs.is_activity || is_new_head;
        let wakes = |sleep: &Sleep| {
            let is_late = !sleep.is_ended_by(event_time);
            // A commit that asks for no build needs no pipeline.
            wanted.builds() && (is_new_head || (signs.is_activity && !is_late))
        };
        Self {
            last: match is_active {
                true => self.last.max(Some(event_time)),
                false => self.last,
            },
            is_draft: signs.is_draft,
            is_kept: signs.is_kept,
            removal_at: self
                .removal_at
                .filter(|_| is_present && !is_active && !signs.is_kept),
            sleep: self.sleep.filter(|sleep| is_present && !wakes(sleep)),
        }
    }

    /// Returns the activity after one that has no position in the order of events.
    #[must_use]
    pub fn active_at(self, at: Timestamp) -> Self {
        Self {
            last: self.last.max(Some(at)),
            removal_at: None,
            sleep: None,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::state::desired::AbsenceReason;

    #[test]
    fn an_activity_ends_the_sleep_unless_it_was_long_before() {
        let sleep = Sleep {
            reason: SleepReason::Idle,
            since: Timestamp(1_000_000),
        };
        assert!(sleep.is_ended_by(Timestamp(1_000_001)));
        assert!(sleep.is_ended_by(Timestamp(880_000)));
        assert!(!sleep.is_ended_by(Timestamp(879_999)));
    }

    #[test]
    fn a_subject_that_should_have_no_pipeline_is_not_asleep() {
        let asleep = Activity {
            removal_at: Some(Timestamp(7)),
            sleep: Some(Sleep {
                reason: SleepReason::MaxAge,
                since: Timestamp(5),
            }),
            ..Activity::default()
        };
        let closed = DesiredState::Absent(AbsenceReason::Closed);
        let after = asleep.after(Signs::default(), &closed, false, Timestamp(9));
        assert_eq!(after, Activity::default());
    }

    #[test]
    fn every_reason_is_read_back_as_it_was_written() {
        for reason in SleepReason::ALL {
            assert_eq!(SleepReason::parse(reason.as_str()), Some(reason));
        }
        assert_eq!(SleepReason::parse("tired"), None);
    }
}
