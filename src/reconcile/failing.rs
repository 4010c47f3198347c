//! Limits how many messages of a rule or a repository that keeps failing are in work at once, so
//! that its calls, which may take until their time limit, leave the concurrency and the rate of
//! calls to the others.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::RepositoryId;
use crate::domain::outcome::result::Outcome;
use crate::domain::state::intent::Intent;

/// The number of messages that AWS or GitHub must fail since the last success before the limit
/// applies.
const FAILURES: u32 = 3;
/// Messages in work at once of a rule or a repository that keeps failing. Its first message that
/// succeeds lifts the limit.
const DEPTH: u32 = 4;

/// The rules and repositories that have messages in work, or keep failing.
#[derive(Default)]
pub(super) struct FailingParties(Mutex<HashMap<Party, Record>>);

/// Messages that may fail for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Party {
    Repository(RepositoryId),
    Rule(String),
}

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    /// Failures since the last success.
    failures: u32,
    /// Messages in work.
    inside: u32,
}

impl FailingParties {
    /// Admits a message of the intent's rule and repository.
    ///
    /// # Errors
    /// `rule-failing` if one of them keeps failing and has [`DEPTH`] messages in work.
    ///
    /// If the guard is dropped without a result, the message counts neither way.
    pub(super) fn enter(&self, intent: &Intent) -> Result<Entered<'_>, Fault> {
        let repository = Party::Repository(intent.subject.repository);
        let rule = intent
            .wanted
            .rule()
            .map(|rule| Party::Rule(rule.to_owned()));
        let parties: Vec<Party> = std::iter::once(repository).chain(rule).collect();
        let mut records = self.lock();
        let is_full = |party: &&Party| {
            let record = records.get(party).copied().unwrap_or_default();
            record.failures >= FAILURES && record.inside >= DEPTH
        };
        if let Some(full) = parties.iter().find(is_full) {
            return Err(full.fault(intent));
        }
        for party in &parties {
            records.entry(party.clone()).or_default().inside += 1;
        }
        Ok(Entered {
            all: self,
            parties,
            result: None,
        })
    }

    /// Locks the records. No code panics under this lock.
    fn lock(&self) -> MutexGuard<'_, HashMap<Party, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Party {
    fn fault(&self, intent: &Intent) -> Fault {
        let name = match self {
            Self::Repository(_) => format!("repository {}", intent.repository),
            Self::Rule(rule) => format!("rule '{rule}'"),
        };
        let detail = format!(
            "{name} keeps failing, and {DEPTH} of its messages are in work: this one was not tried yet"
        );
        Fault::new(Reason::RuleFailing, detail)
    }
}

/// The admission of a message, until it is dropped.
pub(super) struct Entered<'a> {
    all: &'a FailingParties,
    parties: Vec<Party>,
    /// True if the message succeeded, false if AWS or GitHub failed it.
    result: Option<bool>,
}

impl Entered<'_> {
    /// Records the result of the message. Only a change of a pipeline shows that the calls work
    /// again, and a fault that comes neither from AWS nor from GitHub takes no time.
    pub(super) fn record(mut self, result: &Result<Outcome, Fault>) {
        self.result = match result {
            Ok(outcome) => outcome.changed_pipeline().then_some(true),
            Err(Fault { reason, .. }) => {
                (reason.is_from_aws() || reason.is_from_github()).then_some(false)
            }
        };
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let mut records = self.all.lock();
        for party in &self.parties {
            let Some(record) = records.get_mut(party) else {
                continue;
            };
            record.inside -= 1;
            match self.result {
                Some(true) => record.failures = 0,
                Some(false) => record.failures = record.failures.saturating_add(1),
                None => {}
            }
            if record.inside == 0 && record.failures == 0 {
                records.remove(party);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Timestamp;
    use crate::domain::ids::{BodyDigest, DeliveryId, RepositoryName, Subject, SubjectKind};
    use crate::domain::outcome::cause::Cause;
    use crate::domain::state::activity::Signs;
    use crate::domain::state::desired::{AbsenceReason, DesiredState};
    use crate::domain::state::ordering::{EventKind, EventOrder};

    fn intent(repository: u64) -> Intent {
        Intent {
            subject: Subject {
                repository: RepositoryId(repository),
                kind: SubjectKind::PullRequest(7),
            },
            repository: RepositoryName::parse("acme/api").unwrap(),
            order: EventOrder {
                event_time: Timestamp(0),
                received_at: Timestamp(0),
                kind: EventKind::Closed,
                head: None,
                before: None,
            },
            actor: None,
            cause: Cause::Webhook(DeliveryId::parse("72d3162e").unwrap()),
            body: BodyDigest::of(b"{}"),
            wanted: DesiredState::Absent(AbsenceReason::Closed),
            signs: Signs::default(),
            report: None,
        }
    }

    /// Returns how many messages are admitted at once.
    fn admitted(parties: &FailingParties, intent: &Intent) -> usize {
        let entered: Vec<_> = (0..100).map_while(|_| parties.enter(intent).ok()).collect();
        entered.len()
    }

    #[test]
    fn failures_limit_the_messages_in_work_and_a_success_lifts_the_limit() {
        let parties = FailingParties::default();
        let (failing, other) = (intent(1), intent(2));
        let end = |result: Result<Outcome, Fault>| {
            parties.enter(&failing).unwrap().record(&result);
        };
        let denied = || Err(Fault::new(Reason::AwsDenied, "the role"));
        end(denied());
        end(denied());
        assert_eq!(admitted(&parties, &failing), 100);
        end(denied());
        end(Err(Fault::new(Reason::TemplateMissing, "no template")));
        end(Ok(Outcome::Recorded(None)));
        assert_eq!(admitted(&parties, &failing), 4);
        assert_eq!(admitted(&parties, &other), 100);
        end(Ok(Outcome::Created));
        assert_eq!(admitted(&parties, &failing), 100);
        assert!(parties.lock().is_empty());
    }
}
