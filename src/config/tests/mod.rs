use std::collections::HashMap;

use super::*;
use crate::domain::clone::overrides::{CloneOverrides, RoleChoice};
use crate::domain::ids::RepositoryName;
use crate::domain::rules::rule::On;

/// An environment of files and variables, by name.
#[derive(Default)]
struct TestEnvironment(HashMap<&'static str, &'static str>);

impl Environment for TestEnvironment {
    fn variable(&self, name: &str) -> Result<Option<String>, String> {
        Ok(self.0.get(name).map(|text| (*text).to_owned()))
    }

    fn file(&self, path: &str) -> std::io::Result<Vec<u8>> {
        let text = self.0.get(path).ok_or(std::io::ErrorKind::NotFound)?;
        Ok(text.as_bytes().to_vec())
    }
}

const GOOD: &str = r#"
[aws]
region = "eu-west-1"
[queue]
url = "https://sqs.eu-west-1.amazonaws.com/123456789012/webhooks"
internal_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/internal"
dead_letter_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/dead"
concurrency = 8
[store]
table = "branchline"
[github]
secrets = ["env:NEW", "file:/run/old"]
[[rule]]
repository = ["acme/*", "!acme/legacy"]
on = "pull_request"
template = "api-main"
[[rule]]
name = "branches"
repository = "acme/api"
on = "branch"
branches = ["!main"]
template = "api-main"
pipeline_name = "{owner}.{repo}.{branch}"
"#;

fn load_text(text: &'static str, overrides: &Overrides) -> Result<Config, Problems> {
    let given = [
        ("branchline.toml", text),
        ("NEW", "new-hunter2"),
        ("/run/old", "old-hunter2\r\n"),
        ("EMPTY", ""),
        ("WEBSITE_SECRET", "website-hunter2"),
    ];
    load(overrides, &TestEnvironment(HashMap::from(given)))
}

