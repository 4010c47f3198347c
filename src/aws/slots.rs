//! The slots of a rule's clones: one item per rule, with the set of subjects that have a slot.
//! Every write is conditional on the set itself, so that any number of workers together never
//! acquire a slot too many.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use sha2::{Digest, Sha256};

use crate::domain::fault::Fault;
use crate::domain::ids::Subject;
use crate::ports::{SlotResult, SlotUse};

use crate::aws::call::measured;
use crate::aws::dynamodb::DynamoStore;
use crate::aws::fault::{Service, fault};
use crate::aws::row::{n, s};

/// The longest subject that is stored as it is, in bytes. An item may have 400 KB, which a thousand
/// subjects of this length do not reach.
const MAX_MEMBER_LENGTH: usize = 100;

impl DynamoStore {
    pub(super) async fn acquire(
        &self,
        rule: &str,
        max: u32,
        subject: &Subject,
    ) -> Result<SlotResult, Fault> {
        let member = member(subject);
        let update = self
            .slots_item(rule)
            .update_expression("ADD subjects :member")
            .condition_expression(
                "attribute_exists(slots_counted) AND (attribute_not_exists(subjects) OR size(subjects) < :max OR contains(subjects, :subject))",
            )
            .expression_attribute_values(":member", AttributeValue::Ss(vec![member.clone()]))
            .expression_attribute_values(":subject", s(member))
            .expression_attribute_values(":max", n(max));
        match self.send(rule, update).await? {
            Updated::Done => Ok(SlotResult::Acquired),
            Updated::Refused { counted: true } => Ok(SlotResult::Full),
            Updated::Refused { counted: false } => Ok(SlotResult::Uncounted),
        }
    }

    pub(super) async fn release(&self, rule: &str, subject: &Subject) -> Result<(), Fault> {
        let update = self
            .slots_item(rule)
            .update_expression("DELETE subjects :member")
            .expression_attribute_values(":member", AttributeValue::Ss(vec![member(subject)]));
        self.send(rule, update).await.map(|_| ())
    }

    pub(super) async fn count(&self, rule: &str, subjects: &[Subject]) -> Result<(), Fault> {
        let update = self
            .slots_item(rule)
            .condition_expression("attribute_not_exists(slots_counted)")
            .expression_attribute_values(":yes", AttributeValue::Bool(true));
        let update = if subjects.is_empty() {
            update.update_expression("SET slots_counted = :yes")
        } else {
            let all = subjects.iter().map(member).collect();
            update
                .update_expression("SET slots_counted = :yes ADD subjects :all")
                .expression_attribute_values(":all", AttributeValue::Ss(all))
        };
        self.send(rule, update).await.map(|_| ())
    }

    pub(super) async fn slot_use(&self, rule: &str, subject: &Subject) -> Result<SlotUse, Fault> {
        let item = self.item(format!("RULE#{rule}"), "RULE".to_owned()).await?;
        let item = item.unwrap_or_default();
        let taken = item
            .get("subjects")
            .and_then(|subjects| subjects.as_ss().ok())
            .map(Vec::as_slice)
            .unwrap_or_default();
        Ok(SlotUse {
            counted: item.contains_key("slots_counted"),
            taken: taken.len(),
            held: taken.contains(&member(subject)),
        })
    }

    fn slots_item(&self, rule: &str) -> UpdateItemFluentBuilder {
        self.client()
            .update_item()
            .table_name(self.table())
            .key("pk", s(format!("RULE#{rule}")))
            .key("sk", s("RULE"))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    async fn send(&self, rule: &str, update: UpdateItemFluentBuilder) -> Result<Updated, Fault> {
        let error = match measured(Service::DynamoDb, "UpdateItem", update.send()).await {
            Ok(_) => return Ok(Updated::Done),
            Err(error) => error,
        };
        if let SdkError::ServiceError(refused) = &error
            && let UpdateItemError::ConditionalCheckFailedException(refused) = refused.err()
        {
            let counted = refused
                .item()
                .is_some_and(|item| item.contains_key("slots_counted"));
            return Ok(Updated::Refused { counted });
        }
        let call = format!("UpdateItem of RULE#{rule} on {}", self.table());
        Err(fault(Service::DynamoDb, &call, error))
    }
}

enum Updated {
    Done,
    Refused { counted: bool },
}

fn member(subject: &Subject) -> String {
    let key = subject.table_key();
    if key.len() <= MAX_MEMBER_LENGTH {
        return key;
    }
    format!("SHA256#{}", hex::encode(Sha256::digest(key)))
}
