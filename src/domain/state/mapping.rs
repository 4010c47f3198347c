//! Step 5 of 7. In: what the table holds. Out: [`Mapping`].
//!
//! A mapping is what we recorded of a subject. It is written in two steps: *claimed* in a half-way state before AWS is
//! touched, and *settled* afterwards, so that a crash between the two leaves a row that says what to finish.

use std::time::Duration;

use crate::domain::clone::CloneRequest;
use crate::domain::clone::execution::Execution;
use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::fault::{Class, Fault, Reason};
use crate::domain::ids::{
    CommitId, DeliveryId, PipelineArn, PipelineName, RepositoryName, Subject, SubjectKind,
    Timestamp,
};
use crate::domain::rules::placeholder::PlaceholderValues;
use crate::domain::rules::rule::Rule;
use crate::domain::state::desired::{AbsenceReason, Spec};
use crate::domain::state::ordering::EventOrder;

/// Where a subject's pipeline stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Claimed: about to be made, or half made.
    Creating,
    /// ExistingClone.
    Active,
    /// ExistingClone, and claimed: about to be brought up to date and started.
    Starting,
    /// Claimed: about to be removed, or half removed.
    Deleting,
    /// Removed, or never made. The row stays, so that an old `opened` raises nothing from the dead.
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
    /// Those that a dead worker leaves behind.
    pub const HALF_WAY: [Self; 3] = [Self::Creating, Self::Starting, Self::Deleting];

    /// The word in the table, in logs and in the index.
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
    /// Whose row it is.
    pub subject: Subject,
    /// The repository's name when it was last heard of.
    pub repository: RepositoryName,
    /// Where the pipeline stands.
    pub state: State,
    /// How many intents were accepted for this subject.
    pub generation: u64,
    /// The statement that was accepted last.
    pub order: EventOrder,
    /// The pipeline, as long as there is or was one.
    pub spec: Option<Spec>,
    /// Why there is none, where that is so.
    pub absence: Option<AbsenceReason>,
    /// The clone's ARN, once it was made.
    pub arn: Option<PipelineArn>,
    /// The version of the template that it was made from or brought up to.
    pub template_version: Option<i32>,
    /// What was written to CodePipeline then.
    pub fingerprint: Option<CloneFingerprint>,
    /// The head commit of its last execution that we know of: one that we started, or the first.
    pub built: Option<CommitId>,
    /// A delivery that named the head commit. Its id is the client request token of that commit's execution, and goes with
    /// the head: under a token that was used for another commit nothing would start.
    pub start_token: Option<DeliveryId>,
    /// The rule among whose `max_active` clones it counts.
    pub place: Option<String>,
    /// The pipeline's last executions, while it is being removed.
    pub executions: Vec<Execution>,
    /// Who works on it, and until when that counts.
    pub claim: Option<ClaimInfo>,
    /// Failed attempts since it was last settled.
    pub attempts: u32,
    /// The last failure, until it is settled.
    pub last_error: Option<String>,
    /// When the row was first written.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// A claim as the row shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimInfo {
    /// Unique to one walk of one worker.
    pub owner: String,
    /// From then on another worker may take over.
    pub until: Timestamp,
}

/// What a conditional write expects to find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No row.
    Unseen,
    /// The row exactly as it was seen, by all that moves when anybody touches it.
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
    /// Whether whoever claimed it died: half-way, under a claim that has run out.
    #[must_use]
    pub fn is_abandoned(&self, now: Timestamp) -> bool {
        State::HALF_WAY.contains(&self.state)
            && self.claim.as_ref().is_some_and(|claim| claim.until <= now)
    }

    /// The row of a subject that was never seen, before anything is accepted.
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
            spec: None,
            absence: None,
            arn: None,
            template_version: None,
            fingerprint: None,
            built: None,
            start_token: None,
            place: None,
            executions: Vec::new(),
            claim: None,
            attempts: 0,
            last_error: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// What the placeholders of a rule stand for, for this subject and its pipeline.
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

    /// What a template needs to make this subject's clone.
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

    /// Whether the head commit has no execution that we know of. A new branch's first execution is that of the commit
    /// that came with it.
    #[must_use]
    pub fn owes_start(&self) -> bool {
        match (&self.order.head, &self.built) {
            (None, _) => false,
            (Some(_), None) => self.order.before.is_some(),
            (Some(head), Some(built)) => head != built,
        }
    }

    /// The token of a start that follows an UpdatePipeline of the same claim, and of no other: that stops what runs, the
    /// execution that an attempt before started under the head's own token among it, and CodePipeline would answer with it.
    #[must_use]
    pub fn token_after_update(&self) -> Option<DeliveryId> {
        let (token, claim) = (self.start_token.as_ref()?, self.claim.as_ref()?);
        let mut text = format!("{}-{token}", claim.until.0);
        text.truncate(DeliveryId::MAX);
        DeliveryId::parse(text).ok()
    }

    /// The claim that counts at `now`.
    #[must_use]
    pub fn claim_at(&self, now: Timestamp) -> Option<&ClaimInfo> {
        self.claim.as_ref().filter(|claim| claim.until > now)
    }

    /// The expectation that nobody touched the row since it was read as this.
    #[must_use]
    pub fn as_seen(&self) -> Expect {
        Expect::Seen {
            generation: self.generation,
            state: self.state,
            claim: self.claim.clone(),
        }
    }

    /// The row after its effect took place.
    #[must_use]
    pub fn settled(mut self, done: EffectResult, now: Timestamp) -> Self {
        match done {
            EffectResult::Present(made) => {
                self.state = State::Active;
                self.arn = Some(made.arn);
                self.template_version = made.template_version.or(self.template_version);
                self.fingerprint = Some(made.fingerprint);
                self.place = made.place.or(self.place);
                self.built = self.order.head.clone().or(made.built).or(self.built);
            }
            EffectResult::Absent => {
                self.state = State::Gone;
                self.arn = None;
                self.fingerprint = None;
                self.built = None;
                self.place = None;
            }
        }
        self.executions = Vec::new();
        self.claim = None;
        self.attempts = 0;
        self.last_error = None;
        self.updated_at = now;
        self
    }
}

