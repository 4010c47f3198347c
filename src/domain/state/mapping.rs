//! Step 5 of 7. In: what the table holds. Out: [`Mapping`].
//!
//! A mapping is what is recorded of a subject. It is written in two phases: *claimed* in a half-way state before AWS is
//! called, and *settled* afterwards, so that a crash between the two leaves a row that says what to finish.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::clone::CloneRequest;
use crate::domain::clone::execution::Execution;
use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::ids::{
    CommitId, DeliveryId, PipelineArn, PipelineName, RepositoryName, Subject, SubjectKind,
    Timestamp,
};
use crate::domain::rules::placeholder::PlaceholderValues;
use crate::domain::rules::rule::Rule;
use crate::domain::state::desired::{AbsenceReason, Desired, Spec};
use crate::domain::state::ordering::EventOrder;
use crate::domain::state::resources::{PipelineResource, Resources};

/// The version of the row's format. A row with a higher one was written by a newer branchline, and this one does not touch
/// it.
pub const SCHEMA: u32 = 1;

/// Where a subject's pipeline stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Claimed: the pipeline is about to be created, or half created.
    Creating,
    /// The pipeline exists.
    Active,
    /// The pipeline exists and is claimed: it is about to be updated and started.
    Starting,
    /// Claimed: the pipeline is about to be deleted, or half deleted.
    Deleting,
    /// A tombstone: the pipeline is deleted or never existed. The row stays, so that an old `opened` does not recreate it.
    Gone,
}

impl State {
    /// Every state, for reading them back from the table.
    pub const ALL: [Self; 5] = [
        Self::Creating,
        Self::Active,
        Self::Starting,
        Self::Deleting,
        Self::Gone,
    ];
    /// The states that a dead worker leaves behind.
    pub const HALF_WAY: [Self; 3] = [Self::Creating, Self::Starting, Self::Deleting];

    /// Returns the word in the table, in logs and in the index.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Active => "active",
            Self::Starting => "starting",
            Self::Deleting => "deleting",
            Self::Gone => "gone",
        }
    }
}

/// The row of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The subject.
    pub subject: Subject,
    /// The name that the repository had last.
    pub repository: RepositoryName,
    /// Where the subject's pipeline stands.
    pub state: State,
    /// The number of intents that were accepted for this subject.
    pub generation: u64,
    /// The order of the event that was accepted last.
    pub order: EventOrder,
    /// What should be true of the subject. `None` before anything was accepted.
    pub desired: Option<Desired>,
    /// What exists for the subject, or is being created.
    pub resources: Resources,
    /// What CodePipeline did for the subject.
    pub observed: Observed,
    /// What GitHub was told last.
    pub reported: Option<Reported>,
    /// Who approved which commit of a stranger's pull request.
    pub approved: Option<Approved>,
    /// A delivery that named the head commit. Its id is the client request token of that commit's execution, and changes with
    /// the head: under a token that was used for another commit nothing would start.
    pub start_token: Option<DeliveryId>,
    /// The rule among whose `max_active` clones it has a slot.
    pub slot: Option<String>,
    /// Who works on it, and until when that counts.
    pub claim: Option<ClaimInfo>,
    /// Failed attempts since it was last settled.
    pub attempts: u32,
    /// The last failure, until it is settled.
    pub last_error: Option<String>,
    /// When the row was first written.
    pub created_at: Timestamp,
    /// When the row was last written.
    pub updated_at: Timestamp,
    /// Attributes that a newer branchline wrote and that this one does not know. They are written back as they were.
    pub unknown: UnknownAttributes,
}

/// Unknown attributes by name.
pub type UnknownAttributes = BTreeMap<String, UnknownAttribute>;

/// What a newer branchline wrote under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnknownAttribute {
    /// An attribute that this branchline does not know, in DynamoDB's JSON form (`{"S": "text"}`).
    Whole(Value),
    /// The unknown part of a map that it knows.
    PartOf(UnknownAttributes),
}

