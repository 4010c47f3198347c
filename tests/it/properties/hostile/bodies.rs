//! Bodies that are not a payload: text, broken JSON, bombs, forms.

use super::input::{Input, MARKER, SECRET_BODY, pull};
use crate::world::clock::START;

/// The largest message, without its attributes.
const FULL: usize = 1_048_576 - 400;

pub(crate) fn corpus() -> Vec<Input> {
    let mut corpus = vec![Input::of("a good one", pull())];
    corpus.extend(not_json());
    corpus.extend(truncated());
    corpus.extend(random());
    corpus.extend(bombs());
    corpus.extend(forms());
    corpus
}

fn not_json() -> Vec<Input> {
    let bodies = [
        ("nothing", ""),
        ("a space", " "),
        ("null", "null"),
        ("true", "true"),
        ("a number", "17"),
        ("a string", "\"hunter2\""),
        ("an array", "[\"hunter2\"]"),
        ("an empty object", "{}"),
        ("an open brace", "{"),
        ("a closing brace", "}"),
        ("words", "hunter2 hunter2"),
        ("single quotes", "{'action':'hunter2'}"),
        ("a comment", "{/* hunter2 */}"),
        ("a trailing comma", "{\"action\":\"opened\",}"),
        ("NaN", "{\"number\":NaN}"),
        ("Infinity", "{\"number\":-Infinity}"),
        ("a byte order mark", "\u{feff}{}"),
        ("XML", "<payload>hunter2</payload>"),
        ("a NUL", "{\"action\":\"\u{0}\"}"),
        ("an escape", "\u{1b}[31mhunter2"),
        ("a tab and a newline", "\t\n{\t}\n"),
        ("two objects", "{} {\"action\":\"hunter2\"}"),
        ("a lone surrogate", "{\"action\":\"\\ud800\"}"),
        ("half an escape", "{\"action\":\"\\u12\"}"),
        ("a huge exponent", "{\"number\":1e999}"),
        (
            "a long number",
            "{\"number\":99999999999999999999999999999999}",
        ),
        (
            "a key twice",
            "{\"action\":\"opened\",\"action\":\"closed\"}",
        ),
        ("JSON in a string", "\"{\\\"action\\\":\\\"opened\\\"}\""),
    ];
    let named =
        bodies.map(|(name, body)| Input::signed(format!("body: {name}"), "pull_request", body));
    let mut corpus: Vec<Input> = named.into();
    let good = pull().seal(START).body;
    for (name, body) in [
        (
            "a byte order mark before a payload",
            format!("\u{feff}{good}"),
        ),
        ("garbage after a payload", format!("{good}hunter2")),
        ("a payload twice", format!("{good}{good}")),
        ("space around a payload", format!(" \r\n\t{good}\n ")),
        (
            "a repository twice",
            good.replacen('{', "{\"repository\":{\"id\":1,\"full_name\":\"a/b\"},", 1),
        ),
    ] {
        corpus.push(Input::signed(format!("body: {name}"), "pull_request", body));
    }
    corpus
}

fn truncated() -> Vec<Input> {
    let good = pull().seal(START).body;
    let step = (good.len() / 40).max(1);
    let cut = |end: usize| {
        let body = good.get(..end).unwrap_or_default();
        Input::signed(format!("cut: after {end:4} bytes"), "pull_request", body)
    };
    (1..good.len()).step_by(step).map(cut).collect()
}

fn random() -> Vec<Input> {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut text = |length: usize, from: &[char]| -> String {
        let some = (0..length).map(|_| rng.choice(from).copied().unwrap_or(' '));
        some.collect()
    };
    let json: Vec<char> = "{}[]\":,0123456789.eE+-truefalsn \\u\n".chars().collect();
    let any: Vec<char> = (0x20..0x2000)
        .step_by(7)
        .filter_map(char::from_u32)
        .chain(['🦀', '\u{fffd}', '\u{202e}'])
        .collect();
    let mut corpus = Vec::new();
    for number in 0..20 {
        let body = format!("{}{SECRET_BODY}", text(1 << (number / 2), &json));
        corpus.push(Input::signed(
            format!("random: JSON's letters {number:2}"),
            "pull_request",
            body,
        ));
        let body = format!("{SECRET_BODY}{}", text(1 << (number / 2), &any));
        corpus.push(Input::signed(
            format!("random: any letters {number:2}"),
            "push",
            body,
        ));
    }
    corpus
}

/// Deep and wide values, in fields that we read and in fields that we do not.
fn bombs() -> Vec<Input> {
    let good = pull().seal(START).body;
    let beside = |name: &str, value: String| {
        let body = good.replacen('{', &format!("{{\"unread\":{value},"), 1);
        Input::signed(format!("bomb: {name}, unread"), "pull_request", body)
    };
    let within = |name: &str, value: &str| {
        let body = good.replacen(&format!("\"{MARKER}\""), value, 1);
        Input::signed(format!("bomb: {name}, read"), "pull_request", body)
    };
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let mut corpus = Vec::new();
    for depth in [126, 127, 128, 129, 10_000, 500_000] {
        corpus.push(beside(&format!("arrays {depth:6} deep"), deep(depth)));
        corpus.push(within(&format!("arrays {depth:6} deep"), &deep(depth)));
    }
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    corpus.push(beside("objects 100,000 deep", objects(100_000)));
    let room = FULL - good.len();
    corpus.push(beside(
        "a million numbers",
        format!("[{}1]", "1,".repeat(room / 2 - 10)),
    ));
    corpus.push(beside(
        "a long string",
        format!("\"{}\"", "x".repeat(room - 20)),
    ));
    corpus.push(beside("a long number", "1".repeat(room - 20)));
    corpus.push(beside("many keys", {
        let keys: Vec<String> = (0..60_000).map(|n| format!("\"k{n}\":0")).collect();
        format!("{{{}}}", keys.join(","))
    }));
    corpus.push(Input::signed(
        "bomb: an array alone",
        "pull_request",
        deep(FULL / 2),
    ));
    corpus.push(Input::signed(
        "bomb: open brackets",
        "push",
        "[".repeat(FULL),
    ));
    corpus.push(Input::signed(
        "bomb: full to the brim",
        "pull_request",
        SECRET_BODY.repeat(FULL / 7),
    ));
    corpus.push(Input::signed(
        "bomb: over the brim",
        "pull_request",
        "x".repeat(FULL + 400),
    ));
    corpus
}

fn forms() -> Vec<Input> {
    let good = pull().in_form().seal(START);
    let form = |name: &str, body: String| {
        let kind = good
            .attributes
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let input = Input::signed(format!("form: {name}"), "pull_request", body);
        match kind {
            Some((name, value)) => input.header(name, Some(value.clone())),
            None => input,
        }
    };
    let json = pull().seal(START).body;
    vec![
        form("a good one", good.body.clone()),
        form("no payload", "other=hunter2".to_owned()),
        form("an empty payload", "payload=".to_owned()),
        form("payload without a value", "payload".to_owned()),
        form("JSON, not a form", json),
        form("a second payload", format!("{}&payload=hunter2", good.body)),
        form("another field first", format!("a=hunter2&{}", good.body)),
        form("broken escapes", "payload=%7%zz%".to_owned()),
        form("bytes that are not UTF-8", "payload=%ff%fe{}".to_owned()),
        form("encoded twice", good.body.replace('%', "%25")),
        form("many fields", "a=1&".repeat(200_000)),
        form(
            "an upper-case name",
            good.body.replacen("payload", "PAYLOAD", 1),
        ),
    ]
}
