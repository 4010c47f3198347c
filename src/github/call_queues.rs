//! One queue for each caller: its calls are made one after the other, and mutations at least a
//! second apart (GitHub Docs, "Best practices for using the REST API"). Once a limit is reached,
//! the queue is closed until the limit ends, and calls fail at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::{Instant, sleep_until};

use crate::domain::ids::{InstallationId, Timestamp};
use crate::domain::report::fault::{GitHubFault, GitHubFaultKind};

/// The most queues that are kept. Idle ones beyond it are dropped.
const QUEUES: usize = 1_000;

/// Whose limits a call counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    /// The App itself, signed in by its key.
    App,
    /// An installation of the App.
    Installation(InstallationId),
    /// The owner of the token.
    Token,
}

/// The queues of all callers.
pub(super) struct CallQueues {
    queues: Mutex<HashMap<Caller, Arc<CallQueue>>>,
    gap: Duration,
}

/// The queue of one caller.
pub(super) struct CallQueue {
    /// When the next mutation may be sent.
    turn: Arc<AsyncMutex<Option<Instant>>>,
    closed: Mutex<Closed>,
    /// Until when less than a fifth of the limit is left.
    reserved: Mutex<Option<Timestamp>>,
    gap: Duration,
}

#[derive(Default)]
struct Closed {
    until: Option<Timestamp>,
    /// The limits that were reached since the last success.
    strikes: u32,
}

/// The right to make one call. It ends when it is dropped.
pub(super) struct Turn {
    next: OwnedMutexGuard<Option<Instant>>,
    gap: Option<Duration>,
}

impl CallQueues {
    /// Keeps mutations of a queue this far apart.
    pub(super) fn new(gap: Duration) -> Self {
        Self {
            queues: Mutex::default(),
            gap,
        }
    }

    /// Returns the queue of a caller.
    pub(super) fn of(&self, caller: Caller) -> Arc<CallQueue> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if queues.len() >= QUEUES && !queues.contains_key(&caller) {
            queues
                .retain(|_, queue| Arc::strong_count(queue) > 1 || queue.closed().until.is_some());
        }
        let queue = queues.entry(caller).or_insert_with(|| {
            Arc::new(CallQueue {
                turn: Arc::default(),
                closed: Mutex::default(),
                reserved: Mutex::default(),
                gap: self.gap,
            })
        });
        Arc::clone(queue)
    }
}

impl CallQueue {
    /// Waits until it is this call's turn.
    ///
    /// If cancelled, the turn goes to the next call.
    ///
    /// # Errors
    /// `github-limited` while a limit stands. Nothing was sent in that case.
    pub(super) async fn enter(
        &self,
        call: &str,
        is_mutation: bool,
        now: impl Fn() -> Timestamp,
    ) -> Result<Turn, GitHubFault> {
        self.check(call, now())?;
        let next = Arc::clone(&self.turn).lock_owned().await;
        // The call before may have reached a limit.
        self.check(call, now())?;
        if let Some(at) = next.filter(|_| is_mutation) {
            sleep_until(at).await;
        }
        Ok(Turn {
            next,
            gap: is_mutation.then_some(self.gap),
        })
    }

    /// Refuses a call while a limit stands.
    ///
    /// # Errors
    /// `github-limited`.
    pub(super) fn check(&self, call: &str, now: Timestamp) -> Result<(), GitHubFault> {
        match self.closed().until.filter(|until| *until > now) {
            Some(until) => Err(limited(
                format!("{call}: not sent, since GitHub's rate limit is reached until {until}"),
                until,
            )),
            None => Ok(()),
        }
    }

    /// Refuses a call that must leave the last fifth of the limit to others.
    ///
    /// # Errors
    /// `github-limited`.
    pub(super) fn check_reserve(&self, call: &str, now: Timestamp) -> Result<(), GitHubFault> {
        let reserved = *self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        match reserved.filter(|until| *until > now) {
            Some(until) => Err(limited(
                format!(
                    "{call}: not sent, since the last fifth of GitHub's rate limit is kept for reports until {until}"
                ),
                until,
            )),
            None => Ok(()),
        }
    }

    /// Notes until when less than a fifth of the limit is left.
    pub(super) fn reserve(&self, until: Option<Timestamp>) {
        *self.reserved.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// Returns how many limits were reached since the last success.
    pub(super) fn strikes(&self) -> u32 {
        self.closed().strikes
    }

    /// Closes the queue.
    pub(super) fn close(&self, until: Timestamp) {
        let mut closed = self.closed();
        closed.until = Some(until);
        closed.strikes = closed.strikes.saturating_add(1);
    }

    /// Notes that a call was accepted.
    pub(super) fn accepted(&self) {
        *self.closed() = Closed::default();
    }

    /// Locks the state. No code panics under this lock.
    fn closed(&self) -> MutexGuard<'_, Closed> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(gap) = self.gap {
            *self.next = Some(Instant::now() + gap);
        }
    }
}

/// Creates the fault of a limit.
pub(super) fn limited(detail: String, until: Timestamp) -> GitHubFault {
    GitHubFault {
        retry_at: Some(until),
        ..GitHubFault::new(GitHubFaultKind::Limited, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);
    const GAP: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn mutations_are_apart_and_reads_are_not() {
        let queue = CallQueues::new(GAP).of(Caller::Token);
        let started = Instant::now();
        let mut passed = Vec::new();
        for is_mutation in [true, false, true, true] {
            drop(queue.enter("call", is_mutation, || NOW).await.unwrap());
            passed.push(started.elapsed().as_secs());
        }
        assert_eq!(passed, [0, 0, 1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_of_a_caller_are_made_one_after_the_other() {
        let queues = CallQueues::new(GAP);
        let (one, other) = (queues.of(Caller::App), queues.of(Caller::Token));
        let turn = one.enter("call", false, || NOW).await.unwrap();
        let blocked = one.enter("call", false, || NOW);
        assert!(tokio::time::timeout(GAP, blocked).await.is_err());
        other.enter("call", false, || NOW).await.unwrap();
        drop(turn);
        one.enter("call", false, || NOW).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_closes_the_lane_for_those_who_wait_too() {
        let queues = CallQueues::new(GAP);
        let queue = queues.of(Caller::App);
        let turn = queue.enter("call", true, || NOW).await.unwrap();
        let waiting = queue.enter("PATCH /x", true, || NOW);
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(GAP, &mut waiting).await.is_err());
        queue.close(Timestamp(5_000));
        drop(turn);
        let fault = waiting.await.err().unwrap();
        assert_eq!(
            (fault.kind, fault.retry_at),
            (GitHubFaultKind::Limited, Some(Timestamp(5_000)))
        );
        assert_eq!(
            fault.detail,
            "PATCH /x: not sent, since GitHub's rate limit is reached until 1970-01-01T00:00:05.000Z"
        );
        assert!(queue.enter("call", true, || Timestamp(5_000)).await.is_ok());
        assert_eq!(queue.strikes(), 1);
        queue.accepted();
        assert_eq!(queue.strikes(), 0);
    }

    #[test]
    fn idle_lanes_are_dropped() {
        let queues = CallQueues::new(GAP);
        queues.of(Caller::App).close(NOW);
        for number in 0..2_500 {
            queues.of(Caller::Installation(InstallationId(number)));
        }
        let kept = queues.queues.lock().unwrap();
        assert!(kept.len() <= QUEUES && kept.contains_key(&Caller::App));
    }
}
