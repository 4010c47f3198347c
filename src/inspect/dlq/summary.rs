//! Counts dead letters by reason and repository.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::inspect::dlq::dead_letter::DeadLetter;

/// The reason of a message that SQS moved by itself.
const MOVED: &str = "moved by SQS";

/// The dead letters of one reason and one repository. The field names are stable: they are the
/// columns of `csv` and the keys of `json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SummaryRow {
    /// The number of messages.
    pub count: usize,
    /// The reason.
    pub reason: String,
    /// The repository; `None` if it is not known.
    pub repository: Option<String>,
    /// The number of different subjects.
    pub subjects: usize,
    /// Seconds since the oldest message entered the queue.
    pub oldest_seconds: u64,
    /// Seconds since the newest message entered the queue.
    pub newest_seconds: u64,
    /// The detail of the newest message.
    pub detail: Option<String>,
}

impl SummaryRow {
    /// The names of the fields, in order.
    pub const FIELDS: &'static [&'static str] = &[
        "count",
        "reason",
        "repository",
        "subjects",
        "oldest_seconds",
        "newest_seconds",
        "detail",
    ];
}

/// Counts messages by reason and repository, the most frequent first.
#[must_use]
pub fn by_reason_and_repository(messages: &[DeadLetter]) -> Vec<SummaryRow> {
    summarize(messages, |message| message.repository.clone())
}

/// Counts messages by reason, the most frequent first.
#[must_use]
pub fn by_reason(messages: &[DeadLetter]) -> Vec<SummaryRow> {
    summarize(messages, |_| None)
}

fn summarize(
    messages: &[DeadLetter],
    repository: impl Fn(&DeadLetter) -> Option<String>,
) -> Vec<SummaryRow> {
    let mut groups: BTreeMap<(String, Option<String>), Vec<&DeadLetter>> = BTreeMap::new();
    for message in messages {
        let reason = message.reason.clone().unwrap_or_else(|| MOVED.to_owned());
        let group = (reason, repository(message));
        groups.entry(group).or_default().push(message);
    }
    let row =
        |((reason, repository), mut messages): ((String, Option<String>), Vec<&DeadLetter>)| {
            messages.sort_by_key(|message| message.age_seconds);
            let age =
                |message: Option<&&DeadLetter>| message.map_or(0, |message| message.age_seconds);
            let mut subjects: Vec<_> = messages
                .iter()
                .filter_map(|one| one.subject.as_ref())
                .collect();
            subjects.sort_unstable();
            subjects.dedup();
            SummaryRow {
                count: messages.len(),
                reason,
                repository,
                subjects: subjects.len(),
                oldest_seconds: age(messages.last()),
                newest_seconds: age(messages.first()),
                detail: messages.first().and_then(|message| message.detail.clone()),
            }
        };
    let mut rows: Vec<_> = groups.into_iter().map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    rows
}
