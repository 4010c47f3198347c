//! A scan of the dead-letter queue: it visits every message once, however long that takes, and
//! returns the messages that stay.

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
use crate::world::story::{World, paused, run_daemon};
use crate::world::webhook::Webhook;

const MESSAGES: usize = 25;

/// Scans the queue, with a pause after each batch. Returns every id in the order of arrival.
async fn scan(queue: &impl Queue, pause: Duration) -> (Vec<String>, ScanSummary) {
    let mut scan = Scan::new(queue);
    let mut visited = Vec::new();
    loop {
        let batch = scan.next().await.unwrap();
        if batch.is_empty() {
            return (visited, scan.finish().await.unwrap());
        }
        visited.extend(batch.into_iter().map(|envelope| envelope.message_id));
        tokio::time::sleep(pause).await;
    }
}

fn fill(world: &World) {
    for number in 0..MESSAGES {
        world.send(&Webhook::ping().delivery(&format!("ping-{number}")));
    }
}

async fn take(world: &World) {
    assert_eq!(world.queue.depth().visible, MESSAGES, "returned at once");
    world.settle().await;
}

#[test]
fn a_scan_longer_than_the_visibility_timeout_visits_each_message_once() {
    run_daemon(async |world| {
        fill(world);
        // Nothing is invisible for longer than a minute here, unless it is renewed.
        let (visited, seen) = scan(&world.queue, Duration::from_secs(45)).await;
        assert_eq!(visited.len(), MESSAGES);
        assert_eq!(visited.iter().collect::<BTreeSet<_>>().len(), MESSAGES);
        let end = Some(End::Empty);
        assert_eq!(
            seen,
            ScanSummary {
                messages: MESSAGES,
                held: 0,
                end
            }
        );
        take(world).await;
    });
}

/// A queue that answers from a script, and repeats its last line.
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
fn a_message_that_comes_twice_does_not_end_the_scan() {
    let (visited, seen) = scripted(&[&["a", "b"], &["b", "a"], &["a"], &["a", "c"], &[]]);
    assert_eq!(visited, ["a", "b", "c"]);
    assert_eq!(seen.end, Some(End::Empty));
}

#[test]
fn a_scan_of_a_queue_that_never_empties_ends_and_reports_it() {
    let (visited, seen) = scripted(&[&["a"], &["b"], &["a"]]);
    assert_eq!(visited, ["a", "b"]);
    assert_eq!(seen.end, Some(End::Restless));
}
