use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::*;
use crate::domain::fault::Reason;
use crate::domain::foreign_text::URL_LIMIT;
use crate::domain::intake::authenticated::{Authenticator, EventOrigin, PIPELINE_EVENT, Secrets};
use crate::domain::intake::content::Content;
use crate::domain::intake::envelope::{Envelope, Receipt, Source};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-west-1";

/// Returns AWS's event of this name, with the values of the tests.
fn fixture(name: &str) -> Value {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/pipeline-events"
    );
    let text = fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn fixtures() -> Vec<String> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/pipeline-events"
    );
    let files = fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .map(|name| name.trim_end_matches(".json").to_owned())
        .collect();
    names.sort();
    names
}

/// Returns the event with another value at a JSON pointer. `null` removes the field.
fn with(name: &str, pointer: &str, value: Value) -> Value {
    let mut event = fixture(name);
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let fields = event.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    fields.insert(key.to_owned(), value);
    fields.retain(|_, value| !value.is_null());
    event
}

/// Returns a message of the internal queue, as EventBridge sends it.
fn envelope(body: String) -> Envelope {
    let receipt = Receipt("r".into());
    let mut envelope = Envelope::new("m".into(), receipt, body, BTreeMap::new(), Timestamp(0), 1);
    envelope.source = Source::Internal;
    envelope
}

fn authenticator() -> Authenticator {
    Authenticator::source_queues(Secrets::new(["secret"])).with_origin(EventOrigin {
        account: Some(ACCOUNT.to_owned()),
        region: Some(REGION.to_owned()),
    })
}

fn read_text(body: String) -> Result<Decision<ExecutionEvent>, Fault> {
    let message = envelope(body).authenticate(&authenticator());
    let message = message.map_err(|refused| refused.fault)?;
    assert_eq!(message.event().as_str(), PIPELINE_EVENT);
    match Content::read(&message)? {
        Decision::Handle(Content::Execution(event)) => Ok(Decision::Handle(*event)),
        Decision::Handle(Content::Event(event)) => panic!("{event:?}"),
        Decision::Ignore(why) => Ok(Decision::Ignore(why)),
    }
}

fn read(event: &Value) -> Result<Decision<ExecutionEvent>, Fault> {
    read_text(event.to_string())
}

fn handled(event: &Value) -> ExecutionEvent {
    match read(event) {
        Ok(Decision::Handle(event)) => event,
        other => panic!("{other:?}: {event}"),
    }
}

fn action_of(event: &Value) -> ActionProgress {
    match handled(event).progress {
        Progress::Action(action) => action,
        other @ (Progress::Pipeline { .. } | Progress::Stage { .. }) => panic!("{other:?}"),
    }
}

fn fault(event: &Value) -> (Reason, String) {
    let fault = read(event).unwrap_err();
    (fault.reason, fault.detail)
}

/// Describes an event in one line, without the fields that all fixtures share.
fn describe(event: &ExecutionEvent) -> String {
    let started = event.started_at.map_or("-".to_owned(), |at| at.to_string());
    let attempt = event.attempt;
    match &event.progress {
        Progress::Pipeline { state, trigger } => {
            let trigger = trigger.as_deref().unwrap_or("-");
            format!(
                "{attempt} {started} pipeline {} by {trigger}",
                state.as_str()
            )
        }
        Progress::Stage { stage, state } => {
            format!("{attempt} {started} {stage} {}", state.as_str())
        }
        Progress::Action(action) => {
            let (stage, name, category) = (&action.stage, &action.action, &action.category);
            let state = action.state.as_str();
            format!("{attempt} {started} {stage}/{name} ({category}) {state}")
        }
    }
}

