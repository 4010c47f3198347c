//! Compares the state at the end with what was expected.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::Message;
use branchline::aws::{DynamoStore, audit_table};
use branchline::inspect::trail::{Scope, TrailVerifier};

use super::account::Account;
use super::script::Round;
use crate::world::history::WEB_TEMPLATE;
use crate::world::rules::TEMPLATE;

/// The expected state.
pub(crate) struct Expected {
    subjects: BTreeSet<String>,
    open: BTreeSet<String>,
    /// The subjects that need no mapping: none of their webhooks arrived, and they have ended.
    unknown: BTreeSet<String>,
    invalid: BTreeMap<String, &'static str>,
    forgeries: BTreeMap<String, &'static str>,
}

impl Expected {
    pub(crate) fn of(round: &Round) -> Self {
        Self {
            subjects: round.subjects.clone(),
            open: round.history.open.clone(),
            unknown: round
                .subjects
                .difference(&round.heard)
                .filter(|subject| !round.history.open.contains(*subject))
                .cloned()
                .collect(),
            invalid: round.invalid.clone(),
            forgeries: round.forgeries.clone(),
        }
    }

    pub(crate) fn subjects(&self) -> usize {
        self.subjects.len()
    }

    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn invalid(&self) -> usize {
        self.invalid.len()
    }

    pub(crate) fn forgeries(&self) -> usize {
        self.forgeries.len()
    }
}

/// The state at the end in figures, and the errors in sentences.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) pipelines: usize,
    pub(crate) lost: usize,
    pub(crate) orphaned: usize,
    pub(crate) dead_lettered: usize,
    pub(crate) dead_lettered_again: usize,
    pub(crate) quarantined: usize,
    pub(crate) quarantined_again: usize,
    /// Changes in the audit trail.
    pub(crate) audited: usize,
    /// Dead-lettered messages in the audit trail. An entry is missing if the daemon was killed
    /// between the send and the entry, or if the table did not answer.
    pub(crate) dead_letters_audited: usize,
    /// Quarantined messages in the audit trail, up to the limit per minute.
    pub(crate) quarantined_audited: usize,
    pub(crate) claims: usize,
    pub(crate) wrong: Vec<String>,
}

type Item = HashMap<String, AttributeValue>;

/// Reads queues, table and pipelines, and checks them.
pub(crate) async fn look(account: &Account, expected: &Expected) -> Report {
    let mut report = Report::default();
    let items = scan(account, &account.table).await;
    let rows: Vec<&Item> = items
        .iter()
        .filter(|item| item.contains_key("generation"))
        .collect();
    mappings(&mut report, &rows, expected);
    pipelines(&mut report, account, &rows).await;
    audit(&mut report, account, &items, &rows).await;
    let (dead_lettered, again) = dead_letters(
        &mut report,
        account,
        &account.dead_letters,
        &expected.invalid,
    )
    .await;
    (report.dead_lettered, report.dead_lettered_again) = (dead_lettered, again);
    let (dead_lettered, again) = dead_letters(
        &mut report,
        account,
        &account.quarantine,
        &expected.forgeries,
    )
    .await;
    (report.quarantined, report.quarantined_again) = (dead_lettered, again);
    report
}

/// Checks that each subject has one mapping, settled, in the state of GitHub's last event.
fn mappings(report: &mut Report, rows: &[&Item], expected: &Expected) {
    let mut seen = BTreeSet::new();
    for row in rows {
        let (subject, state) = (display(row), text(row, "state"));
        if row.contains_key("claim_owner") || !matches!(state, "active" | "gone") {
            report.claims += 1;
            report
                .wrong
                .push(format!("{subject} is {state}, not settled: {row:?}"));
        }
        let wanted = if expected.open.contains(&subject) {
            "active"
        } else {
            "gone"
        };
        if state != wanted {
            report.lost += usize::from(wanted == "active");
            report
                .wrong
                .push(format!("{subject} is {state} and not {wanted}"));
        }
        if !seen.insert(subject.clone()) {
            report.wrong.push(format!("{subject} has two mappings"));
        }
    }
    let wrong = expected.subjects.symmetric_difference(&seen);
    for subject in wrong.filter(|subject| !expected.unknown.contains(*subject)) {
        report.lost += usize::from(expected.open.contains(subject));
        report
            .wrong
            .push(format!("{subject} has no mapping, or should have none"));
    }
}

/// Returns the name of the pipeline in a mapping, or an empty text.
fn pipeline_name(row: &Item) -> &str {
    let resources = row.get("resources").and_then(|value| value.as_m().ok());
    let pipeline = resources.and_then(|map| map.get("pipeline")?.as_m().ok());
    pipeline.map_or("", |pipeline| text(pipeline, "name"))
}

