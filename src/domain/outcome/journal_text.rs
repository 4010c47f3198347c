//! Serializes the journal as JSON, with the published field names.

use serde::{Serialize, Serializer};

use crate::domain::clone::execution::Execution;
use crate::domain::ids::{Branch, DeliveryId, EventName, PipelineName, RepositoryName};
use crate::domain::outcome::journal::{Found, Journal};
use crate::domain::state::mapping::State;

/// The journal with every field as text.
#[derive(Serialize)]
struct JournalText<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    receives: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proved_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    draft: bool,
    #[serde(skip_serializing_if = "is_false")]
    fork: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    left_out_stages: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    execution: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    executions: &'a [Execution],
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Serialize for Journal {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let asked = self.asked.as_ref();
        JournalText {
            message: &self.message,
            receives: self.receives,
            sent_at: self.sent_at.map(|time| time.to_string()),
            delivery: self.delivery.as_ref().map(DeliveryId::as_str),
            event: self.event.as_ref().map(EventName::as_str),
            proved_by: self.proved_by.as_deref(),
            repository: self.repository.as_ref().map(RepositoryName::as_str),
            subject: self.subject(),
            base: asked.and_then(|asked| asked.base.as_ref().map(Branch::as_str)),
            branch: asked.map(|asked| asked.branch.as_str()),
            draft: asked.is_some_and(|asked| asked.draft),
            fork: asked.is_some_and(|asked| asked.fork),
            actor: self.actor.as_deref(),
            rule: self.rule.as_deref(),
            pipeline: self.pipeline.as_ref().map(PipelineName::as_str),
            left_out_stages: &self.left_out_stages,
            execution: self.execution.as_deref(),
            executions: &self.executions,
            from: self.from.map(Found::as_str),
            to: self.to.map(State::as_str),
            attempts: self.attempts,
            outcome: self.outcome(),
            detail: self.detail(),
        }
        .serialize(to)
    }
}
