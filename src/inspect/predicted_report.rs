//! What GitHub would show after a message.

use serde::Serialize;

use crate::domain::ids::Owner;
use crate::domain::report::record::{CommitRecord, Phase};

/// The report that would be sent, if GitHub shows nothing of the commit yet.
#[derive(Debug, Serialize)]
pub struct PredictedReport {
    /// The commit.
    pub commit: String,
    /// `check` or `status`.
    pub form: &'static str,
    /// The name of the check run, or the context of the commit status.
    pub context: String,
    /// The state.
    pub state: &'static str,
    /// The title.
    pub title: String,
    /// The summary, in Markdown; empty for a commit status.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// The page that it links to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The text of the comment, in Markdown, if the rule has one in this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl PredictedReport {
    /// Predicts from the record of a commit, as a rehearsal left it. At the end of a subject the
    /// last result stays, which the rehearsal does not know: `None`.
    #[must_use]
    pub fn new(record: &CommitRecord, owner: &Owner, region: &str) -> Option<Self> {
        if matches!(&record.phase, Phase::Absent(reason) if reason.is_ending()) {
            return None;
        }
        let report = record.report(region)?;
        Some(Self {
            commit: report.commit.to_string(),
            form: record.target.form.as_str(),
            context: report.context,
            state: report.state.as_str(),
            title: report.title,
            summary: report.summary,
            url: report.url,
            comment: record
                .comment(None, owner, region)
                .map(|comment| comment.text),
        })
    }
}
