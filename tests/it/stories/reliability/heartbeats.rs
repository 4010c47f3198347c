//! A daemon is seen while it runs, and leaves word when it stops.

use std::time::Duration;

use branchline::domain::heartbeat::{ALIVE, Heartbeat};
use branchline::ports::{Clock, HeartbeatReader};
use branchline::worker::{Heartbeats, Shutdown};
use tokio::time::sleep;

use crate::world::clock::FakeClock;
use crate::world::fault_injection::FaultInjection;
use crate::world::store::FakeStore;

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
    let heartbeats = Heartbeats::new(store.clone(), clock.clone(), "0f".to_owned(), "0.1.0");
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
    let heartbeats = Heartbeats::new(store.clone(), clock.clone(), "0f".to_owned(), "0.1.0");
    let task = tokio::spawn(heartbeats.run(stop));
    sleep(Duration::from_secs(1)).await;
    task.abort();
    let last = only(&store).await;
    assert!(last.is_alive(clock.now()));
    sleep(ALIVE).await;
    assert!(!last.is_alive(clock.now()));
}
