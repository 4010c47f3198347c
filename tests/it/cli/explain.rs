//! `branchline explain`, with a template from a file and with an account.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::account::Account;
use super::binary::{branchline, failure, output, text};
use crate::world::clock::START;
use crate::world::rules;
use crate::world::webhook::Webhook;

const RULES: &str = r#"
queue = { url = "http://127.0.0.1:1/1/webhooks", internal_url = "http://127.0.0.1:1/1/internal", dead_letter_url = "http://127.0.0.1:1/1/dead" }
store = { table = "branchline" }
github = { secrets = ["env:NOT_SET"] }
[[rule]]
repository = "acme/api"
on = "pull_request"
template = "api-template"
environment = { TITLE = "{title}" }
secrets = { "Source/GitHub/Token" = "file:/does/not/exist" }
"#;

/// A folder with a template and a payload.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(payload: &Webhook) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let mut template = rules::template("api-template", "acme/api");
        // As GetPipeline masks a secret.
        template["stages"][0]["actions"][0]["configuration"]["Token"] = json!("****");
        let shown = json!({"pipeline": template, "metadata": {
            "pipelineArn": "arn:aws:codepipeline:eu-west-1:123456789012:api-template",
        }});
        std::fs::write(folder.path("template.json"), shown.to_string()).unwrap();
        std::fs::write(
            folder.path("pull_request.json"),
            payload.clone().seal(START).body,
        )
        .unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.0.path()).join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = branchline(&[&["explain"], arguments].concat());
        command
            .current_dir(self.0.path())
            .env("RULES", RULES)
            .env("BRANCHLINE_CONFIG", "env:RULES");
        command
    }

    fn explain(&self, arguments: &[&str]) -> Output {
        let all = [&["--template", "template.json"], arguments].concat();
        output(&mut self.command(&all))
    }
}

