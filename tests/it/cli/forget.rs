//! `branchline mappings forget` against the emulator.

use std::process::Output;

use aws_sdk_codepipeline::types::Tag;

use super::account::Account;
use super::binary::{json_lines, output, text};
use crate::world::clock::START;
use crate::world::webhook::Webhook;
use crate::world::{emulator, rules};

fn run(account: &Account, arguments: &[&str]) -> Output {
    output(&mut account.command(&[&["mappings"], arguments].concat()))
}

fn error(account: &Account, arguments: &[&str]) -> String {
    let output = run(account, &[&["forget", "acme/api#7"], arguments].concat());
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(output.stdout), "");
    text(output.stderr)
}

#[tokio::test]
async fn a_mapping_whose_name_is_taken_is_forgotten_and_starts_anew() {
    let account = Account::new("forget").await;
    account.template().await;
    let foreign = rules::declaration("api-pr-7", "acme/api", &emulator::role());
    let pipelines = account.pipelines().await;
    // Without a tag, a new pipeline is not called a stranger's for five minutes.
    let tag = Tag::builder().key("branchline:managed-by").value("other");
    let create = pipelines.create_pipeline().tags(tag.build().unwrap());
    let created = create.pipeline(emulator::declared(&foreign)).send().await;
    created.unwrap();
    account.send(Webhook::pull_request("opened")).await;
    account.process_all().await;

    let unconfirmed = error(&account, &[]);
    assert!(unconfirmed.contains("add --yes"), "{unconfirmed}");
    let sent = run(
        &account,
        &["forget", "acme/api#7", "--yes", "--output", "json"],
    );
    let messages = text(sent.stderr);
    assert_eq!(sent.status.code(), Some(0), "{messages}");
    assert!(
        messages.contains("mappings history acme/api#7"),
        "{messages}"
    );
    let sent = &json_lines(&text(sent.stdout))[0];
    assert_eq!(sent["state"], "creating");
    let id = sent["message"].as_str().unwrap();
    assert!(id.starts_with("forget-"), "{id}");
    account.process_all().await;

    let history = run(&account, &["history", "acme/api#7"]);
    let history = json_lines(&text(history.stdout));
    let last = history.last().unwrap();
    assert_eq!(last["cause"], format!("repair:{id}"));
    assert_eq!(last["to"], "gone");
    let again = error(&account, &["--yes"]);
    assert!(again.contains("acme/api#7 has no pipeline"), "{again}");

    let delete = pipelines.delete_pipeline().name("api-pr-7").send().await;
    delete.unwrap();
    let later = START.plus(std::time::Duration::from_secs(9));
    let push = Webhook::pull_request("synchronize").before(1).sha(2);
    account.send(push.at(later)).await;
    account.process_all().await;
    let refused = error(&account, &["--yes"]);
    assert!(
        refused.contains("the pipeline 'api-pr-7' of acme/api#7 exists"),
        "{refused}"
    );
}
