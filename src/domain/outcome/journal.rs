//! The journal of one message: what happened to it, as a value. The log line, the audit entry and
//! the reason of a dead letter are derived from it.

use std::time::Duration;

use crate::domain::clone::execution::Execution;
use crate::domain::fault::{Class, Fault, Sender, Step};
use crate::domain::ids::{DeliveryId, EventName, PipelineName, RepositoryName, Subject, Timestamp};
use crate::domain::intake::authenticated::AuthenticatedMessage;
use crate::domain::intake::envelope::Envelope;
use crate::domain::intake::event::Event;
use crate::domain::intake::repair_request::RepairRequest;
use crate::domain::intake::wake::Wake;
use crate::domain::outcome::asked_facts::AskedFacts;
use crate::domain::outcome::result::{JournalResult, Outcome};
use crate::domain::report::execution::ExecutionEvent;
use crate::domain::report::record::{CommitKey, CommitUpdate, ReportedHead};
use crate::domain::state::desired::DesiredState;
use crate::domain::state::intent::Intent;
use crate::domain::state::mapping::{Mapping, State};

/// The journal of one message. It contains names and outcomes, never the body.
#[derive(Clone, Debug)]
pub struct Journal {
    /// SQS's id of the message; empty if there was no message.
    pub message: String,
    /// The number of receives.
    pub receives: u32,
    /// When the message was sent to the queue.
    pub sent_at: Option<Timestamp>,
    /// GitHub's delivery GUID, or the id of an internal message, once it is authenticated.
    pub delivery: Option<DeliveryId>,
    /// The name of the event.
    pub event: Option<EventName>,
    /// The name of the webhook secret that proved the message.
    pub proved_by: Option<String>,
    /// The name of the repository.
    pub repository: Option<RepositoryName>,
    /// The subject or repository that the message is about.
    pub about: Option<About>,
    /// What the rules asked of the pull request or branch.
    pub asked: Option<AskedFacts>,
    /// The user who caused the event: GitHub's `sender`, or SQS's `SenderId`.
    pub actor: Option<String>,
    /// The rule that matched.
    pub rule: Option<String>,
    /// The pipeline concerned.
    pub pipeline: Option<PipelineName>,
    /// The stages of the template that the clone does not have, if the message changed it.
    pub left_out_stages: Vec<String>,
    /// The execution that was started, or that the event is about.
    pub execution: Option<String>,
    /// The last executions of a pipeline that was deleted, because CodePipeline deletes them with
    /// it.
    pub executions: Vec<Execution>,
    /// The state of the mapping when it was read.
    pub from: Option<Found>,
    /// The state of the mapping after the message.
    pub to: Option<State>,
    /// The number of failed attempts in the mapping, if this one failed under a claim.
    pub attempts: Option<u32>,
    /// The event's own time.
    pub event_time: Option<Timestamp>,
    /// The current step, or the step in which the message failed.
    pub step: Step,
    /// The commit to build, if it is reported to GitHub.
    pub head: Option<ReportedHead>,
    /// The commits whose checks could not run again.
    pub reruns: Vec<CommitKey>,
    /// The commits whose records changed.
    pub commits: Vec<CommitKey>,
    /// The number of subjects before this one, if it found no slot.
    pub ahead: Option<usize>,
    /// The subjects for which a slot became free.
    pub wakes: Vec<Wake>,
    /// The result.
    pub result: JournalResult,
}

/// The thing that a message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// One subject.
    Subject(Subject),
    /// A repository as a whole.
    Repository,
}

/// The state of a mapping when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The table has no row for the subject.
    Unseen,
    /// The table has a row, in this state.
    Seen(State),
}

impl Found {
    /// Returns the word used in logs and audit entries.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unseen => "unseen",
            Self::Seen(state) => state.as_str(),
        }
    }
}

impl Journal {
    fn new() -> Self {
        Self {
            message: String::new(),
            receives: 0,
            sent_at: None,
            delivery: None,
            event: None,
            proved_by: None,
            repository: None,
            about: None,
            asked: None,
            actor: None,
            rule: None,
            pipeline: None,
            left_out_stages: Vec::new(),
            execution: None,
            executions: Vec::new(),
            from: None,
            to: None,
            attempts: None,
            event_time: None,
            step: Step::Authenticated,
            head: None,
            reruns: Vec::new(),
            commits: Vec::new(),
            ahead: None,
            wakes: Vec::new(),
            result: JournalResult::Open,
        }
    }

