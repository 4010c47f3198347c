//! Answers why a subject has no pipeline, from everything that is known of it.
//!
//! The caller collects the evidence. The answer is a pure function of it.

use serde::Serialize;

use crate::domain::ids::{Branch, SubjectKind, Timestamp};
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::rules::rule::{On, Rules};
use crate::domain::state::mapping::{Mapping, State};
use crate::inspect::answer::{Answer, answer};
use crate::inspect::conditions::{CheckedRule, Facts, check};
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::inspect::evidence::Evidence;
use crate::inspect::mappings::row::Row;
use crate::inspect::status::{Daemon, QueueStatus};
use crate::inspect::waiting::{Place, Waiting};

/// How many entries of the audit trail are shown, the newest at the end.
const ENTRIES: usize = 5;

/// The answer, and what it is based on.
#[derive(Debug, Serialize)]
pub struct Why {
    /// The answer, in one sentence.
    pub answer: String,
    /// What to do, step by step.
    pub what_to_do: Vec<String>,
    /// True if the subject has its pipeline.
    pub has_pipeline: bool,
    /// The subject, as people write it.
    pub subject: Option<String>,
    /// The delivery that was asked for.
    pub delivery: Option<String>,
    /// The mapping.
    pub mapping: Option<Row>,
    /// What the mapping waits for.
    pub waits_for: Option<&'static str>,
    /// Its place in the line for a slot.
    pub place: Option<Place>,
    /// The rules, each with its conditions.
    pub rules: Vec<CheckedRule>,
    /// Its messages in the dead-letter queue.
    pub dead_letters: Vec<DeadLetter>,
    /// Its messages in quarantine.
    pub quarantine: Vec<DeadLetter>,
    /// The last audit entries, the newest at the end.
    pub history: Vec<AuditEntry>,
    /// The queues.
    pub queues: Vec<QueueStatus>,
    /// The daemons that were seen within a day.
    pub daemons: Vec<Daemon>,
    /// The sources that could not be read, and why.
    pub unknown: Vec<String>,
}

impl Why {
    /// Answers from the evidence.
    #[must_use]
    pub fn new(evidence: Evidence, rules: &Rules, now: Timestamp) -> Self {
        let checked = facts(&evidence).map(|facts| check(rules, &facts));
        let checked = checked.unwrap_or_default();
        let Answer {
            sentence,
            what_to_do,
            has_pipeline,
        } = answer(&evidence, &checked);
        let mut history = evidence.history;
        let older = history.len().saturating_sub(ENTRIES);
        history.drain(..older);
        let subject = evidence.subject.as_ref();
        Self {
            answer: sentence,
            what_to_do,
            has_pipeline,
            subject: subject.map(|(name, kind)| kind.display(name)),
            delivery: evidence.delivery.map(|delivery| delivery.to_string()),
            mapping: evidence.mapping.as_ref().map(|row| Row::new(row, now)),
            waits_for: evidence.waiting.map(Waiting::as_str),
            place: evidence.place,
            rules: checked,
            dead_letters: evidence.dead_letters,
            quarantine: evidence.quarantine,
            history,
            queues: evidence.queues,
            daemons: evidence.daemons,
            unknown: evidence.unknown,
        }
    }
}

/// Returns what the rules ask, from the newest source: the journal of the last event, otherwise the
/// mapping.
fn facts(evidence: &Evidence) -> Option<Facts> {
    let (repository, kind) = evidence.subject.clone()?;
    let spec = evidence.mapping.as_ref().and_then(Mapping::spec);
    let is_present = |mapping: &Mapping| mapping.state != State::Gone;
    let admitted = evidence.mapping.as_ref().is_some_and(is_present);
    let mut facts = match kind {
        SubjectKind::PullRequest(_) => Facts {
            repository,
            on: On::PullRequest,
            base: spec.and_then(|spec| spec.base.clone()),
            branch: spec.map(|spec| spec.branch.clone()),
            // Only a pull request in the repository itself gets a pipeline.
            fork: admitted.then_some(false),
            draft: None,
        },
        SubjectKind::Branch(branch) => Facts {
            repository,
            on: On::Branch,
            base: None,
            branch: Some(branch),
            draft: None,
            fork: None,
        },
    };
    if facts.on == On::PullRequest
        && let Some(last) = evidence.history.iter().rev().find_map(facts_of)
    {
        facts.base = last.base;
        facts.branch = Some(last.branch);
        // A subject that is to have a pipeline may have been a draft at that time.
        let is_wanted = spec.is_some() && admitted;
        facts.draft = (!(last.draft && is_wanted)).then_some(last.draft);
        facts.fork = Some(last.fork);
    }
    Some(facts)
}

struct EventFacts {
    base: Option<Branch>,
    branch: Branch,
    draft: bool,
    fork: bool,
}

/// Returns what the event of an audit entry says of the subject; `None` if it was about something
/// else.
fn facts_of(entry: &AuditEntry) -> Option<EventFacts> {
    let journal: serde_json::Value = serde_json::from_str(&entry.journal).ok()?;
    let branch = |name: &str| Branch::parse(journal.get(name)?.as_str()?).ok();
    let flag = |name: &str| {
        let value = journal.get(name);
        value.and_then(serde_json::Value::as_bool).unwrap_or(false)
    };
    Some(EventFacts {
        base: branch("base"),
        branch: branch("branch")?,
        draft: flag("draft"),
        fork: flag("fork"),
    })
}
