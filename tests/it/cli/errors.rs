//! Invalid input of any kind: one clear line for each mistake, exit code 2, and nothing is started.

use super::binary::{branchline, failure, output, text};

const RULES: &str = r#"
[queue]
url = "http://127.0.0.1:1/123456789012/webhooks"
internal_url = "http://127.0.0.1:1/123456789012/internal"
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
    let (code, error) = failure(branchline(&["run"]).current_dir(empty.path()));
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(error, @"error: --config / BRANCHLINE_CONFIG: is not set, and branchline.toml cannot be read here (No such file or directory (os error 2)): give a file, or env:NAME");
}

#[test]
fn every_mistake_of_a_file_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("branchline.toml"),
        "[queue]\nurl = 5\n[[rule]]\n",
    )
    .unwrap();
    let (code, error) =
        failure(branchline(&["run", "--concurrency", "0"]).current_dir(folder.path()));
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(error, @r#"
    error: --concurrency / BRANCHLINE_CONCURRENCY: expected 1 to 1000
    error: branchline.toml: store.table: missing: set it here, with --table or in BRANCHLINE_TABLE
    error: branchline.toml: github.secrets: missing: webhooks cannot be authenticated without a secret; set it to ["env:NAME"], or write a [[github.secret]]
    error: branchline.toml:1: queue.internal_url: missing: set it here, with --internal-queue-url or in BRANCHLINE_INTERNAL_QUEUE_URL
    error: branchline.toml:1: queue.dead_letter_url: missing: set it here, with --dead-letter-url or in BRANCHLINE_DEAD_LETTER_URL
    error: branchline.toml:2: queue.url: expected text in quotes
    error: branchline.toml:3: rule[1].repository: missing: every rule needs it
    error: branchline.toml:3: rule[1].on: missing: every rule needs it
    error: branchline.toml:3: rule[1].template: missing: every rule needs it
    "#);
}

