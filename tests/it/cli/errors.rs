//! Bad input of any kind: one clear line for each mistake, exit code 2, nothing started.

use super::binary::{branchline, complaint};

const RULES: &str = r#"
[queue]
url = "http://127.0.0.1:1/123456789012/webhooks"
dead_letter_url = "http://127.0.0.1:1/123456789012/dead"
[store]
table = "branchline"
[github]
secrets = ["env:WEBHOOK_SECRET"]
[[rule]]
repository = "acme/*"
on = "pull_request"
template = "api-template"
"#;

#[test]
fn without_a_configuration_it_says_how_to_give_one() {
    let empty = tempfile::tempdir().unwrap();
    let (code, said) = complaint(branchline(&["run"]).current_dir(empty.path()));
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(said, @"--config / BRANCHLINE_CONFIG: not given, and branchline.toml cannot be read here (No such file or directory (os error 2)): name a file, or env:NAME");
}

#[test]
fn every_mistake_of_a_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("branchline.toml"),
        "[queue]\nurl = 5\n[[rule]]\n",
    )
    .unwrap();
    let (code, said) =
        complaint(branchline(&["run", "--concurrency", "0"]).current_dir(folder.path()));
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(said, @r#"
    branchline.toml:2: queue.url: want text in quotes
    branchline.toml:1: queue.dead_letter_url: missing: set it here, with --dead-letter-url or in BRANCHLINE_DEAD_LETTER_URL
    --concurrency / BRANCHLINE_CONCURRENCY: want 1 to 1000
    branchline.toml: store.table: missing: set it here, with --table or in BRANCHLINE_TABLE
    branchline.toml: github.secrets: missing: without a secret no webhook can be proven to be GitHub's; use ["env:NAME"]
    branchline.toml:3: rule[1].repository: missing
    branchline.toml:3: rule[1].on: missing
    branchline.toml:3: rule[1].template: missing
    "#);
}

#[test]
fn a_variable_that_is_set_to_nothing_is_told() {
    let mut command = branchline(&["run", "--config", "env:RULES"]);
    let (code, said) = complaint(
        command
            .env("RULES", RULES)
            .env("AWS_REGION", "")
            .env("BRANCHLINE_TABLE", ""),
    );
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(said, @r#"
    --table / BRANCHLINE_TABLE: is set to nothing: give it a value, or unset it
    --region / AWS_REGION: is set to nothing: give it a value, or unset it
    "#);
}

#[test]
fn without_a_region_it_says_where_to_set_one() {
    let (code, said) = complaint(branchline(&["run", "--config", "env:RULES"]).env("RULES", RULES));
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(said, @"no AWS Region: set [aws] region, --region or AWS_REGION, or a Region in the AWS profile");
}

#[test]
fn a_log_filter_that_cannot_be_read_is_told() {
    let (code, said) = complaint(&mut branchline(&["run", "--log", "a=b=c"]));
    assert_eq!(code, Some(2));
    assert!(
        said.starts_with("the log filter 'a=b=c' cannot be read"),
        "{said}"
    );
}

#[test]
fn a_queue_that_never_answers_ends_a_run_that_should_end() {
    let arguments = [
        "run",
        "--config",
        "env:RULES",
        "--region",
        "eu-west-1",
        "--endpoint-url",
        "http://127.0.0.1:1",
        "--until-empty",
    ];
    let (code, said) = complaint(branchline(&arguments).env("RULES", RULES));
    assert_eq!(code, Some(2));
    let outages = said
        .lines()
        .filter(|line| line.contains("The queue does not answer"))
        .count();
    assert_eq!(outages, 1, "{said}");
    let last = said.lines().last().unwrap();
    assert!(
        last.starts_with(
            "branchline cannot work: aws-unavailable: ReceiveMessage from http://127.0.0.1:1/"
        ),
        "{last}"
    );
    assert!(
        last.contains("refused") && !last.contains("DispatchFailure"),
        "{last}"
    );
}

#[test]
fn completions_and_manual_pages_come_with_the_binary() {
    for shell in ["bash", "zsh", "fish"] {
        let output = branchline(&["completions", shell]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && said.contains("explain"),
            "{shell}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert!(branchline(&["man", path]).status().unwrap().success());
    let pages = std::fs::read_dir(folder.path()).unwrap().count();
    assert!(pages > 10, "{pages} pages");
    let (code, said) = complaint(&mut branchline(&["man", "/does/not/exist"]));
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
}