    /// Opens the journal of a half-way mapping, which is finished without a message.
    #[must_use]
    pub fn resume(mapping: &Mapping) -> Self {
        let mut journal = Self {
            repository: Some(mapping.repository.clone()),
            about: Some(About::Subject(mapping.subject.clone())),
            step: Step::Mapping,
            ..Self::new()
        };
        journal.found(Some(mapping));
        journal
    }

    /// Opens the journal of a subject whose turn it is, which is woken without a message.
    #[must_use]
    pub fn wakened(wake: &Wake) -> Self {
        Self {
            repository: Some(wake.waiter.repository.clone()),
            about: Some(About::Subject(wake.waiter.subject.clone())),
            step: Step::Mapping,
            ..Self::new()
        }
    }

    /// Opens the journal of a message.
    #[must_use]
    pub fn open(envelope: &Envelope) -> Self {
        Self {
            message: envelope.message_id.clone(),
            receives: envelope.receive_count,
            sent_at: Some(envelope.sent_at),
            ..Self::new()
        }
    }

    /// Opens the journal of a delivery that was processed before. `mapping` is `None` if the table
    /// has no mapping for its subject.
    #[must_use]
    pub fn recall(delivery: &DeliveryId, mapping: Option<&Mapping>) -> Self {
        Self {
            delivery: Some(delivery.clone()),
            result: JournalResult::Ended(Outcome::AlreadyProcessed),
            ..mapping.map_or_else(Self::new, Self::resume)
        }
    }

    /// Records that step 2 is done: the message is authenticated.
    pub fn authenticated(&mut self, message: &AuthenticatedMessage) {
        self.delivery = Some(message.id().clone());
        self.event = Some(message.event().clone());
        self.proved_by = message.secret().map(|secret| secret.name.clone());
        self.step = Step::Event;
    }

    /// Records that step 3 is done: the event is known.
    pub fn event(&mut self, event: &Event) {
        self.repository = Some(event.name.clone());
        self.actor.clone_from(&event.actor);
        self.asked = AskedFacts::of(&event.change);
        self.step = Step::Intent;
    }

    /// Records that step 3 is done: the event of CodePipeline is known.
    pub fn execution_event(&mut self, event: &ExecutionEvent) {
        self.pipeline = Some(event.pipeline.clone());
        self.execution = Some(event.execution.to_string());
        self.step = Step::Mapping;
    }

    /// Records the subject of an event that led to no intent.
    pub fn concern(&mut self, subject: Option<Subject>) {
        self.about = subject.map(About::Subject);
    }

    /// Records that step 4 is done: the intent is known.
    pub fn intent(&mut self, intent: &Intent) {
        self.about = Some(About::Subject(intent.subject.clone()));
        self.event_time = Some(intent.order.event_time);
        if let DesiredState::Present(spec, _) = &intent.wanted {
            self.rule = Some(spec.rule.clone());
            self.pipeline = Some(spec.pipeline.clone());
        }
        self.step = Step::Mapping;
    }

    /// Records that step 4 is done, for every subject of a repository.
    pub fn repository(&mut self, name: &RepositoryName) {
        self.repository = Some(name.clone());
        self.about = Some(About::Repository);
        self.step = Step::Mapping;
    }

    /// Returns the journal of the same message for one subject of its repository.
    #[must_use]
    pub fn of_subject(&self, subject: &Subject) -> Self {
        Self {
            about: Some(About::Subject(subject.clone())),
            ..self.clone()
        }
    }

    /// Records that step 4 is done, for a repair.
    pub fn repair(&mut self, request: &RepairRequest) {
        self.about = Some(About::Subject(request.repair.subject.clone()));
        self.pipeline = Some(request.repair.pipeline.clone());
        self.step = Step::Mapping;
    }

    /// Records that step 4 is done, for a re-run or a wake of a subject.
    pub fn of_known(&mut self, subject: &Subject) {
        self.about = Some(About::Subject(subject.clone()));
        self.step = Step::Mapping;
    }

    /// Records that step 5 is done: the row that was read, if there is one.
    pub fn found(&mut self, mapping: Option<&Mapping>) {
        self.from = Some(mapping.map_or(Found::Unseen, |mapping| Found::Seen(mapping.state)));
        if let Some(mapping) = mapping {
            self.concerns(mapping);
        }
    }

