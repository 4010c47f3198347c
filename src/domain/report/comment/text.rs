//! The text of a comment.

use crate::domain::ids::{Owner, Subject};
use crate::domain::report::TITLE_LIMIT;
use crate::domain::report::markdown::{code, link};
use crate::domain::report::parts::{escaped, failed_action, left_out, stages};
use crate::domain::report::record::{CommitRecord, Phase};
use crate::domain::text::one_line;

/// The longest text of a comment, in bytes. GitHub counts 65,536 characters, and some of them as
/// several.
pub(in crate::domain::report) const COMMENT_LIMIT: usize = 65_536;

/// The parts of a comment.
pub(super) struct Comment<'a> {
    pub(super) record: &'a CommitRecord,
    pub(super) marker: &'a str,
    pub(super) title: &'a str,
    pub(super) url: Option<&'a str>,
}

/// Returns the line by which the comment of a pull request is found again. GitHub does not show it.
///
/// Two installations may write as one App. The hash tells their comments apart, and does not
/// publish the name of an installation.
pub(super) fn marker(subject: &Subject, owner: &Owner) -> String {
    format!(
        "<!-- branchline {} {} -->",
        owner.short_hash(),
        subject.table_key()
    )
}

/// Returns the text. A part that would make it too long is left out.
///
/// While an execution runs, the text has no stages: it changes with the state only, because every
/// edit takes from GitHub's rate limit.
pub(super) fn text(comment: &Comment<'_>) -> String {
    let record = comment.record;
    let title = escaped(&one_line(comment.title, TITLE_LIMIT));
    let mut text = format!("{}\n**{title}**\n", comment.marker);
    let mut parts = Vec::new();
    if let Phase::Absent(reason) = &record.phase
        && record.absence(*reason) != comment.title
    {
        parts.push(format!("\n{}.\n", record.absence(*reason)));
    }
    parts.push(filled(|part| record.idle_note(part)));
    parts.push(facts(comment));
    if let Some((_, left_out_stages)) = record.pipeline() {
        parts.push(filled(|part| left_out(part, left_out_stages)));
    }
    if let Some(run) = record.counted_run().filter(|run| run.is_final()) {
        parts.push(filled(|part| stages(part, run)));
        if let Some(failure) = run.current_failure() {
            parts.push(filled(|part| failed_action(part, failure)));
        }
    }
    for part in parts {
        if text.len() + part.len() <= COMMENT_LIMIT {
            text.push_str(&part);
        }
    }
    text
}

/// Returns the table of what the comment is about.
fn facts(comment: &Comment<'_>) -> String {
    let record = comment.record;
    let pipeline = match (record.pipeline(), &record.phase) {
        (Some((pipeline, _)), _) => {
            let name = code(pipeline.as_str());
            Some(
                comment
                    .url
                    .map_or_else(|| name.clone(), |url| link(&name, url)),
            )
        }
        (None, Phase::PipelineLost(pipeline)) => Some(code(pipeline.as_str())),
        (
            None,
            Phase::Building { .. }
            | Phase::Waiting { .. }
            | Phase::Absent(_)
            | Phase::Refused(_)
            | Phase::InvalidFile(_),
        ) => None,
    };
    let rows = [
        // GitHub makes a link of it.
        ("Commit", Some(record.key.commit.to_string())),
        ("Pipeline", pipeline),
        (
            "Environment",
            record.environment().map(|page| link(&code(page), page)),
        ),
        ("Check", Some(code(&record.target.context))),
    ];
    let rows = rows
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let rows: String = rows
        .map(|(name, value)| format!("| {name} | {value} |\n"))
        .collect();
    format!("\n| | |\n|---|---|\n{rows}")
}

fn filled(fill: impl FnOnce(&mut String)) -> String {
    let mut part = String::new();
    fill(&mut part);
    part
}
