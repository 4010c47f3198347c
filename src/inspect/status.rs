//! Answers "is everything all right?" from the daemons' heartbeats, the queues, the mappings and
//! the audit trail.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::fault::Fault;
use crate::domain::heartbeat::Heartbeat;
use crate::domain::ids::{RepositoryId, Subject, SubjectKind, Timestamp};
use crate::domain::outcome::chain::Chain;
use crate::domain::rules::rule::Rules;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::teardown::Teardown;
use crate::domain::text::plural;
use crate::domain::time_range::TimeRange;
use crate::inspect::dlq::summary::SummaryRow;
use crate::inspect::history::HistoryRow;
use crate::inspect::waiting::Waiting;
use crate::ports::{HeartbeatReader, MappingPages, QueueCounts, StoreReader};

/// How many days of the audit trail are searched for the last change.
const LAST_CHANGE_DAYS: u16 = 7;
/// What a mapping waits for that nothing will finish.
pub const STUCK: &str = "stuck";
/// What a mapping waits for while its environment is being removed.
const TEARDOWN: &str = "teardown";
/// The same, once nothing more is tried.
const LEFT_BEHIND: &str = "left-behind";

/// The state of everything. A part that could not be read is in `unknown`.
#[derive(Debug, Default, Serialize)]
pub struct Status {
    /// What needs a person, each with the command that helps. The list is empty if all is well.
    pub problems: Vec<String>,
    /// The daemons that were seen within a day, those that run first.
    pub daemons: Vec<Daemon>,
    /// The queues.
    pub queues: Vec<QueueStatus>,
    /// The dead letters by reason.
    pub dead_letters: Vec<SummaryRow>,
    /// The quarantined messages by reason.
    pub quarantine: Vec<SummaryRow>,
    /// The mappings in the middle of a change, by what they wait for.
    pub unfinished: Vec<Unfinished>,
    /// The slots of the rules with `max_active`.
    pub slots: Vec<RuleSlots>,
    /// The last change of a mapping, within seven days.
    pub last_change: Option<LastChange>,
    /// The parts that could not be read, and why.
    pub unknown: Vec<String>,
}

/// A daemon that was seen within a day.
#[derive(Clone, Debug, Serialize)]
pub struct Daemon {
    /// The name of the process, as in claims.
    pub worker: String,
    /// The version of branchline.
    pub version: String,
    /// True if it runs, as far as its last heartbeat tells.
    pub running: bool,
    /// True if it said that it stops. Otherwise a daemon that does not run was killed, or cannot
    /// reach the table.
    pub stopped: bool,
    /// Seconds since its last heartbeat.
    pub seen_seconds: u64,
    /// When it started.
    pub started_at: String,
}

/// The messages of a queue.
#[derive(Clone, Debug, Serialize)]
pub struct QueueStatus {
    /// `webhooks`, `internal`, `dead-letters` or `quarantine`.
    pub queue: &'static str,
    /// Messages that a consumer could receive now.
    pub waiting: u64,
    /// Messages that a consumer has, or that return later.
    pub in_flight: u64,
}

impl QueueStatus {
    /// Names the counts of a queue.
    #[must_use]
    pub fn new(queue: &'static str, counts: QueueCounts) -> Self {
        Self {
            queue,
            waiting: counts.waiting,
            in_flight: counts.in_flight,
        }
    }
}

/// Mappings in the middle of a change.
#[derive(Clone, Debug, Serialize)]
pub struct Unfinished {
    /// What they wait for: `in-work`, `rule-full`, `backing-off`, `dead-lettered`, `invalid-file`;
    /// `teardown` while an environment is being removed; `left-behind` if that has failed, and
    /// `stuck` if nothing else will finish them.
    pub waits_for: &'static str,
    /// Their number.
    pub count: usize,
    /// Seconds since the longest unchanged of them was written.
    pub oldest_seconds: u64,
    /// The longest unchanged of them.
    pub oldest: String,
    /// The last failure of that one.
    pub last_error: Option<String>,
}

/// The slots of a rule with `max_active`.
#[derive(Clone, Debug, Serialize)]
pub struct RuleSlots {
    /// The name of the rule.
    pub rule: String,
    /// The slots that are taken.
    pub taken: usize,
    /// The number of slots.
    pub max: u32,
    /// How many subjects wait for one.
    pub waiting: usize,
}

/// The last change of a mapping.
#[derive(Clone, Debug, Serialize)]
pub struct LastChange {
    /// When it was made.
    pub at: String,
    /// Seconds since then.
    pub seconds: u64,
    /// The subject.
    pub subject: Option<String>,
    /// The outcome.
    pub outcome: String,
}