fn problems(text: &'static str) -> String {
    load_text(text, &Overrides::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn a_valid_file_is_loaded() {
    let config = load_text(GOOD, &Overrides::default()).unwrap();
    assert_eq!(
        (config.concurrency, config.table.as_str()),
        (8, "branchline")
    );
    assert_eq!(config.queues.quarantine, config.queues.dead_letters);
    assert_eq!(format!("{:?}", config.secrets), "Secrets(2 hidden)");
    let [first, second] = config.rules.all() else {
        panic!("two rules")
    };
    assert_eq!(
        (first.name.as_str(), first.on, first.drafts),
        ("rule 1", On::PullRequest, true)
    );
    assert_eq!((second.name.as_str(), second.on), ("branches", On::Branch));
    let legacy = RepositoryName::parse("acme/legacy").unwrap();
    assert!(!first.repository.is_match(legacy.as_str()));
}

#[test]
fn a_flag_or_variable_wins_over_the_file() {
    let url = "https://sqs.eu-west-1.amazonaws.com/123456789012/other";
    let overrides = Overrides {
        queue_url: Some(url.into()),
        quarantine_url: Some("https://sqs.eu-west-1.amazonaws.com/123456789012/q".into()),
        concurrency: Some("2".into()),
        table: Some("other".into()),
        endpoint_url: Some("http://127.0.0.1:5000".into()),
        ..Overrides::default()
    };
    let config = load_text(GOOD, &overrides).unwrap();
    assert_eq!(
        (
            config.queues.webhooks.as_str(),
            config.concurrency,
            config.table.as_str()
        ),
        (url, 2, "other")
    );
    assert_ne!(config.queues.quarantine, config.queues.dead_letters);
    assert_eq!(
        config.endpoint_url.as_deref(),
        Some("http://127.0.0.1:5000")
    );
}

#[test]
fn the_text_may_come_from_a_variable() {
    let overrides = |name: &str| Overrides {
        config: Some(name.into()),
        ..Overrides::default()
    };
    let given = TestEnvironment(HashMap::from([
        ("RULES", GOOD),
        ("NEW", "x"),
        ("/run/old", "y"),
    ]));
    assert!(load(&overrides("env:RULES"), &given).is_ok());
    let why = |overrides: &Overrides| load(overrides, &given).unwrap_err().to_string();
    assert_eq!(
        why(&overrides("env:NONE")),
        "--config / BRANCHLINE_CONFIG: the variable NONE is not set"
    );
    assert_eq!(
        why(&overrides("")),
        "--config / BRANCHLINE_CONFIG: is empty: give a file, or env:NAME"
    );
    assert!(
        why(&overrides("no.toml"))
            .starts_with("--config / BRANCHLINE_CONFIG: no.toml cannot be read")
    );
    assert!(
        why(&Overrides::default()).contains("is not set, and branchline.toml cannot be read here")
    );
}

#[test]
fn every_mistake_is_reported_at_once_with_line_and_key() {
    let text = r#"
regoin = "x"
[queue]
url = "webhooks"
dead_letter_ulr = "x"
concurrency = 0
[store]
table = 5
[github]
secrets = ["hunter2", "env:NONE", "env:EMPTY", "file:/none"]
[[rule]]
repository = "a[b"
on = "tag"
template = "no spaces"
drafts = "yes"
[[rule]]
name = "rule 1"
on = "branch"
base = "main"
template = "t"
pipeline_name = "{sha}"
extra = 1
[[rule]]
repository = []
on = "pull_request"
template = "t"
pipeline_name = "{repo}"
"#;
    insta::assert_snapshot!(problems(text), @r#"
    branchline.toml:2: regoin: unknown key: expected one of aws, queue, store, github, rule
    branchline.toml:3: queue.internal_url: missing: set it here, with --internal-queue-url or in BRANCHLINE_INTERNAL_QUEUE_URL
    branchline.toml:3: queue.dead_letter_url: missing: set it here, with --dead-letter-url or in BRANCHLINE_DEAD_LETTER_URL
    branchline.toml:4: queue.url: expected the URL of an SQS queue: https://sqs.REGION.amazonaws.com/ACCOUNT/NAME
    branchline.toml:5: queue.dead_letter_ulr: unknown key: did you mean 'dead_letter_url'?
    branchline.toml:6: queue.concurrency: expected 1 to 1000
    branchline.toml:8: store.table: expected text in quotes
    branchline.toml:10: github.secrets: secret 1: not a reference: expected env:NAME or file:PATH, never the secret itself
    branchline.toml:10: github.secrets: secret 2: the variable NONE is not set
    branchline.toml:10: github.secrets: secret 3: EMPTY is empty
    branchline.toml:10: github.secrets: secret 4: the file /none cannot be read: entity not found
    branchline.toml:12: rule[1].repository: invalid glob 'a[b': unclosed character class; missing ']'
    branchline.toml:13: rule[1].on: expected "pull_request", "branch" or "merge_group"
    branchline.toml:14: rule[1].template: not a pipeline name: expected 1 to 100 of A-Z a-z 0-9 . @ _ -
    branchline.toml:15: rule[1].drafts: expected true or false
    branchline.toml:16: rule[2].repository: missing: every rule needs it
    branchline.toml:16: rule[2]: 'base' does not apply to a rule with on = "branch": remove it
    branchline.toml:21: rule[2].pipeline_name: needs {branch}: without it two branches would share a pipeline
    branchline.toml:22: rule[2].extra: unknown key: expected one of name, repository, on, base, branches, drafts, forks, drop_stages, stages, keep_stages, drop_actions, role_arn, build_role_arn, action_role_arn, source_action, execution_mode, buildspec, configuration, build, variables, preview, shared_targets, environment, secrets, tags, start, template, repository_file, update, stop_on_close, max_active, idle, max_age, on_full, keep_label, pipeline_name, report, context, comment
    branchline.toml:24: rule[3].repository: an empty list matches nothing: give globs over owner/name
    branchline.toml:27: rule[3].pipeline_name: needs {number}: without it two pull requests would share a pipeline
    "#);
}

#[test]
fn a_rule_changes_its_clones() {
    let text: &'static str = Box::leak(
        GOOD.replace(
            "template = \"api-main\"\n[[rule]]",
            r#"template = "api-main"
drop_stages = ["Deploy"]
drop_actions = ["Build/Lint", "Test/Slow"]
role_arn = "arn:aws:iam::123456789012:role/preview"
tags = { team = "payments", "cost center" = "17" }
[[rule]]"#,
        )
        .into_boxed_str(),
    );
    let config = load_text(text, &Overrides::default()).unwrap();
    let changes = &config.rules.all()[0].overrides;
    assert_eq!(changes.drop_stages, ["Deploy"]);
    assert_eq!(changes.drop_actions[1].action, "Slow");
    assert_eq!(
        changes.roles.pipeline,
        Some(RoleChoice::Arn(
            "arn:aws:iam::123456789012:role/preview".into()
        ))
    );
    assert_eq!(changes.tags["cost center"], "17");
    assert_eq!(config.rules.all()[1].overrides, CloneOverrides::default());
}

#[test]
fn invalid_changes_are_reported() {
    insta::assert_snapshot!(problems(r#"
[queue]
url = "https://sqs.eu-west-1.amazonaws.com/123456789012/webhooks"
internal_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/internal"
dead_letter_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/dead"
drain_timeout = -1
max_attempts = { transient = 0, quota = "many", unknwon = 5 }
[store]
table = "branchline"
[github]
secrets = ["env:NEW"]
[[rule]]
repository = "acme/*"
on = "pull_request"
template = "api-main"
drop_stages = ["Deploy"]
keep_stages = ["Source"]
drop_actions = ["Deploy", "a/b/c"]
role_arn = "preview"
tags = { "aws:x" = "1", "branchline:x" = "2", "ok" = 3, "x" = "a#b" }
"#), @r#"
    branchline.toml:6: queue.drain_timeout: expected 0 to 3600
    branchline.toml:7: queue.max_attempts.transient: expected 1 to 900
    branchline.toml:7: queue.max_attempts.quota: expected a whole number
    branchline.toml:7: queue.max_attempts.unknwon: unknown key: did you mean 'unknown'?
    branchline.toml:17: rule[1].keep_stages: set drop_stages or keep_stages, not both
    branchline.toml:18: rule[1].drop_actions: 'Deploy' is not an action: expected "Stage/Action"
    branchline.toml:18: rule[1].drop_actions: 'a/b/c' is not an action: expected "Stage/Action"
    branchline.toml:19: rule[1].role_arn: expected "template", or the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME
    branchline.toml:20: rule[1].tags.ok: expected text in quotes
    branchline.toml:20: rule[1].tags.aws:x: not a valid AWS tag: expected letters, digits, spaces and + - = . _ : / @, a key of 1 to 127, a value of at most 255
    branchline.toml:20: rule[1].tags.branchline:x: begins with branchline:, which is reserved for branchline's own tags
    branchline.toml:20: rule[1].tags.x: not a valid AWS tag: expected letters, digits, spaces and + - = . _ : / @, a key of 1 to 127, a value of at most 255
    "#);
}

#[test]
fn syntax_errors_are_reported_alone() {
    insta::assert_snapshot!(problems("[queue\nurl = \n[store]\ntable = 'x' 'y'\n"), @r#"
    branchline.toml:1: not TOML: unclosed table, expected `]`
    branchline.toml:4: not TOML: unexpected key or value, expected newline, `#`
    "#);
}

#[test]
fn an_empty_file_lacks_every_required_key() {
    insta::assert_snapshot!(problems(""), @r#"
    branchline.toml: queue.url: missing: set it here, with --queue-url or in BRANCHLINE_QUEUE_URL
    branchline.toml: queue.internal_url: missing: set it here, with --internal-queue-url or in BRANCHLINE_INTERNAL_QUEUE_URL
    branchline.toml: queue.dead_letter_url: missing: set it here, with --dead-letter-url or in BRANCHLINE_DEAD_LETTER_URL
    branchline.toml: store.table: missing: set it here, with --table or in BRANCHLINE_TABLE
    branchline.toml: github.secrets: missing: webhooks cannot be authenticated without a secret; set it to ["env:NAME"], or write a [[github.secret]]
    branchline.toml: rule: missing: without a [[rule]] no webhook creates a pipeline
    "#);
}

#[test]
fn an_installation_has_the_name_of_its_table_unless_it_is_given_another() {
    let owner = |text: &'static str, overrides: Overrides| {
        let config = load_text(text, &overrides).unwrap();
        (config.table, config.owner.to_string())
    };
    let named = |table: &str, owner: &str| (table.to_owned(), owner.to_owned());
    let restored = Overrides {
        table: Some("restored".into()),
        ..Overrides::default()
    };
    assert_eq!(
        owner(GOOD, Overrides::default()),
        named("branchline", "branchline")
    );
    assert_eq!(owner(GOOD, restored.clone()), named("restored", "restored"));
    let kept = GOOD.replace("[store]", "[store]\nowner = \"ci\"").leak();
    assert_eq!(owner(kept, restored.clone()), named("restored", "ci"));
    let given = Overrides {
        owner: Some("branchline".into()),
        ..restored
    };
    assert_eq!(owner(kept, given), named("restored", "branchline"));
    let wrong = GOOD.replace("[store]", "[store]\nowner = \"a b\"").leak();
    insta::assert_snapshot!(problems(wrong), @"branchline.toml:10: store.owner: not an owner: expected 1 to 255 of A-Z a-z 0-9 . _ -");
}

#[test]
fn an_invalid_override_is_refused() {
    let overrides = Overrides {
        queue_url: Some(String::new()),
        concurrency: Some("many".into()),
        region: Some("EU".into()),
        ..Overrides::default()
    };
    insta::assert_snapshot!(load_text(GOOD, &overrides).unwrap_err().to_string(), @r#"
    --region / AWS_REGION: not an AWS Region: expected a name such as eu-west-1
    --queue-url / BRANCHLINE_QUEUE_URL: is empty: give it a value, or unset it
    --concurrency / BRANCHLINE_CONCURRENCY: expected a whole number
    "#);
}

#[test]
fn a_secret_is_never_printed() {
    let all = [
        problems("[github]\nsecrets = [\"hunter2\"]"),
        format!("{:?}", load_text(GOOD, &Overrides::default())),
    ];
    assert!(all.iter().all(|text| !text.contains("hunter2")), "{all:?}");
}

#[test]
fn a_command_without_queues_needs_no_queue_url() {
    let (head, rest) = GOOD.split_once("[queue]").unwrap();
    let (_, rest) = rest.split_once("concurrency").unwrap();
    let text = format!("{head}[queue]\nconcurrency{rest}");
    let environment = |text: String| {
        let text: &'static str = text.leak();
        TestEnvironment(HashMap::from([
            ("branchline.toml", text),
            ("NEW", "new"),
            ("/run/old", "old"),
        ]))
    };
    let given = environment(text.clone());
    let config = load_account(&Overrides::default(), &given).unwrap();
    assert_eq!(
        (config.table.as_str(), config.rules.all().len()),
        ("branchline", 2)
    );
    assert_eq!(
        load(&Overrides::default(), &given).unwrap_err().all().len(),
        3
    );
    // A mistake is a mistake for every command.
    let given = environment(text.replace("concurrency = 8", "url = \"webhooks\""));
    let problems = load_account(&Overrides::default(), &given).unwrap_err();
    assert!(problems.to_string().contains("queue.url: expected the URL"));
}

mod clones;
mod github;
mod previews;
mod schema;
mod secrets;
mod templates;
mod unusable;
