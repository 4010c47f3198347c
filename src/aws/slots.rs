//! The slots of a rule's clones: one item per rule, with the set of subjects that have a slot and
//! the map of those that wait for one.
//!
//! Every write is conditional on the item itself, so that any number of workers together never
//! acquire a slot too many, and none overtakes a subject that waits for longer.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnRefusal,
};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{RepositoryName, Subject, Timestamp};
use crate::domain::state::slots::{Line, SlotUse, Waiter};
use crate::ports::{SLOT_CALLS, SlotResult};

use crate::aws::call::measured;
use crate::aws::dynamodb::DynamoStore;
use crate::aws::fault::{Service, fault};
use crate::aws::row::{self, Item, Part, count, map, n, s};

/// The longest subject that is stored as it is, in bytes. An item may have 400 KB, which a thousand
/// subjects of this length do not reach.
const MAX_MEMBER_LENGTH: usize = 100;

/// The most that those who wait may take of an item, in bytes: about a thousand pull requests.
const MAX_WAITING_LENGTH: usize = 100_000;

/// The length of a time and of the names of attributes, in bytes.
const WAITER_OVERHEAD: usize = 40;

/// The partition of what is known of the account.
const ACCOUNT: &str = "ACCOUNT";

/// The map of those who wait.
const WAITING: &str = "waiting";

impl DynamoStore {
    /// Costs one call if a slot is free and nobody waits, or if the subject waits already, and
    /// another one if that changes.
    pub(super) async fn acquire(
        &self,
        rule: &str,
        max: u32,
        waiter: &Waiter,
    ) -> Result<SlotResult, Fault> {
        let subject = &waiter.subject;
        let member = member(subject);
        let update = self
            .slots_item(rule)
            .update_expression("ADD subjects :member")
            .condition_expression(
                "attribute_exists(slots_counted) AND (contains(subjects, :subject) OR (size(waiting) = :nobody AND (attribute_not_exists(subjects) OR size(subjects) < :max)))",
            )
            .expression_attribute_values(":member", AttributeValue::Ss(vec![member.clone()]))
            .expression_attribute_values(":subject", s(member.as_str()))
            .expression_attribute_values(":nobody", n(0))
            .expression_attribute_values(":max", n(max));
        let begun = Instant::now();
        let mut item = match self.send(rule, update).await? {
            Updated::Done(_) => return Ok(SlotResult::Acquired),
            Updated::Refused(item) => item,
        };
        while begun.elapsed() < SLOT_CALLS {
            let slots = slot_use(&item, subject);
            let ahead = slots.ahead_of(subject);
            let (result, update) = if !slots.counted {
                return Ok(SlotResult::Uncounted);
            } else if slots.admits(subject, max) {
                let update = self
                    .slots_item(rule)
                    .update_expression("ADD subjects :member REMOVE waiting.#member")
                    .expression_attribute_values(
                        ":member",
                        AttributeValue::Ss(vec![member.clone()]),
                    );
                (SlotResult::Acquired, update)
            } else if slots.is_waiting(subject) || !fits(&slots) {
                return Ok(SlotResult::Full { ahead });
            } else {
                let update = self
                    .slots_item(rule)
                    .update_expression("SET waiting.#member = :waiter")
                    .expression_attribute_values(":waiter", entry(waiter));
                (SlotResult::Full { ahead }, update)
            };
            let update = if_as_seen(update, &item).expression_attribute_names("#member", &member);
            item = match self.send(rule, update).await? {
                Updated::Done(_) => return Ok(result),
                Updated::Refused(item) => item,
            };
        }
        let detail = format!(
            "RULE#{rule} was changed by other workers for {SLOT_CALLS:?} while a slot was acquired"
        );
        Err(Fault::new(Reason::AwsConflict, detail))
    }

    pub(super) async fn release(&self, rule: &str, subject: &Subject) -> Result<SlotUse, Fault> {
        let member = member(subject);
        let update = self
            .slots_item(rule)
            .update_expression("DELETE subjects :member REMOVE waiting.#member")
            .condition_expression("attribute_exists(slots_counted)")
            .expression_attribute_names("#member", &member)
            .expression_attribute_values(":member", AttributeValue::Ss(vec![member.clone()]))
            .return_values(ReturnValue::AllOld);
        match self.send(rule, update).await? {
            Updated::Done(item) => Ok(slot_use(&item, subject)),
            // Nobody acquired one yet.
            Updated::Refused(_) => Ok(SlotUse::default()),
        }
    }

