//! The names of stacks in DynamoDB. A claim writes them with the row that records the stacks, so a
//! name is up to date for as long as the row of its subject has the stack. It is released when
//! another subject needs it.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;

use crate::domain::clone::stacks::StackKey;
use crate::domain::fault::Fault;
use crate::domain::ids::Subject;
use crate::ports::{StackHolder, StackHolders, StackNames};

use crate::aws::call::measured;
use crate::aws::dynamodb::DynamoStore;
use crate::aws::fault::{Service, fault};
use crate::aws::records::{STACK, stack_key};
use crate::aws::row::{Item, s};

impl StackHolders for DynamoStore {
    async fn stack_holder(&self, stack: &StackKey) -> Result<Option<StackHolder>, Fault> {
        let item = self.item(stack_key(stack), STACK.to_owned()).await?;
        Ok(item.as_ref().and_then(holder))
    }
}

impl StackNames for DynamoStore {
    async fn release_stack(&self, stack: &StackKey, holder: &StackHolder) -> Result<(), Fault> {
        let call = format!("DeleteItem on {}", self.table());
        let request = self
            .client()
            .delete_item()
            .table_name(self.table())
            .key("pk", s(stack_key(stack)))
            .key("sk", s(STACK))
            .condition_expression("subject = :subject AND claim_owner = :claim")
            .expression_attribute_values(":subject", s(holder.subject.table_key()))
            .expression_attribute_values(":claim", s(holder.claim.as_str()));
        match measured(Service::DynamoDb, &call, request.send()).await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(fault(Service::DynamoDb, &call, error)),
        }
    }
}

fn holder(item: &Item) -> Option<StackHolder> {
    let text = |name| item.get(name)?.as_s().ok();
    Some(StackHolder {
        subject: Subject::from_table_key(text("subject")?)?,
        claim: text("claim_owner")?.clone(),
    })
}
