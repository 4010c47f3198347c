//! A scan of a grave: every message comes by once, however long that takes, and what does not leave is handed back.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a scan that fails fails its test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use branchline::domain::fault::Fault;
use branchline::domain::intake::envelope::{Envelope, Receipt};
use branchline::domain::outcome::outgoing::{Destination, OutgoingMessage};
use branchline::inspect::dlq::scan::{End, Scan, ScanSummary};
use branchline::ports::Queue;

use crate::world::clock::START;
use crate::world::lock;
use crate::world::webhook::Webhook;
use crate::world::world::{World, paused, run_daemon};

const LETTERS: usize = 25;

/// Goes through the queue, with a pause after each batch, and answers with every id as it came.
async fn scan(queue: &impl Queue, pause: Duration) -> (Vec<String>, ScanSummary) {
    let mut scan = Scan::new(queue);
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
        let (came, seen) = scan(&world.queue, Duration::from_secs(45)).await;
        assert_eq!(came.len(), LETTERS);
        assert_eq!(came.iter().collect::<BTreeSet<_>>().len(), LETTERS);
        let end = Some(End::Empty);
        assert_eq!(
            seen,
            ScanSummary {
                messages: LETTERS,
                held: 0,
                end
            }
        );
        take(world).await;
    });
}

/// A queue that answers by a script, and with its last line for ever.
struct Scripted(Mutex<Vec<Vec<&'static str>>>);

impl Queue for Scripted {
    async fn receive(&self, _: u32, _: Duration) -> Result<Vec<Envelope>, Fault> {
        let mut script = lock(&self.0);
        let line = match script.len() {
            1 => script[0].clone(),
            _ => script.remove(0),
        };
        let message = |id: &str| {
            let (id, receipt) = (id.to_owned(), Receipt(id.to_owned()));
            Envelope::new(id, receipt, String::new(), BTreeMap::new(), START, 1)
        };
        Ok(line.into_iter().map(message).collect())
    }

    async fn delete(&self, _: &[Receipt]) -> Result<Vec<Receipt>, Fault> {
        Ok(Vec::new())
    }

    async fn change_visibility(&self, _: &[(Receipt, Duration)]) -> Result<Vec<Receipt>, Fault> {
        Ok(Vec::new())
    }

    async fn send(&self, _: Destination, _: OutgoingMessage) -> Result<(), Fault> {
        Ok(())
    }
}

fn scripted(script: &[&[&'static str]]) -> (Vec<String>, ScanSummary) {
    let lines = script.iter().map(|line| line.to_vec()).collect();
    let queue = Scripted(Mutex::new(lines));
    paused().block_on(scan(&queue, Duration::ZERO))
}

#[test]
fn what_comes_by_twice_is_not_taken_for_the_end() {
    let (came, seen) = scripted(&[&["a", "b"], &["b", "a"], &["a"], &["a", "c"], &[]]);
    assert_eq!(came, ["a", "b", "c"]);
    assert_eq!(seen.end, Some(End::Empty));
}

#[test]
fn what_comes_by_for_ever_ends_and_is_told() {
    let (came, seen) = scripted(&[&["a"], &["b"], &["a"]]);
    assert_eq!(came, ["a", "b"]);
    assert_eq!(seen.end, Some(End::Restless));
}
