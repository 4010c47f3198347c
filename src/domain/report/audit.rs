//! The audit entry of a report.

use serde::Serialize;

use crate::domain::ids::{CheckRunId, Timestamp};
use crate::domain::outcome::audit_entry::NewAuditEntry;
use crate::domain::outcome::cause::Cause;
use crate::domain::report::Report;
use crate::domain::report::record::{CommitRecord, Phase};

/// The outcome of the entries.
const REPORTED: &str = "reported";

/// What GitHub showed, for the journal of an entry.
#[derive(Serialize)]
struct Shown<'a> {
    commit: &'a str,
    form: &'static str,
    context: &'a str,
    state: &'static str,
    title: &'a str,
    url: Option<&'a str>,
    check_run: Option<u64>,
}

/// Returns the entry about a report that GitHub has accepted.
#[must_use]
pub fn entry(
    record: &CommitRecord,
    report: &Report,
    check_run: Option<CheckRunId>,
    now: Timestamp,
) -> NewAuditEntry {
    let shown = Shown {
        commit: report.commit.as_str(),
        form: record.target.form.as_str(),
        context: &report.context,
        state: report.state.as_str(),
        title: &report.title,
        url: report.url.as_deref(),
        check_run: check_run.map(|id| id.0),
    };
    let pipeline = match &record.phase {
        Phase::Building { pipeline, .. } | Phase::PipelineLost(pipeline) => {
            Some(pipeline.to_string())
        }
        Phase::Waiting { .. } | Phase::Absent(_) | Phase::Refused(_) | Phase::InvalidFile(_) => {
            None
        }
    };
    NewAuditEntry {
        cause: Cause::Report(report.commit.clone()),
        time: now,
        processed_at: now,
        repository: Some(record.repository.to_string()),
        actor: None,
        outcome: REPORTED.to_owned(),
        from: record
            .reported
            .as_ref()
            .map(|reported| reported.state.as_str()),
        to: report.state.as_str(),
        pipeline,
        journal: serde_json::to_string(&shown).unwrap_or_default(),
    }
}
