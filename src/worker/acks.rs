//! Sends acknowledgements in batches of ten, or after a short wait: deletions, and changes of
//! visibility.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};

use crate::domain::intake::envelope::Receipt;
use crate::ports::Queue;

use crate::worker::report;

/// The highest number of entries in a batch (SQS API reference, DeleteMessageBatch).
const BATCH: usize = 10;
/// How long the first acknowledgement of a batch waits for more. It is far below any visibility
/// timeout.
const BATCH_DELAY: Duration = Duration::from_millis(50);
/// Batches in progress at once. One batch at a time would send ten messages per round trip. This
/// many are more than all the messages that the default concurrency has in work, and they bound the
/// number of waiting messages while SQS does not answer.
const IN_PROGRESS: usize = 16;
/// How often an entry that SQS refused is sent. After that, its message returns to the queue, where
/// it changes nothing.
const ATTEMPTS: usize = 4;
/// The wait between two attempts.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// The acknowledgement of a received message.
#[derive(Debug)]
pub enum Ack {
    /// The message is deleted.
    Delete(Receipt),
    /// The message returns to the queue after this time.
    ChangeVisibility(Receipt, Duration),
}

/// The sender to the batcher.
#[derive(Clone)]
pub struct Acks(mpsc::Sender<Ack>);

impl Acks {
    /// Starts the batcher. It ends when every clone of the sender is dropped and all
    /// acknowledgements are sent.
    pub fn start<Q: Queue>(queue: Arc<Q>) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(BATCH * 10);
        (Self(sender), tokio::spawn(run(queue, receiver)))
    }

    /// Adds an acknowledgement to the next batch.
    ///
    /// If cancelled, the acknowledgement is not sent, and the message returns when its visibility
    /// timeout ends.
    pub async fn send(&self, ack: Ack) {
        if self.0.send(ack).await.is_err() {
            tracing::error!("The acknowledgement task has ended; the message returns to the queue");
        }
    }
}

async fn run<Q: Queue>(queue: Arc<Q>, mut receiver: mpsc::Receiver<Ack>) {
    let mut in_progress = JoinSet::new();
    while let Some(first) = receiver.recv().await {
        let batch = gather(first, &mut receiver).await;
        while in_progress.len() >= IN_PROGRESS
            && let Some(ended) = in_progress.join_next().await
        {
            report::joined(ended);
        }
        while let Some(ended) = in_progress.try_join_next() {
            report::joined(ended);
        }
        let queue = Arc::clone(&queue);
        in_progress.spawn(async move { flush(queue.as_ref(), batch).await });
    }
    while let Some(ended) = in_progress.join_next().await {
        report::joined(ended);
    }
}

async fn gather(first: Ack, receiver: &mut mpsc::Receiver<Ack>) -> Vec<Ack> {
    let mut batch = vec![first];
    let deadline = Instant::now() + BATCH_DELAY;
    while batch.len() < BATCH {
        match timeout_at(deadline, receiver.recv()).await {
            Ok(Some(ack)) => batch.push(ack),
            Ok(None) | Err(_) => break,
        }
    }
    batch
}

async fn flush<Q: Queue>(queue: &Q, batch: Vec<Ack>) {
    let mut deletes = Vec::new();
    let mut returns = Vec::new();
    for ack in batch {
        match ack {
            Ack::Delete(receipt) => deletes.push(receipt),
            Ack::ChangeVisibility(receipt, wait) => returns.push((receipt, wait)),
        }
    }
    tokio::join!(
        send_until_accepted("delete", deletes, |batch: Vec<Receipt>| async move {
            let failed = queue.delete(&batch).await.unwrap_or_else(|_| batch.clone());
            retain_failed(batch, &failed, |receipt| receipt)
        }),
        send_until_accepted(
            "change visibility",
            returns,
            |batch: Vec<(Receipt, Duration)>| async move {
                let all = || batch.iter().map(|(receipt, _)| receipt.clone()).collect();
                let failed = queue
                    .change_visibility(&batch)
                    .await
                    .unwrap_or_else(|_| all());
                retain_failed(batch, &failed, |(receipt, _)| receipt)
            }
        ),
    );
}

fn retain_failed<T>(batch: Vec<T>, failed: &[Receipt], receipt: impl Fn(&T) -> &Receipt) -> Vec<T> {
    let failed: HashSet<&Receipt> = failed.iter().collect();
    batch
        .into_iter()
        .filter(|entry| failed.contains(receipt(entry)))
        .collect()
}

/// Sends a batch until every entry is accepted or the attempts are used up. `send` returns the
/// entries that failed.
async fn send_until_accepted<T, F: Future<Output = Vec<T>>>(
    action: &'static str,
    mut remaining: Vec<T>,
    send: impl Fn(Vec<T>) -> F,
) {
    for attempt in 1..=ATTEMPTS {
        if remaining.is_empty() {
            return;
        }
        remaining = send(remaining).await;
        if !remaining.is_empty() && attempt < ATTEMPTS {
            sleep(RETRY_DELAY).await;
        }
    }
    if !remaining.is_empty() {
        tracing::warn!(
            messages = remaining.len(),
            action,
            "SQS refused acknowledgements; these messages return when their visibility timeout ends"
        );
    }
}
