//! The text that answers why a subject has no pipeline.

use std::fmt::Write;

use crate::cli::output::colour::Colour;
use crate::cli::output::status::daemon_line;
use crate::cli::output::streaming_table::age;
use crate::domain::text::one_line;
use crate::inspect::conditions::CheckedRule;
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::inspect::why::Why;

/// The longest line of the text, in characters. The JSON has the whole values.
const LINE: usize = 1_000;

/// Renders the answer, what to do, and then what the answer is based on.
#[must_use]
pub fn lines(why: &Why, colours: bool) -> String {
    let mut text = String::new();
    let answer = one_line(&why.answer, LINE);
    let colour = match why.has_pipeline {
        true => Colour::Green,
        false => Colour::Red,
    };
    let answer = match colours {
        true => colour.paint(&answer),
        false => answer,
    };
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{answer}");
    for step in &why.what_to_do {
        line(&mut text, "  ->", step);
    }
    text.push('\n');
    for rule in &why.rules {
        line(&mut text, "rule", &rule_line(rule));
    }
    if let Some(row) = &why.mapping {
        let waits = why
            .waits_for
            .map_or(String::new(), |waits| format!(", {waits}"));
        let pipeline = row.pipeline.as_deref().unwrap_or("-");
        let absence = row.absence.map_or(String::new(), |why| format!(": {why}"));
        let projects = row.projects.as_deref();
        let projects = projects.map_or(String::new(), |names| format!(", projects {names}"));
        let mapping = format!(
            "{}{absence}{waits}, pipeline {pipeline}{projects}, last written {}",
            row.state, row.updated_at
        );
        line(&mut text, "mapping", &mapping);
    } else if why.subject.is_some() {
        line(&mut text, "mapping", "none");
    }
    for entry in &why.history {
        let entry = format!("{} {} ({})", entry.processed_at, entry.outcome, entry.cause);
        line(&mut text, "history", &entry);
    }
    for message in &why.dead_letters {
        line(&mut text, "dead letter", &message_line(message));
    }
    for message in &why.quarantine {
        line(&mut text, "quarantined", &message_line(message));
    }
    for queue in &why.queues {
        let counts = format!(
            "{:<13} {} waiting, {} in flight",
            queue.queue, queue.waiting, queue.in_flight
        );
        line(&mut text, "queue", &counts);
    }
    for daemon in &why.daemons {
        line(&mut text, "daemon", &daemon_line(daemon));
    }
    for unknown in &why.unknown {
        line(&mut text, "unknown", unknown);
    }
    text
}

/// Describes a rule and its conditions: `+` is met, `-` is not met, `?` is not known.
fn rule_line(rule: &CheckedRule) -> String {
    let conditions = rule.conditions.iter().map(|condition| {
        let mark = match condition.holds {
            Some(true) => '+',
            Some(false) => '-',
            None => '?',
        };
        let actual = condition.actual.as_deref().unwrap_or("unknown");
        format!("{mark} {} {}: {actual}", condition.key, condition.expected)
    });
    let conditions: Vec<_> = conditions.collect();
    format!("'{}'  {}", rule.rule, conditions.join("  "))
}

fn message_line(message: &DeadLetter) -> String {
    let reason = message.reason.as_deref().unwrap_or("moved by SQS");
    let detail = message.detail.as_deref().unwrap_or("-");
    format!(
        "{} {} ago {reason}: {detail}",
        message.id,
        age(message.age_seconds)
    )
}

fn line(text: &mut String, name: &str, value: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{name:<12} {}", one_line(value, LINE));
}
