//! A daemon is seen while it runs, and leaves word when it stops.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use branchline::domain::heartbeat::{ALIVE, Heartbeat};
use branchline::ports::{Clock, HeartbeatReader};
use branchline::worker::{Heartbeats, Shutdown};
use tokio::time::sleep;

use crate::world::clock::FakeClock;
use crate::world::fault_injection::FaultInjection;
use crate::world::store::FakeStore;

fn daemon<F: Fn(NonZeroU32) + Send + Sync>(
    store: &FakeStore,
    clock: &FakeClock,
    name: &str,
    counted: F,
) -> Heartbeats<FakeStore, FakeClock, F> {
    Heartbeats::new(
        store.clone(),
        clock.clone(),
        name.to_owned(),
        "0.1.0",
        counted,
    )
}

async fn only(store: &FakeStore) -> Heartbeat {
    let mut heartbeats = store.heartbeats().await.unwrap();
    assert_eq!(heartbeats.len(), 1);
    heartbeats.remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_daemon_is_seen_once_a_minute_until_it_stops() {
    let clock = FakeClock::following_tokio();
    let store = FakeStore::new(&FaultInjection::new(&clock));
    let (handle, stop) = Shutdown::channel();
    let heartbeats = daemon(&store, &clock, "0f", |_| {});
    let task = tokio::spawn(heartbeats.run(stop));
    let started = clock.now();
    for minute in 0..5_u64 {
        sleep(Duration::from_secs(1)).await;
        let seen = only(&store).await;
        assert_eq!(seen.started_at, started);
        assert_eq!(seen.seen_at.since(started).as_secs(), minute * 60);
        assert!(seen.is_alive(clock.now()));
        sleep(Duration::from_secs(59)).await;
    }
    handle.request();
    task.await.unwrap();
    let last = only(&store).await;
    assert!(last.stopped && !last.is_alive(clock.now()), "{last:?}");
    assert_eq!(last.seen_at, clock.now());
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_was_killed_looks_alive_for_three_minutes() {
    let clock = FakeClock::following_tokio();
    let store = FakeStore::new(&FaultInjection::new(&clock));
    let (_handle, stop) = Shutdown::channel();
    let heartbeats = daemon(&store, &clock, "0f", |_| {});
    let task = tokio::spawn(heartbeats.run(stop));
    sleep(Duration::from_secs(1)).await;
    task.abort();
    let last = only(&store).await;
    assert!(last.is_alive(clock.now()));
    sleep(ALIVE).await;
    assert!(!last.is_alive(clock.now()));
}

#[tokio::test(start_paused = true)]
async fn daemons_count_each_other_and_not_those_that_stopped_or_were_killed() {
    let clock = FakeClock::following_tokio();
    let store = FakeStore::new(&FaultInjection::new(&clock));
    let start = |name: &str| {
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        let (handle, stop) = Shutdown::channel();
        let daemon = daemon(&store, &clock, name, move |daemons: NonZeroU32| {
            counted.store(daemons.get(), Ordering::Relaxed);
        });
        (tokio::spawn(daemon.run(stop)), handle, count)
    };
    let (_first, _runs, count) = start("first");
    let wait = async |seconds| {
        sleep(Duration::from_secs(seconds)).await;
        count.load(Ordering::Relaxed)
    };
    assert_eq!(wait(1).await, 1, "it is alone");
    let (_second, stops, second) = start("second");
    let (third, _killed, _) = start("third");
    assert_eq!(wait(1).await, 1, "it looks once a minute");
    assert_eq!(second.load(Ordering::Relaxed), 2, "a new one looks at once");
    assert_eq!(wait(60).await, 3);
    stops.request();
    assert_eq!(wait(60).await, 2, "a daemon that stops leaves word");
    third.abort();
    assert_eq!(wait(ALIVE.as_secs() - 60).await, 2, "it may be alive");
    assert_eq!(wait(60 + 60).await, 1);
}
