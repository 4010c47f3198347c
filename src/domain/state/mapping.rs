//! Step 5 of 7. In: what the table holds. Out: [`Mapping`].
//!
//! A mapping is the record of a subject. It is written in two phases: *claimed* in a half-way
//! state before AWS is called, and *settled* afterwards, so that a crash between the two leaves a
//! row from which another worker finishes the change.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::clone::CloneRequest;
use crate::domain::clone::execution::{Execution, FailedStage};
use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::ids::{
    BodyDigest, CommitId, DeliveryId, Owner, PipelineArn, PipelineName, RepositoryName, Subject,
    SubjectKind, Timestamp,
};
use crate::domain::outcome::chain::ChainHead;
use crate::domain::report::target::ReportTarget;
use crate::domain::rules::placeholder::PlaceholderValues;
use crate::domain::rules::rule::Rule;
use crate::domain::state::activity::Activity;
use crate::domain::state::desired::{AbsenceReason, Desired, Spec};
use crate::domain::state::ordering::EventOrder;
use crate::domain::state::resources::Resources;

/// The version of the row's format. This branchline does not change a row with a higher version: a
/// newer branchline wrote it.
pub const SCHEMA: u32 = 1;

/// The state of a subject's pipeline.
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
    /// The pipeline deletes the subject's stacks, and is deleted after them. No worker holds the
    /// subject meanwhile, which may take hours.
    Retiring,
    /// A tombstone: the pipeline is deleted or never existed. The row stays, so that an old
    /// `opened` does not recreate it.
    Gone,
    /// The subject is open, and its pipeline was deleted until the next activity.
    Asleep,
}

impl State {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Creating,
        Self::Active,
        Self::Starting,
        Self::Deleting,
        Self::Retiring,
        Self::Gone,
        Self::Asleep,
    ];
    /// The states of a subject whose pipeline exists and stays.
    pub const WITH_CLONE: [Self; 2] = [Self::Active, Self::Starting];
    /// The states under a claim: a worker that ends leaves one of them behind.
    pub const HALF_WAY: [Self; 3] = [Self::Creating, Self::Starting, Self::Deleting];

    /// Returns the word in the table, in logs and in the index.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Active => "active",
            Self::Starting => "starting",
            Self::Deleting => "deleting",
            Self::Retiring => "retiring",
            Self::Gone => "gone",
            Self::Asleep => "asleep",
        }
    }

    /// Returns true if the subject is settled without a pipeline.
    #[must_use]
    pub fn is_removed(self) -> bool {
        match self {
            Self::Gone | Self::Asleep => true,
            Self::Creating | Self::Active | Self::Starting | Self::Deleting | Self::Retiring => {
                false
            }
        }
    }
}

/// The row of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The subject.
    pub subject: Subject,
    /// The name of the repository in its last event, or since it was renamed.
    pub repository: RepositoryName,
    /// When the repository was renamed, if that was later than the last event.
    pub renamed_at: Option<Timestamp>,
    /// The state of the subject's pipeline.
    pub state: State,
    /// The number of intents that were accepted for this subject.
    pub generation: u64,
    /// The order of the event that was accepted last.
    pub order: EventOrder,
    /// The bodies of the events that were heard with the time of the last accepted one, which is at
    /// the end. If one of the others is received again, it is not news.
    pub bodies: Vec<BodyDigest>,
    /// The desired state. `None` before an event was accepted.
    pub desired: Option<Desired>,
    /// The resources that exist for the subject, or are being created.
    pub resources: Resources,
    /// The observed executions.
    pub observed: Observed,
    /// Where its head commits are reported; `None` where they are not.
    pub report: Option<ReportTarget>,
    /// The last approval of a commit from a fork.
    pub approved: Option<Approved>,
    /// The client request token of the head commit's execution: the digest of the body that named
    /// that commit, or the id of a repair. It changes with the head, because CodePipeline starts
    /// nothing under a token that was used before.
    pub start_token: Option<DeliveryId>,
    /// The failed stage of the head's execution that is to be retried. Set while the pipeline is
    /// being started because a person asked for the head's checks again.
    pub retry: Option<FailedStage>,
    /// The activity of the subject, and whether it is asleep.
    pub activity: Activity,
    /// The rule among whose `max_active` clones it has a slot.
    pub slot: Option<String>,
    /// The claim of the worker that is changing the pipeline.
    pub claim: Option<ClaimInfo>,
    /// The number of failed attempts since the row was last settled.
    pub attempts: u32,
    /// The last failure, until it is settled.
    pub last_error: Option<String>,
    /// The last entry of its audit trail; `None` before the first.
    pub trail: Option<ChainHead>,
    /// When the row was first written.
    pub created_at: Timestamp,
    /// When the row was last written.
    pub updated_at: Timestamp,
    /// Attributes of a newer branchline that this one does not know. They are written back
    /// unchanged.
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

/// The executions of the pipeline that branchline knows of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The head commit of the last known execution: the last one that branchline started, or the
    /// first one.
    pub built: Option<CommitId>,
    /// The pipeline's last executions. Set while the pipeline is being deleted.
    pub executions: Vec<Execution>,
}

/// The approval of a commit from a fork.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// The approved commit.
    pub commit: CommitId,
    /// The GitHub user who approved it.
    pub by: String,
    /// The time of the approval.
    pub at: Timestamp,
}

/// The claim in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimInfo {
    /// The owner: unique to one claim of one worker.
    pub owner: String,
    /// The time from which another worker may take over.
    pub until: Timestamp,
}

