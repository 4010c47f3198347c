//! Storms: what a worker may meet while AWS, the network and its own machine are at their worst, by seeded dice.
//!
//! What cannot happen is left out, for every guarantee assumes it: an AWS client that waits for an answer longer than its
//! time limit, an echo that is longer than `line::mapping::LATE_EFFECT_WINDOW`, and a machine that stands still between looking at its
//! claim and sending the call that the claim allows.

use std::time::Duration;

use branchline::aws::OPERATION_TIMEOUT;
use branchline::domain::fault::Reason;
use branchline::domain::state::claim::LATE_EFFECT_WINDOW;
use tokio::time::Instant;

use super::fault_injection::{Op, Trouble, When};

/// What a chaos did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) calls: usize,
    pub(crate) faults: usize,
    pub(crate) echoes: usize,
    pub(crate) crashes: usize,
    pub(crate) freezes: usize,
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.faults += other.faults;
        self.echoes += other.echoes;
        self.crashes += other.crashes;
        self.freezes += other.freezes;
    }
}

/// What one call meets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gust {
    pub(crate) before: Duration,
    pub(crate) after: Duration,
    pub(crate) trouble: Option<Trouble>,
}

/// A chaos over one worker.
pub(crate) struct Chaos {
    dice: fastrand::Rng,
    /// The whole worker stands still until then, as a process that is not scheduled.
    frozen: Option<Instant>,
    pub(crate) figures: Figures,
}

impl Chaos {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: fastrand::Rng::with_seed(seed),
            frozen: None,
            figures: Figures::default(),
        }
    }

    fn rolls(&mut self, percent: f64) -> bool {
        self.dice.f64() * 100.0 < percent
    }

    fn millis(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.dice.u64(0..=most))
    }

    /// What this call meets. It ends within the AWS client's time limit.
    pub(crate) fn gust(&mut self, op: Op) -> Gust {
        self.figures.calls += 1;
        let slow = self.rolls(5.0);
        let before = self.millis(if slow { 7_000 } else { 300 });
        let after = self.millis(if slow { 7_000 } else { 300 });
        assert!(before + after <= OPERATION_TIMEOUT);
        // Under a claim it hurts most.
        let claimed = matches!(op, Op::Claim | Op::Template | Op::Find | Op::FindByName);
        if self.rolls(if claimed { 6.0 } else { 0.5 }) {
            self.figures.freezes += 1;
            let time = self.millis(if claimed { 180_000 } else { 30_000 });
            self.frozen = Some(Instant::now() + time);
        }
        let when = if self.dice.bool() {
            When::Before
        } else {
            When::After
        };
        let trouble = if self.rolls(2.0) && op != Op::Receive {
            self.figures.crashes += 1;
            Some(Trouble::Hang(when))
        } else if self.rolls(10.0) {
            self.figures.faults += 1;
            let reasons = [
                Reason::AwsUnavailable,
                Reason::AwsThrottled,
                Reason::AwsConflict,
            ];
            Some(match when {
                When::After => Trouble::Fail(when, Reason::AwsUnavailable),
                When::Before => {
                    let reason = self.dice.choice(reasons);
                    Trouble::Fail(when, reason.unwrap_or(Reason::AwsThrottled))
                }
            })
        } else {
            None
        };
        Gust {
            before,
            after,
            trouble,
        }
    }

    /// Whether this call is given up without an answer and takes effect all the same: so long after.
    pub(crate) fn echo(&mut self) -> Option<Duration> {
        if !self.rolls(10.0) {
            return None;
        }
        self.figures.echoes += 1;
        let most = u64::try_from(LATE_EFFECT_WINDOW.as_millis()).unwrap_or(0);
        Some(self.millis(most - 1_000))
    }

    /// Until when the worker stands still.
    pub(crate) fn frozen(&self) -> Option<Instant> {
        self.frozen.filter(|until| *until > Instant::now())
    }
}