impl Status {
    /// Reads the parts that the table has. The queues are added by the caller.
    pub async fn read<S: StoreReader + HeartbeatReader>(
        store: &S,
        rules: &Rules,
        now: Timestamp,
    ) -> Self {
        let mut status = Self::default();
        match store.heartbeats().await {
            Ok(heartbeats) => status.daemons = daemons(heartbeats, now),
            Err(fault) => status.unread("daemons", &fault.for_operator()),
        }
        match unfinished(store, now).await {
            Ok(rows) => status.unfinished = rows,
            Err(fault) => status.unread("unfinished mappings", &fault.for_operator()),
        }
        match slots(store, rules).await {
            Ok(slots) => status.slots = slots,
            Err(fault) => status.unread("slots", &fault.for_operator()),
        }
        match last_change(store, now).await {
            Ok(last) => status.last_change = last,
            Err(fault) => status.unread("last change", &fault.for_operator()),
        }
        status
    }

    /// Notes that a part could not be read.
    pub fn unread(&mut self, part: &str, why: &impl ToString) {
        self.unknown.push(format!("{part}: {}", why.to_string()));
    }

    /// Finds what needs a person, once everything is read.
    pub fn find_problems(&mut self) {
        let mut problems = Vec::new();
        let is_read = |part: &str| !self.unknown.iter().any(|one| one.starts_with(part));
        if is_read("daemons") && !self.daemons.iter().any(|daemon| daemon.running) {
            problems.push(format!(
                "no daemon is running: {}",
                last_seen(&self.daemons)
            ));
        }
        let held = |name: &str| {
            let queue = self.queues.iter().find(|queue| queue.queue == name);
            queue.map_or(0, |queue| queue.waiting + queue.in_flight)
        };
        let messages = |count: u64| plural(usize::try_from(count).unwrap_or(usize::MAX), "message");
        let dead_letters = held("dead-letters");
        if dead_letters > 0 {
            problems.push(format!(
                "{} in the dead-letter queue: branchline dlq list --summary",
                messages(dead_letters)
            ));
        }
        let quarantine = held("quarantine");
        if quarantine > 0 {
            problems.push(format!(
                "{} in quarantine: branchline dlq list --queue quarantine --summary",
                messages(quarantine)
            ));
        }
        let group = |name: &str| self.unfinished.iter().find(|one| one.waits_for == name);
        if let Some(stuck) = group(STUCK) {
            problems.push(format!(
                "{} stuck in the middle of a change, such as {}: branchline audit --only half-way --repair",
                plural(stuck.count, "mapping"),
                stuck.oldest
            ));
        }
        if let Some(left) = group(LEFT_BEHIND) {
            problems.push(format!(
                "{} could not be removed, such as that of {}: branchline audit --only left-behind",
                plural(left.count, "environment"),
                left.oldest
            ));
        }
        let is_full = |rule: &&RuleSlots| {
            rule.waiting > 0 && rule.taken >= usize::try_from(rule.max).unwrap_or(usize::MAX)
        };
        for rule in self.slots.iter().filter(is_full) {
            let waits = match rule.waiting {
                1 => "1 subject waits".to_owned(),
                more => format!("{more} subjects wait"),
            };
            problems.push(format!(
                "rule '{}' has all its {}, and {waits}: close pull requests, or raise max_active",
                rule.rule,
                plural(usize::try_from(rule.max).unwrap_or(usize::MAX), "clone"),
            ));
        }
        self.problems = problems;
    }
}

/// Says when a daemon was seen last.
#[must_use]
pub fn last_seen(daemons: &[Daemon]) -> String {
    let last = daemons.iter().min_by_key(|daemon| daemon.seen_seconds);
    let Some(last) = last else {
        return "none was seen within a day; start one with `branchline run`".to_owned();
    };
    let how = match last.stopped {
        true => "stopped",
        false => "was seen last, without a shutdown,",
    };
    let ago = match last.seen_seconds / 60 {
        0 => "less than a minute ago".to_owned(),
        1 => "a minute ago".to_owned(),
        minutes => format!("{minutes} minutes ago"),
    };
    format!(
        "{} {how} {ago}; start one with `branchline run`",
        last.worker
    )
}

