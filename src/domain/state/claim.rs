//! What is written to a mapping under which condition, and the proof that it was.

use std::time::Duration;

use crate::domain::fault::{Class, Fault, Reason};
use crate::domain::ids::{PipelineName, Timestamp};
use crate::domain::state::mapping::{EffectResult, Expect, Mapping, State};

/// A row to write, and what the table must hold for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What the table must hold.
    pub expect: Expect,
    /// The row that is written.
    pub next: Mapping,
    /// The pipeline name that the subject gives up with it.
    pub releases: Option<PipelineName>,
}

impl Transition {
    /// Makes a transition that gives up no name.
    #[must_use]
    pub fn new(expect: Expect, next: Mapping) -> Self {
        Self {
            expect,
            next,
            releases: None,
        }
    }

    /// Returns true if it takes over the claim of another worker, which died or was too slow.
    #[must_use]
    pub fn takes_over(&self) -> bool {
        matches!(self.expect, Expect::Seen { claim: Some(_), .. })
    }

    /// Returns the pipeline name that the subject reserves with it, so that no other subject can.
    #[must_use]
    pub fn reserves(&self) -> Option<&PipelineName> {
        let creating = self.next.state == State::Creating && self.next.claim.is_some();
        self.next.pipeline_name().filter(|_| creating)
    }
}

/// How long a timed-out call may still take effect. Its request has reached AWS or never will, and AWS answers within
/// seconds.
pub const LATE_EFFECT_WINDOW: Duration = Duration::from_secs(10);
/// The largest difference between the clocks of two workers: one sees a claim expire before the other does.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// The proof that a conditional write on the mapping succeeded. No pipeline is changed without one.
///
/// Only a `Store` makes one, after its write was confirmed.
#[derive(Debug)]
pub struct Claim(Box<Mapping>);

impl Claim {
    /// Makes a claim of the row that was just written. For stores alone.
    #[must_use]
    pub fn proven(written: Mapping) -> Self {
        Self(Box::new(written))
    }

    /// Returns the half-way row.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        &self.0
    }

    /// Returns true if it lasts for at least this long: no other worker changes the pipeline until then.
    #[must_use]
    pub fn lasts(&self, time: Duration, now: Timestamp) -> bool {
        self.0.claim_at(now.plus(time)).is_some()
    }

    /// Uses the claim up: its row, settled by the result of the effect, for the table to write.
    #[must_use]
    pub fn settle(self, done: EffectResult, now: Timestamp) -> Transition {
        let expect = self.0.as_seen();
        let releases = match done {
            EffectResult::Present(_) => None,
            EffectResult::Absent => self.0.pipeline_name().cloned(),
        };
        Transition {
            expect,
            next: self.0.settled(done, now),
            releases,
        }
    }

    /// Gives the claim up: the row stays half-way, free for the next worker, and says why.
    ///
    /// A name that turned out to be taken is given up, so that a corrected rule may give another.
    #[must_use]
    pub fn give_up(self, fault: &Fault, now: Timestamp) -> Transition {
        let expect = self.0.as_seen();
        let mut next = *self.0;
        let taken = fault.reason == Reason::PipelineNameTaken;
        let releases = next.resources.pipeline.take_if(|_| taken);
        let releases = releases.map(|pipeline| pipeline.name);
        // A call that timed out may still take effect: the subject stays claimed until that is over.
        next.claim = next
            .claim
            .filter(|_| fault.reason == Reason::AwsUnavailable);
        if let Some(claim) = &mut next.claim {
            claim.until = claim.until.min(now.plus(LATE_EFFECT_WINDOW + CLOCK_SKEW));
        }
        // Another worker was faster, which is no failure.
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
