//! Events of CodePipeline that EventBridge never sends, or that come from elsewhere.

use branchline::domain::intake::authenticated::{INTERNAL_EVENT, INTERNAL_ID, PIPELINE_EVENT};
use branchline::domain::intake::envelope::{Attribute, Source};
use serde_json::{Value, json};

use super::input::{Input, MARKER};
use super::internal::set;

const FAILED: &str = include_str!("../../../fixtures/pipeline-events/action.failed.json");

pub(crate) fn corpus() -> Vec<Input> {
    let mut corpus = vec![event("a good event", payload())];
    corpus.extend(bodies());
    corpus.extend(fields());
    corpus.extend(origins());
    corpus
}

/// Returns an event of a failed action, with fields that are never read.
fn payload() -> Value {
    let mut payload: Value = serde_json::from_str(FAILED).expect("the fixture is JSON");
    for pointer in ["/unread", "/resources", "/detail/unread", "/detail/version"] {
        set(&mut payload, pointer, Some(json!(MARKER)));
    }
    payload
}

/// Returns a message of the internal queue as EventBridge sends it: without attributes.
fn message(name: &str, body: impl Into<String>) -> Input {
    Input {
        name: format!("pipeline event: {name}"),
        body: body.into(),
        attributes: Vec::new(),
        source: Source::Internal,
        sender: None,
    }
}

fn event(name: &str, payload: Value) -> Input {
    message(name, payload.to_string())
}

fn bodies() -> Vec<Input> {
    let good = payload().to_string();
    let half = good.get(..good.len() / 2).unwrap_or_default();
    let nested = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    vec![
        message("half an event", half),
        message("an event twice", format!("{good}{good}")),
        message("an event in an array", format!("[{good}]")),
        message(
            "arrays 10,000 deep",
            good.replacen('{', &format!("{{\"x\":{nested},"), 1),
        ),
        message(
            "an account twice",
            good.replacen('{', "{\"account\":\"1\",", 1),
        ),
        message("a form", format!("payload={good}")),
    ]
}

/// Events with each field missing, of another type, or with a value that nothing has.
fn fields() -> Vec<Input> {
    let mut corpus = Vec::new();
    let pointers = [
        "/id",
        "/source",
        "/account",
        "/region",
        "/time",
        "/detail-type",
        "/detail",
        "/detail/pipeline",
        "/detail/execution-id",
        "/detail/state",
        "/detail/start-time",
        "/detail/pipeline-execution-attempt",
        "/detail/stage",
        "/detail/action",
        "/detail/type",
        "/detail/type/category",
        "/detail/execution-result",
        "/detail/execution-result/external-execution-url",
        "/detail/execution-result/external-execution-summary",
        "/detail/execution-result/external-execution-id",
        "/detail/execution-result/error-code",
    ];
    for pointer in pointers {
        for (name, value) in [
            ("missing", None),
            ("null", Some(Value::Null)),
            ("-1", Some(json!(-1))),
            ("1.5", Some(json!(1.5))),
            ("1e300", Some(json!(1e300))),
            ("an empty text", Some(json!(""))),
            ("an escape sequence", Some(json!("a\u{1b}[2Jb"))),
            ("right to left", Some(json!("a\u{202e}b"))),
            ("a long text", Some(json!("x".repeat(100_000)))),
            ("an array", Some(json!([MARKER]))),
            ("an object", Some(json!({ MARKER: MARKER }))),
        ] {
            let mut payload = payload();
            set(&mut payload, pointer, value);
            corpus.push(event(&format!("{pointer}: {name}"), payload));
        }
    }
    corpus
}

/// Events that are not CodePipeline's, and messages that only claim to be events.
fn origins() -> Vec<Input> {
    let of_source = |source: &str| {
        let mut payload = payload();
        set(&mut payload, "/source", Some(json!(source)));
        event(&format!("of {source}"), payload)
    };
    let claimed = event("with the attributes of an internal message", payload());
    let claimed = claimed.header(INTERNAL_EVENT, Some(Attribute::text(PIPELINE_EVENT)));
    vec![
        of_source("aws.s3"),
        of_source("com.example.codepipeline"),
        of_source("AWS.CODEPIPELINE"),
        claimed.header(INTERNAL_ID, Some(Attribute::text("x"))),
        Input {
            source: Source::Webhooks,
            ..event("on the webhook queue", payload())
        },
    ]
}
