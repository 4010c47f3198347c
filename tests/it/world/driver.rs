//! Drives the reconciler through a world: receives messages, processes them, carries out their
//! dispositions, and lets time pass. It is deterministic: one message at a time, in the queue's
//! order, and waits without jitter.
//!
//! A call that hangs is a crash: the processing is dropped there, and its message returns by
//! itself.

use std::time::Duration;

use branchline::domain::fault::Fault;
use branchline::domain::intake::envelope::{Envelope, Receipt};
use branchline::domain::outcome::disposition::Disposition;
use branchline::domain::outcome::journal::Journal;
use branchline::domain::outcome::outgoing::Destination;
use branchline::ports::{Clock, Queue};
use branchline::reconcile::Processed;
use branchline::reconcile::lease::Lease;
use branchline::worker::backoff;

use super::story::World;

/// More polls than any story needs: a world that needs more does not come to rest.
const POLLS: usize = 10_000;

/// Works until nothing is in the source queues, visible or in flight. Returns the journals in
/// order.
pub(crate) async fn settle(world: &World) -> Vec<Journal> {
    let mut journals = Vec::new();
    for _ in 0..POLLS {
        let both = async {
            let mut received = world.queue.receive(10, Duration::ZERO).await?;
            received.extend(world.queue.internal().receive(10, Duration::ZERO).await?);
            Ok::<_, Fault>(received)
        };
        let received = tokio::select! {
            biased;
            received = both => received,
            () = world.faults.hangs() => continue,
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

/// Processes one message and carries out its disposition. Returns `None` if the worker crashed on
/// the way.
pub(crate) async fn handle(world: &World, envelope: Envelope) -> Option<Journal> {
    let work = async {
        let lease = Lease::begin(envelope.receipt.clone());
        let processed = world.reconciler().process(envelope, Some(&lease)).await;
        execute(world, processed).await
    };
    tokio::select! {
        biased;
        journal = work => Some(journal),
        () = world.faults.hangs() => {
            world.forget_outbox();
            None
        }
    }
}

async fn execute(world: &World, processed: Processed) -> Journal {
    let Processed {
        mut journal,
        receipt,
        disposition,
        signal: _,
    } = processed;
    world.outbox().push(journal.commits.drain(..));
    for wake in journal.wakes.drain(..) {
        // If this fails, the job for half-way mappings wakes the subject.
        let message = wake.to_message(world.reconciler().owner());
        let _ = world.queue.send(Destination::Internal, message).await;
    }
    let send = async |destination, message| {
        world.queue.send(destination, message).await?;
        let reconciler = world.reconciler();
        reconciler.record_failure(&journal, destination).await;
        Ok::<_, Fault>(())
    };
    let sent = match disposition {
        Disposition::Delete | Disposition::Discard => Ok(()),
        Disposition::Retry { class, attempt } => {
            let wait = backoff::visibility(class, attempt, 1.0);
            // If this fails, the message returns all the same, later.
            let _ = world.queue.change_visibility(&[(receipt, wait)]).await;
            return journal;
        }
        Disposition::DeadLetter(message) => send(Destination::DeadLetters, message).await,
        Disposition::Quarantine(message) => send(Destination::Quarantine, message).await,
    };
    // A message is deleted only after a confirmed send.
    if sent.is_ok() {
        delete(world, receipt).await;
    }
    journal
}

async fn delete(world: &World, receipt: Receipt) {
    // If this fails, the message returns, and changes nothing.
    let _ = world.queue.delete(&[receipt]).await;
}
