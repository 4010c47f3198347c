//! The text of the state of everything.

use std::fmt::Write;

use crate::cli::output::colour::Colour;
use crate::cli::output::streaming_table::age;
use crate::domain::heartbeat::LATE;
use crate::domain::text::one_line;
use crate::inspect::dlq::summary::SummaryRow;
use crate::inspect::status::{Daemon, Status};

/// The longest line of the text, in characters. The JSON has the whole values.
const LINE: usize = 300;
/// How many daemons that do not run any more are listed, the last ones first.
const ENDED: usize = 3;

/// Renders the state, one part after the other.
#[must_use]
pub fn lines(status: &Status, colours: bool) -> String {
    let mut text = Text::default();
    if status.problems.is_empty() {
        text.line("all is well", "", Some(Colour::Green), colours);
    }
    for problem in &status.problems {
        text.line("problem", problem, Some(Colour::Red), colours);
    }
    for unknown in &status.unknown {
        text.line("unknown", unknown, Some(Colour::Yellow), colours);
    }
    let (running, ended): (Vec<_>, Vec<_>) = status.daemons.iter().partition(|one| one.running);
    for daemon in running.into_iter().chain(ended.iter().take(ENDED).copied()) {
        text.plain("daemon", &daemon_line(daemon));
    }
    if let Some(more) = ended.len().checked_sub(ENDED).filter(|more| *more > 0) {
        text.plain("daemon", &format!("{more} more ended within a day"));
    }
    for queue in &status.queues {
        let counts = format!("{} waiting, {} in flight", queue.waiting, queue.in_flight);
        text.plain("queue", &format!("{:<13} {counts}", queue.queue));
    }
    for row in &status.dead_letters {
        text.plain("dead letters", &summary(row));
    }
    for row in &status.quarantine {
        text.plain("quarantine", &summary(row));
    }
    for one in &status.unfinished {
        let error = one.last_error.as_deref();
        let error = error.map(|error| format!(": {error}")).unwrap_or_default();
        let oldest = age(one.oldest_seconds);
        text.plain(
            "unfinished",
            &format!(
                "{:>4} {}, oldest {oldest}: {}{error}",
                one.count, one.waits_for, one.oldest
            ),
        );
    }
    for rule in &status.slots {
        let waits = match rule.waiting {
            0 => String::new(),
            1 => ", and 1 subject waits".to_owned(),
            waiting => format!(", and {waiting} subjects wait"),
        };
        let (taken, max, rule) = (rule.taken, rule.max, &rule.rule);
        let slots = format!("{taken} of {max} for rule '{rule}'{waits}");
        text.plain("slots", &slots);
    }
    if let Some(last) = &status.last_change {
        let subject = last.subject.as_deref().unwrap_or("-");
        let last = format!("{} ago: {subject}: {}", age(last.seconds), last.outcome);
        text.plain("last change", &last);
    }
    text.0
}

/// Describes a daemon in one line.
#[must_use]
pub fn daemon_line(daemon: &Daemon) -> String {
    let is_late = daemon.seen_seconds > LATE.as_secs();
    let state = match (daemon.running, daemon.stopped) {
        (true, _) if is_late => "runs, or has ended without a shutdown",
        (true, _) => "runs",
        (false, true) => "stopped",
        (false, false) => "does not answer",
    };
    format!(
        "{} {state}, seen {} ago, version {}, started {}",
        daemon.worker,
        age(daemon.seen_seconds),
        daemon.version,
        daemon.started_at
    )
}

fn summary(row: &SummaryRow) -> String {
    let detail = row.detail.as_deref().unwrap_or("-");
    format!(
        "{:>4} {}, oldest {}: {detail}",
        row.count,
        row.reason,
        age(row.oldest_seconds)
    )
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn plain(&mut self, name: &str, value: &str) {
        self.line(name, value, None, false);
    }

    fn line(&mut self, name: &str, value: &str, colour: Option<Colour>, colours: bool) {
        let padded = format!("{name:<12}");
        let name = match colour.filter(|_| colours) {
            Some(colour) => colour.paint(&padded),
            None => padded,
        };
        let line = format!("{name} {}", one_line(value, LINE));
        // Writing into a string cannot fail.
        let _ = writeln!(self.0, "{}", line.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::status::{LastChange, QueueStatus, RuleSlots, Unfinished};
    use crate::ports::QueueCounts;

    #[test]
    fn every_part_has_its_lines() {
        let summary = |reason: &str| SummaryRow {
            count: 2,
            reason: reason.to_owned(),
            repository: None,
            subjects: 1,
            oldest_seconds: 300,
            newest_seconds: 7,
            detail: Some("no\nsuch template".to_owned()),
        };
        let daemon = |worker: &str, running, seen_seconds| Daemon {
            worker: worker.to_owned(),
            version: "0.1.0".to_owned(),
            running,
            stopped: false,
            seen_seconds,
            started_at: "2026-11-26T00:00:00.000Z".to_owned(),
        };
        let status = Status {
            problems: vec!["2 messages in the dead-letter queue: look".to_owned()],
            daemons: vec![
                daemon("0f", true, 90),
                daemon("1f", true, 95),
                daemon("2f", false, 181),
            ],
            queues: vec![QueueStatus::new("webhooks", QueueCounts::default())],
            dead_letters: vec![summary("template-missing")],
            quarantine: Vec::new(),
            unfinished: vec![Unfinished {
                waits_for: "rule-full",
                count: 3,
                oldest_seconds: 7_200,
                oldest: "acme/api#7".to_owned(),
                last_error: Some("rule-full: 3 of 3".to_owned()),
            }],
            slots: vec![RuleSlots {
                rule: "api".to_owned(),
                taken: 3,
                max: 3,
                waiting: 2,
            }],
            last_change: Some(LastChange {
                at: String::new(),
                seconds: 5,
                subject: Some("acme/api#8".to_owned()),
                outcome: "created".to_owned(),
            }),
            unknown: vec!["quarantine: aws-denied".to_owned()],
        };
        insta::assert_snapshot!(lines(&status, false), @r"
        problem      2 messages in the dead-letter queue: look
        unknown      quarantine: aws-denied
        daemon       0f runs, seen 90s ago, version 0.1.0, started 2026-11-26T00:00:00.000Z
        daemon       1f runs, or has ended without a shutdown, seen 95s ago, version 0.1.0, started 2026-11-26T00:00:00.000Z
        daemon       2f does not answer, seen 3m ago, version 0.1.0, started 2026-11-26T00:00:00.000Z
        queue        webhooks      0 waiting, 0 in flight
        dead letters    2 template-missing, oldest 5m: no\u{a}such template
        unfinished      3 rule-full, oldest 2h: acme/api#7: rule-full: 3 of 3
        slots        3 of 3 for rule 'api', and 2 subjects wait
        last change  5s ago: acme/api#8: created
        ");
        assert!(lines(&Status::default(), true).starts_with("\u{1b}[32mall is well"));
    }
}
