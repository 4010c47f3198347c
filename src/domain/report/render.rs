//! Derives the report of a commit from its record.

use std::fmt::Write as _;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::domain::fault::Reason;
use crate::domain::ids::{CheckRunId, CommitId, Timestamp};
use crate::domain::report::execution::ExecutionState;
use crate::domain::report::idle::why_removed;
use crate::domain::report::markdown::{code, link};
use crate::domain::report::parts::{duration, escaped, failed_action, left_out, stages};
use crate::domain::report::reasons::advice;
use crate::domain::report::record::{CommitRecord, Phase};
use crate::domain::report::run::Run;
use crate::domain::report::{Conclusion, Report, ReportForm, ReportState, TITLE_LIMIT};
use crate::domain::text::title;

/// How long a check run shows the same stages while an execution runs. More frequent updates would
/// take GitHub's rate limit from other pull requests.
pub(super) const REFRESH: Duration = Duration::from_secs(60);
/// The characters of a commit that people read.
const SHORT_COMMIT: usize = 7;

/// The report that is due about a commit, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing that was not reported already.
    Nothing,
    /// A report, but not yet.
    Later(Timestamp),
    /// This report.
    Now(Box<DueReport>),
}

/// A report to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueReport {
    /// The report.
    pub report: Report,
    /// The check run to update.
    pub check_run: Option<CheckRunId>,
    /// True if an earlier sender may have created or completed a check run without recording it.
    pub is_uncertain: bool,
}

impl CommitRecord {
    /// Returns the report that is due.
    #[must_use]
    pub fn due(&self, region: &str, now: Timestamp) -> Due {
        let Some(report) = self.report(region) else {
            return Due::Nothing;
        };
        let is_recorded = self
            .reported
            .as_ref()
            .is_some_and(|reported| reported.digest == report.digest());
        // A sender that recorded nothing may have shown something else since.
        if is_recorded && self.sender.is_none() {
            return Due::Nothing;
        }
        let retry_at = self.failed.as_ref().map(|failed| failed.retry_at);
        match retry_at {
            Some(None) => return Due::Nothing,
            Some(Some(at)) if at > now => return Due::Later(at),
            Some(Some(_)) | None => {}
        }
        if let Some(sender) = self.sender.as_ref().filter(|sender| sender.until > now) {
            return Due::Later(sender.until);
        }
        if let Some(reported) = &self.reported {
            let at = reported.at.plus(REFRESH);
            let in_progress = ReportState::InProgress;
            if (reported.state, report.state) == (in_progress, in_progress) && at > now {
                return Due::Later(at);
            }
        }
        let is_uncertain = self.sender.is_some();
        // A sender that recorded nothing may have completed it, or created the next one.
        let known = self.reported.as_ref().filter(|_| !is_uncertain);
        let open = known.filter(|known| !known.state.is_final() || report.state.is_final());
        Due::Now(Box::new(DueReport {
            check_run: open.and_then(|reported| reported.check_run),
            is_uncertain,
            report,
        }))
    }

    /// Returns what GitHub should show of the commit; `None` if what it shows stays right.
    #[must_use]
    pub fn report(&self, region: &str) -> Option<Report> {
        let text = self.text()?;
        let run = self.counted_run();
        let mut report = Report {
            commit: self.key.commit.clone(),
            context: self.target.context.clone(),
            state: text.state,
            title: title(&text.title, TITLE_LIMIT),
            summary: String::new(),
            url: self.url(region),
            external_id: self.external_id(),
            started_at: run.and_then(|run| run.started_at),
            completed_at: run.filter(|run| run.is_final()).map(|run| run.changed_at),
        };
        if self.target.form == ReportForm::Check {
            report.summary = self.summary(&text, report.url.as_deref());
        }
        Some(report)
    }

