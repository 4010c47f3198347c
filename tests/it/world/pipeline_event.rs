//! Events of CodePipeline, as EventBridge sends them to the internal queue. The documented examples
//! are in `tests/fixtures/pipeline-events`; these have the same form.

use branchline::domain::ids::Timestamp;
use serde_json::{Value, json};

use super::story::REGION;

/// An event of one execution.
#[derive(Clone, Debug)]
pub(crate) struct PipelineEvent {
    kind: &'static str,
    detail: Value,
    /// When the state changed, if not at the time of sending.
    at: Option<Timestamp>,
}

impl PipelineEvent {
    /// Makes an event about an execution as a whole.
    pub(crate) fn execution(pipeline: &str, execution: &str, state: &str) -> Self {
        let detail = json!({
            "pipeline": pipeline,
            "execution-id": execution,
            "state": state,
            "version": 1.0,
            "pipeline-execution-attempt": 1.0,
        });
        Self {
            kind: "Pipeline",
            detail,
            at: None,
        }
    }

    /// Makes an event about a stage.
    pub(crate) fn stage(pipeline: &str, execution: &str, stage: &str, state: &str) -> Self {
        let event = Self::execution(pipeline, execution, state);
        Self {
            kind: "Stage",
            ..event.with("stage", stage)
        }
    }

    /// Makes an event about an action, without its result.
    pub(crate) fn action(
        pipeline: &str,
        execution: &str,
        place: &str,
        category: &str,
        state: &str,
    ) -> Self {
        let (stage, action) = place.split_once('/').expect("Stage/Action");
        let kind = json!({
            "owner": "AWS",
            "category": category,
            "provider": if category == "Source" { "CodeStarSourceConnection" } else { "CodeBuild" },
            "version": "1",
        });
        let event = Self::stage(pipeline, execution, stage, state)
            .with("action", action)
            .with("type", kind);
        Self {
            kind: "Action",
            ..event
        }
    }

    /// Makes an event about a failed build action.
    pub(crate) fn failed_action(pipeline: &str, execution: &str, place: &str) -> Self {
        let result = json!({
            "external-execution-url": "https://logs.example/1",
            "external-execution-summary": "Build terminated with state: FAILED",
            "external-execution-id": "build:1",
            "error-code": "JobFailed",
        });
        let event = Self::action(pipeline, execution, place, "Build", "FAILED");
        event.with("execution-result", result)
    }

    /// Sets the commit that a source action has fetched.
    pub(crate) fn fetched(self, commit: &str) -> Self {
        let summary = json!({"ProviderType": "GitHub", "CommitMessage": "Add login"});
        let result = json!({
            "external-execution-summary": summary.to_string(),
            "external-execution-id": commit,
        });
        self.with("execution-result", result)
    }

    /// Sets when the execution began, the same in all its events.
    pub(crate) fn begun(self, at: Timestamp) -> Self {
        self.with("start-time", at.to_string())
    }

    /// Sets when the state changed.
    pub(crate) fn at(self, at: Timestamp) -> Self {
        Self {
            at: Some(at),
            ..self
        }
    }

    /// Sets the category of the action.
    pub(crate) fn category(self, category: &str) -> Self {
        let kind = json!({
            "owner": "AWS", "category": category, "provider": "CodeBuild", "version": "1",
        });
        self.with("type", kind)
    }

    /// Sets the time at which the execution began.
    pub(crate) fn started_at(self, time: &str) -> Self {
        self.with("start-time", time)
    }

    /// Sets the attempt.
    pub(crate) fn attempt(self, attempt: u32) -> Self {
        self.with("pipeline-execution-attempt", f64::from(attempt))
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        if let Some(detail) = self.detail.as_object_mut() {
            detail.insert(key.to_owned(), value.into());
        }
        self
    }

    /// Returns the body of the message.
    pub(super) fn body(&self, now: Timestamp) -> String {
        let mut detail = self.detail.clone();
        if let Some(detail) = detail.as_object_mut() {
            let is_resumed = detail.get("state") == Some(&json!("RESUMED"));
            if self.kind == "Action" || (self.kind == "Stage" && is_resumed) {
                // That of an action is its own; the documented example of a resumed stage has none.
                detail.remove("start-time");
            } else {
                // The same in all events of an execution.
                let begun = json!("2026-01-01T00:00:00.000Z");
                detail.entry("start-time").or_insert(begun);
            }
        }
        let seconds = Timestamp(self.at.unwrap_or(now).seconds() * 1_000).to_string();
        json!({
            "version": "0",
            "id": "01234567-EXAMPLE",
            "detail-type": format!("CodePipeline {} Execution State Change", self.kind),
            "source": "aws.codepipeline",
            "account": "123456789012",
            "time": seconds.replace(".000", ""),
            "region": REGION,
            "resources": [],
            "detail": detail,
        })
        .to_string()
    }
}
