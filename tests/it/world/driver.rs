//! Drives the line through a world: receives, walks, executes verdicts, lets time pass. Deterministic: one message at a
//! time, in the queue's order, and waits without jitter.
//!
//! A call that hangs is a crash: the walk is dropped there, and its message comes back by itself.

use std::time::Duration;

use branchline::domain::intake::envelope::{Envelope, Receipt};
use branchline::domain::outcome::journal::Journal;
use branchline::ports::{Clock, Queue};
use branchline::reconcile::lease::Lease;
use branchline::reconcile::{Ending, Processed};
use branchline::worker::backoff;

use super::world::World;

/// More polls than any story needs: beyond that the world does not come to rest.
const POLLS: usize = 10_000;

/// Works until nothing is in the source queue, visible or in flight. Answers with the journals in order.
pub(crate) async fn settle(world: &World) -> Vec<Journal> {
    let mut journals = Vec::new();
    for _ in 0..POLLS {
        let received = tokio::select! {
            biased;
            received = world.queue.receive(10, Duration::ZERO) => received,
            () = world.weather.hangs() => continue,
        };
        match received {
            Ok(messages) if messages.is_empty() => match world.queue.next_visible() {
                None => return journals,
                Some(next) => world.clock.advance(next.since(world.clock.now())),
            },
            Ok(messages) => {
                for envelope in messages {
                    journals.extend(handle(world, envelope).await);
                }
            }
            Err(_) => world.clock.advance(Duration::from_secs(1)),
        }
    }
    panic!("the queue is not quiet after {POLLS} polls");
}

/// Walks one message and executes the verdict. `None` when the worker crashed in the middle.
pub(crate) async fn handle(world: &World, envelope: Envelope) -> Option<Journal> {
    let work = async {
        let lease = Lease::begin(envelope.receipt.clone());
        let walked = world.line().walk(envelope, &lease).await;
        execute(world, walked).await
    };
    tokio::select! {
        biased;
        journal = work => Some(journal),
        () = world.weather.hangs() => None,
    }
}

async fn execute(world: &World, walked: Processed) -> Journal {
    let Processed {
        journal,
        receipt,
        ending,
        heard: _,
    } = walked;
    match ending {
        Ending::Ack => delete(world, receipt).await,
        Ending::Retry { class, tries } => {
            let wait = backoff::visibility(class, tries, 1.0);
            // Where this fails the message comes back all the same, later.
            let _ = world.queue.change_visibility(&[(receipt, wait)]).await;
        }
        Ending::Bury(grave, burial) => {
            // Only a confirmed send lets the message go.
            if world.queue.bury(grave, burial).await.is_ok() {
                delete(world, receipt).await;
            }
        }
    }
    journal
}

async fn delete(world: &World, receipt: Receipt) {
    // Where this fails the message comes back, and changes nothing.
    let _ = world.queue.delete(&[receipt]).await;
}
