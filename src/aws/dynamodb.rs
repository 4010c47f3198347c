//! The store port over DynamoDB.
//!
//! Every write is conditional. The answer to a refused one has the row
//! (`ReturnValuesOnConditionCheckFailure`), so no extra read is needed.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{
    BodyDigest, CommitId, DeliveryId, PipelineName, RepositoryId, RepositoryName, Subject,
    Timestamp,
};
use crate::domain::outcome::audit_entry::{AuditEntry, NewAuditEntry};
use crate::domain::outcome::chain::Chain;
use crate::domain::state::claim::{Claim, Transition};
use crate::domain::state::mapping::Expect;
use crate::domain::state::repository::RepositoryTombstone;
use crate::domain::state::slots::{Line, SlotUse, Waiter};
use crate::ports::{ClaimResult, RecordResult, SlotResult, Store};

use crate::aws::commits::write::part;
use crate::aws::records::{
    CONDITION, delivery_item, given_up_item, holder, incomplete, name_key, plain_put, probe_put,
    refused_row, reserving_put, skipped_check, stack_put,
};
use crate::aws::row::{self, n, s};
use crate::aws::trail::{LastEntries, audit_table, entry_item};
use crate::aws::transaction::{self, Written};
use crate::aws::written_names::WrittenNames;

/// How often an entry is linked to the end of a chain that its mapping does not have.
const CHAIN_ATTEMPTS: usize = 3;

/// The store in DynamoDB.
pub struct DynamoStore {
    client: Client,
    table: String,
    audit_table: String,
    last_entries: LastEntries,
    written_names: WrittenNames,
}

impl DynamoStore {
    /// Creates a store over this table, and over the table of its audit trail.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self {
            client,
            audit_table: audit_table(&table),
            table,
            last_entries: LastEntries::default(),
            written_names: WrittenNames::default(),
        }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn table(&self) -> &str {
        &self.table
    }

    pub(super) fn audit_table(&self) -> &str {
        &self.audit_table
    }

    pub(super) fn written_names(&self) -> &WrittenNames {
        &self.written_names
    }

    pub(super) fn last_entries(&self) -> &LastEntries {
        &self.last_entries
    }

    async fn write(&self, items: Vec<TransactWriteItem>) -> Result<Written, Fault> {
        transaction::write(&self.client, &self.table, items).await
    }

    /// Puts the mapping on its condition.
    fn mapping_put(&self, transition: &Transition) -> Result<TransactWriteItem, Fault> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(row::write(&transition.next)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match &transition.expect {
            Expect::Unseen => put.condition_expression("attribute_not_exists(pk)"),
            Expect::Seen {
                generation,
                state,
                claim,
            } => {
                let put = put
                    .expression_attribute_names("#state", "state")
                    .expression_attribute_values(":state", s(state.as_str()))
                    .expression_attribute_values(":generation", n(*generation));
                match claim {
                    None => put.condition_expression(
                        "generation = :generation AND #state = :state AND attribute_not_exists(claim_owner)",
                    ),
                    Some(claim) => put
                        .condition_expression(
                            "generation = :generation AND #state = :state AND claim_owner = :owner AND claim_until = :until",
                        )
                        .expression_attribute_values(":owner", s(claim.owner.as_str()))
                        .expression_attribute_values(":until", n(claim.until.0)),
                }
            }
        };
        Ok(TransactWriteItem::builder()
            .put(put.build().map_err(incomplete)?)
            .build())
    }

    /// Releases the pipeline's name, if this subject has it.
    fn name_delete(
        &self,
        name: &PipelineName,
        subject: &Subject,
    ) -> Result<TransactWriteItem, Fault> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(name_key(name)))
            .condition_expression("attribute_not_exists(pk) OR subject = :subject")
            .expression_attribute_values(":subject", s(subject.table_key()));
        Ok(TransactWriteItem::builder()
            .delete(delete.build().map_err(incomplete)?)
            .build())
    }

    /// Adds an entry to the audit trail, if its place is free.
    fn entry_put(&self, chain: &Chain, entry: &AuditEntry) -> Result<TransactWriteItem, Fault> {
        let put = Put::builder()
            .table_name(&self.audit_table)
            .set_item(Some(entry_item(chain, entry)))
            .condition_expression("attribute_not_exists(pk)");
        Ok(TransactWriteItem::builder()
            .put(put.build().map_err(incomplete)?)
            .build())
    }

    /// Updates the commits of a transition.
    fn commit_parts(&self, transition: &Transition) -> Result<Vec<TransactWriteItem>, Fault> {
        let now = transition.next.updated_at;
        let updates = transition.commits.iter();
        updates
            .map(|update| part(&self.table, update, now))
            .collect()
    }

    /// Writes the mapping first, then `more`, and releases a name. If the name belongs to another
    /// subject by now, the rest is written without that.
    async fn transition(
        &self,
        transition: &Transition,
        more: &[TransactWriteItem],
    ) -> Result<Written, Fault> {
        let mut items = vec![self.mapping_put(transition)?];
        items.extend_from_slice(more);
        let Some(name) = &transition.releases else {
            return self.write(items).await;
        };
        let mut releasing = items.clone();
        releasing.push(self.name_delete(name, &transition.next.subject)?);
        match self.write(releasing).await? {
            Written::Refused(reasons) if refused_row(&reasons)?.is_none() => {
                self.write(items).await
            }
            written @ (Written::Done | Written::Refused(_)) => Ok(written),
        }
    }
}