    /// Returns the state and the sentence of the report.
    pub(super) fn text(&self) -> Option<Text> {
        // A sender that recorded nothing may have shown something else since.
        let reported_final = self.sender.is_none()
            && self
                .reported
                .as_ref()
                .is_some_and(|reported| reported.state.is_final());
        let ended_run = self.counted_run().filter(|run| run.is_final());
        let is_cut_off = ended_run.is_some_and(Run::is_cut_off);
        let is_absent = matches!(self.phase, Phase::Absent(_));
        // A pipeline that is removed stops its executions. The reason says more than that.
        if let Some(run) = ended_run.filter(|_| !(is_cut_off && is_absent)) {
            return Some(ended(run));
        }
        if let Some(head) = &self.superseded_by {
            let is_running = self.may_be_running() && self.execution.is_some();
            if !is_running {
                let title = format!("Not built: {} is the head now", short(head));
                return (!reported_final).then(|| Text::new(Conclusion::Cancelled, title));
            }
        }
        Some(match &self.phase {
            Phase::Waiting { reason, ahead } => Text {
                state: ReportState::Queued,
                title: waiting(*reason, *ahead),
            },
            Phase::Building { .. } => match self.asleep() {
                Some(_) if reported_final => return None,
                Some(reason) => Text::new(Conclusion::Cancelled, why_removed(reason)),
                None => running(self.counted_run()),
            },
            Phase::Absent(reason) => {
                // The result of a closed pull request stays.
                if reported_final && reason.is_ending() && !is_cut_off {
                    return None;
                }
                let reported = self
                    .reported
                    .as_ref()
                    .map(|reported| reported.state.is_final());
                let conclusion = match self.execution.is_some() || reported == Some(false) {
                    true => Conclusion::Cancelled,
                    false => Conclusion::Skipped,
                };
                Text::new(conclusion, self.absence(*reason))
            }
            Phase::Refused(reason) => {
                Text::new(Conclusion::Error, format!("Not built: {}", advice(*reason)))
            }
            Phase::InvalidFile(why) => Text::new(Conclusion::Failure, format!("Not built: {why}")),
            Phase::PipelineLost(_) => Text::new(
                Conclusion::Cancelled,
                "The pipeline was deleted in AWS. The next push creates it again.",
            ),
        })
    }

    /// The page of the execution, or of the pipeline while no execution is known. A pipeline that
    /// was deleted has no page, so the link that GitHub has is replaced by that of all pipelines.
    pub(super) fn url(&self, region: &str) -> Option<String> {
        let Some((pipeline, _)) = self.pipeline() else {
            let all = || format!("{}?region={region}", pipelines_page(region));
            return self.execution.as_ref().map(|_| all());
        };
        // The execution of a pipeline that was deleted has no page.
        let execution = self.execution.as_ref();
        let execution = execution.filter(|_| self.execution != self.ended_execution);
        let execution = execution.map(|id| id.as_str());
        Some(console(region, pipeline.as_str(), execution))
    }

    /// Returns the page of the environment, while it is there.
    pub(super) fn environment(&self) -> Option<&str> {
        let is_there = self.is_building() && self.asleep().is_none();
        self.counted_run()?
            .deployed_environment()
            .filter(|_| is_there)
    }

    /// GitHub allows several check runs of one name on a commit: two subjects may have one head.
    fn external_id(&self) -> String {
        format!("{}/{}", self.key.subject.table_key(), self.target.context)
    }

    fn summary(&self, text: &Text, url: Option<&str>) -> String {
        let mut summary = format!("{}\n", escaped(&text.title));
        if let Some((pipeline, left_out_stages)) = self.pipeline() {
            let name = code(pipeline.as_str());
            let pipeline = url.map_or_else(|| name.clone(), |url| link(&name, url));
            let _ = write!(summary, "\nPipeline: {pipeline}\n");
            left_out(&mut summary, left_out_stages);
        }
        if let Some(page) = self.environment() {
            let _ = write!(summary, "\nEnvironment: {}\n", link(&code(page), page));
        }
        if let Some(run) = self.counted_run() {
            stages(&mut summary, run);
            if let Some(failure) = run.current_failure() {
                failed_action(&mut summary, failure);
            }
        }
        self.idle_note(&mut summary);
        summary
    }
}