    pub(super) async fn leave(&self, line: &Line, waiter: &Waiter) -> Result<SlotUse, Fault> {
        let update = self
            .line_item(line)
            .update_expression("REMOVE waiting.#member")
            .condition_expression("waiting.#member.since = :since")
            .expression_attribute_names("#member", member(&waiter.subject))
            .expression_attribute_values(":since", n(waiter.since.0))
            .return_values(ReturnValue::AllOld);
        match self.send(&line.to_string(), update).await? {
            Updated::Done(item) if *line == Line::Account => Ok(account_use(&item)),
            Updated::Done(item) => Ok(slot_use(&item, &waiter.subject)),
            Updated::Refused(_) => Ok(SlotUse::default()),
        }
    }

    pub(super) async fn count(&self, rule: &str, subjects: &[Subject]) -> Result<(), Fault> {
        let update = self
            .slots_item(rule)
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":nobody", map([]));
        let update = if subjects.is_empty() {
            update.update_expression(
                "SET slots_counted = :yes, waiting = if_not_exists(waiting, :nobody)",
            )
        } else {
            let all = subjects.iter().map(member).collect();
            update
                .update_expression("SET slots_counted = :yes, waiting = if_not_exists(waiting, :nobody) ADD subjects :all")
                .expression_attribute_values(":all", AttributeValue::Ss(all))
        };
        self.send(rule, update).await.map(|_| ())
    }

    pub(super) async fn slot_use(&self, rule: &str, subject: &Subject) -> Result<SlotUse, Fault> {
        let item = self.item(format!("RULE#{rule}"), "RULE".to_owned()).await?;
        Ok(slot_use(&item.unwrap_or_default(), subject))
    }

    /// Counts the pipelines of the account.
    pub(super) async fn note_count(&self, count: usize, now: Timestamp) -> Result<SlotUse, Fault> {
        let update = self
            .line_item(&Line::Account)
            .update_expression(
                "SET pipelines = :count, counted_at = :now, waiting = if_not_exists(waiting, :nobody)",
            )
            .expression_attribute_values(":count", row::count(count))
            .expression_attribute_values(":now", s(now.to_string()))
            .expression_attribute_values(":nobody", map([]))
            .return_values(ReturnValue::AllNew);
        self.account_after(update).await
    }

    pub(super) async fn wait(&self, waiter: &Waiter) -> Result<SlotUse, Fault> {
        let update = self
            .line_item(&Line::Account)
            .update_expression("SET waiting.#member = if_not_exists(waiting.#member, :waiter)")
            .condition_expression("attribute_exists(waiting)")
            .expression_attribute_names("#member", member(&waiter.subject))
            .expression_attribute_values(":waiter", entry(waiter))
            .return_values(ReturnValue::AllNew);
        self.account_after(update).await
    }

    pub(super) async fn account(&self) -> Result<SlotUse, Fault> {
        let (pk, sk) = key(&Line::Account);
        let item = self.item(pk, sk.to_owned()).await?;
        Ok(account_use(&item.unwrap_or_default()))
    }

    async fn account_after(&self, update: UpdateItemFluentBuilder) -> Result<SlotUse, Fault> {
        match self.send(ACCOUNT, update).await? {
            Updated::Done(item) => Ok(account_use(&item)),
            Updated::Refused(_) => Ok(SlotUse::default()),
        }
    }

    fn slots_item(&self, rule: &str) -> UpdateItemFluentBuilder {
        self.line_item(&Line::Rule(rule.to_owned()))
    }

    fn line_item(&self, line: &Line) -> UpdateItemFluentBuilder {
        let (pk, sk) = key(line);
        self.client()
            .update_item()
            .table_name(self.table())
            .key("pk", s(pk))
            .key("sk", s(sk))
            .return_values_on_condition_check_failure(OnRefusal::AllOld)
    }

    async fn send(&self, rule: &str, update: UpdateItemFluentBuilder) -> Result<Updated, Fault> {
        let error = match measured(Service::DynamoDb, "UpdateItem", update.send()).await {
            Ok(answer) => return Ok(Updated::Done(answer.attributes.unwrap_or_default())),
            Err(error) => error,
        };
        if let SdkError::ServiceError(refused) = &error
            && let UpdateItemError::ConditionalCheckFailedException(refused) = refused.err()
        {
            let item = refused.item().cloned().unwrap_or_default();
            return Ok(Updated::Refused(item));
        }
        let call = format!("UpdateItem of the slots of {rule} on {}", self.table());
        Err(fault(Service::DynamoDb, &call, error))
    }
}

