//! The JSON Schema agrees with the reader, key by key.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// Returns the errors that the schema finds.
fn schema_errors(text: &str) -> Vec<String> {
    let schema = schema();
    let checked = jsonschema::draft7::new(&schema).unwrap();
    let document: toml::Table = text.parse().unwrap();
    let document = serde_json::to_value(document).unwrap();
    let errors = checked.iter_errors(&document);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// Returns the configurations of the documentation, each completed with the required tables.
fn documented() -> Vec<String> {
    let page = include_str!("../../../docs/CONFIGURATION.md");
    let blocks = page.split("```toml\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    let (head, _) = GOOD.split_once("[[rule]]").unwrap();
    // A file of a repository is read from GitHub.
    let head = head.replacen("[github]\n", "[github]\ntoken = \"env:NEW\"\n", 1);
    blocks.map(|block| format!("{head}{block}")).collect()
}

#[test]
fn the_schema_accepts_what_the_reader_accepts() {
    let examples = documented();
    assert!(examples.len() >= 3, "the page has few examples");
    for text in [GOOD.to_owned()].into_iter().chain(examples) {
        assert_eq!(schema_errors(&text), Vec::<String>::new(), "{text}");
        let text: &'static str = text.leak();
        assert!(load_text(text, &Overrides::default()).is_ok(), "{text}");
    }
}

#[test]
fn the_schema_and_the_reader_refuse_the_same_mistakes() {
    let mistakes = [
        ("concurrency = 8", "concurrency = 1001"),
        ("concurrency = 8", "concurrency = \"8\""),
        ("concurrency = 8", "max_attempts = { quota = 0 }"),
        ("table = \"branchline\"", "table = \"a b\""),
        ("\"env:NEW\", ", "\"hunter2\", "),
        ("[\"env:NEW\", \"file:/run/old\"]", "[]"),
        (
            "secrets = [\"env:NEW\", \"file:/run/old\"]",
            "[[github.secret]]\nname = \"no value\"",
        ),
        (
            "secrets = [\"env:NEW\", \"file:/run/old\"]",
            "[[github.secret]]\nvalue = \"env:NEW\"\nrepositories = []",
        ),
        ("[github]\n", "[github]\napp = 123456\n"),
        ("[github]\n", "[github]\nprivate_key = \"env:NEW\"\n"),
        ("[github]\n", "[github]\ntoken = \"hunter2\"\n"),
        (
            "[github]\n",
            "[github]\ntoken = \"env:NEW\"\napi_url = \"api.github.com\"\n",
        ),
        (
            "[github]\n",
            "[github]\napp = 1\nprivate_key = \"env:NEW\"\ntoken = \"env:NEW\"\n",
        ),
        (
            "[github]\n",
            "[github]\ntoken = \"env:NEW\"\nhooks = \"acme/api\"\n",
        ),
        ("[github]\n", "[github]\nhooks = \"orgs/acme/hooks/1\"\n"),
        (
            "[github]\n",
            "[github]\napp = 1\nprivate_key = \"env:NEW\"\nhooks = \"orgs/acme/hooks/1\"\n",
        ),
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
        ("name = \"branches\"", "build_role_arn = \"x\""),
        ("name = \"branches\"", "action_role_arn = \"x\""),
        ("name = \"branches\"", "stages = \"some\""),
        ("name = \"branches\"", "buildspec = \"/ci.yml\""),
        (
            "name = \"branches\"",
            "repository_file = { path = \"a.toml\", allow = [] }",
        ),
        (
            "name = \"branches\"",
            "repository_file = { path = \"/a.toml\", allow = \"buildspec\" }",
        ),
        (
            "name = \"branches\"",
            "repository_file = { path = \"a.toml\", allow = \"privileged\" }",
        ),
        (
            "name = \"branches\"",
            "repository_file = { path = \"a.toml\", from = \"main\", allow = \"buildspec\" }",
        ),
        (
            "name = \"branches\"",
            "repository_file = { path = \"a.toml\" }",
        ),
        (
            "template = \"api-main\"",
            "template = { file = \"/a.json\", fallback = \"api-main\" }",
        ),
        (
            "template = \"api-main\"",
            "template = { file = \"a.json\" }",
        ),
        (
            "template = \"api-main\"",
            "template = { file = \"a.json\", fallback = \"a b\" }",
        ),
        (
            "template = \"api-main\"",
            "template = { file = \"a.json\", fallback = \"api-main\", from = \"main\" }",
        ),
        (
            "template = \"api-main\"",
            "template = { file = \"a.json\", fallback = \"api-main\", actions = \"Deploy/S3\" }",
        ),
        (
            "template = \"api-main\"",
            "template = { file = \"a.json\", fallback = \"api-main\", projects = [] }",
        ),
        (
            "name = \"branches\"",
            "repository_file = { path = \"a.toml\", allow = \"image\", images = [\"!a/*\"] }",
        ),
        ("name = \"branches\"", "build = { image = \"a b\" }"),
        ("name = \"branches\"", "build = { compute = \"LARGE\" }"),
        ("name = \"branches\"", "build = { privileged = \"yes\" }"),
        ("name = \"branches\"", "build = { timeout = 4 }"),
        ("name = \"branches\"", "build = { cache = \"S3\" }"),
        (
            "name = \"branches\"",
            "build = { \"Build\" = { timeout = 5 } }",
        ),
        (
            "name = \"branches\"",
            "build = { \"Build/Build\" = { timeouts = 5 } }",
        ),
        ("name = \"branches\"", "build = { \"Build/Build\" = 5 }"),
        (
            "name = \"branches\"",
            "configuration = { \"Build/Build\" = \"x\" }",
        ),
        (
            "name = \"branches\"",
            "configuration = { \"Build/Build/EnvironmentVariables\" = \"x\" }",
        ),
        ("name = \"branches\"", "keep_stages = []"),
        (
            "name = \"branches\"",
            "stages = \"all\"\nkeep_stages = \"B\"",
        ),
        ("name = \"branches\"", "variables = { A = { raw = true } }"),
        ("name = \"branches\"", "variables = { A = { value = 1 } }"),
        (
            "name = \"branches\"",
            "variables = { A = { value = \"\", row = true } }",
        ),
        ("[[rule]]\n", "[[rule]]\nforks = true\n"),
        ("name = \"branches\"", "update = \"always\""),
        ("name = \"branches\"", "secrets = { \"A/B/C\" = \"x\" }"),
        ("name = \"branches\"", "comment = \"always\""),
        ("name = \"branches\"", "idle = \"soon\""),
        ("name = \"branches\"", "idle = 14"),
        ("name = \"branches\"", "idle = \"0d\""),
        ("name = \"branches\"", "max_age = \"2w\""),
        ("name = \"branches\"", "on_full = \"evict\""),
        (
            "name = \"branches\"",
            "idle = \"14d\"\nkeep_label = \"keep\"",
        ),
        ("[[rule]]\n", "[[rule]]\nkeep_label = \"keep\"\n"),
        (
            "[[rule]]\n",
            "[[rule]]\nidle = \"14d\"\nkeep_label = \"\"\n",
        ),
        ("[[rule]]\n", "[[rule]]\ncomment = \"often\"\n"),
        (
            "[[rule]]\n",
            "[[rule]]\nreport = \"none\"\ncomment = \"failures\"\n",
        ),
    ];
    for (good, bad) in mistakes {
        assert!(GOOD.contains(good), "{good}");
        let text: &'static str = GOOD.replacen(good, bad, 1).leak();
        assert!(!schema_errors(text).is_empty(), "the schema accepts {bad}");
        let refused = load_text(text, &Overrides::default()).is_err();
        assert!(refused, "the reader accepts {bad}");
    }
}

/// Compares the keys of the schema with those that the reader lists when it finds an unknown key.
#[test]
fn the_schema_has_the_keys_of_the_reader_and_no_others() {
    let schema = schema();
    let tables = [
        ("", "/properties"),
        ("[aws]", "/properties/aws/properties"),
        ("[queue]", "/properties/queue/properties"),
        (
            "[queue.max_attempts]",
            "/properties/queue/properties/max_attempts/properties",
        ),
        ("[store]", "/properties/store/properties"),
        ("[github]", "/properties/github/properties"),
        ("[[github.secret]]", "/definitions/secret/properties"),
        ("[[rule]]", "/definitions/rule/properties"),
        (
            "[[rule]]\n[rule.build]",
            "/definitions/rule/properties/build/properties",
        ),
        (
            "[[rule]]\n[rule.build.\"Build/Build\"]",
            "/definitions/build_settings/properties",
        ),
        (
            "[[rule]]\n[rule.repository_file]",
            "/definitions/rule/properties/repository_file/properties",
        ),
        (
            "[[rule]]\n[rule.template]",
            "/definitions/template_file/properties",
        ),
    ];
    for (table, pointer) in tables {
        let text: &'static str = format!("{table}\nquite_another_word = 1\n").leak();
        let problems = problems(text);
        let (_, known) = problems
            .split_once("unknown key: expected one of ")
            .unwrap();
        let known = known.lines().next().unwrap().split(", ");
        let known: BTreeSet<&str> = known.collect();
        let keys = schema.pointer(pointer).unwrap().as_object().unwrap();
        let keys: BTreeSet<&str> = keys.keys().map(String::as_str).collect();
        assert_eq!(keys, known, "{table}");
    }
}
