//! Serializes work per subject within this process, while many subjects are worked on at once.
//! Across processes the claim does the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::Subject;

/// Messages of one subject that may be in a lane at once, the one in work included. Further
/// messages return to the queue, so that a subject with many events does not take all concurrency
/// from the others.
pub const DEPTH: usize = 4;

/// Events of executions of one subject that may be in a lane at once: as many messages of the
/// internal queue as a daemon has in work. Side by side, all but one of them would write the record
/// of the commit in vain.
pub const EVENT_DEPTH: usize = 10;

/// The lanes in use.
pub(super) struct Lanes {
    depth: usize,
    lanes: Mutex<HashMap<Subject, Lane>>,
}

#[derive(Default)]
struct Lane {
    gate: Arc<tokio::sync::Mutex<()>>,
    inside: usize,
}

impl Lanes {
    /// Makes lanes in which so many messages of one subject may be at once.
    pub(super) fn with_depth(depth: usize) -> Self {
        Self {
            depth,
            lanes: Mutex::default(),
        }
    }

    /// Waits for a turn, in the order of the calls.
    ///
    /// # Errors
    /// `subject-busy` at once if the lane is full.
    ///
    /// If cancelled, the position in the lane is free again.
    pub(super) async fn enter(&self, subject: &Subject) -> Result<LaneGuard<'_>, Fault> {
        let Some((place, gate)) = self.place(subject) else {
            let detail = format!(
                "{} messages of this subject are in work already",
                self.depth
            );
            return Err(Fault::new(Reason::SubjectBusy, detail));
        };
        let gate = gate.lock_owned().await;
        Ok(LaneGuard {
            _gate: gate,
            _place: place,
        })
    }

    fn place(&self, subject: &Subject) -> Option<(Place<'_>, Arc<tokio::sync::Mutex<()>>)> {
        let mut lanes = self.lock();
        let lane = lanes.entry(subject.clone()).or_default();
        if lane.inside >= self.depth {
            return None;
        }
        lane.inside += 1;
        let place = Place {
            lanes: self,
            subject: subject.clone(),
        };
        Some((place, Arc::clone(&lane.gate)))
    }

    fn leave(&self, subject: &Subject) {
        let mut lanes = self.lock();
        if let Some(lane) = lanes.get_mut(subject) {
            lane.inside -= 1;
            if lane.inside == 0 {
                lanes.remove(subject);
            }
        }
    }

    /// Nothing panics under this lock.
    fn lock(&self) -> MutexGuard<'_, HashMap<Subject, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to work on a subject, until it is dropped.
pub(super) struct LaneGuard<'a> {
    _gate: OwnedMutexGuard<()>,
    _place: Place<'a>,
}

struct Place<'a> {
    lanes: &'a Lanes,
    subject: Subject,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.lanes.leave(&self.subject);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::domain::ids::{RepositoryId, SubjectKind};

    fn subject(number: u64) -> Subject {
        Subject {
            repository: RepositoryId(1),
            kind: SubjectKind::PullRequest(number),
        }
    }

    /// Returns true if a turn is available at once.
    async fn enters<'a>(lanes: &'a Lanes, subject: &Subject) -> Option<LaneGuard<'a>> {
        timeout(Duration::from_millis(1), lanes.enter(subject))
            .await
            .ok()?
            .ok()
    }

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_and_others_beside_it() {
        let lanes = Lanes::with_depth(DEPTH);
        let turn = enters(&lanes, &subject(7)).await;
        assert!(turn.is_some());
        assert!(enters(&lanes, &subject(7)).await.is_none());
        assert!(enters(&lanes, &subject(8)).await.is_some());
        drop(turn);
        assert!(enters(&lanes, &subject(7)).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_lane_says_so_at_once_and_empties_again() {
        let lanes = Lanes::with_depth(DEPTH);
        let turn = enters(&lanes, &subject(7)).await;
        let subject = subject(7);
        let mut waiting: Vec<_> = (1..DEPTH)
            .map(|_| Box::pin(lanes.enter(&subject)))
            .collect();
        for waiter in &mut waiting {
            assert!(timeout(Duration::ZERO, waiter).await.is_err(), "it waits");
        }
        assert!(lanes.enter(&subject).await.is_err(), "full");
        waiting.clear();
        drop(turn);
        assert!(lanes.lock().is_empty());
    }
}
