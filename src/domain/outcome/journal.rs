//! What happened to one message, as a value. The log line, the audit entry and the dead letter's reason are renderings
//! of it.

use std::fmt;

use serde::Serialize;

use crate::domain::clone::execution::Execution;
use crate::domain::fault::{Fault, Reason, Step};
use crate::domain::ids::{DeliveryId, Timestamp};
use crate::domain::intake::authenticated::AuthenticatedMessage;
use crate::domain::intake::envelope::Envelope;
use crate::domain::intake::event::{Event, Ignored};
use crate::domain::intake::repair_request::RepairRequest;
use crate::domain::state::desired::{AbsenceReason, DesiredState, Spec};
use crate::domain::state::intent::{Intent, RepositoryRemoval};
use crate::domain::state::mapping::Mapping;
use crate::domain::state::plan::Unchanged;

/// The journal of one message. It holds names and outcomes, never the body.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Journal {
    /// SQS's id of the message; empty where there was none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// How often it was received.
    pub receives: u32,
    /// When it entered the queue.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sent_at: String,
    /// GitHub's GUID, once the signature was proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// GitHub's event name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The repository's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The subject, as people write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Who did it, says GitHub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The rule that matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The pipeline concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// The execution that was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// The last executions of the pipeline that was removed: CodePipeline forgets them with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub executions: Vec<Execution>,
    /// The state that the mapping was found in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<&'static str>,
    /// The state that it was left in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<&'static str>,
    /// Failed attempts that the mapping counts, where this one failed under a claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// What it came to: one stable word.
    pub outcome: &'static str,
    /// The word's particulars, for instance why it was ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// When it happened, says GitHub.
    #[serde(skip)]
    pub event_time: Option<Timestamp>,
    /// Where it failed and why, if it did: what `outcome` says, for those who count.
    #[serde(skip)]
    pub failure: Option<(Step, Reason)>,
}

/// What a message came to, where it did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Understood, and none of our business.
    Ignored(Ignored),
    /// The table already knew better, or the same.
    Unchanged(Unchanged),
    /// The mapping was brought up to date; its pipeline stays as it is, or there is none, for this reason.
    Recorded(Option<AbsenceReason>),
    /// The pipeline was made.
    Created,
    /// The pipeline had been made by an earlier attempt, which could not settle.
    AlreadyCreated,
    /// The head commit was started.
    Started,
    /// The clone was brought up to date with its template and its rule, and the head commit was started.
    Updated,
    /// So many subjects of a repository that is gone were seen to.
    Left(usize),
    /// The pipeline was deleted.
    Deleted,
    /// The pipeline was not there any more.
    AlreadyDeleted,
    /// The pipeline of that name was never ours, and was left alone.
    LeftAlone,
}

impl Outcome {
    /// The stable word.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ignored(_) => "ignored",
            Self::Unchanged(_) => "unchanged",
            Self::Recorded(_) => "recorded",
            Self::Created => "created",
            Self::AlreadyCreated => "already-created",
            Self::Started => "started",
            Self::Updated => "updated",
            Self::Left(_) => "left",
            Self::Deleted => "deleted",
            Self::AlreadyDeleted => "already-deleted",
            Self::LeftAlone => "left-alone",
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Ignored(Ignored::Action(action)) => Some(format!("action {action}")),
            Self::Ignored(why) => Some(why.as_str().to_owned()),
            Self::Unchanged(why) => Some(why.as_str().to_owned()),
            Self::Left(subjects) => Some(format!("{subjects} subjects")),
            Self::Recorded(why) => why.map(|why| why.as_str().to_owned()),
            Self::Created
            | Self::AlreadyCreated
            | Self::Started
            | Self::Updated
            | Self::Deleted
            | Self::AlreadyDeleted
            | Self::LeftAlone => None,
        }
    }
}

impl Journal {
    /// Opens the journal of a half-way mapping that is finished without a message.
    #[must_use]
    pub fn resume(mapping: &Mapping) -> Self {
        let mut journal = Self {
            repository: Some(mapping.repository.to_string()),
            subject: Some(mapping.subject.display(&mapping.repository)),
            outcome: "open",
            ..Self::default()
        };
        journal.found(Some(mapping));
        journal
    }

    /// Opens the journal of a message.
    #[must_use]
    pub fn open(envelope: &Envelope) -> Self {
        Self {
            message: envelope.message_id.clone(),
            receives: envelope.receive_count,
            sent_at: envelope.sent_at.to_string(),
            outcome: "open",
            ..Self::default()
        }
    }