/// The condition of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No row.
    Unseen,
    /// The row as it was read. Every write changes at least one of these fields.
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
    /// The time of the last event of a subject of which nothing was heard: older than every event
    /// of GitHub.
    pub const UNHEARD: Timestamp = Timestamp(0);

    /// Creates the row of a new subject, before an event is accepted.
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
            renamed_at: None,
            state: State::Gone,
            generation: 0,
            order,
            bodies: Vec::new(),
            desired: None,
            resources: Resources::default(),
            observed: Observed::default(),
            report: None,
            approved: None,
            start_token: None,
            retry: None,
            activity: Activity::default(),
            slot: None,
            claim: None,
            attempts: 0,
            last_error: None,
            trail: None,
            created_at: now,
            updated_at: now,
            unknown: UnknownAttributes::new(),
        }
    }

    /// Returns true if the row was written from the tags of a clone, and no event was heard since.
    #[must_use]
    pub fn is_unheard(&self) -> bool {
        self.order.event_time == Self::UNHEARD
    }

    /// Returns the spec of the pipeline that the subject should have, or had last.
    #[must_use]
    pub fn spec(&self) -> Option<&Spec> {
        self.desired.as_ref().and_then(Desired::spec)
    }

    /// Returns the reason why the subject should have no pipeline.
    #[must_use]
    pub fn absence(&self) -> Option<AbsenceReason> {
        self.desired.as_ref().and_then(Desired::absence)
    }

    /// Returns the name of its pipeline, which exists or is being created.
    #[must_use]
    pub fn pipeline_name(&self) -> Option<&PipelineName> {
        self.resources
            .pipeline
            .as_ref()
            .map(|pipeline| &pipeline.name)
    }

    /// Returns the name of its pipeline, or of the one that it had last.
    #[must_use]
    pub fn last_pipeline_name(&self) -> Option<&PipelineName> {
        let last = match &self.desired {
            Some(Desired::Absent { last, .. }) => last.as_ref(),
            Some(Desired::Present(spec)) => Some(spec).filter(|_| self.state == State::Asleep),
            None => None,
        };
        self.pipeline_name().or(last.map(|spec| &spec.pipeline))
    }

    /// Returns the ARN of its pipeline, once it was created.
    #[must_use]
    pub fn pipeline_arn(&self) -> Option<&PipelineArn> {
        self.resources.pipeline.as_ref()?.arn.as_ref()
    }

    /// Returns the fingerprint of its pipeline, as it was last written to CodePipeline.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&CloneFingerprint> {
        self.resources.pipeline.as_ref()?.fingerprint.as_ref()
    }

    /// Returns the source action of its pipeline, by which executions name their commit.
    #[must_use]
    pub fn source_action(&self) -> Option<&str> {
        self.fingerprint()?.source.as_deref()
    }

    /// Returns the version that CodePipeline gave its pipeline when branchline wrote it last.
    #[must_use]
    pub fn pipeline_version(&self) -> Option<i32> {
        self.resources.pipeline.as_ref()?.version
    }

    /// Returns when its pipeline was created.
    #[must_use]
    pub fn pipeline_created_at(&self) -> Option<Timestamp> {
        self.resources.pipeline.as_ref()?.created_at
    }

    /// Returns the version of the template that its pipeline was made from.
    #[must_use]
    pub fn template_version(&self) -> Option<i32> {
        self.resources.pipeline.as_ref()?.template_version
    }

    /// Returns the values of a rule's placeholders for this subject and its pipeline.
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

    /// Returns the values from which a template creates this subject's clone.
    #[must_use]
    pub fn clone_request<'a>(
        &'a self,
        spec: &'a Spec,
        rule: &'a Rule,
        owner: &'a Owner,
    ) -> CloneRequest<'a> {
        CloneRequest {
            subject: &self.subject,
            pipeline: &spec.pipeline,
            values: self.placeholder_values(spec),
            rule,
            owner,
            with_notes: false,
        }
    }

    /// Returns true if the head commit has no known execution. The first execution of a new branch
    /// is that of its first commit.
    #[must_use]
    pub fn owes_start(&self) -> bool {
        match (&self.order.head, &self.observed.built) {
            (None, _) => false,
            (Some(_), None) => self.order.before.is_some(),
            (Some(head), Some(built)) => head != built,
        }
    }

    /// Returns the token under which the head is started. A start that follows an execution that
    /// branchline may have stopped needs a token of its claim: an earlier attempt may have used the
    /// head's own token for that execution, and CodePipeline would return that one.
    #[must_use]
    pub fn token(&self, after_stop: bool) -> Option<DeliveryId> {
        let token = self.start_token.as_ref()?;
        if !after_stop {
            return Some(token.clone());
        }
        let mut text = format!("{}-{token}", self.claim.as_ref()?.until.0);
        text.truncate(DeliveryId::MAX);
        DeliveryId::parse(text).ok()
    }

    /// Returns the claim that is valid at `now`.
    #[must_use]
    pub fn claim_at(&self, now: Timestamp) -> Option<&ClaimInfo> {
        self.claim.as_ref().filter(|claim| claim.until > now)
    }

    /// Returns the condition that the row was not written since it was read.
    #[must_use]
    pub fn as_seen(&self) -> Expect {
        Expect::Seen {
            generation: self.generation,
            state: self.state,
            claim: self.claim.clone(),
        }
    }
}