#[test]
fn without_aws_it_shows_the_clone_and_no_secret() {
    let hostile = Webhook::pull_request("opened").title("\u{1b}[2J \u{202e}x");
    let output = Folder::new(&hostile).explain(&["pull_request.json", "--output", "table"]);
    assert_eq!(
        (output.status.code(), text(output.stderr)),
        (Some(0), String::new())
    );
    insta::assert_snapshot!(text(output.stdout), @r#"
    event      pull_request
    subject    acme/api#7
    rule       rule 1
    mapping    unseen
    pipeline   api-pr-7
    prediction create api-pr-7 from api-template

    api-template -> api-pr-7
    danger: action 'Build/Build' runs code of the pull request with the role of its CodeBuild project: set build_role_arn
    - name: "api-template"
    + name: "api-pr-7"
    - stages/Build/actions/Build/configuration/EnvironmentVariables: "[{\"name\":\"ü\",\"value\":\"1\"}]"
    + stages/Build/actions/Build/configuration/EnvironmentVariables: "[{\"name\":\"ü\",\"value\":\"1\"},{\"name\":\"TITLE\",\"value\":\"\\u001b[2J \u{202e}x\",\"type\":\"PLAINTEXT\"}]"
    - stages/Source/actions/GitHub/configuration/BranchName: "main"
    + stages/Source/actions/GitHub/configuration/BranchName: "feature/x"
    - stages/Source/actions/GitHub/configuration/Token: "****"
    + stages/Source/actions/GitHub/configuration/Token: "(hidden)"
    "#);
}

#[test]
fn without_a_terminal_it_prints_one_json_object() {
    let output = Folder::new(&Webhook::pull_request("closed")).explain(&["pull_request.json"]);
    let explanation: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(explanation["journal"]["outcome"], "recorded");
    assert_eq!(explanation["dead_lettered"], false);
    assert_eq!(
        output.stdout.iter().filter(|byte| **byte == b'\n').count(),
        1
    );
}

#[test]
fn a_file_that_is_not_given_is_named_with_what_is_predicted_without_it() {
    let folder = Folder::new(&Webhook::pull_request("opened"));
    let rules = RULES
        .replace("github = {", "github = { token = \"env:NOT_SET\",")
        .replace("template = \"api-template\"", "template = { file = \"ci/pipeline.json\", fallback = \"api-template\" }\nrepository_file = { path = \".branchline.toml\", allow = \"buildspec\" }");
    std::fs::write(folder.path("changes.toml"), "buildspec = \"a.yml\"\n").unwrap();
    let predicted = |arguments: &[&str]| {
        let all = [
            &["pull_request.json", "--template", "template.json"],
            arguments,
        ]
        .concat();
        let output = output(folder.command(&all).env("RULES", &rules));
        let explanation: Value = serde_json::from_slice(&output.stdout).unwrap();
        explanation["prediction"].as_str().unwrap().to_owned()
    };
    insta::assert_snapshot!(predicted(&[]), @"create api-pr-7 from api-template, as for a commit without ci/pipeline.json and .branchline.toml (give --template-file and --repository-file)");
    insta::assert_snapshot!(predicted(&["--repository-file", "changes.toml"]), @"create api-pr-7 from api-template, as for a commit without ci/pipeline.json (give --template-file)");
}

#[test]
fn a_dead_letter_is_predicted_with_its_reason_and_exit_code_1() {
    let hostile = Webhook::pull_request("opened").title("#{Source.Token}");
    let output = Folder::new(&hostile).explain(&["pull_request.json"]);
    let explanation: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(explanation["journal"]["outcome"], "invalid-value");
    assert_eq!(explanation["dead_lettered"], true);
    let prediction = explanation["prediction"].as_str().unwrap();
    assert!(
        prediction.starts_with("dead-letter it: invalid-value"),
        "{prediction}"
    );
}

#[test]
fn invalid_input_is_one_line_and_exit_code_2() {
    let folder = Folder::new(&Webhook::pull_request("opened"));
    std::fs::write(folder.path("what.json"), "{").unwrap();
    let cases: [(&[&str], &str); 4] = [
        (
            &["what.json"],
            "error: 'what.json' does not start with the name of an event: add --event",
        ),
        (
            &["nothing.json", "--event", "push"],
            "error: cannot read nothing.json: No such file",
        ),
        (
            &["pull_request.json", "--template", "what.json"],
            "error: --template: what.json: not JSON",
        ),
        (
            &["pull_request.json", "--template", "pull_request.json"],
            "error: --template: pull_request.json: want the output of `aws codepipeline get-pipeline",
        ),
    ];
    for (arguments, expected) in cases {
        let (code, error) = failure(&mut folder.command(arguments));
        assert_eq!((code, error.lines().count()), (Some(2), 1), "{error}");
        assert!(error.starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn with_an_account_it_reads_the_table_and_changes_nothing() {
    let account = Account::new("explain").await;
    account.template().await;
    account
        .send(Webhook::pull_request("opened").delivery("d-1"))
        .await;
    account.process_all().await;

    let explain = |arguments: &[&str]| -> Value {
        let mut all = vec!["explain"];
        all.extend(arguments);
        let output = output(&mut account.command(&all));
        assert_eq!(output.status.code(), Some(0), "{}", text(output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
    let folder = Folder::new(&pushed);
    let payload = folder.path("pull_request.json");
    for _ in 0..2 {
        let explanation = explain(&[payload.to_str().unwrap()]);
        assert_eq!(explanation["journal"]["from"], "active");
        assert_eq!(
            explanation["journal"]["outcome"], "started",
            "{explanation}"
        );
        let prediction = explanation["prediction"].as_str().unwrap();
        assert!(prediction.starts_with("start api-pr-7 at "), "{prediction}");
        let effects = explanation["effects"].as_array().unwrap();
        assert!(!effects.is_empty(), "{explanation}");
        assert_eq!(explanation["dead_lettered"], false);
    }

    let explanation = explain(&["--delivery", "d-1"]);
    assert_eq!(explanation["recorded"][0]["outcome"], "created");
    assert_eq!(explanation["recorded"][0]["actor"], "octocat");
    assert_eq!(explanation["clone"]["pipeline"], "api-pr-7");
}

#[test]
fn with_github_it_shows_the_report_and_the_comment() {
    let folder = Folder::new(&Webhook::pull_request("opened").draft());
    let explain = |rule: &str, format: &str| {
        let rules = RULES
            .replace(
                "[\"env:NOT_SET\"]",
                "[\"env:NOT_SET\"], token = \"env:NOT_SET\"",
            )
            .replace("environment =", &format!("{rule}\nenvironment ="));
        let mut command = folder.command(&[
            "pull_request.json",
            "--template",
            "template.json",
            "--output",
            format,
        ]);
        let output = output(command.env("RULES", rules));
        assert_eq!(text(output.stderr), "");
        text(output.stdout)
    };
    let all = |format| explain("comment = \"always\"", format);
    insta::assert_snapshot!(all("table").lines().take(8).collect::<Vec<_>>().join("\n"), @r#"
    event      pull_request
    subject    acme/api#7
    rule       rule 1
    mapping    unseen
    pipeline   api-pr-7
    prediction create api-pr-7 from api-template
    report     status branchline/rule 1: in-progress: Running in CodePipeline
    comment    Running in CodePipeline
    "#);
    let json: Value = serde_json::from_str(&all("json")).unwrap();
    let report = &json["report"];
    assert_eq!(report["state"], "in-progress");
    let comment = report["comment"].as_str().unwrap();
    assert!(comment.starts_with("<!-- branchline "), "{comment}");
    let draft = explain("drafts = false\ncomment = \"failures\"", "json");
    let draft: Value = serde_json::from_str(&draft).unwrap();
    assert_eq!(draft["report"]["state"], "skipped", "{draft}");
    assert!(draft["report"].get("comment").is_none());
}
