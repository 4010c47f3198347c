//! Chaos: the disturbances that a worker meets while AWS, the network and its own machine are at
//! their worst, from seeded random numbers.
//!
//! It leaves out what every guarantee assumes cannot happen: an AWS client that waits longer than
//! its time limit, an effect that is later than `domain::state::mapping::LATE_EFFECT_WINDOW`, and a
//! machine that stands still between checking its claim (or its lease on a report) and sending the
//! call that it allows.

use std::time::Duration;

use branchline::aws::OPERATION_TIMEOUT;
use branchline::domain::fault::Reason;
use branchline::domain::state::claim::LATE_EFFECT_WINDOW;
use tokio::time::Instant;

use super::fault_injection::{Op, Trouble, When};

/// Counts what the chaos did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) calls: usize,
    pub(crate) faults: usize,
    pub(crate) late_effects: usize,
    pub(crate) crashes: usize,
    pub(crate) freezes: usize,
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.faults += other.faults;
        self.late_effects += other.late_effects;
        self.crashes += other.crashes;
        self.freezes += other.freezes;
    }
}

/// What one call meets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Disturbance {
    pub(crate) before: Duration,
    pub(crate) after: Duration,
    pub(crate) trouble: Option<Trouble>,
}

/// The chaos around one worker.
pub(crate) struct Chaos {
    rng: fastrand::Rng,
    /// Until then the whole worker stands still, as a process that is not scheduled.
    frozen: Option<Instant>,
    pub(crate) figures: Figures,
}

impl Chaos {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            frozen: None,
            figures: Figures::default(),
        }
    }

    fn rolls(&mut self, percent: f64) -> bool {
        self.rng.f64() * 100.0 < percent
    }

    fn millis(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.rng.u64(0..=most))
    }

    /// Returns what this call meets. The call ends within the AWS client's time limit.
    pub(crate) fn disturbance(&mut self, op: Op) -> Disturbance {
        self.figures.calls += 1;
        let slow = self.rolls(5.0);
        let before = self.millis(if slow { 7_000 } else { 300 });
        let after = self.millis(if slow { 7_000 } else { 300 });
        assert!(before + after <= OPERATION_TIMEOUT);
        // Trouble under a claim does the most harm.
        let claimed = matches!(op, Op::Claim | Op::Template | Op::Find | Op::FindByName)
            || op == Op::CreateProject;
        if self.rolls(if claimed { 6.0 } else { 0.5 }) {
            self.figures.freezes += 1;
            let time = self.millis(if claimed { 180_000 } else { 30_000 });
            self.frozen = Some(Instant::now() + time);
        }
        let when = if self.rng.bool() {
            When::Before
        } else {
            When::After
        };
        let polls = matches!(op, Op::Receive | Op::ReceiveInternal);
        let trouble = if self.rolls(2.0) && !polls {
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
                    let reason = self.rng.choice(reasons);
                    Trouble::Fail(when, reason.unwrap_or(Reason::AwsThrottled))
                }
            })
        } else {
            None
        };
        Disturbance {
            before,
            after,
            trouble,
        }
    }

    /// Returns how much later this call takes effect, if it is to time out and still take effect.
    pub(crate) fn late_effect(&mut self) -> Option<Duration> {
        if !self.rolls(10.0) {
            return None;
        }
        self.figures.late_effects += 1;
        let most = u64::try_from(LATE_EFFECT_WINDOW.as_millis()).unwrap_or(0);
        Some(self.millis(most - 1_000))
    }

    /// Returns until when the worker stands still.
    pub(crate) fn frozen(&self) -> Option<Instant> {
        self.frozen.filter(|until| *until > Instant::now())
    }
}
