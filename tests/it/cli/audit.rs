//! `branchline audit` against the emulator.

use std::process::Output;

use serde_json::Value;

use super::account::Account;
use crate::world::webhook::Webhook;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs an audit, which ends with `code`: the findings, and what was said beside them.
fn audit(account: &Account, arguments: &[&str], code: i32) -> (Vec<Value>, String) {
    let output = output(account, arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    let lines = text(&output.stdout);
    let findings = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    (findings.collect(), said)
}

fn output(account: &Account, arguments: &[&str]) -> Output {
    let mut all = vec!["audit"];
    all.extend(arguments);
    account.command(&all).output().unwrap()
}

fn flaws(findings: &[Value]) -> Vec<String> {
    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let mut flaws: Vec<_> = findings
        .iter()
        .map(|finding| format!("{} {}", word(finding, "flaw"), word(finding, "pipeline")))
        .collect();
    flaws.sort();
    flaws
}

fn work(account: &Account) {
    let ran = account.daemon(&["--until-empty"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
}

#[tokio::test]
async fn what_is_wrong_is_found_told_and_repaired_by_the_daemon() {
    let account = Account::in_region("audit", "ap-southeast-4").await;
    account.template().await;
    for number in [7, 8, 9] {
        account
            .send(Webhook::pull_request("opened").number(number))
            .await;
    }
    work(&account);
    let (found, said) = audit(&account, &[], 0);
    assert_eq!((found.len(), said.as_str()), (0, "findings: 0\n"));

    let pipelines = account.pipelines().await;
    let get = async |name: &str| pipelines.get_pipeline().name(name).send().await.unwrap();
    pipelines
        .delete_pipeline()
        .name("api-pr-7")
        .send()
        .await
        .unwrap();
    let mut edited = get("api-pr-8").await.pipeline.unwrap();
    edited.stages.retain(|stage| stage.name != "Build");
    let mut second = edited.stages[0].clone();
    second.name = "Again".to_owned();
    edited.stages.push(second);
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

    let (found, said) = audit(&account, &[], 1);
    let three = ["drifted api-pr-8", "missing api-pr-7", "orphan lost"];
    assert_eq!(
        (flaws(&found).as_slice(), said.as_str()),
        (&three.map(str::to_owned)[..], "findings: 3\n")
    );
    let drifted = found.iter().find(|one| one["flaw"] == "drifted").unwrap();
    let differences = drifted["differences"].as_str().unwrap();
    assert!(
        differences.contains("- stages/Build") && differences.contains("+ stages/Again"),
        "{differences}"
    );
    let (only, _) = audit(&account, &["--only", "orphan,half-way"], 1);
    assert_eq!(flaws(&only), ["orphan lost"]);
    let table = text(&output(&account, &["--output", "table"]).stdout);
    assert!(
        table.starts_with("FLAW") && table.contains("missing     acme/api#7"),
        "{table}"
    );
    let csv = text(&output(&account, &["--output", "csv"]).stdout);
    assert!(
        csv.starts_with("flaw,subject,pipeline,detail,repairable,differences\n"),
        "{csv}"
    );

    let (_, said) = audit(&account, &["--repair"], 2);
    assert!(
        said.ends_with("nobody can be asked here: give --yes\n"),
        "{said}"
    );
    assert_eq!(account.counts().await, [0, 0, 0]);
    let (_, said) = audit(&account, &["--repair", "--yes", "--by", "ada"], 1);
    assert!(
        said.contains("repairs: 3, of which 1 delete a pipeline"),
        "{said}"
    );
    assert!(said.contains("repairs sent: 3."), "{said}");
    assert_eq!(account.counts().await, [3, 0, 0]);
    work(&account);
    let (found, _) = audit(&account, &[], 0);
    assert!(found.is_empty());
    let history = account
        .command(&["mappings", "history", "api-pr-7"])
        .output()
        .unwrap();
    let last = text(&history.stdout).lines().last().unwrap().to_owned();
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(
        (last["actor"].as_str(), last["outcome"].as_str()),
        (Some("ada"), Some("created"))
    );
    assert_eq!(account.counts().await, [0, 0, 0]);
    a_row_that_cannot_be_read_is_a_finding_among_others(&account).await;
}

async fn a_row_that_cannot_be_read_is_a_finding_among_others(account: &Account) {
    account.damage("PR#0000000007").await;
    let pipelines = account.pipelines().await;
    let delete = pipelines.delete_pipeline().name("api-pr-9");
    delete.send().await.unwrap();
    let (found, _) = audit(account, &[], 1);
    let both = ["missing", "unreadable"].map(|flaw| {
        let mut found = found.iter();
        found.find(|one| one["flaw"] == flaw).unwrap()
    });
    let [missing, unreadable] = both;
    assert_eq!(found.len(), 2);
    assert_eq!(missing["repairable"], true);
    assert_eq!(unreadable["repairable"], false);
    let detail = unreadable["detail"].as_str().unwrap();
    assert!(detail.contains("PR#0000000007"), "{detail}");
}

#[tokio::test]
async fn words_that_mean_nothing_are_told() {
    let account = Account::new("audit-words").await;
    let (_, said) = audit(&account, &["--only", "broken"], 2);
    assert!(
        said.contains("want orphan, missing, half-way, drifted, rule-gone, not-ours, unreadable"),
        "{said}"
    );
    let (_, said) = audit(&account, &["--yes"], 2);
    assert_eq!(
        said,
        "the following required arguments were not provided: --repair; try `branchline audit --help`\n"
    );
}
