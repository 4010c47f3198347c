//! Reads a whole dead-letter or quarantine queue, and returns every message to it.

use std::error::Error;

use crate::cli::terminal::{fault as error, spinner};
use crate::commands::dlq::session::DlqSession;
use crate::commands::interrupt::{INTERRUPTED, Interrupt};
use crate::commands::system_clock::SystemClock;
use crate::domain::ids::Timestamp;
use crate::domain::intake::envelope::Envelope;
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::inspect::dlq::scan::Scan;
use crate::ports::Clock;

/// A message of the queue.
pub(crate) struct CollectedMessage {
    pub(crate) message: DeadLetter,
    /// When it entered the queue.
    pub(crate) sent_at: Timestamp,
    pub(crate) envelope: Envelope,
}

/// The messages of a queue.
pub(crate) struct Collected {
    /// Those that match.
    pub(crate) messages: Vec<CollectedMessage>,
    /// The number of messages that were seen.
    pub(crate) seen: usize,
    /// True if the queue may have others.
    pub(crate) partial: bool,
}

/// Reads every message, and keeps those that match. Each message is received once, and is visible
/// again when this returns.
pub(crate) async fn collect(
    session: &DlqSession,
    matches: impl Fn(&DeadLetter, Timestamp) -> bool,
    interrupt: &Interrupt,
) -> Result<Collected, Box<dyn Error>> {
    let mut scan = Scan::new(&session.queue);
    let read = read(session, &mut scan, matches, interrupt).await;
    let closed = session.close(scan).await;
    let (messages, closed) = (read?, closed?);
    if interrupt.is_requested() {
        return Err(INTERRUPTED.into());
    }
    Ok(Collected {
        messages,
        seen: closed.seen,
        partial: closed.partial,
    })
}

async fn read(
    session: &DlqSession,
    scan: &mut Scan<'_, crate::aws::SqsQueue>,
    matches: impl Fn(&DeadLetter, Timestamp) -> bool,
    interrupt: &Interrupt,
) -> Result<Vec<CollectedMessage>, Box<dyn Error>> {
    let spinner = spinner("reading messages:");
    let mut messages = Vec::new();
    while !interrupt.is_requested() {
        let batch = scan.next().await.map_err(error)?;
        if batch.is_empty() {
            break;
        }
        for envelope in batch {
            spinner.inc(1);
            let sent_at = envelope.sent_at;
            let now = SystemClock.now();
            let (message, envelope) = DeadLetter::read(envelope, &session.authenticator, now);
            if matches(&message, sent_at) {
                messages.push(CollectedMessage {
                    message,
                    sent_at,
                    envelope,
                });
            }
        }
    }
    Ok(messages)
}