    /// Step 2 was passed.
    pub fn delivery(&mut self, delivery: &AuthenticatedMessage) {
        self.delivery = Some(delivery.id().to_string());
        self.event = Some(delivery.event().to_string());
    }

    /// Step 3 was passed.
    pub fn event(&mut self, event: &Event) {
        self.repository = Some(event.name.to_string());
        self.actor.clone_from(&event.actor);
    }

    /// Step 4 was passed.
    pub fn intent(&mut self, intent: &Intent) {
        self.subject = Some(intent.subject.display(&intent.repository));
        self.event_time = Some(intent.order.event_time);
        if let DesiredState::Present(spec, _) = &intent.wanted {
            self.concerns(spec);
        }
    }

    /// Step 4 was passed, for every subject of a repository.
    pub fn leave(&mut self, leave: &RepositoryRemoval) {
        self.subject = Some(leave.name.to_string());
    }

    /// Step 4 was passed, by a repair.
    pub fn mend(&mut self, mend: &RepairRequest) {
        self.subject = Some(mend.repair.subject.display(&mend.repository));
        self.pipeline = Some(mend.repair.pipeline.to_string());
    }

    /// Step 5 was passed: the row that was found, or none.
    pub fn found(&mut self, mapping: Option<&Mapping>) {
        self.from = Some(mapping.map_or("unseen", |mapping| mapping.state.as_str()));
        if let Some(spec) = mapping.and_then(|mapping| mapping.spec.as_ref()) {
            self.concerns(spec);
        }
    }

    /// The row as it is left.
    pub fn left(&mut self, mapping: &Mapping) {
        self.to = Some(mapping.state.as_str());
        if let Some(spec) = &mapping.spec {
            self.concerns(spec);
        }
    }

    fn concerns(&mut self, spec: &Spec) {
        self.rule = Some(spec.rule.clone());
        self.pipeline = Some(spec.pipeline.to_string());
    }

    /// It came to an end.
    pub fn close(&mut self, outcome: &Outcome) {
        self.outcome = outcome.as_str();
        self.detail = outcome.detail();
    }

    /// It failed.
    pub fn fail(&mut self, fault: &Fault) {
        self.outcome = fault.reason.as_str();
        self.failure = Some((fault.room, fault.reason));
        self.detail = Some(fault.detail.clone());
    }

    /// How often the message has failed, this time included. The queue counts every receive, a busy subject and a
    /// crash among them; the mapping counts failures alone, of all messages of its subject. The lower of the two is the
    /// nearer to the truth.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.attempts
            .map_or(self.receives, |attempts| attempts.min(self.receives))
    }

    /// As JSON text, for the audit entry.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What made us settle a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A webhook, by GitHub's GUID.
    Webhook(DeliveryId),
    /// The sweep at start, by the name of its walk.
    Sweep(String),
}

impl Cause {
    /// The webhook, where it was one.
    #[must_use]
    pub fn delivery(&self) -> Option<&DeliveryId> {
        match self {
            Self::Webhook(id) => Some(id),
            Self::Sweep(_) => None,
        }
    }
}

/// As it stands in the audit entry's key. No GUID holds a colon.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook(id) => write!(f, "{id}"),
            Self::Sweep(walk) => write!(f, "sweep:{walk}"),
        }
    }
}

/// What the table keeps for auditors, beside the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAuditEntry {
    /// What made us settle.
    pub cause: Cause,
    /// The event's own time; for a sweep, that of the event whose effect it finished.
    pub time: Timestamp,
    /// When it was settled.
    pub processed_at: Timestamp,
    /// Who did it, says GitHub.
    pub actor: Option<String>,
    /// What it came to.
    pub outcome: &'static str,
    /// The state before.
    pub from: Option<&'static str>,
    /// The state after.
    pub to: &'static str,
    /// The pipeline concerned.
    pub pipeline: Option<String>,
    /// The journal, as JSON text.
    pub journal: String,
}

impl NewAuditEntry {
    /// The entry of a walk that leaves the mapping as `next`.
    #[must_use]
    pub fn of(journal: &Journal, cause: &Cause, time: Timestamp, next: &Mapping) -> Self {
        Self {
            cause: cause.clone(),
            time,
            processed_at: next.updated_at,
            actor: journal.actor.clone(),
            outcome: journal.outcome,
            from: journal.from,
            to: next.state.as_str(),
            pipeline: journal.pipeline.clone(),
            journal: journal.to_json(),
        }
    }
}