/// Checks that pipelines are those of the active mappings and the templates, and that each carries
/// its subject's tag.
async fn pipelines(report: &mut Report, account: &Account, rows: &[&Item]) {
    let active = rows.iter().filter(|row| text(row, "state") == "active");
    let mut owned: BTreeMap<&str, String> = active
        .map(|row| (pipeline_name(row), display(row)))
        .collect();
    let mut pages = account
        .codepipeline
        .list_pipelines()
        .into_paginator()
        .items()
        .send();
    while let Some(pipeline) = pages.next().await {
        let name = pipeline.unwrap().name.unwrap();
        if [TEMPLATE, WEB_TEMPLATE].contains(&name.as_str()) {
            continue;
        }
        report.pipelines += 1;
        let Some(subject) = owned.remove(name.as_str()) else {
            report.orphaned += 1;
            report
                .wrong
                .push(format!("pipeline '{name}' has no mapping"));
            continue;
        };
        let tags = tags(account, &name).await;
        let marked = tags
            .get("branchline:managed-by")
            .is_some_and(|by| *by == account.table);
        if !marked || !tags.contains_key("branchline:subject") {
            report.wrong.push(format!(
                "pipeline '{name}' is not marked as {subject}'s: {tags:?}"
            ));
        }
    }
    for (name, subject) in owned {
        report.lost += 1;
        report.wrong.push(format!(
            "{subject} is active, without its pipeline '{name}'"
        ));
    }
}

async fn tags(account: &Account, name: &str) -> BTreeMap<String, String> {
    let request = account.codepipeline.get_pipeline().name(name);
    let arn = request
        .send()
        .await
        .unwrap()
        .metadata
        .unwrap()
        .pipeline_arn
        .unwrap();
    let request = account
        .codepipeline
        .list_tags_for_resource()
        .resource_arn(arn);
    let tags = request.send().await.unwrap().tags.unwrap_or_default();
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

/// Checks that the audit trail is whole, that each subject's chain of changes ends in its state,
/// and that each webhook in a chain has a record of its own.
async fn audit(report: &mut Report, account: &Account, items: &[Item], rows: &[&Item]) {
    let deliveries: BTreeSet<&str> = items
        .iter()
        .filter_map(|item| text(item, "pk").strip_prefix("DELIVERY#"))
        .collect();
    let store = DynamoStore::new(account.dynamodb.clone(), account.table.clone());
    let verifier = TrailVerifier { store: &store };
    let verified = verifier.verify(&Scope::Everything, || {}).await.unwrap();
    let findings = verified.findings.iter();
    report.wrong.extend(findings.map(|one| format!("{one:?}")));
    let mut last: BTreeMap<(String, String), Item> = BTreeMap::new();
    for item in scan(account, &audit_table(&account.table)).await {
        match text(&item, "outcome") {
            "dead-lettered" => report.dead_letters_audited += 1,
            "quarantined" => report.quarantined_audited += 1,
            _ => {}
        }
        if !text(&item, "sk").starts_with("CHANGE#") {
            continue;
        }
        report.audited += 1;
        let cause = text(&item, "cause");
        let is_webhook = !["sweep:", "sighting:"]
            .iter()
            .any(|prefix| cause.starts_with(prefix));
        if is_webhook && !deliveries.contains(cause) {
            report
                .wrong
                .push(format!("delivery {cause} has no record of its own"));
        }
        let (repository, subject) = text(&item, "pk").split_once('/').unwrap();
        let key = (repository.to_owned(), subject.to_owned());
        let later = |other: &Item| text(other, "sk") > text(&item, "sk");
        if !last.get(&key).is_some_and(later) {
            last.insert(key, item);
        }
    }
    for row in rows {
        let last = last.get(&(text(row, "pk").to_owned(), text(row, "sk").to_owned()));
        if last.map(|entry| text(entry, "to")) != Some(text(row, "state")) {
            report.wrong.push(format!(
                "the trail of {} does not end in its state: {last:?}",
                display(row)
            ));
        }
    }
}

/// Checks that a queue holds the expected dead letters, each with its reason. Returns how many
/// there are, and how many of them a second time: a dead letter is sent again when its confirmation
/// was lost.
async fn dead_letters(
    report: &mut Report,
    account: &Account,
    url: &str,
    expected: &BTreeMap<String, &'static str>,
) -> (usize, usize) {
    let mut missing = expected.clone();
    let (mut count, mut again) = (0, 0);
    for message in receive(account, url).await {
        let body = message.body().unwrap_or_default();
        let attributes = message.message_attributes();
        let reason = attributes.and_then(|all| all.get("branchline-reason")?.string_value());
        count += 1;
        let wanted = expected.get(body).copied();
        if wanted.is_none() || reason != wanted {
            report.wrong.push(format!(
                "dead-lettered for {reason:?} and not {wanted:?}: {body:.200}"
            ));
        }
        again += usize::from(missing.remove(body).is_none());
    }
    report.wrong.extend(
        missing
            .keys()
            .map(|body| format!("not dead-lettered: {body:.200}")),
    );
    (count, again)
}

async fn receive(account: &Account, url: &str) -> Vec<Message> {
    let mut messages = Vec::new();
    loop {
        let request = account.sqs.receive_message().queue_url(url);
        let request = request.max_number_of_messages(10).visibility_timeout(600);
        let answer = request.message_attribute_names("All").send().await.unwrap();
        match answer.messages {
            Some(more) if !more.is_empty() => messages.extend(more),
            Some(_) | None => return messages,
        }
    }
}

async fn scan(account: &Account, table: &str) -> Vec<Item> {
    let request = account.dynamodb.scan().table_name(table);
    let mut pages = request.into_paginator().items().send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(item.unwrap());
    }
    items
}

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.map_or("", String::as_str)
}

/// Returns the subject as people write it.
fn display(row: &Item) -> String {
    let (repository, key) = (text(row, "repository"), text(row, "sk"));
    match key.strip_prefix("PR#") {
        Some(number) => format!("{repository}#{}", number.trim_start_matches('0')),
        None => format!("{repository}@{}", key.trim_start_matches("BRANCH#")),
    }
}