/// What an effect came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectResult {
    /// The pipeline exists, and the head commit has an execution.
    Present(ExistingClone),
    /// The pipeline does not exist.
    Absent,
}

/// A pipeline that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingClone {
    /// Its ARN.
    pub arn: PipelineArn,
    /// The version of the template that it now follows; `None` where that did not change, or is not known.
    pub template_version: Option<i32>,
    /// What it is like.
    pub fingerprint: CloneFingerprint,
    /// The rule among whose clones it was counted just now.
    pub place: Option<String>,
    /// The commit of its last execution, where an earlier attempt had made it. Counts where no head is known.
    pub built: Option<CommitId>,
}

/// A row to write, and what must be there for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What must be there.
    pub expect: Expect,
    /// What is written.
    pub next: Mapping,
    /// The pipeline name that the subject gives up with it.
    pub releases: Option<PipelineName>,
}

impl Transition {
    /// A row to write that gives up no name.
    #[must_use]
    pub fn new(expect: Expect, next: Mapping) -> Self {
        Self {
            expect,
            next,
            releases: None,
        }
    }

    /// Whether it is written over the claim of somebody else, who died or was too slow.
    #[must_use]
    pub fn takes_over(&self) -> bool {
        matches!(self.expect, Expect::Seen { claim: Some(_), .. })
    }

    /// The pipeline name that the subject takes with it, so that no other subject can.
    #[must_use]
    pub fn reserves(&self) -> Option<&PipelineName> {
        let creating = self.next.state == State::Creating && self.next.claim.is_some();
        self.next
            .spec
            .as_ref()
            .filter(|_| creating)
            .map(|spec| &spec.pipeline)
    }
}

/// How long a call that was given up may go on at AWS. Its request has reached AWS or never will, and AWS answers within
/// seconds.
pub const LATE_EFFECT_WINDOW: Duration = Duration::from_secs(10);
/// How far the clocks of two workers may be apart: one sees a claim expire before the other does.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// The proof that a conditional write on the mapping succeeded: no pipeline is touched without one.
///
/// Only a `Store` makes one, after its write was confirmed.
#[derive(Debug)]
pub struct Claim(Box<Mapping>);

impl Claim {
    /// For stores: the row that was just written.
    #[must_use]
    pub fn proven(written: Mapping) -> Self {
        Self(Box::new(written))
    }

    /// The half-way row.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        &self.0
    }

    /// Whether it still counts for that long: nobody else touches the pipeline until then.
    #[must_use]
    pub fn lasts(&self, time: Duration, now: Timestamp) -> bool {
        self.0.claim_at(now.plus(time)).is_some()
    }

    /// The claim is used up: its row settled by what was done, for the table to write.
    #[must_use]
    pub fn settle(self, done: EffectResult, now: Timestamp) -> Transition {
        let expect = self.0.as_seen();
        let releases = match done {
            EffectResult::Present(_) => None,
            EffectResult::Absent => self.0.spec.as_ref().map(|spec| spec.pipeline.clone()),
        };
        Transition {
            expect,
            next: self.0.settled(done, now),
            releases,
        }
    }

    /// The claim is given up: the row stays half-way, free for whoever comes next, and says why.
    ///
    /// A name that turned out to be a stranger's is forgotten, so that a mended rule may give another.
    #[must_use]
    pub fn give_up(self, fault: &Fault, now: Timestamp) -> Transition {
        let expect = self.0.as_seen();
        let mut next = *self.0;
        let releases = match fault.reason == Reason::PipelineNameTaken {
            true => next.spec.take().map(|spec| spec.pipeline),
            false => None,
        };
        // A call that did not answer may still be under way at AWS: the subject stays held until it has surely ended.
        next.claim = next
            .claim
            .filter(|_| fault.reason == Reason::AwsUnavailable);
        if let Some(claim) = &mut next.claim {
            claim.until = claim.until.min(now.plus(LATE_EFFECT_WINDOW + CLOCK_SKEW));
        }
        // Somebody else was faster, which is nobody's failure.
        let failed = fault.reason.class() != Class::Busy;
        next.attempts = next.attempts.saturating_add(u32::from(failed));
        next.last_error = Some(fault.to_string());
        next.updated_at = now;
        Transition {
            expect,
            next,
            releases,
        }
    }
}