impl Store for DynamoStore {
    async fn claim(&self, transition: Transition) -> Result<ClaimResult, Fault> {
        self.remember_name(&transition.next).await?;
        let mut items = vec![self.mapping_put(&transition)?];
        if let Some(name) = transition.reserves() {
            let subject = &transition.next.subject;
            items.push(reserving_put(&self.table, name_key(name), subject)?);
        }
        let stacks_at = items.len();
        for stack in &transition.stacks {
            items.push(stack_put(&self.table, stack, &transition.next)?);
        }
        let mut skipped = None;
        if let Some(commit) = &transition.unless_skipped {
            skipped = Some(items.len());
            let repository = transition.next.subject.repository;
            items.push(skipped_check(&self.table, repository, commit)?);
        }
        items.extend(self.commit_parts(&transition)?);
        let is_refused = |reasons: &[CancellationReason], index| {
            let reason = reasons.get(index);
            reason.and_then(CancellationReason::code) == Some(CONDITION)
        };
        let is_skipped = |reasons: &[CancellationReason]| {
            skipped.is_some_and(|index| is_refused(reasons, index))
        };
        let taken_stack = |reasons: &[CancellationReason]| {
            let mut stacks = transition.stacks.iter().zip(stacks_at..);
            let taken = stacks.find(|(_, index)| is_refused(reasons, *index));
            taken.map(|(stack, _)| stack.clone())
        };
        match self.write(items).await? {
            Written::Done => Ok(ClaimResult::Won(Box::new(Claim::proven(transition.next)))),
            Written::Refused(reasons) => match refused_row(&reasons)? {
                None if is_skipped(&reasons) => Ok(ClaimResult::Skipped),
                None => Ok(match taken_stack(&reasons) {
                    Some(stack) => ClaimResult::StackTaken(stack),
                    None => ClaimResult::NameTaken(holder(&reasons)),
                }),
                // An earlier attempt of this claim, whose answer was lost.
                Some(Some(row)) if row::same(&row, &transition.next) => {
                    Ok(ClaimResult::Won(Box::new(Claim::proven(*row))))
                }
                Some(row) => Ok(ClaimResult::Lost(row)),
            },
        }
    }

