//! Payloads in GitHub's format with unexpected values: names, branches, times, commits, numbers.

use serde_json::{Value, json};

use super::input::{Input, MARKER, pull};
use crate::world::webhook::Webhook;

/// Text that has broken software before.
const TEXTS: [(&str, &str); 18] = [
    ("a NUL", "a\u{0}b"),
    ("an escape sequence", "a\u{1b}[2Jb"),
    ("a newline", "a\nb"),
    ("a next line", "a\u{85}b"),
    ("a line separator", "a\u{2028}b"),
    ("a paragraph separator", "a\u{2029}b"),
    ("right to left", "a\u{202e}b"),
    ("an isolate", "a\u{2066}b"),
    ("zero width", "a\u{200b}b"),
    ("a byte order mark", "a\u{feff}b"),
    ("combining marks", "a\u{301}\u{301}\u{301}b"),
    ("emoji", "a👩‍👩‍👧‍👦b"),
    ("a noncharacter", "a\u{fffe}b"),
    ("a private character", "a\u{e000}b"),
    ("quotes", "a\"'`b"),
    ("a template", "${{a}} #{b} {c}"),
    ("SQL", "'; DROP TABLE branchline; --"),
    ("a path", "../../etc/passwd"),
];

pub(crate) fn corpus() -> Vec<Input> {
    let mut corpus = Vec::new();
    for (name, text) in TEXTS {
        let of = |field: &str, webhook| Input::of(format!("words: {field}: {name}"), webhook);
        corpus.push(of("branch", pull().head(text)));
        corpus.push(of("title", pull().title(text)));
        corpus.push(of("login", pull().by(text)));
        corpus.push(of("pushed branch", Webhook::push(text, 0, 1)));
        corpus.push(of(
            "repository",
            pull().with("/repository/full_name", format!("acme/{text}")),
        ));
        corpus.push(of("action", pull().with("/action", text)));
    }
    corpus.extend(branches());
    corpus.extend(repositories());
    corpus.extend(times());
    corpus.extend(commits());
    corpus.extend(the_rest());
    corpus
}

fn branches() -> Vec<Input> {
    let long = "x".repeat(512);
    let longer = "x".repeat(513);
    let wide = "é".repeat(256);
    let names = [
        "..",
        "a..b",
        "a.lock",
        "-a",
        "@",
        "@{",
        "a@{1}",
        "a~1",
        "a^",
        "a:b",
        "a?b",
        "a*b",
        "a[b",
        "a\\b",
        "/a",
        "a/",
        "a//b",
        ".a",
        "a b",
        "HEAD",
        "refs/heads/a",
        &long,
        &longer,
        &wide,
    ];
    let named = |name: &str| {
        let shown = name.get(..20).unwrap_or(name);
        let shown = format!("words: branch: '{shown}' of {} bytes", name.len());
        Input::of(shown, pull().head(name))
    };
    names.iter().map(|name| named(name)).collect()
}

fn repositories() -> Vec<Input> {
    let names = [
        "acme",
        "/",
        "acme/",
        "/api",
        "acme/api/x",
        "acme api",
        "acme/..",
        "ACME/API",
        "acme/api#1",
        "acmé/api",
    ];
    let named = |name: &&str| {
        let webhook = pull().with("/repository/full_name", *name);
        Input::of(format!("words: repository: '{name}'"), webhook)
    };
    names.iter().map(named).collect()
}

fn times() -> Vec<Input> {
    let times = [
        "",
        "now",
        "2026",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01 00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T23:59:60Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00-00:30",
        "2026-01-01T00:00:00.123456789123Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "-0001-01-01T00:00:00Z",
        "+10000-01-01T00:00:00Z",
        "1767225600",
    ];
    let body = pull().seal(crate::world::clock::START).body;
    let named = |time: &&str| {
        let mut payload: Value = serde_json::from_str(&body).unwrap_or_default();
        if let Some(field) = payload.pointer_mut("/pull_request/updated_at") {
            *field = json!(time);
        }
        Input::signed(
            format!("words: updated_at: '{time}'"),
            "pull_request",
            payload.to_string(),
        )
    };
    let mut corpus: Vec<Input> = times.iter().map(named).collect();
    let pushed = Webhook::push("feature/x", 0, 1)
        .seal(crate::world::clock::START)
        .body;
    for time in [
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(1.5),
        json!("2026-01-01T00:00:00Z"),
        json!("soon"),
    ] {
        let mut payload: Value = serde_json::from_str(&pushed).unwrap_or_default();
        let name = format!("words: pushed_at: {time}");
        if let Some(field) = payload.pointer_mut("/repository/pushed_at") {
            *field = time;
        }
        corpus.push(Input::signed(name, "push", payload.to_string()));
    }
    corpus
}

fn commits() -> Vec<Input> {
    let ids = [
        String::new(),
        "0".repeat(40),
        "f".repeat(39),
        "f".repeat(41),
        "f".repeat(64),
        "F".repeat(40),
        "g".repeat(40),
        format!("{} ", "f".repeat(39)),
        "é".repeat(20),
    ];
    let mut corpus = Vec::new();
    for id in ids {
        let webhook = pull().with("/pull_request/head/sha", id.as_str());
        corpus.push(Input::of(format!("words: head commit: '{id}'"), webhook));
        let webhook = Webhook::push("feature/x", 0, 1).with("/after", id.as_str());
        corpus.push(Input::of(format!("words: pushed commit: '{id}'"), webhook));
    }
    corpus
}

fn the_rest() -> Vec<Input> {
    vec![
        Input::of("words: a deleted fork", pull().deleted_fork()),
        Input::of("words: a fork", pull().fork()),
        Input::of(
            "words: no account",
            pull().with("/pull_request/user", Value::Null),
        ),
        Input::of("words: pull request 0", pull().number(0)),
        Input::of("words: the largest pull request", pull().number(u64::MAX)),
        Input::of("words: repository 0", pull().of(0, "acme/api")),
        Input::of(
            "words: the largest repository",
            pull().of(u64::MAX, "acme/api"),
        ),
        Input::of("words: two numbers", pull().with("/number", 8)),
        Input::of(
            "words: an unknown state",
            pull().with("/pull_request/state", "merged"),
        ),
        Input::of(
            "words: a closed opening",
            pull().with("/pull_request/state", "closed"),
        ),
        Input::of(
            "words: a long action",
            pull().with("/action", "x".repeat(10_000)),
        ),
        Input::of("words: a long title", pull().title(&"ü".repeat(100_000))),
        Input::of("words: a long login", pull().by(&"x".repeat(100_000))),
        Input::of(
            "words: a title of a megabyte",
            pull().title(&MARKER.repeat(60_000)),
        ),
        Input::of(
            "words: a pushed tag",
            Webhook::push("x", 0, 1).with("/ref", "refs/tags/v1"),
        ),
        Input::of(
            "words: a pushed nothing",
            Webhook::push("x", 0, 1).with("/ref", "refs/heads/"),
        ),
        Input::of("words: from nothing to nothing", Webhook::push("x", 0, 0)),
        Input::of(
            "words: a created tag",
            Webhook::create("x").with("/ref_type", "tag"),
        ),
        Input::of(
            "words: a created repository",
            Webhook::create("x").with("/ref_type", "repository"),
        ),
        Input::of(
            "words: a deleted something",
            Webhook::delete("x").with("/ref_type", MARKER),
        ),
    ]
}
