//! `branchline explain`, with a template from a file and with an account.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};

use super::account::Account;
use super::binary::branchline;
use crate::world::clock::START;
use crate::world::rules;
use crate::world::webhook::Webhook;

const RULES: &str = r#"
queue = { url = "http://127.0.0.1:1/1/webhooks", dead_letter_url = "http://127.0.0.1:1/1/dead" }
store = { table = "branchline" }
github = { secrets = ["env:NOT_SET"] }
[[rule]]
repository = "acme/api"
on = "pull_request"
template = "api-template"
environment = { TITLE = "{title}" }
secrets = { "Source/GitHub/Token" = "file:/does/not/exist" }
"#;

/// A folder with the template and a payload.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new(payload: &Webhook) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        let template = rules::template("api-template", "acme/api");
        let shown = json!({"pipeline": template, "metadata": {
            "pipelineArn": "arn:aws:codepipeline:eu-west-1:123456789012:api-template",
        }});
        std::fs::write(desk.path("template.json"), shown.to_string()).unwrap();
        std::fs::write(
            desk.path("pull_request.json"),
            payload.clone().seal(START).body,
        )
        .unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.0.path()).join(name)
    }

    fn explain(&self, arguments: &[&str]) -> Output {
        let mut all = vec!["explain", "--template", "template.json"];
        all.extend(arguments);
        branchline(&all)
            .current_dir(self.0.path())
            .env("RULES", RULES)
            .env("BRANCHLINE_CONFIG", "env:RULES")
            .output()
            .unwrap()
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn without_aws_it_shows_the_clone_and_no_secret() {
    let sly = Webhook::pull_request("opened").title("\u{1b}[2J \u{202e}x");
    let output = Desk::new(&sly).explain(&["pull_request.json", "--human"]);
    assert_eq!(
        (output.status.code(), text(output.stderr)),
        (Some(0), String::new())
    );
    insta::assert_snapshot!(text(output.stdout), @r#"
    event     pull_request
    subject   acme/api#7
    rule      rule 1
    mapping   unseen
    pipeline  api-pr-7
    would     create api-pr-7 from api-template

    api-template -> api-pr-7
    - name: "api-template"
    + name: "api-pr-7"
    - stages/Build/actions/Build/configuration/EnvironmentVariables: "[{\"name\":\"ü\",\"value\":\"1\"}]"
    + stages/Build/actions/Build/configuration/EnvironmentVariables: "[{\"name\":\"ü\",\"value\":\"1\"},{\"name\":\"TITLE\",\"value\":\"\\u001b[2J \u{202e}x\",\"type\":\"PLAINTEXT\"}]"
    - stages/Source/actions/GitHub/configuration/BranchName: "main"
    + stages/Source/actions/GitHub/configuration/BranchName: "feature/x"
    + stages/Source/actions/GitHub/configuration/Token: "(hidden)"
    "#);
}

#[test]
fn where_nobody_looks_it_prints_one_json_object() {
    let output = Desk::new(&Webhook::pull_request("closed")).explain(&["pull_request.json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["journal"]["outcome"], "recorded");
    assert_eq!(said["buried"], false);
    assert_eq!(
        output.stdout.iter().filter(|byte| **byte == b'\n').count(),
        1
    );
}

#[test]
fn what_would_be_buried_says_why_and_exits_1() {
    let sly = Webhook::pull_request("opened").title("#{Source.Token}");
    let output = Desk::new(&sly).explain(&["pull_request.json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(said["journal"]["outcome"], "value-unfit");
    assert_eq!(said["buried"], true);
}

#[test]
fn what_it_cannot_use_is_one_line_and_exits_2() {
    let desk = Desk::new(&Webhook::pull_request("opened"));
    std::fs::write(desk.path("what.json"), "{").unwrap();
    let cases: [(&[&str], &str); 4] = [
        (
            &["what.json"],
            "'what.json' does not say of which event it is: give --event",
        ),
        (
            &["nothing.json", "--event", "push"],
            "nothing.json cannot be read: No such file",
        ),
        (
            &["pull_request.json", "--template", "what.json"],
            "--template: what.json: not JSON",
        ),
        (
            &["pull_request.json", "--template", "pull_request.json"],
            "--template: pull_request.json: want the output of `aws codepipeline get-pipeline",
        ),
    ];
    for (arguments, wanted) in cases {
        let mut all = vec!["explain"];
        all.extend(arguments);
        let output = branchline(&all)
            .current_dir(desk.0.path())
            .env("RULES", RULES)
            .env("BRANCHLINE_CONFIG", "env:RULES")
            .output()
            .unwrap();
        let said = text(output.stderr);
        assert_eq!(
            (output.status.code(), said.lines().count()),
            (Some(2), 1),
            "{said}"
        );
        assert!(said.starts_with(wanted), "{said}");
    }
}

#[tokio::test]
async fn with_an_account_it_looks_at_what_is_there_and_changes_nothing() {
    let account = Account::in_region("explain", "af-south-1").await;
    account.template().await;
    account
        .send(Webhook::pull_request("opened").delivery("d-1"))
        .await;
    let ran = account.daemon(&["--until-empty"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", text(ran.stderr));

    let explain = |arguments: &[&str]| -> Value {
        let mut all = vec!["explain"];
        all.extend(arguments);
        let output = account.command(&all).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
    let desk = Desk::new(&pushed);
    let payload = desk.path("pull_request.json");
    for _ in 0..2 {
        let said = explain(&[payload.to_str().unwrap()]);
        assert_eq!(said["journal"]["from"], "active");
        assert_eq!(said["journal"]["outcome"], "would-start", "{said}");
    }

    let said = explain(&["--delivery", "d-1"]);
    assert_eq!(said["recorded"][0]["outcome"], "created");
    assert_eq!(said["recorded"][0]["actor"], "octocat");
    assert_eq!(said["clone"]["pipeline"], "api-pr-7");
    let unknown = account
        .command(&["explain", "--delivery", "d-9"])
        .output()
        .unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(unknown.stderr).contains("knows no delivery d-9"));
}