impl Report {
    /// Returns a digest of what people see.
    #[must_use]
    pub fn digest(&self) -> String {
        let url = self.url.as_deref().unwrap_or_default();
        let state = self.state.as_str();
        let Self {
            context,
            title,
            summary,
            ..
        } = self;
        let text = format!("{state}\n{context}\n{url}\n{title}\n{summary}");
        hex::encode(Sha256::digest(text))
    }
}

/// The state and the sentence of a report.
pub(super) struct Text {
    pub(super) state: ReportState,
    pub(super) title: String,
}

impl Text {
    fn new(conclusion: Conclusion, title: impl Into<String>) -> Self {
        Self {
            state: ReportState::Completed(conclusion),
            title: title.into(),
        }
    }
}

/// Returns why a commit waits, and how many come before its subject. The number is that of the last
/// attempt: it only becomes smaller.
fn waiting(reason: Reason, ahead: Option<usize>) -> String {
    let why = advice(reason);
    match ahead {
        None => format!("Waiting: {why}"),
        Some(0) => format!("Waiting: next in line, {why}"),
        Some(ahead) => format!("Waiting: {ahead} ahead, {why}"),
    }
}

fn running(run: Option<&Run>) -> Text {
    let approval = run.and_then(Run::awaited_approval);
    let title = match approval {
        Some(one) => format!("Waiting for the approval of {}/{}", one.stage, one.action),
        None => "Running in CodePipeline".to_owned(),
    };
    Text {
        state: ReportState::InProgress,
        title,
    }
}

fn ended(run: &Run) -> Text {
    let took = match run.started_at {
        Some(began) => format!(" in {}", duration(run.changed_at.since(began))),
        None => String::new(),
    };
    match run.state {
        ExecutionState::Succeeded => Text::new(Conclusion::Success, format!("Succeeded{took}")),
        ExecutionState::Stopped => Text::new(Conclusion::Cancelled, "Stopped in CodePipeline"),
        ExecutionState::Canceled => Text::new(
            Conclusion::Cancelled,
            "Canceled, because the pipeline was updated",
        ),
        ExecutionState::Superseded => {
            Text::new(Conclusion::Cancelled, "A newer execution took its place")
        }
        ExecutionState::Failed
        | ExecutionState::Started
        | ExecutionState::Resumed
        | ExecutionState::Stopping => failed(run),
    }
}

fn failed(run: &Run) -> Text {
    let Some(failure) = run.current_failure() else {
        return Text::new(Conclusion::Failure, "Failed");
    };
    let place = format!("{}/{}", failure.stage, failure.action);
    let why = failure.summary.as_ref().or(failure.error_code.as_ref());
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    match failure.category.as_str() {
        // The branch is gone, or the connection is broken: not a fault of the commit.
        "Source" => Text::new(
            Conclusion::Error,
            format!("The source could not be fetched in {place}{why}"),
        ),
        "Approval" => Text::new(Conclusion::Failure, format!("Rejected in {place}")),
        _ => Text::new(Conclusion::Failure, format!("Failed in {place}{why}")),
    }
}

fn short(commit: &CommitId) -> &str {
    commit
        .as_str()
        .get(..SHORT_COMMIT)
        .unwrap_or(commit.as_str())
}

/// Returns the page of a pipeline or an execution in the AWS console.
#[must_use]
pub fn console(region: &str, pipeline: &str, execution: Option<&str>) -> String {
    let page = match execution {
        Some(id) => format!("executions/{id}/timeline"),
        None => "view".to_owned(),
    };
    let all = pipelines_page(region);
    format!("{all}/{pipeline}/{page}?region={region}")
}

/// Returns the page of all pipelines in the AWS console, without its query.
fn pipelines_page(region: &str) -> String {
    let host = match region {
        china if china.starts_with("cn-") => format!("{region}.console.amazonaws.cn"),
        gov if gov.starts_with("us-gov-") => format!("{region}.console.amazonaws-us-gov.com"),
        _ => format!("{region}.console.aws.amazon.com"),
    };
    format!("https://{host}/codesuite/codepipeline/pipelines")
}