/// The result of an update, with the item as it was before, if that was asked for or the condition
/// did not hold.
enum Updated {
    Done(Item),
    Refused(Item),
}

/// Adds the condition that as many subjects have a slot, and as many wait, as in this item. If
/// other subjects changed meanwhile, the decision about this one is the same.
fn if_as_seen(update: UpdateItemFluentBuilder, seen: &Item) -> UpdateItemFluentBuilder {
    let waiting = seen.get(WAITING).and_then(|waiting| waiting.as_m().ok());
    let waiting = waiting.map_or(0, |waiting| waiting.len());
    let update = update.expression_attribute_values(":waiting", count(waiting));
    match holders(seen).len() {
        0 => update
            .condition_expression("size(waiting) = :waiting AND attribute_not_exists(subjects)"),
        taken => update
            .condition_expression("size(waiting) = :waiting AND size(subjects) = :taken")
            .expression_attribute_values(":taken", count(taken)),
    }
}

fn key(line: &Line) -> (String, &'static str) {
    match line {
        Line::Rule(rule) => (format!("RULE#{rule}"), "RULE"),
        Line::Account => (ACCOUNT.to_owned(), "PIPELINES"),
    }
}

fn slot_use(item: &Item, subject: &Subject) -> SlotUse {
    let taken = holders(item);
    SlotUse {
        counted: item.contains_key("slots_counted"),
        taken: taken.len(),
        held: taken.contains(&member(subject)),
        waiting: waiters(item),
    }
    .in_order()
}

fn account_use(item: &Item) -> SlotUse {
    let pipelines = item.get("pipelines").and_then(|count| count.as_n().ok());
    let pipelines = pipelines.and_then(|count| count.parse().ok());
    SlotUse {
        counted: pipelines.is_some(),
        taken: pipelines.unwrap_or_default(),
        held: false,
        waiting: waiters(item),
    }
    .in_order()
}

/// Returns those who wait. What cannot be read waits for its message.
fn waiters(item: &Item) -> Vec<Waiter> {
    let waiting = item.get(WAITING).and_then(|waiting| waiting.as_m().ok());
    let entries = waiting.into_iter().flatten();
    entries
        .filter_map(|(_, entry)| waiter(entry.as_m().ok()?).ok())
        .collect()
}

fn holders(item: &Item) -> &[String] {
    let subjects = item
        .get("subjects")
        .and_then(|subjects| subjects.as_ss().ok());
    subjects.map(Vec::as_slice).unwrap_or_default()
}

fn waiter(entry: &Item) -> Result<Waiter, Fault> {
    let part = Part::row(entry);
    Ok(Waiter {
        subject: part.parse("subject", Subject::from_table_key)?,
        repository: part.parse("repository", |name| RepositoryName::parse(name).ok())?,
        since: Timestamp(part.required("since")?),
    })
}

fn entry(waiter: &Waiter) -> AttributeValue {
    map([
        ("subject", Some(s(waiter.subject.table_key()))),
        ("repository", Some(s(waiter.repository.as_str()))),
        ("since", Some(n(waiter.since.0))),
    ])
}

/// Returns true if one more subject can wait without the item becoming too large.
fn fits(slots: &SlotUse) -> bool {
    let length = |waiter: &Waiter| {
        let names = waiter.subject.table_key().len() + waiter.repository.as_str().len();
        names + member(&waiter.subject).len() + WAITER_OVERHEAD
    };
    slots.waiting.iter().map(length).sum::<usize>() < MAX_WAITING_LENGTH
}

fn member(subject: &Subject) -> String {
    let key = subject.table_key();
    if key.len() <= MAX_MEMBER_LENGTH {
        return key;
    }
    format!("SHA256#{}", hex::encode(Sha256::digest(key)))
}
