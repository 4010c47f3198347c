//! Conditional updates of one item.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

use crate::domain::fault::Fault;

use crate::aws::call::measured;
use crate::aws::dynamodb::DynamoStore;
use crate::aws::expression::Expression;
use crate::aws::fault::{Service, fault};
use crate::aws::row::s;

impl DynamoStore {
    /// Updates an item, on a condition if there is one. Returns false if the condition does not
    /// hold.
    pub(super) async fn update_item(
        &self,
        pk: String,
        sk: String,
        change: Expression,
        condition: Option<&str>,
    ) -> Result<bool, Fault> {
        let call = format!("UpdateItem of {pk} on {}", self.table());
        let request = self
            .client()
            .update_item()
            .table_name(self.table())
            .key("pk", s(pk))
            .key("sk", s(sk))
            .update_expression(change.text())
            .set_condition_expression(condition.map(str::to_owned))
            .set_expression_attribute_names(Some(change.names))
            .set_expression_attribute_values(Some(change.values));
        match measured(Service::DynamoDb, "UpdateItem", request.send()).await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(fault(Service::DynamoDb, &call, error)),
        }
    }
}