#[test]
fn an_empty_variable_is_reported() {
    let mut command = branchline(&["run", "--config", "env:RULES"]);
    let (code, error) = failure(
        command
            .env("RULES", RULES)
            .env("AWS_REGION", "")
            .env("BRANCHLINE_TABLE", ""),
    );
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(error, @r#"
    error: --region / AWS_REGION: is empty: give it a value, or unset it
    error: --table / BRANCHLINE_TABLE: is empty: give it a value, or unset it
    "#);
}

#[test]
fn without_a_region_it_says_where_to_set_one() {
    let (code, error) = failure(branchline(&["run", "--config", "env:RULES"]).env("RULES", RULES));
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(error, @"error: no AWS Region: set [aws] region, --region or AWS_REGION, or a Region in the AWS profile");
}

#[test]
fn an_invalid_log_filter_is_reported() {
    let (code, error) = failure(&mut branchline(&["run", "--log", "a=b=c"]));
    assert_eq!(code, Some(2));
    assert!(
        error.starts_with("error: the log filter 'a=b=c' cannot be read"),
        "{error}"
    );
    // It would be a target, and nothing would be logged.
    let (code, error) = failure(&mut branchline(&["run", "--log", "loud"]));
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(error, @"error: the log filter 'loud' cannot be read: 'loud' is neither a level (error, warn, info, debug, trace, off) nor TARGET=LEVEL");
    let (code, error) = failure(&mut branchline(&["audit", "--adopt", "--delete-orphans"]));
    assert_eq!(code, Some(2));
    assert!(
        error.contains("'--adopt' cannot be used with '--delete-orphans'"),
        "{error}"
    );
}

#[test]
fn an_invalid_argument_is_one_line() {
    let (code, error) = failure(&mut branchline(&["run", "--concurency", "1"]));
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(error, @"error: unexpected argument '--concurency' found; a similar argument exists: '--concurrency'; see `branchline run --help`");
    // Commands that do not process messages have no such option.
    let (code, error) = failure(&mut branchline(&["dlq", "list", "--concurrency", "1"]));
    assert_eq!(code, Some(2));
    assert!(error.starts_with("error: unexpected argument"), "{error}");
}

#[test]
fn run_without_an_internal_queue_says_how_to_set_one() {
    let internal = r#"internal_url = "http://127.0.0.1:1/123456789012/internal""#;
    let rules = RULES.replace(internal, "");
    let command = |arguments: &[&str]| {
        let mut command = branchline(arguments);
        command
            .env("BRANCHLINE_CONFIG", "env:RULES")
            .env("RULES", &rules)
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
        command
    };
    for arguments in [&["run"][..], &["audit", "--repair"]] {
        let (code, error) = failure(&mut command(arguments));
        assert_eq!(code, Some(2), "{arguments:?}");
        assert_eq!(
            error,
            "error: RULES:2: queue.internal_url: missing: set it here, with --internal-queue-url or in BRANCHLINE_INTERNAL_QUEUE_URL\n"
        );
    }
    // Commands that use no queue do not need its URL: these get as far as AWS.
    for arguments in [&["mappings", "list"][..], &["audit"]] {
        let (code, error) = failure(&mut command(arguments));
        assert_eq!(code, Some(2), "{arguments:?}");
        assert!(error.starts_with("error: aws-unavailable: "), "{error}");
    }
}

#[test]
fn a_queue_that_never_answers_ends_a_run_with_until_empty() {
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
    let (code, log) = failure(branchline(&arguments).env("RULES", RULES));
    assert_eq!(code, Some(2));
    let outages = log
        .lines()
        .filter(|line| line.contains(" queue does not answer; polling goes on"))
        .count();
    // Once for each source queue.
    assert!((1..=2).contains(&outages), "{log}");
    let last = log.lines().last().unwrap();
    assert!(
        last.starts_with("error: aws-unavailable: ReceiveMessage from http://127.0.0.1:1/"),
        "{last}"
    );
    assert!(
        last.contains("refused") && !last.contains("DispatchFailure"),
        "{last}"
    );
}

/// Returns a command that gets as far as AWS at this endpoint, without any configuration of AWS.
fn without_credentials(arguments: &[&str], endpoint: &str) -> std::process::Command {
    let mut command = branchline(arguments);
    command
        .env("BRANCHLINE_CONFIG", "env:RULES")
        .env("RULES", RULES)
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ENDPOINT_URL", endpoint)
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY");
    command
}

#[test]
fn missing_credentials_are_reported_in_plain_words() {
    for arguments in [
        &["run", "--until-empty"][..],
        &["mappings", "list"],
        &["dlq", "list"],
        &["audit"],
    ] {
        let mut command = without_credentials(arguments, "http://127.0.0.1:1");
        let (code, error) = failure(&mut command);
        assert_eq!(code, Some(2), "{arguments:?}");
        let last = error.lines().last().unwrap();
        assert!(
            last.starts_with("error: aws-denied: ")
                && last.contains(": no AWS credentials were found: ")
                && last.contains("AWS_PROFILE")
                && last.contains("AWS_ACCESS_KEY_ID"),
            "{arguments:?}: {last}"
        );
        assert!(!last.contains("dispatch failure"), "{last}");
    }
}

#[test]
fn an_unreachable_endpoint_has_its_own_remedy() {
    for arguments in [&["run", "--until-empty"][..], &["mappings", "list"]] {
        let mut command = without_credentials(arguments, "http://127.0.0.1:1");
        command.env("AWS_ACCESS_KEY_ID", "test");
        let (_, error) = failure(command.env("AWS_SECRET_ACCESS_KEY", "test"));
        let last = error.lines().last().unwrap();
        assert!(
            last.contains("check the Region, the endpoint and the network")
                && !last.contains("credentials"),
            "{last}"
        );
    }
}

#[test]
fn completions_and_manual_pages_come_with_the_binary() {
    for shell in ["bash", "zsh", "fish"] {
        let output = output(&mut branchline(&["completions", shell]));
        let script = text(output.stdout);
        assert!(
            output.status.success() && script.contains("explain"),
            "{shell}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert!(output(&mut branchline(&["man", path])).status.success());
    let pages = std::fs::read_dir(folder.path()).unwrap().count();
    assert!(pages > 10, "{pages} pages");
    let (code, error) = failure(&mut branchline(&["man", "/does/not/exist"]));
    assert_eq!((code, error.lines().count()), (Some(2), 1), "{error}");
    assert!(
        error.starts_with("error: cannot write to /does/not/exist: "),
        "{error}"
    );
}
