//! Implements the audit log port with DynamoDB.

use crate::domain::fault::Fault;
use crate::domain::ids::Subject;
use crate::domain::outcome::audit_entry::NewAuditEntry;
use crate::ports::AuditLog;

use crate::aws::call::measured;
use crate::aws::dynamodb::DynamoStore;
use crate::aws::fault::{Service, fault};
use crate::aws::records::audit_item;

impl AuditLog for DynamoStore {
    async fn note(&self, subject: &Subject, entry: &NewAuditEntry) -> Result<(), Fault> {
        let call = format!("PutItem on {}", self.table());
        let request = self
            .client()
            .put_item()
            .table_name(self.table())
            .set_item(Some(audit_item(subject, entry)));
        let answer = measured(Service::DynamoDb, &call, request.send()).await;
        answer
            .map(|_| ())
            .map_err(|error| fault(Service::DynamoDb, &call, error))
    }
}
