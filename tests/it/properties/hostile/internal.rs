//! Messages of the internal queue that branchline did not write, and messages on the wrong queue.

use branchline::domain::intake::authenticated::{
    CONTENT_TYPE, DELIVERY, EVENT, INTERNAL_EVENT, INTERNAL_ID, SIGNATURE, STEP,
};
use branchline::domain::intake::envelope::{Attribute, AttributeValue, Source};
use branchline::domain::intake::repair_request::REPAIR;
use serde_json::{Value, json};

use super::input::{Input, MARKER, SECRET_BODY, pull};
use crate::world::clock::START;
use crate::world::queue::SENDER;
use crate::world::webhook::{REPOSITORY, SECRET, sign};

pub(crate) fn corpus() -> Vec<Input> {
    let mut corpus = vec![repair("a good repair", payload())];
    corpus.extend(bodies());
    corpus.extend(fields());
    corpus.extend(kinds());
    corpus.extend(attributes());
    corpus.extend(senders());
    corpus.extend(wrong_queue());
    corpus
}

/// Returns a repair of an orphan whose subject was never seen, with a field that is never read.
fn payload() -> Value {
    json!({
        "kind": "orphan",
        "generation": 0,
        "subject": "PR#0000000007",
        "pipeline": "api-pr-7",
        "repository": {"id": REPOSITORY.0, "full_name": REPOSITORY.1},
        "unread": MARKER,
    })
}

/// Returns a message of the internal queue with the attributes of a repair.
fn message(name: &str, body: impl Into<String>) -> Input {
    let attributes = [(INTERNAL_EVENT, REPAIR), (INTERNAL_ID, "repair-1")];
    Input {
        name: format!("internal: {name}"),
        body: body.into(),
        attributes: attributes
            .map(|(name, value)| (name.to_owned(), Attribute::text(value)))
            .into(),
        source: Source::Internal,
        sender: Some(SENDER.to_owned()),
    }
}

fn repair(name: &str, payload: Value) -> Input {
    message(name, payload.to_string())
}

fn bodies() -> Vec<Input> {
    let good = payload().to_string();
    let mut corpus: Vec<Input> = [
        ("nothing", ""),
        ("null", "null"),
        ("a number", "17"),
        ("a string", "\"hunter2\""),
        ("an array", "[\"hunter2\"]"),
        ("an empty object", "{}"),
        ("an open brace", "{"),
        ("words", "hunter2 hunter2"),
        ("an escape sequence", "\u{1b}[2Jhunter2"),
    ]
    .map(|(name, body)| message(&format!("body: {name}"), body))
    .into();
    for (name, body) in [
        ("garbage after a repair", format!("{good}hunter2")),
        ("a repair twice", format!("{good}{good}")),
        (
            "half a repair",
            good.get(..good.len() / 2).unwrap_or_default().to_owned(),
        ),
        (
            "a kind twice",
            good.replacen('{', "{\"kind\":\"missing\",", 1),
        ),
        (
            "arrays 10,000 deep",
            format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)),
        ),
        ("a megabyte", SECRET_BODY.repeat(1_048_000 / 7)),
        ("a form", format!("payload={good}")),
    ] {
        corpus.push(message(&format!("body: {name}"), body));
    }
    corpus
}

/// Repairs with each field missing, of another type, or with a value that nothing has.
fn fields() -> Vec<Input> {
    let mut corpus = Vec::new();
    let pointers = [
        "/kind",
        "/generation",
        "/subject",
        "/pipeline",
        "/repository",
        "/repository/id",
        "/repository/full_name",
    ];
    for pointer in pointers {
        for (name, value) in [
            ("missing", None),
            ("null", Some(Value::Null)),
            ("true", Some(json!(true))),
            ("-1", Some(json!(-1))),
            ("1.5", Some(json!(1.5))),
            ("the largest number", Some(json!(u64::MAX))),
            ("an empty text", Some(json!(""))),
            ("an escape sequence", Some(json!("a\u{1b}[2Jb"))),
            ("a newline", Some(json!("a\nb"))),
            ("right to left", Some(json!("a\u{202e}b"))),
            ("a long text", Some(json!("x".repeat(100_000)))),
            ("an array", Some(json!([MARKER]))),
            ("an object", Some(json!({ MARKER: MARKER }))),
        ] {
            let mut payload = payload();
            set(&mut payload, pointer, value);
            corpus.push(repair(&format!("{pointer}: {name}"), payload));
        }
    }
    for subject in [
        "PR#7",
        "PR#-7",
        "PR#0",
        "PR#99999999999999999999",
        "PR#",
        "BRANCH#",
        "BRANCH#a..b",
        "BRANCH#\u{7}",
        "BRANCH#feature/x",
        "TAG#v1",
        "#",
    ] {
        let mut payload = payload();
        set(&mut payload, "/subject", Some(json!(subject)));
        corpus.push(repair(&format!("/subject: {subject:?}"), payload));
    }
    corpus
}

/// Sets a field of a payload, or removes it.
pub(super) fn set(payload: &mut Value, pointer: &str, value: Option<Value>) {
    let (parent, key) = pointer.rsplit_once('/').unwrap_or_default();
    let parent = payload.pointer_mut(parent).and_then(Value::as_object_mut);
    let fields = parent.expect("the field's parent exists");
    match value {
        Some(value) => drop(fields.insert(key.to_owned(), value)),
        None => drop(fields.remove(key)),
    }
}