#[test]
fn every_documented_event_is_read() {
    let mut table = String::new();
    for name in fixtures() {
        let event = handled(&fixture(&name));
        assert_eq!(event.pipeline.as_str(), "api-pr-7");
        let id = "c53dbd42-0000-4444-8888-000000000001";
        assert_eq!(event.execution.as_str(), id);
        table.push_str(&format!("{name}: {}\n", describe(&event)));
    }
    insta::assert_snapshot!(table, @"
    action.abandoned: 1 - Build/Compile (Build) abandoned
    action.canceled: 1 2026-03-02T10:01:09.981Z Build/Compile (Build) canceled
    action.failed: 1 2026-03-02T10:01:09.981Z Build/Compile (Build) failed
    action.started: 1 2026-03-02T10:01:09.981Z Build/Compile (Build) started
    action.succeeded: 1 2026-03-02T10:00:02.417Z Source/GitHub (Source) succeeded
    pipeline.canceled: 1 2026-03-02T10:00:00.208Z pipeline canceled by -
    pipeline.failed: 1 2026-03-02T10:00:00.208Z pipeline failed by -
    pipeline.resumed: 2 2026-03-02T10:00:00.208Z pipeline resumed by -
    pipeline.started: 1 2026-03-02T10:00:00.208Z pipeline started by StartPipelineExecution
    pipeline.stopped: 1 2026-03-02T10:00:00.208Z pipeline stopped by -
    pipeline.stopping: 1 2026-03-02T10:00:00.208Z pipeline stopping by -
    pipeline.succeeded: 1 2026-03-02T10:00:00.208Z pipeline succeeded by -
    pipeline.succeeded.git-trigger: 1 2026-03-02T10:00:00.208Z pipeline succeeded by -
    pipeline.superseded: 1 2026-03-02T10:00:00.208Z pipeline superseded by -
    stage.canceled: 1 2026-03-02T10:00:00.208Z Build canceled
    stage.failed: 1 2026-03-02T10:00:00.208Z Build failed
    stage.resumed: 2 - Build resumed
    stage.started: 1 2026-03-02T10:00:00.208Z Source started
    stage.stopped: 1 2026-03-02T10:00:00.208Z Build stopped
    stage.stopping: 1 2026-03-02T10:00:00.208Z Build stopping
    stage.succeeded: 1 2026-03-02T10:00:00.208Z Build succeeded
    ");
}

#[test]
fn the_result_of_an_action_is_read() {
    let failed = action_of(&fixture("action.failed"));
    assert_eq!(
        failed.summary.as_deref(),
        Some(
            "Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR, Message: Error while executing command: make test. Reason: exit status 2"
        )
    );
    assert_eq!(failed.error_code.as_deref(), Some("JobFailed"));
    let build = "api:b1e2c3d4-0000-4444-8888-000000000002";
    assert_eq!(failed.external_id.as_deref(), Some(build));
    assert!(failed.url.unwrap().contains(build));
    // The source action's result is the commit that it fetched.
    let source = action_of(&fixture("action.succeeded"));
    let commit = "ec26c3e57ca3a959ca5aad62de7213c562f8c821";
    assert_eq!(source.external_id.as_deref(), Some(commit));
    assert!(source.url.is_some());
    assert_eq!(action_of(&fixture("action.started")).url, None);
}

#[test]
fn an_attempt_is_a_whole_number_and_the_first_without_one() {
    let attempt = |value: Value| {
        let event = with(
            "pipeline.failed",
            "/detail/pipeline-execution-attempt",
            value,
        );
        read(&event).map(|event| match event {
            Decision::Handle(event) => event.attempt,
            Decision::Ignore(why) => panic!("{why:?}"),
        })
    };
    for (value, expected) in [
        (json!(1.0), 1),
        (json!(0.0), 0),
        (json!(7), 7),
        (json!(4_294_967_295.0), u32::MAX),
        (Value::Null, 1),
    ] {
        assert_eq!(attempt(value.clone()), Ok(expected), "{value}");
    }
    for value in [
        json!(1.5),
        json!(-1.0),
        json!(1e10),
        json!("1"),
        json!(true),
    ] {
        let fault = attempt(value.clone()).unwrap_err();
        assert_eq!(fault.reason, Reason::InvalidPayload, "{value}");
    }
}

#[test]
fn a_state_or_a_kind_that_aws_adds_is_ignored() {
    for name in ["pipeline.started", "stage.started", "action.started"] {
        let event = with(name, "/detail/state", json!("PONDERING"));
        assert_eq!(read(&event), Ok(Decision::Ignore(Ignored::UnknownState)));
    }
    // A state of one kind is none of another.
    let event = with("pipeline.started", "/detail/state", json!("ABANDONED"));
    assert_eq!(read(&event), Ok(Decision::Ignore(Ignored::UnknownState)));
    let mut event = with(
        "pipeline.started",
        "/detail-type",
        json!("CodePipeline Rule"),
    );
    event["detail"] = json!([1]);
    assert_eq!(read(&event), Ok(Decision::Ignore(Ignored::Event)));
}

#[test]
fn absent_fields_are_no_fault_where_aws_leaves_them_out() {
    for (name, pointer) in [
        ("pipeline.started", "/detail/execution-trigger"),
        ("pipeline.started", "/detail/start-time"),
        ("pipeline.started", "/detail/version"),
        ("stage.started", "/detail/start-time"),
        ("action.failed", "/detail/start-time"),
        ("action.failed", "/detail/type"),
        ("action.failed", "/detail/region"),
        ("action.failed", "/detail/execution-result"),
        ("action.failed", "/detail/execution-result/error-code"),
    ] {
        handled(&with(name, pointer, Value::Null));
    }
    let event = with("stage.started", "/detail/start-time", json!("yesterday"));
    assert_eq!(handled(&event).started_at, None);
}

#[test]
fn a_field_without_which_nothing_can_be_said_is_a_fault_that_names_it() {
    for (name, pointer, value) in [
        ("pipeline.started", "/detail/pipeline", Value::Null),
        ("pipeline.started", "/detail/pipeline", json!("a b")),
        ("pipeline.started", "/detail/execution-id", Value::Null),
        ("pipeline.started", "/detail/execution-id", json!("../x")),
        ("pipeline.started", "/detail/state", json!(1)),
        ("pipeline.started", "/detail", json!([])),
        ("pipeline.started", "/time", Value::Null),
        ("pipeline.started", "/time", json!("soon")),
        ("stage.started", "/detail/stage", Value::Null),
        ("stage.started", "/detail/stage", json!("a\u{1b}[2Jb")),
        ("action.started", "/detail/action", json!("x".repeat(101))),
        ("action.started", "/detail/action", Value::Null),
        ("action.started", "/detail/stage", Value::Null),
    ] {
        let (reason, detail) = fault(&with(name, pointer, value.clone()));
        assert_eq!(
            reason,
            Reason::InvalidPayload,
            "{pointer} {value}: {detail}"
        );
    }
    let (_, detail) = fault(&with("stage.started", "/detail/stage", Value::Null));
    assert_eq!(detail, "detail.stage is not of its documented form");
}

#[test]
fn texts_are_one_line_without_secrets_and_bounded() {
    let summary = "first\nsecond \u{1b}[2J\u{202e} token ghp_0123456789abcdefABCDEF0123456789";
    let pointer = "/detail/execution-result/external-execution-summary";
    let action = action_of(&with("action.failed", pointer, json!(summary)));
    assert_eq!(
        action.summary.as_deref(),
        Some("first\\u{a}second \\u{1b}[2J\\u{202e} token (hidden)")
    );
    let huge = json!("é ".repeat(200_000));
    let event = with("action.failed", pointer, huge.clone());
    let summary = action_of(&event).summary.unwrap();
    assert_eq!(summary.chars().count(), SUMMARY_LIMIT);
    let action = |field: &str| {
        let pointer = format!("/detail/execution-result/{field}");
        action_of(&with("action.failed", &pointer, huge.clone()))
    };
    let error_code = action("error-code").error_code.unwrap();
    assert_eq!(error_code.chars().count(), WORD_LIMIT);
    let id = action("external-execution-id").external_id.unwrap();
    assert_eq!(id.chars().count(), ID_LIMIT);
    let empty = action_of(&with("action.failed", pointer, json!(" \n ")));
    assert_eq!(empty.summary, None);
}

#[test]
fn only_a_page_of_the_web_without_a_secret_is_a_link() {
    let url = |text: &str| {
        let pointer = "/detail/execution-result/external-execution-url";
        action_of(&with("action.failed", pointer, json!(text))).url
    };
    for good in [
        "https://example.com/builds/1#log",
        "http://jenkins.example:8080/job/1",
    ] {
        assert_eq!(url(good).as_deref(), Some(good));
    }
    for bad in [
        "",
        "https://",
        "javascript:alert(1)",
        "HTTPS://example.com",
        "ftp://example.com",
        "https://example.com/a b",
        "https://example.com/\u{202e}",
        "https://example.com/\n",
        "https://ada:hunter2@example.com/",
        "https://example.com/?X-Amz-Signature=hunter2",
        &format!("https://example.com/{}", "x".repeat(URL_LIMIT)),
    ] {
        assert_eq!(url(bad), None, "{bad}");
    }
}
