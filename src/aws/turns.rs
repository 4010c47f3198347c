//! A gate that lets in only so many at once. Those who wait belong to repositories, which take
//! turns: one with a thousand waiting calls delays the single call of another by two turns, and not
//! by a thousand.
//!
//! Every other turn belongs to who waits longest. So nobody is overtaken by more
//! than were before it, however many repositories come later.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::domain::ids::RepositoryId;

/// The gate.
pub(super) struct Gate(Arc<Shared>);

struct Shared(Mutex<State>);

struct State {
    limit: usize,
    inside: usize,
    waiting: Line<oneshot::Sender<Inside>>,
    /// True if the next turn belongs to who waits longest.
    oldest_is_next: bool,
}

impl Gate {
    /// Creates a gate that lets in `limit` at once.
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Shared(Mutex::new(State {
            limit,
            inside: 0,
            waiting: Line::default(),
            oldest_is_next: false,
        }))))
    }

    /// Waits for a turn of the repository; those without a repository have turns like one. The gate
    /// lets in the next one when the returned value is dropped. It is never `None`.
    ///
    /// If cancelled, nothing is held.
    pub(super) async fn enter(&self, repository: Option<RepositoryId>) -> Option<Inside> {
        let (sender, turn) = oneshot::channel();
        self.0.lock().waiting.push(repository, sender);
        self.0.let_in();
        turn.await.ok()
    }

    /// Changes how many are let in at once. Those inside stay.
    pub(super) fn set_limit(&self, limit: usize) {
        self.0.lock().limit = limit;
        self.0.let_in();
    }
}

impl Shared {
    fn let_in(self: &Arc<Self>) {
        while let Some(next) = self.next() {
            // A value that does not arrive is dropped, which lets in the next one.
            drop(next.send(Inside(Arc::clone(self))));
        }
    }

    /// Counts the next one as inside, if the limit allows it.
    fn next(&self) -> Option<oneshot::Sender<Inside>> {
        let mut state = self.lock();
        while state.inside < state.limit {
            let is_oldest = state.oldest_is_next;
            let next = if is_oldest {
                state.waiting.pop_oldest()?
            } else {
                state.waiting.pop_in_turn()?
            };
            // Those that were cancelled have no turn.
            if !next.is_closed() {
                state.oldest_is_next = !is_oldest;
                state.inside += 1;
                return Some(next);
            }
        }
        None
    }

    /// Nothing panics under this lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to be inside, until it is dropped.
pub(super) struct Inside(Arc<Shared>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.lock().inside -= 1;
        self.0.let_in();
    }
}

/// Those who wait, by repository.
struct Line<T> {
    arrivals: u64,
    /// The repositories in the order of their turns. None of them is empty. Those that had no turn
    /// since they came are before those that had one.
    repositories: VecDeque<Waiting<T>>,
}

struct Waiting<T> {
    repository: Option<RepositoryId>,
    is_new: bool,
    /// In the order of arrival, each with its number.
    all: VecDeque<(u64, T)>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            arrivals: 0,
            repositories: VecDeque::new(),
        }
    }
}

impl<T> Line<T> {
    fn push(&mut self, repository: Option<RepositoryId>, one: T) {
        let arrival = (self.arrivals, one);
        self.arrivals += 1;
        let mut known = self.repositories.iter_mut();
        if let Some(known) = known.find(|known| known.repository == repository) {
            known.all.push_back(arrival);
            return;
        }
        let new = self.repositories.iter().take_while(|one| one.is_new);
        let place = new.count();
        let waiting = Waiting {
            repository,
            is_new: true,
            all: VecDeque::from([arrival]),
        };
        self.repositories.insert(place, waiting);
    }

    /// Takes out the next one of the repository whose turn it is.
    fn pop_in_turn(&mut self) -> Option<T> {
        self.pop_of(0)
    }

    /// Takes out who waits longest. That is the turn of its repository, too.
    fn pop_oldest(&mut self) -> Option<T> {
        let arrivals = self.repositories.iter().enumerate();
        let firsts = arrivals.filter_map(|(place, one)| Some((one.all.front()?.0, place)));
        let (_, place) = firsts.min()?;
        self.pop_of(place)
    }

    fn pop_of(&mut self, place: usize) -> Option<T> {
        let mut next = self.repositories.remove(place)?;
        let (_, one) = next.all.pop_front()?;
        next.is_new = false;
        if !next.all.is_empty() {
            self.repositories.push_back(next);
        }
        Some(one)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;
    use tokio::time::timeout;

    use super::*;

    const FLOOD: Option<RepositoryId> = Some(RepositoryId(1));

    /// Lets repositories wait at a gate for one, in this order, and returns the order in which
    /// they are let in.
    async fn served(waiting: &[u64]) -> Vec<u64> {
        let gate = Arc::new(Gate::new(1));
        let first = gate.enter(FLOOD).await;
        let (sender, mut served) = mpsc::unbounded_channel();
        for repository in waiting.iter().copied() {
            let (gate, sender) = (Arc::clone(&gate), sender.clone());
            tokio::spawn(async move {
                let _inside = gate.enter(Some(RepositoryId(repository))).await;
                sender.send(repository).unwrap();
            });
            tokio::task::yield_now().await;
        }
        drop((first, sender));
        let mut all = Vec::new();
        while let Some(repository) = served.recv().await {
            all.push(repository);
        }
        all
    }

    #[tokio::test]
    async fn repositories_take_turns_and_every_other_one_is_that_of_who_waits_longest() {
        let served = served(&[1, 1, 1, 1, 2, 3, 2]).await;
        assert_eq!(served, [1, 2, 1, 3, 1, 2, 1]);
    }

    #[tokio::test]
    async fn the_one_of_a_quiet_repository_has_one_of_the_next_two_turns() {
        let mut waiting = vec![1; 40];
        waiting.push(2);
        let served = served(&waiting).await;
        let place = served.iter().position(|&repository| repository == 2);
        assert!(place < Some(2), "{place:?}");
    }

    #[tokio::test]
    async fn nobody_is_overtaken_by_more_than_were_before_it() {
        // Sixty repositories come later, with one each.
        let mut waiting = vec![1; 20];
        waiting.extend(100..160);
        let served = served(&waiting).await;
        let last = served.iter().rposition(|&repository| repository == 1);
        assert!(last < Some(40), "{last:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_are_inside_and_who_was_cancelled_takes_no_turn() {
        let gate = Gate::new(2);
        let enters = || timeout(Duration::ZERO, gate.enter(FLOOD));
        let (one, two) = (enters().await.unwrap(), enters().await.unwrap());
        assert!(enters().await.is_err(), "it waits, and is cancelled");
        drop(one);
        let three = enters().await.unwrap();
        assert!(enters().await.is_err());
        gate.set_limit(3);
        let four = enters().await.unwrap();
        gate.set_limit(1);
        drop((two, three));
        assert!(enters().await.is_err(), "one is still inside");
        drop(four);
        assert!(enters().await.is_ok());
    }

    #[tokio::test]
    async fn a_turn_that_arrives_at_nobody_passes_on() {
        let gate = Gate::new(1);
        let first = gate.enter(FLOOD).await;
        let mut cancelled = Box::pin(gate.enter(FLOOD));
        assert!(timeout(Duration::ZERO, &mut cancelled).await.is_err());
        // The turn is in the channel, and the one it was for does not look any more.
        drop(first);
        drop(cancelled);
        assert!(timeout(Duration::ZERO, gate.enter(FLOOD)).await.is_ok());
    }
}
