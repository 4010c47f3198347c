//! `branchline audit` against the emulator.

use serde_json::Value;

use super::account::Account;
use super::binary::{json_lines, output, text};
use crate::world::webhook::Webhook;

/// The actor that the emulator's SQS gives as the sender of every message.
const SENDER: &str = "AIDAIT2UOQQY3AUEKVGXU";

/// Runs an audit without a webhook secret, which must end with `code`. Returns standard output and
/// standard error.
fn run(account: &Account, arguments: &[&str], code: i32) -> (String, String) {
    let mut command = account.command(&[&["audit"], arguments].concat());
    let output = output(command.env_remove("WEBHOOK_SECRET"));
    let messages = text(output.stderr);
    assert_eq!(output.status.code(), Some(code), "{messages}");
    (text(output.stdout), messages)
}

/// The same, with the findings.
fn audit(account: &Account, arguments: &[&str], code: i32) -> (Vec<Value>, String) {
    let (lines, messages) = run(account, arguments, code);
    (json_lines(&lines), messages)
}

fn kinds(findings: &[Value]) -> Vec<String> {
    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let mut kinds: Vec<_> = findings
        .iter()
        .map(|finding| format!("{} {}", word(finding, "kind"), word(finding, "pipeline")))
        .collect();
    kinds.sort();
    kinds
}

/// Deletes the pipeline of pull request 7, edits that of 8, and creates an orphan.
async fn damage(account: &Account) {
    let pipelines = account.pipelines().await;
    let get = async |name: &str| pipelines.get_pipeline().name(name).send().await.unwrap();
    pipelines
        .delete_pipeline()
        .name("api-pr-7")
        .send()
        .await
        .unwrap();
    let mut edited = get("api-pr-8").await.pipeline.unwrap();
    let build = edited.stages.iter_mut().find(|stage| stage.name == "Build");
    build.unwrap().name = "Again".to_owned();
    pipelines
        .update_pipeline()
        .pipeline(edited)
        .send()
        .await
        .unwrap();
    let answer = get("api-pr-9").await;
    let arn = answer.metadata.unwrap().pipeline_arn.unwrap();
    let tags = pipelines
        .list_tags_for_resource()
        .resource_arn(&arn)
        .send()
        .await
        .unwrap();
    let mut orphan = answer.pipeline.unwrap();
    orphan.name = "lost".to_owned();
    let retagged = tags.tags().iter().cloned().map(|mut tag| {
        if tag.key == "branchline:subject" {
            tag.value = tag.value.replace("/pull/9", "/pull/99");
        }
        tag
    });
    let create = pipelines.create_pipeline().pipeline(orphan);
    create
        .set_tags(Some(retagged.collect()))
        .send()
        .await
        .unwrap();
}

/// Sends the repairs of the three findings, and lets the daemon process them.
async fn repair(account: &Account) {
    let (_, messages) = audit(account, &["--repair"], 2);
    assert!(
        messages.ends_with(
            "error: standard input is not a terminal, so you cannot be asked to confirm: add --yes\n"
        ),
        "{messages}"
    );
    assert_eq!(account.internal_count().await, 0);
    let (_, messages) = audit(account, &["--repair", "--yes"], 1);
    assert!(
        messages.contains("3 repairs: deletes 1 pipeline\n"),
        "{messages}"
    );
    assert!(
        messages.contains("3 repairs sent to the internal queue; "),
        "{messages}"
    );
    assert_eq!(account.counts().await, [0, 0, 0]);
    assert_eq!(account.internal_count().await, 3);
    account.process_all().await;
    assert_eq!(account.internal_count().await, 0);
}

#[tokio::test]
async fn findings_are_reported_and_the_daemon_repairs_them() {
    let account = Account::new("audit").await;
    account.template().await;
    for number in [7, 8, 9] {
        account
            .send(Webhook::pull_request("opened").number(number))
            .await;
    }
    account.process_all().await;
    let (found, messages) = audit(&account, &[], 0);
    assert_eq!((found.len(), messages.as_str()), (0, "0 findings\n"));

    damage(&account).await;
    let (found, messages) = audit(&account, &[], 1);
    let three = ["drifted api-pr-8", "missing api-pr-7", "orphan lost"];
    assert_eq!(
        (kinds(&found).as_slice(), messages.as_str()),
        (
            &three.map(str::to_owned)[..],
            "3 findings: 1 drifted, 1 missing, 1 orphan\n"
        )
    );
    let drifted = found.iter().find(|one| one["kind"] == "drifted").unwrap();
    let differences = drifted["differences"].as_str().unwrap();
    assert!(
        differences.contains("- stages/Build") && differences.contains("+ stages/Again"),
        "{differences}"
    );
    let (only, _) = audit(&account, &["--only", "orphan,half-way"], 1);
    assert_eq!(kinds(&only), ["orphan lost"]);
    let (table, _) = run(&account, &["--output", "table"], 1);
    assert!(
        table.starts_with("KIND") && table.contains("missing     acme/api#7"),
        "{table}"
    );
    let (csv, _) = run(&account, &["--output", "csv"], 1);
    assert!(
        csv.starts_with("kind,subject,pipeline,project,detail,repairable,adoptable,differences\n"),
        "{csv}"
    );

    repair(&account).await;
    let (found, _) = audit(&account, &[], 0);
    assert!(found.is_empty());
    let history = output(&mut account.command(&["mappings", "history", "api-pr-7"]));
    let history = json_lines(&text(history.stdout));
    let last = history.last().unwrap();
    assert_eq!(
        (last["actor"].as_str(), last["outcome"].as_str()),
        (Some(SENDER), Some("created"))
    );
    assert_eq!(account.counts().await, [0, 0, 0]);
    an_unreadable_row_is_a_finding_among_others(&account).await;
}

async fn an_unreadable_row_is_a_finding_among_others(account: &Account) {
    account.damage("PR#0000000007").await;
    let pipelines = account.pipelines().await;
    let delete = pipelines.delete_pipeline().name("api-pr-9");
    delete.send().await.unwrap();
    let (found, _) = audit(account, &[], 1);
    let both = ["missing", "unreadable"].map(|kind| {
        let mut found = found.iter();
        found.find(|one| one["kind"] == kind).unwrap()
    });
    let [missing, unreadable] = both;
    assert_eq!(found.len(), 2);
    assert_eq!(missing["repairable"], true);
    assert_eq!(unreadable["repairable"], false);
    let detail = unreadable["detail"].as_str().unwrap();
    assert!(detail.contains("PR#0000000007"), "{detail}");
}

#[tokio::test]
async fn invalid_arguments_are_reported() {
    let account = Account::new("audit-words").await;
    let (_, error) = audit(&account, &["--only", "broken"], 2);
    assert!(
        error.starts_with("error: ")
            && error.contains(
                "[possible values: orphan, missing, half-way, drifted, rule-gone, not-ours, unreadable, left-behind, stack-left, stack-missing, deployment-missing]"
            ),
        "{error}"
    );
    let (_, error) = audit(&account, &["--yes"], 2);
    assert_eq!(
        error,
        "error: the following required arguments were not provided: <--repair|--adopt>; see `branchline audit --help`\n"
    );
}