    /// Records that the plan is being carried out in CodePipeline.
    pub fn acting(&mut self) {
        self.step = Step::Plan;
    }

    /// Records that the mapping is being settled in the table.
    pub fn settling(&mut self) {
        self.step = Step::Mapping;
    }

    /// Records whose reports a written change is about.
    pub fn changed(&mut self, commits: &[CommitUpdate]) {
        self.commits
            .extend(commits.iter().map(|update| update.key().clone()));
    }

    /// Records the row after the message.
    pub fn left(&mut self, mapping: &Mapping) {
        self.to = Some(mapping.state);
        self.concerns(mapping);
        let fingerprint = mapping.fingerprint();
        self.left_out_stages =
            fingerprint.map_or_else(Vec::new, |clone| clone.left_out_stages.clone());
    }

    fn concerns(&mut self, mapping: &Mapping) {
        if let Some(spec) = mapping.spec() {
            self.rule = Some(spec.rule.clone());
        }
        if let Some(name) = mapping.last_pipeline_name() {
            self.pipeline = Some(name.clone());
        }
    }

    /// Records that the message was processed.
    pub fn close(&mut self, outcome: &Outcome) {
        self.result = JournalResult::Ended(outcome.clone());
    }

    /// Records that the message failed in the current step. A later step may find that the secret
    /// does not prove the message: it was not authenticated then.
    pub fn fail(&mut self, fault: &Fault) {
        if fault.reason.class() == Class::Unverified {
            self.step = Step::Authenticated;
        }
        self.result = JournalResult::Failed(fault.clone());
    }

    /// Returns the fault, if the message failed.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match &self.result {
            JournalResult::Failed(fault) => Some(fault),
            JournalResult::Open | JournalResult::Ended(_) => None,
        }
    }

    /// Returns the sender of the message, as far as it is proven.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.fault()
            .map_or(Sender::Authenticated, |fault| fault.reason.sender())
    }

    /// Returns the stable word of the result: `open`, an outcome, or a reason.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match &self.result {
            JournalResult::Open => "open",
            JournalResult::Ended(outcome) => outcome.as_str(),
            JournalResult::Failed(fault) => fault.reason.as_str(),
        }
    }

    /// Returns the details of the result.
    #[must_use]
    pub fn detail(&self) -> Option<String> {
        match &self.result {
            JournalResult::Open => None,
            JournalResult::Ended(outcome) => outcome.detail(),
            JournalResult::Failed(fault) => Some(fault.detail.clone()),
        }
    }

    /// Returns the subject as people write it: `acme/api#7`, or `acme/api` for a repository as a
    /// whole.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        let repository = self.repository.as_ref()?;
        Some(match self.about.as_ref()? {
            About::Subject(subject) => subject.display(repository),
            About::Repository => repository.to_string(),
        })
    }

    /// Describes in one sentence what happened: `acme/api#7: created api-pr-7 in 29 ms`.
    #[must_use]
    pub fn sentence(&self, took: Duration) -> String {
        let pipeline = self
            .pipeline
            .as_ref()
            .map_or("the pipeline", |name| name.as_str());
        let what = match &self.result {
            JournalResult::Open => "not finished".to_owned(),
            JournalResult::Ended(outcome) => outcome.sentence(pipeline),
            JournalResult::Failed(fault) => {
                format!(
                    "failed with {} in step {}",
                    fault.reason.as_str(),
                    self.step.as_str()
                )
            }
        };
        let repository = || self.repository.as_ref().map(ToString::to_string);
        let delivery = || Some(format!("delivery {}", self.delivery.as_ref()?));
        let subject = self
            .subject()
            .or_else(repository)
            .or_else(delivery)
            .unwrap_or_else(|| format!("message {}", self.message));
        format!("{subject}: {what} in {} ms", took.as_millis())
    }

    /// Returns how often the message has failed, including this time. The queue counts every
    /// receive, including those of a busy subject or before a crash; the mapping counts only
    /// failures, but those of all messages of its subject. The lower number is closer to the truth.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.attempts
            .map_or(self.receives, |attempts| attempts.min(self.receives))
    }

    /// Returns the journal as JSON, for the audit entry.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
