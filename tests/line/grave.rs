//! A scan of a grave: every message comes by once, however long that takes, and what does not leave is handed back.

#![expect(clippy::unwrap_used, reason = "a scan that fails fails its test")]

use std::collections::BTreeSet;
use std::time::Duration;

use branchline::operate::dlq::scan::{End, Scan, Seen};

use crate::support::webhook::Webhook;
use crate::support::world::{World, run_daemon};

const LETTERS: usize = 25;

/// Goes through the queue, with a pause after each batch, and answers with every id as it came.
async fn scan(world: &World, pause: Duration) -> (Vec<String>, Seen) {
    let mut scan = Scan::of(&world.queue);
    let mut came = Vec::new();
    loop {
        let batch = scan.next().await.unwrap();
        if batch.is_empty() {
            return (came, scan.finish().await.unwrap());
        }
        came.extend(batch.into_iter().map(|envelope| envelope.message_id));
        tokio::time::sleep(pause).await;
    }
}

fn fill(world: &World) {
    for number in 0..LETTERS {
        world.send(&Webhook::ping().delivery(&format!("ping-{number}")));
    }
}

async fn take(world: &World) {
    assert_eq!(world.queue.depth().visible, LETTERS, "handed back at once");
    world.settle().await;
}

#[test]
fn a_scan_that_takes_longer_than_a_message_is_held_sees_each_once() {
    run_daemon(async |world| {
        fill(world);
        // Nothing is invisible for longer than a minute here, unless it is renewed.
        let (came, seen) = scan(world, Duration::from_secs(45)).await;
        assert_eq!(came.len(), LETTERS);
        assert_eq!(came.iter().collect::<BTreeSet<_>>().len(), LETTERS);
        let end = Some(End::Empty);
        assert_eq!(
            seen,
            Seen {
                letters: LETTERS,
                held: 0,
                end
            }
        );
        take(world).await;
    });
}

#[test]
fn what_comes_by_twice_is_not_taken_for_the_end() {
    for seed in 0..50 {
        run_daemon(async |world| {
            fill(world);
            world.queue.unruly(seed);
            let (came, _) = scan(world, Duration::ZERO).await;
            let came: BTreeSet<_> = came.into_iter().collect();
            assert_eq!(came.len(), LETTERS, "seed {seed}");
            tokio::time::sleep(Duration::from_secs(120)).await;
            world.settle().await;
        });
    }
}