/// What CodePipeline did for the subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The head commit of the last known execution: one that branchline started, or the first.
    pub built: Option<CommitId>,
    /// The pipeline's last executions, while it is being deleted.
    pub executions: Vec<Execution>,
}

/// What GitHub was told last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// The commit that it was told about.
    pub commit: CommitId,
    /// What it was told, in one word.
    pub status: String,
    /// When it was told.
    pub at: Timestamp,
}

/// An approval of a stranger's commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// The commit that was approved.
    pub commit: CommitId,
    /// Who approved it.
    pub by: String,
    /// When it was approved.
    pub at: Timestamp,
}

/// A claim as the row shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimInfo {
    /// The owner: unique to one claim of one worker.
    pub owner: String,
    /// The time from which another worker may take over.
    pub until: Timestamp,
}

/// What a conditional write expects to find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No row.
    Unseen,
    /// The row exactly as it was read, by everything that changes with every write.
    Seen {
        /// Its generation.
        generation: u64,
        /// Its state.
        state: State,
        /// Its claim.
        claim: Option<ClaimInfo>,
    },
}

impl Mapping {
    /// Makes the row of a subject that was never seen, before anything is accepted.
    #[must_use]
    pub fn unseen(
        subject: Subject,
        repository: RepositoryName,
        order: EventOrder,
        now: Timestamp,
    ) -> Self {
        Self {
            subject,
            repository,
            state: State::Gone,
            generation: 0,
            order,
            desired: None,
            resources: Resources::default(),
            observed: Observed::default(),
            reported: None,
            approved: None,
            start_token: None,
            slot: None,
            claim: None,
            attempts: 0,
            last_error: None,
            created_at: now,
            updated_at: now,
            unknown: UnknownAttributes::new(),
        }
    }

    /// Returns true if the worker that claimed it died: half-way, under a claim that has expired.
    #[must_use]
    pub fn is_abandoned(&self, now: Timestamp) -> bool {
        State::HALF_WAY.contains(&self.state)
            && self.claim.as_ref().is_some_and(|claim| claim.until <= now)
    }

    /// Returns the spec of the pipeline that it has or should have; of a tombstone, of the one that it had last.
    #[must_use]
    pub fn spec(&self) -> Option<&Spec> {
        self.desired.as_ref().and_then(Desired::spec)
    }

    /// Returns why it should have no pipeline, where that is so.
    #[must_use]
    pub fn absence(&self) -> Option<AbsenceReason> {
        self.desired.as_ref().and_then(Desired::absence)
    }

    /// Returns the name of its pipeline, existing or being created.
    #[must_use]
    pub fn pipeline_name(&self) -> Option<&PipelineName> {
        self.resources
            .pipeline
            .as_ref()
            .map(|pipeline| &pipeline.name)
    }

    /// Returns the name of its pipeline, or of the one that it should have or had last.
    #[must_use]
    pub fn last_pipeline_name(&self) -> Option<&PipelineName> {
        self.pipeline_name()
            .or_else(|| self.spec().map(|spec| &spec.pipeline))
    }

    /// Returns the ARN of its pipeline, once it was created.
    #[must_use]
    pub fn pipeline_arn(&self) -> Option<&PipelineArn> {
        self.resources.pipeline.as_ref()?.arn.as_ref()
    }