/// Repairs of every kind, of generations that no mapping has had, and of a kind that a later
/// version may know.
fn kinds() -> Vec<Input> {
    let mut corpus = Vec::new();
    let kinds = [
        "orphan",
        "missing",
        "half-way",
        "drifted",
        "rule-gone",
        "not-ours",
        "unreadable",
        "of-a-later-version",
        "ORPHAN",
    ];
    for kind in kinds {
        for generation in [0, 1, u64::MAX] {
            let mut payload = payload();
            set(&mut payload, "/kind", Some(json!(kind)));
            set(&mut payload, "/generation", Some(json!(generation)));
            let name = format!("a repair of kind {kind} at generation {generation}");
            corpus.push(repair(&name, payload));
        }
    }
    corpus
}

fn attributes() -> Vec<Input> {
    let good = || payload().to_string();
    let mut corpus = Vec::new();
    for header in [INTERNAL_EVENT, INTERNAL_ID] {
        let bytes = |bytes: &[u8]| Attribute {
            data_type: "Binary".to_owned(),
            value: AttributeValue::Bytes(bytes.to_vec()),
        };
        for (name, value) in [
            ("missing", None),
            ("a space", Some(Attribute::text(" "))),
            ("an escape sequence", Some(Attribute::text("\u{1b}[2J"))),
            ("right to left", Some(Attribute::text("\u{202e}x"))),
            ("long", Some(Attribute::text("x".repeat(300)))),
            ("a megabyte", Some(Attribute::text("x".repeat(1_000_000)))),
            ("bytes", Some(bytes(REPAIR.as_bytes()))),
            ("bytes that are not UTF-8", Some(bytes(&[0xff, 0xfe]))),
        ] {
            let input = message(&format!("{header}: {name}"), good());
            corpus.push(input.header(header, value));
        }
    }
    for event in [
        "branchline_of_a_later_version",
        "branchline_",
        "branchline_repairs",
        "BRANCHLINE_REPAIR",
        "repair",
        "push",
        "pull_request",
        "ping",
    ] {
        let input = message(&format!("{INTERNAL_EVENT}: '{event}'"), good());
        corpus.push(input.header(INTERNAL_EVENT, Some(Attribute::text(event))));
    }
    let mut none = message("no attributes", good());
    none.attributes.clear();
    corpus.push(none);
    let failed = message("the attributes of a dead letter", good());
    corpus.push(failed.header(STEP, Some(Attribute::text("plan"))));
    let form = message("a form's content type", good());
    let kind = Attribute::text("application/x-www-form-urlencoded");
    corpus.push(form.header(CONTENT_TYPE, Some(kind)));
    corpus
}

/// IAM decides who may send: the sender is recorded, and nothing depends on it.
fn senders() -> Vec<Input> {
    let long = "x".repeat(100_000);
    let senders = [
        ("no sender", None),
        ("an empty sender", Some("")),
        ("an escape sequence as the sender", Some("\u{1b}[2J")),
        ("a newline as the sender", Some("a\nb")),
        ("a long sender", Some(long.as_str())),
    ];
    let input = |(name, sender): (&str, Option<&str>)| Input {
        sender: sender.map(str::to_owned),
        ..repair(name, payload())
    };
    senders.map(input).into()
}

/// Repairs on the queue of webhooks, with and without a signature, and webhooks on the internal
/// queue.
fn wrong_queue() -> Vec<Input> {
    let on_webhooks = |name: &str| Input {
        source: Source::Webhooks,
        name: format!("wrong queue: {name}"),
        ..repair("", payload())
    };
    let body = payload().to_string();
    let signature = || Some(Attribute::text(sign(SECRET, &body)));
    let as_event = |input: Input| {
        let input = input.header(EVENT, Some(Attribute::text(REPAIR)));
        input.header(DELIVERY, Some(Attribute::text("repair-1")))
    };
    let webhook = |name: &str| Input {
        source: Source::Internal,
        ..Input::of(format!("wrong queue: {name}"), pull())
    };
    let of_a_later_version = as_event(on_webhooks("a signed event of a later version"));
    let later = Some(Attribute::text("branchline_of_a_later_version"));
    let sealed = pull().seal(START).body;
    vec![
        on_webhooks("a repair"),
        on_webhooks("a signed repair").header(SIGNATURE, signature()),
        as_event(on_webhooks("a repair as GitHub's event")),
        as_event(on_webhooks("a signed repair as GitHub's event")).header(SIGNATURE, signature()),
        as_event(on_webhooks("a repair with a forged signature"))
            .header(SIGNATURE, Some(Attribute::text(sign("guess", &body)))),
        of_a_later_version
            .header(EVENT, later)
            .header(SIGNATURE, signature()),
        webhook("a webhook"),
        webhook("an unsigned webhook").header(SIGNATURE, None),
        Input {
            body: sealed,
            ..message("a webhook's body in a repair", "")
        },
        webhook("a webhook with the attributes of a repair")
            .header(INTERNAL_EVENT, Some(Attribute::text(REPAIR)))
            .header(INTERNAL_ID, Some(Attribute::text("repair-1"))),
    ]
}