/// Describes heartbeats, those of running daemons first, then the newest.
#[must_use]
pub fn daemons(heartbeats: Vec<Heartbeat>, now: Timestamp) -> Vec<Daemon> {
    let daemon = |heartbeat: Heartbeat| Daemon {
        running: heartbeat.is_alive(now),
        seen_seconds: now.since(heartbeat.seen_at).as_secs(),
        started_at: heartbeat.started_at.to_string(),
        worker: heartbeat.worker,
        version: heartbeat.version,
        stopped: heartbeat.stopped,
    };
    let mut daemons: Vec<_> = heartbeats.into_iter().map(daemon).collect();
    daemons.sort_by_key(|daemon| (!daemon.running, daemon.seen_seconds));
    daemons
}

async fn unfinished<S: StoreReader>(store: &S, now: Timestamp) -> Result<Vec<Unfinished>, Fault> {
    let mut groups: BTreeMap<&'static str, (usize, Mapping)> = BTreeMap::new();
    for state in State::HALF_WAY.into_iter().chain([State::Retiring]) {
        let mut pages = MappingPages::new(store, state);
        while let Some(rows) = pages.next().await? {
            // `audit` reports a row that cannot be read.
            for row in rows.into_iter().flatten() {
                let waiting = waits_for(&row, store, now).await?;
                let (count, oldest) = groups.entry(waiting).or_insert_with(|| (0, row.clone()));
                *count += 1;
                if row.updated_at < oldest.updated_at {
                    *oldest = row;
                }
            }
        }
    }
    let group = |(waits_for, (count, oldest)): (&'static str, (usize, Mapping))| Unfinished {
        waits_for,
        count,
        oldest_seconds: now.since(oldest.updated_at).as_secs(),
        oldest: oldest.subject.display(&oldest.repository),
        last_error: oldest.last_error,
    };
    Ok(groups.into_iter().map(group).collect())
}

async fn waits_for<S: StoreReader>(
    row: &Mapping,
    store: &S,
    now: Timestamp,
) -> Result<&'static str, Fault> {
    if row.state == State::Retiring {
        let teardown = row.resources.teardown.as_ref();
        return Ok(match teardown.is_some_and(Teardown::is_left_behind) {
            true => LEFT_BEHIND,
            false => TEARDOWN,
        });
    }
    let waiting = Waiting::of(row, store, now).await?;
    Ok(waiting.map_or(STUCK, Waiting::as_str))
}

async fn slots<S: StoreReader>(store: &S, rules: &Rules) -> Result<Vec<RuleSlots>, Fault> {
    // The number of slots does not depend on the subject.
    let anyone = Subject {
        repository: RepositoryId(0),
        kind: SubjectKind::PullRequest(0),
    };
    let mut slots = Vec::new();
    for rule in rules.all() {
        if let Some(max) = rule.max_active {
            let used = store.slots(&rule.name, &anyone).await?;
            slots.push(RuleSlots {
                rule: rule.name.clone(),
                taken: used.taken,
                max,
                waiting: used.waiting.len(),
            });
        }
    }
    Ok(slots)
}

async fn last_change<S: StoreReader>(
    store: &S,
    now: Timestamp,
) -> Result<Option<LastChange>, Fault> {
    for day in TimeRange::last_days(LAST_CHANGE_DAYS, now).days().rev() {
        let mut after = None;
        loop {
            let page = store.within_day(day, true, after).await?;
            let mut changes = page
                .entries
                .into_iter()
                .filter(|entry| matches!(Chain::from_text(&entry.chain), Some(Chain::Changes(_))));
            if let Some(entry) = changes.next() {
                let row = HistoryRow::new(entry);
                let at = Timestamp::from_rfc3339(&row.processed_at).unwrap_or(now);
                return Ok(Some(LastChange {
                    at: row.processed_at,
                    seconds: now.since(at).as_secs(),
                    subject: row.subject,
                    outcome: row.outcome,
                }));
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_have_the_command_that_helps() {
        let counts = QueueCounts {
            waiting: 1,
            in_flight: 1,
        };
        let mut status = Status {
            queues: vec![QueueStatus::new("dead-letters", counts)],
            slots: vec![RuleSlots {
                rule: "api".to_owned(),
                taken: 3,
                max: 3,
                waiting: 1,
            }],
            ..Status::default()
        };
        status.find_problems();
        let expected = [
            "no daemon is running: none was seen within a day; start one with `branchline run`",
            "2 messages in the dead-letter queue: branchline dlq list --summary",
            "rule 'api' has all its 3 clones, and 1 subject waits: close pull requests, or raise max_active",
        ];
        assert_eq!(status.problems, expected);
    }

    #[test]
    fn what_could_not_be_read_is_no_problem() {
        let mut status = Status::default();
        status.unread("daemons", &"aws-denied: no");
        status.find_problems();
        assert_eq!(status.problems, [""; 0]);
    }
}
