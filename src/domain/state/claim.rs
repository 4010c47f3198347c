//! Conditional writes to a mapping, and the proof that one succeeded.

use std::time::Duration;

use crate::domain::clone::stacks::StackKey;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{CommitId, PipelineName, Timestamp};
use crate::domain::report::record::{Attempt, CommitUpdate};
use crate::domain::report::updates::settled;
use crate::domain::state::desired::{Desired, Spec};
use crate::domain::state::effect::EffectResult;
use crate::domain::state::mapping::{ClaimInfo, Expect, Mapping, State};

/// A row to write, and the condition under which it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What the table must hold.
    pub expect: Expect,
    /// The row to write.
    pub next: Mapping,
    /// The pipeline name that the subject releases with it.
    pub releases: Option<PipelineName>,
    /// The stacks that the row records for the first time, and that the subject reserves with it,
    /// so that no other subject can.
    pub stacks: Vec<StackKey>,
    /// A commit of the subject's repository. If it is remembered as one that asks for no build, the
    /// row is not written.
    pub unless_skipped: Option<CommitId>,
    /// What it means for the reports of the subject's commits. Written with the row.
    pub commits: Vec<CommitUpdate>,
}

impl Transition {
    /// Creates a transition that releases no name.
    #[must_use]
    pub fn new(expect: Expect, next: Mapping) -> Self {
        Self {
            expect,
            next,
            releases: None,
            stacks: Vec::new(),
            unless_skipped: None,
            commits: Vec::new(),
        }
    }

    /// Returns the claim of another worker that it takes over: that one died or was too slow.
    #[must_use]
    pub fn taken_over(&self) -> Option<&ClaimInfo> {
        match &self.expect {
            Expect::Seen { claim, .. } => claim.as_ref(),
            Expect::Unseen => None,
        }
    }

    /// Returns the state of the row that it changes; `None` if there is no row.
    #[must_use]
    pub fn seen_state(&self) -> Option<State> {
        match &self.expect {
            Expect::Seen { state, .. } => Some(*state),
            Expect::Unseen => None,
        }
    }

    /// Returns true if an attempt before it has begun to delete what the subject has.
    #[must_use]
    pub fn repeats_deletion(&self) -> bool {
        matches!(self.seen_state(), Some(State::Deleting | State::Retiring))
    }

    /// Returns true if an attempt before it has begun to delete what the subject has, and nothing
    /// has started the pipeline again since.
    #[must_use]
    pub fn follows_deletion(&self) -> bool {
        let is_begun = !self.next.observed.executions.is_empty();
        self.repeats_deletion() || (self.seen_state() == Some(State::Starting) && is_begun)
    }

    /// Returns the pipeline name that the subject reserves with it, so that no other subject can.
    #[must_use]
    pub fn reserves(&self) -> Option<&PipelineName> {
        let creating = self.next.state == State::Creating && self.next.claim.is_some();
        self.next.pipeline_name().filter(|_| creating)
    }
}

/// How long a timed-out call may still take effect. Its request has reached AWS or never will, and
/// AWS answers within seconds.
pub const LATE_EFFECT_WINDOW: Duration = Duration::from_secs(10);
/// The largest difference between the clocks of two workers: one sees a claim expire before the
/// other does.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// How long a change that was given up is left to its own message, if it may have none.
const GIVEN_UP: Duration = Duration::from_mins(10);

/// The proof that a conditional write on the mapping succeeded. No pipeline is changed without one.
///
/// Only a `Store` creates one, after its write was confirmed.
#[derive(Debug)]
pub struct Claim(Box<Mapping>);

impl Claim {
    /// Creates the claim for a row that was just written. Only stores call this.
    #[must_use]
    pub fn proven(written: Mapping) -> Self {
        Self(Box::new(written))
    }

