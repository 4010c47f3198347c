//! The bodies of the requests that show something (GitHub Docs, "REST API endpoints for check
//! runs", "for commit statuses", "for deployments" and "for deployment statuses").

use serde_json::{Map, Value, json};

use crate::domain::report::deployment::DeploymentStatus;
use crate::domain::report::{Conclusion, Report, ReportState, TITLE_LIMIT};
use crate::ports::WantedDeployment;

/// The longest summary of a check run, in characters.
const SUMMARY_LIMIT: usize = 65_535;

/// Returns the body that creates or updates a check run. Only the creation has `head_sha`.
pub(super) fn check_run(report: &Report, is_new: bool) -> Value {
    let (status, conclusion) = match report.state {
        ReportState::Queued => ("queued", None),
        ReportState::InProgress => ("in_progress", None),
        ReportState::Completed(conclusion) => ("completed", Some(check_conclusion(conclusion))),
    };
    let mut body = Map::new();
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    };
    set("name", Some(json!(report.context)));
    set("head_sha", is_new.then(|| json!(report.commit.as_str())));
    set("external_id", Some(json!(report.external_id)));
    set("status", Some(json!(status)));
    set("conclusion", conclusion.map(|word| json!(word)));
    set("details_url", report.url.as_ref().map(|url| json!(url)));
    let started_at = report.started_at.map(|time| json!(time.to_string()));
    set("started_at", started_at);
    let completed_at = report.completed_at.filter(|_| conclusion.is_some());
    set(
        "completed_at",
        completed_at.map(|time| json!(time.to_string())),
    );
    // GitHub refuses a title without a summary.
    let summary = match report.summary.is_empty() {
        true => &report.title,
        false => &report.summary,
    };
    let output = json!({
        "title": report.title,
        "summary": shortened(summary, SUMMARY_LIMIT),
    });
    set("output", Some(output));
    Value::Object(body)
}

/// Returns the body that adds a commit status.
pub(super) fn status(report: &Report) -> Value {
    let state = match report.state {
        ReportState::Queued | ReportState::InProgress => "pending",
        ReportState::Completed(Conclusion::Success | Conclusion::Skipped) => "success",
        ReportState::Completed(Conclusion::Failure) => "failure",
        ReportState::Completed(Conclusion::Error | Conclusion::Cancelled) => "error",
    };
    let mut body = json!({
        "state": state,
        "context": report.context,
        "description": shortened(&report.title, TITLE_LIMIT),
    });
    if let (Some(url), Some(body)) = (&report.url, body.as_object_mut()) {
        body.insert("target_url".to_owned(), json!(url));
    }
    body
}

/// The task of a deployment: GitHub's default.
pub(super) const DEPLOYMENT_TASK: &str = "deploy";
/// The key of the marker in the payload of a deployment.
pub(super) const DEPLOYMENT_MARK: &str = "branchline";

/// Returns the body that creates a deployment. By default, GitHub would merge the default branch
/// into the commit (`auto_merge`), and refuse while a check of the commit is pending
/// (`required_contexts`), as ours is.
pub(super) fn deployment(wanted: &WantedDeployment) -> Value {
    json!({
        "ref": wanted.commit.as_str(),
        "task": DEPLOYMENT_TASK,
        "environment": wanted.environment,
        "auto_merge": false,
        "required_contexts": [],
        "transient_environment": true,
        "production_environment": false,
        "payload": { DEPLOYMENT_MARK: wanted.marker },
    })
}

/// Returns the body that shows the state of a deployment, and leaves other deployments as they are.
pub(super) fn deployment_status(status: &DeploymentStatus) -> Value {
    let mut body = json!({
        "state": status.shown.state.as_str(),
        "description": shortened(&status.description, TITLE_LIMIT),
        "auto_inactive": false,
    });
    let pages = [
        ("environment_url", &status.shown.page),
        ("log_url", &status.log),
    ];
    if let Some(body) = body.as_object_mut() {
        for (key, page) in pages {
            body.extend(page.as_ref().map(|page| (key.to_owned(), json!(page))));
        }
    }
    body
}

fn check_conclusion(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Success => "success",
        Conclusion::Failure | Conclusion::Error => "failure",
        Conclusion::Cancelled => "cancelled",
        // A required check accepts `skipped` and `neutral` alike (GitHub Docs, "Troubleshooting
        // required status checks"). This word says what happened.
        Conclusion::Skipped => "skipped",
    }
}

/// Returns at most `limit` characters of a text.
fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit - 1).chain(['…']).collect(),
    }
}
