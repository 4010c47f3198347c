//! What a report adds about the pipeline of an open subject that is idle. It never changes the
//! result of a commit.

use std::fmt::Write as _;

use crate::domain::ids::{PipelineName, Timestamp};
use crate::domain::report::idle_note::IdleNote;
use crate::domain::report::record::{CommitRecord, Phase};
use crate::domain::state::activity::SleepReason;

impl CommitRecord {
    /// Returns why the commit's pipeline was removed, although its subject is open.
    #[must_use]
    pub fn asleep(&self) -> Option<SleepReason> {
        let is_built = matches!(self.phase, Phase::Building { .. });
        match self.idle {
            Some(IdleNote::Asleep(reason)) if is_built => Some(reason),
            Some(IdleNote::Asleep(_) | IdleNote::RemovalAt { .. }) | None => None,
        }
    }

    /// Returns the commit's pipeline, and the stages of the template that it lacks; `None` if there
    /// is no pipeline, or none any more.
    pub(super) fn pipeline(&self) -> Option<(&PipelineName, &[String])> {
        match &self.phase {
            Phase::Building {
                pipeline,
                left_out_stages,
            } if self.asleep().is_none() => Some((pipeline, left_out_stages)),
            Phase::Building { .. }
            | Phase::Waiting { .. }
            | Phase::Absent(_)
            | Phase::Refused(_)
            | Phase::InvalidFile(_)
            | Phase::PipelineLost(_) => None,
        }
    }

    /// Returns the record with a note. Executions of a pipeline that was removed count no more once
    /// it is created again.
    pub(super) fn noted(self, note: Option<IdleNote>) -> Self {
        let is_removed = matches!(note, Some(IdleNote::Asleep(_)));
        Self {
            idle: note,
            ended_at: match is_removed {
                true => Some(self.updated_at),
                false => self.ended_at,
            },
            ..self
        }
    }

    /// Adds a paragraph about the removal of the pipeline, if there is something to say.
    pub(super) fn idle_note(&self, text: &mut String) {
        let is_built = matches!(self.phase, Phase::Building { .. });
        let Some(note) = self
            .idle
            .filter(|_| is_built && self.superseded_by.is_none())
        else {
            return;
        };
        let _ = match note {
            IdleNote::RemovalAt {
                at,
                with_environment,
            } => {
                let (what, them) = match with_environment {
                    true => ("pipeline and its environment are", "them"),
                    false => ("pipeline is", "it"),
                };
                let at = minute(at);
                write!(
                    text,
                    "\nThe {what} removed after {at}, unless something happens before: a push or a re-run of the check keeps {them}.\n"
                )
            }
            IdleNote::Asleep(reason) => {
                write!(text, "\n{}. {BACK}.\n", why_removed(reason))
            }
        };
    }
}

/// What brings a pipeline back.
const BACK: &str = "A push or a re-run of the check creates it again";

/// Returns why the pipeline of an open subject was removed.
pub(super) fn why_removed(reason: SleepReason) -> &'static str {
    match reason {
        SleepReason::Idle => "The pipeline was removed, because nothing happened for a long time",
        SleepReason::MaxAge => "The pipeline was removed, because it reached its greatest age",
        SleepReason::Evicted => {
            "The pipeline was removed, because it was idle and another one needed its slot"
        }
    }
}

/// Returns a time for people, to the minute.
fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    let minute = text.get(..16).unwrap_or(&text);
    format!("{} UTC", minute.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_to_the_minute() {
        let at = Timestamp::from_rfc3339("2026-11-26T17:05:59Z").unwrap();
        assert_eq!(minute(at), "2026-11-26 17:05 UTC");
    }
}