    /// Returns the half-way row.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        &self.0
    }

    /// Returns true if it lasts for at least this time, in which no other worker changes the
    /// pipeline.
    #[must_use]
    pub fn lasts(&self, time: Duration, now: Timestamp) -> bool {
        self.0.claim_at(now.plus(time)).is_some()
    }

    /// Returns the write that ends the claim with the result of the effect and settles the row.
    #[must_use]
    pub fn settle(&self, done: EffectResult, now: Timestamp) -> Transition {
        let expect = self.0.as_seen();
        let releases = match done {
            EffectResult::Present(_) | EffectResult::Retiring { .. } => None,
            EffectResult::Absent | EffectResult::Ended(_) => self.0.pipeline_name().cloned(),
        };
        let execution = match &done {
            EffectResult::Present(clone) => clone.execution.clone(),
            EffectResult::Retiring { .. } | EffectResult::Absent | EffectResult::Ended(_) => None,
        };
        let retried = self.0.retry.as_ref();
        let outdated = retried.filter(|failed| execution.as_ref() == Some(&failed.execution));
        let outdated = outdated.map(|failed| Attempt {
            execution: failed.execution.clone(),
            attempt: failed.attempt,
        });
        let next = self.0.clone().settled(done, now);
        let update = settled(&next, self.0.observed.built.as_ref(), execution, outdated);
        Transition {
            releases,
            commits: update.into_iter().collect(),
            ..Transition::new(expect, next)
        }
    }

    /// Gives the claim up. The row stays half-way, free for the next worker, and has the fault.
    ///
    /// If the pipeline's name belongs to another pipeline, the name is released, so that a
    /// corrected rule can give the subject another one. The CodeBuild projects that were made for
    /// it were deleted before.
    #[must_use]
    pub fn give_up(self, fault: &Fault, now: Timestamp) -> Transition {
        let expect = self.0.as_seen();
        let mut next = *self.0;
        let mut releases = None;
        if fault.reason == Reason::PipelineNameTaken {
            let resources = std::mem::take(&mut next.resources);
            releases = resources.pipeline.map(|pipeline| pipeline.name);
            // The next pipeline is created under a new name, which must be reserved.
            next.state = State::Creating;
            next.slot = None;
        }
        // A call that timed out may still take effect. The subject stays claimed until then.
        next.claim = next
            .claim
            .filter(|_| fault.reason == Reason::AwsUnavailable);
        if let Some(claim) = &mut next.claim {
            claim.until = claim.until.min(now.plus(LATE_EFFECT_WINDOW + CLOCK_SKEW));
        }
        // A conflict with another worker is not a failure, and a call that was not sent neither.
        let failed = !fault.reason.class().is_uncounted();
        next.attempts = next.attempts.saturating_add(u32::from(failed));
        next.last_error = Some(fault.to_string());
        next.updated_at = now;
        Transition {
            releases,
            ..Transition::new(expect, next)
        }
    }
}

impl Mapping {
    /// Returns the pipeline that a subject whose environment is being removed should have again, if
    /// it should.
    #[must_use]
    pub fn wants_pipeline(&self) -> Option<&Spec> {
        match &self.desired {
            Some(Desired::Present(spec)) if self.activity.sleep.is_none() => Some(spec),
            Some(Desired::Present(_) | Desired::Absent { .. }) | None => None,
        }
    }

    /// Returns true if the row is half-way under a claim that has expired, because its worker has
    /// ended, or if a change was given up that may have no message: the removal of an idle
    /// pipeline, and what follows a teardown.
    #[must_use]
    pub fn is_abandoned(&self, now: Timestamp) -> bool {
        let is_over = match &self.claim {
            Some(claim) => claim.until <= now,
            // The message of an event returns. A request to remove an idle pipeline may be gone,
            // and what follows a teardown may have had none.
            None => {
                let has_no_message =
                    self.activity.sleep.is_some() || self.resources.teardown.is_some();
                has_no_message && self.updated_at.plus(GIVEN_UP) <= now
            }
        };
        State::HALF_WAY.contains(&self.state) && is_over
    }

    /// Returns true if its pipeline deletes its stacks, or is about to.
    #[must_use]
    pub fn is_torn_down(&self) -> bool {
        match self.state {
            State::Retiring => true,
            State::Deleting => self.resources.may_be_torn_down(),
            // It is to become the clone again.
            State::Starting => self.resources.teardown.is_some(),
            State::Creating | State::Active | State::Gone | State::Asleep => false,
        }
    }
}