    /// Returns what was written to CodePipeline as its pipeline.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&CloneFingerprint> {
        self.resources.pipeline.as_ref()?.fingerprint.as_ref()
    }

    /// Returns the version of the template that its pipeline was made from.
    #[must_use]
    pub fn template_version(&self) -> Option<i32> {
        self.resources.pipeline.as_ref()?.template_version
    }

    /// Returns what the placeholders of a rule stand for, for this subject and its pipeline.
    #[must_use]
    pub fn placeholder_values<'a>(&'a self, spec: &'a Spec) -> PlaceholderValues<'a> {
        PlaceholderValues {
            repository: &self.repository,
            branch: &spec.branch,
            number: match self.subject.kind {
                SubjectKind::PullRequest(number) => Some(number),
                SubjectKind::Branch(_) => None,
            },
            sha: self.order.head.as_ref(),
            base: spec.base.as_ref(),
            author: spec.author.as_deref(),
            title: spec.title.as_deref(),
        }
    }

    /// Returns what a template needs to make this subject's clone.
    #[must_use]
    pub fn clone_request<'a>(
        &'a self,
        spec: &'a Spec,
        rule: &'a Rule,
        table: &'a str,
    ) -> CloneRequest<'a> {
        CloneRequest {
            subject: &self.subject,
            pipeline: &spec.pipeline,
            values: self.placeholder_values(spec),
            rule,
            table,
        }
    }

    /// Returns true if the head commit has no known execution. A new branch's first execution is that of the commit that
    /// came with it.
    #[must_use]
    pub fn owes_start(&self) -> bool {
        match (&self.order.head, &self.observed.built) {
            (None, _) => false,
            (Some(_), None) => self.order.before.is_some(),
            (Some(head), Some(built)) => head != built,
        }
    }

    /// Returns the token of a start that follows an UpdatePipeline of the same claim, and of no other: an update stops what
    /// runs, the execution that an earlier attempt started under the head's own token among it, and CodePipeline would
    /// return that one.
    #[must_use]
    pub fn token_after_update(&self) -> Option<DeliveryId> {
        let (token, claim) = (self.start_token.as_ref()?, self.claim.as_ref()?);
        let mut text = format!("{}-{token}", claim.until.0);
        text.truncate(DeliveryId::MAX);
        DeliveryId::parse(text).ok()
    }

    /// Returns the claim that counts at `now`.
    #[must_use]
    pub fn claim_at(&self, now: Timestamp) -> Option<&ClaimInfo> {
        self.claim.as_ref().filter(|claim| claim.until > now)
    }

    /// Returns the expectation that the row was not written since it was read as this.
    #[must_use]
    pub fn as_seen(&self) -> Expect {
        Expect::Seen {
            generation: self.generation,
            state: self.state,
            claim: self.claim.clone(),
        }
    }

    /// Returns the row after its effect took place.
    #[must_use]
    pub fn settled(mut self, result: EffectResult, now: Timestamp) -> Self {
        match result {
            EffectResult::Present(clone) => {
                let version = clone.template_version.or(self.template_version());
                self.state = State::Active;
                self.resources.pipeline = Some(PipelineResource {
                    name: clone.name,
                    arn: Some(clone.arn),
                    template_version: version,
                    fingerprint: Some(clone.fingerprint),
                });
                self.slot = clone.slot.or(self.slot);
                let head = self.order.head.clone();
                self.observed.built = head.or(clone.built).or(self.observed.built);
            }
            EffectResult::Absent => {
                self.state = State::Gone;
                self.resources.pipeline = None;
                self.observed.built = None;
                self.slot = None;
            }
        }
        self.observed.executions = Vec::new();
        self.claim = None;
        self.attempts = 0;
        self.last_error = None;
        self.updated_at = now;
        self
    }
}

/// The result of an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectResult {
    /// The pipeline exists, and the head commit has an execution.
    Present(ExistingClone),
    /// The pipeline does not exist.
    Absent,
}

/// A clone that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingClone {
    /// The name.
    pub name: PipelineName,
    /// The ARN.
    pub arn: PipelineArn,
    /// The version of the template that it now follows; `None` where that did not change, or is not known.
    pub template_version: Option<i32>,
    /// What was written to CodePipeline.
    pub fingerprint: CloneFingerprint,
    /// The rule whose slot it acquired just now.
    pub slot: Option<String>,
    /// The commit of its last execution, where an earlier attempt had created it. Counts where no head is known.
    pub built: Option<CommitId>,
}