    async fn record(
        &self,
        transition: &Transition,
        entry: &NewAuditEntry,
    ) -> Result<RecordResult, Fault> {
        self.remember_name(&transition.next).await?;
        let chain = Chain::Changes(transition.next.subject.clone());
        let mut transition = transition.clone();
        for _ in 0..CHAIN_ATTEMPTS {
            let after = transition.next.trail.take();
            let linked = AuditEntry::link(entry, &chain, after.as_ref());
            transition.next.trail = Some(linked.head());
            let mapping = &transition.next;
            let mut more = vec![self.entry_put(&chain, &linked)?];
            if let Some(delivery) = entry.cause.delivery() {
                let (outcome, at) = (entry.outcome.as_str(), entry.processed_at);
                let item = delivery_item(delivery, &mapping.subject, outcome, at);
                more.push(plain_put(&self.table, item)?);
            }
            more.extend(self.commit_parts(&transition)?);
            match self.transition(&transition, &more).await? {
                Written::Done => return Ok(RecordResult::Done),
                Written::Refused(reasons) => match refused_row(&reasons)? {
                    // An earlier attempt of this write, whose answer was lost. It may have had
                    // another link.
                    Some(Some(row)) if row::same_but_trail(&row, mapping) => {
                        return Ok(RecordResult::Done);
                    }
                    Some(row) => return Ok(RecordResult::Lost(row)),
                    None => {}
                },
            }
            // The place of the entry is taken, so the mapping was removed or restored by hand.
            let last = self.last_entry(&chain).await?;
            tracing::warn!(
                chain = chain.to_string(),
                "A mapping does not have the last entry of its audit trail; the next entry follows that one"
            );
            transition.next.trail = last.as_ref().map(AuditEntry::head);
        }
        let detail = format!("other writers added to the audit trail {chain}");
        Err(Fault::new(Reason::AwsConflict, detail))
    }

    async fn give_up(
        &self,
        transition: &Transition,
        delivery: Option<&DeliveryId>,
    ) -> Result<(), Fault> {
        let item = delivery.map(|delivery| given_up_item(delivery, &transition.next));
        let more = item.map(|item| plain_put(&self.table, item)).transpose()?;
        let written = self.transition(transition, more.as_slice()).await;
        written.map(|_| ())
    }

    async fn probe(&self) -> Result<(), Fault> {
        let puts = [probe_put(&self.table)?, probe_put(&self.audit_table)?];
        self.write(puts.to_vec()).await.map(|_| ())
    }

    async fn acquire_slot(
        &self,
        rule: &str,
        max: u32,
        waiter: &Waiter,
    ) -> Result<SlotResult, Fault> {
        self.acquire(rule, max, waiter).await
    }

    async fn release_slot(&self, rule: &str, subject: &Subject) -> Result<SlotUse, Fault> {
        self.release(rule, subject).await
    }

    async fn stop_waiting(&self, line: &Line, waiter: &Waiter) -> Result<SlotUse, Fault> {
        self.leave(line, waiter).await
    }

    async fn note_pipelines(&self, count: usize, now: Timestamp) -> Result<SlotUse, Fault> {
        self.note_count(count, now).await
    }

    async fn wait_for_account(&self, waiter: &Waiter) -> Result<SlotUse, Fault> {
        self.wait(waiter).await
    }

    async fn remember_names(
        &self,
        repository: RepositoryId,
        names: &[RepositoryName],
        since: Timestamp,
    ) -> Result<(), Fault> {
        self.rename(repository, names, since).await
    }

    async fn remember_end(
        &self,
        repository: RepositoryId,
        end: RepositoryTombstone,
    ) -> Result<(), Fault> {
        self.end(repository, end).await
    }

    async fn remember_received(
        &self,
        body: &BodyDigest,
        received_at: Timestamp,
    ) -> Result<Timestamp, Fault> {
        self.remember(body, received_at).await
    }

    async fn remember_skipped(
        &self,
        repository: RepositoryId,
        commit: &CommitId,
        now: Timestamp,
    ) -> Result<(), Fault> {
        self.put_skipped(repository, commit, now).await
    }

    async fn count_slots(&self, rule: &str, subjects: &[Subject]) -> Result<(), Fault> {
        self.count(rule, subjects).await
    }
}
