//! The schema beside the reader: what the reader takes, the schema takes, key by key.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// The schema's complaints.
fn complaints(text: &str) -> Vec<String> {
    let schema = schema();
    let checked = jsonschema::draft7::new(&schema).unwrap();
    let document: toml::Table = text.parse().unwrap();
    let document = serde_json::to_value(document).unwrap();
    let told = checked.iter_errors(&document);
    told.map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// The configurations that the documentation shows, each made whole.
fn documented() -> Vec<String> {
    let page = include_str!("../../../docs/CONFIGURATION.md");
    let blocks = page.split("```toml\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    let (head, _) = GOOD.split_once("[[rule]]").unwrap();
    blocks.map(|block| format!("{head}{block}")).collect()
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    let examples = documented();
    assert!(examples.len() >= 3, "the page has its examples elsewhere");
    for text in [GOOD.to_owned()].into_iter().chain(examples) {
        assert_eq!(complaints(&text), Vec::<String>::new(), "{text}");
        let text: &'static str = text.leak();
        assert!(load_text(text, &Overrides::default()).is_ok(), "{text}");
    }
}

#[test]
fn both_refuse_what_is_wrong() {
    let wrong = [
        ("concurrency = 8", "concurrency = 1001"),
        ("concurrency = 8", "concurrency = \"8\""),
        ("concurrency = 8", "max_attempts = { quota = 0 }"),
        ("table = \"branchline\"", "table = \"a b\""),
        ("\"env:NEW\", ", "\"hunter2\", "),
        ("[\"env:NEW\", \"file:/run/old\"]", "[]"),
        ("/123456789012/dead", "/"),
        ("on = \"branch\"", "on = \"branch\"\nbase = \"main\""),
        ("on = \"branch\"", "on = \"tag\""),
        ("[\"acme/*\", \"!acme/legacy\"]", "[]"),
        ("template = \"api-main\"\n[[rule]]", "[[rule]]"),
        ("name = \"branches\"", "max_active = 3"),
        (
            "name = \"branches\"",
            "drop_stages = \"A\"\nkeep_stages = \"B\"",
        ),
        ("name = \"branches\"", "drop_actions = [\"A\"]"),
        (
            "name = \"branches\"",
            "role_arn = \"arn:aws:iam::1:role/x\"",
        ),
        ("name = \"branches\"", "environment = { 1A = \"x\" }"),
        ("name = \"branches\"", "tags = { \"branchline:x\" = \"x\" }"),
        ("name = \"branches\"", "update = \"always\""),
        ("name = \"branches\"", "secrets = { \"A/B/C\" = \"x\" }"),
    ];
    for (good, bad) in wrong {
        assert!(GOOD.contains(good), "{good}");
        let text: &'static str = GOOD.replacen(good, bad, 1).leak();
        assert!(!complaints(text).is_empty(), "the schema takes {bad}");
        let refused = load_text(text, &Overrides::default()).is_err();
        assert!(refused, "the reader takes {bad}");
    }
}

/// The keys that the reader knows in each table, as it says itself when it meets one that it does not.
#[test]
fn every_key_that_the_reader_knows_is_in_the_schema_and_no_other() {
    let schema = schema();
    let places = [
        ("", "/properties"),
        ("[aws]", "/properties/aws/properties"),
        ("[queue]", "/properties/queue/properties"),
        (
            "[queue.max_attempts]",
            "/properties/queue/properties/max_attempts/properties",
        ),
        ("[store]", "/properties/store/properties"),
        ("[github]", "/properties/github/properties"),
        ("[[rule]]", "/definitions/rule/properties"),
    ];
    for (table, pointer) in places {
        let text: &'static str = format!("{table}\nquite_another_word = 1\n").leak();
        let told = problems(text);
        let (_, known) = told.split_once("unknown key: known here are ").unwrap();
        let known = known.lines().next().unwrap().split(", ");
        let known: BTreeSet<&str> = known.collect();
        let keys = schema.pointer(pointer).unwrap().as_object().unwrap();
        let keys: BTreeSet<&str> = keys.keys().map(String::as_str).collect();
        assert_eq!(keys, known, "{table}");
    }
}
