//! Implements the reading audit trail port with DynamoDB.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;

use crate::domain::fault::Fault;
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::outcome::chain::Chain;
use crate::domain::time_range::TimeRange;
use crate::ports::{Cursor, EntryPage, TrailReader};

use crate::aws::call::measured;
use crate::aws::dynamodb::DynamoStore;
use crate::aws::fault::{Service, fault};
use crate::aws::row::s;
use crate::aws::store_reader::{cursor, start_key};
use crate::aws::trail::item::entry;

impl TrailReader for DynamoStore {
    async fn chain(&self, chain: &Chain) -> Result<Vec<AuditEntry>, Fault> {
        let call = format!("Query on {}", self.audit_table());
        let mut entries = Vec::new();
        let mut next = None;
        loop {
            let query = self.chain_query(chain).set_exclusive_start_key(next);
            let answer = measured(Service::DynamoDb, &call, query.send()).await;
            let answer = answer.map_err(|error| fault(Service::DynamoDb, &call, error))?;
            entries.extend(answer.items().iter().map(entry));
            next = answer.last_evaluated_key;
            if next.is_none() {
                return Ok(entries);
            }
        }
    }

    async fn entries(&self, after: Option<Cursor>) -> Result<EntryPage, Fault> {
        let call = format!("Scan on {}", self.audit_table());
        let scan = self
            .client()
            .scan()
            .table_name(self.audit_table())
            .set_exclusive_start_key(start_key(after));
        let answer = measured(Service::DynamoDb, &call, scan.send()).await;
        let answer = answer.map_err(|error| fault(Service::DynamoDb, &call, error))?;
        Ok(EntryPage {
            entries: answer.items().iter().map(entry).collect(),
            next: answer.last_evaluated_key.map(cursor),
        })
    }

    async fn within_day(
        &self,
        range: TimeRange,
        newest_first: bool,
        after: Option<Cursor>,
    ) -> Result<EntryPage, Fault> {
        let call = format!("Query {BY_TIME} on {}", self.audit_table());
        let query = self
            .client()
            .query()
            .table_name(self.audit_table())
            .index_name(BY_TIME)
            .key_condition_expression("#day = :day AND processed_at BETWEEN :from AND :to")
            .expression_attribute_names("#day", "day")
            .expression_attribute_values(":day", s(range.day()))
            .expression_attribute_values(":from", s(range.from.to_string()))
            .expression_attribute_values(":to", s(range.to.to_string()))
            .scan_index_forward(!newest_first)
            .set_exclusive_start_key(start_key(after));
        let answer = measured(Service::DynamoDb, &call, query.send()).await;
        let answer = answer.map_err(|error| fault(Service::DynamoDb, &call, error))?;
        Ok(EntryPage {
            entries: answer.items().iter().map(entry).collect(),
            next: answer.last_evaluated_key.map(cursor),
        })
    }
}

/// The index of all entries by the day and the time at which they were made.
pub(in crate::aws) const BY_TIME: &str = "by-time";

impl DynamoStore {
    /// Returns the last entry of a chain, as it is now.
    pub(in crate::aws) async fn last_entry(
        &self,
        chain: &Chain,
    ) -> Result<Option<AuditEntry>, Fault> {
        let call = format!("Query on {}", self.audit_table());
        let query = self.chain_query(chain).scan_index_forward(false).limit(1);
        let answer = measured(Service::DynamoDb, &call, query.send()).await;
        let answer = answer.map_err(|error| fault(Service::DynamoDb, &call, error))?;
        Ok(answer.items().first().map(entry))
    }

    /// Begins a query for the entries of a chain, in order, as they are now.
    fn chain_query(&self, chain: &Chain) -> QueryFluentBuilder {
        self.client()
            .query()
            .table_name(self.audit_table())
            .key_condition_expression("pk = :pk AND begins_with(sk, :kind)")
            .expression_attribute_values(":pk", s(chain.partition()))
            .expression_attribute_values(":kind", s(chain.prefix()))
            .consistent_read(true)
    }
}
