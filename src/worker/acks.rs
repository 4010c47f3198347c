//! Acknowledgements, gathered into batches: deletions and hand-backs go out ten at a time, or after a short wait.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};

use crate::domain::intake::envelope::Receipt;
use crate::ports::Queue;

use crate::worker::report;

/// Entries in one batch (SQS API reference, DeleteMessageBatch).
const BATCH: usize = 10;
/// How long the first acknowledgement of a batch waits for company. Far below any visibility timeout.
const BATCH_DELAY: Duration = Duration::from_millis(50);
/// Batches under way at once. One after the other they would be ten messages a round trip; so many are more than all the
/// messages that the default concurrency has in work, and they bound what waits while SQS does not answer.
const UNDER_WAY: usize = 16;
/// How often an entry that SQS did not take is sent again. After that its message comes back, and changes nothing.
const TRIES: usize = 4;
/// The wait between two tries.
const PAUSE: Duration = Duration::from_millis(250);

/// What becomes of a received message.
#[derive(Debug)]
pub enum Ack {
    /// It is done with.
    Delete(Receipt),
    /// It comes back after a while.
    HandBack(Receipt, Duration),
}

/// The way in.
#[derive(Clone)]
pub struct Acks(mpsc::Sender<Ack>);

impl Acks {
    /// Starts the batcher. It ends when every clone of the way in is dropped and what was given is sent.
    pub fn start<Q: Queue>(queue: Arc<Q>) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(BATCH * 10);
        (Self(sender), tokio::spawn(run(queue, receiver)))
    }

    /// Gives one acknowledgement to the next batch.
    ///
    /// Cancelled: it is not given, and the message comes back when its visibility ends.
    pub async fn give(&self, ack: Ack) {
        if self.0.send(ack).await.is_err() {
            tracing::error!("The acknowledgement task is gone; the message will come back");
        }
    }
}

async fn run<Q: Queue>(queue: Arc<Q>, mut receiver: mpsc::Receiver<Ack>) {
    let mut under_way = JoinSet::new();
    while let Some(first) = receiver.recv().await {
        let batch = gather(first, &mut receiver).await;
        while under_way.len() >= UNDER_WAY
            && let Some(ended) = under_way.join_next().await
        {
            report::joined(ended);
        }
        while let Some(ended) = under_way.try_join_next() {
            report::joined(ended);
        }
        let queue = Arc::clone(&queue);
        under_way.spawn(async move { flush(queue.as_ref(), batch).await });
    }
    while let Some(ended) = under_way.join_next().await {
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
            Ack::HandBack(receipt, wait) => returns.push((receipt, wait)),
        }
    }
    tokio::join!(
        persist("delete", deletes, |batch: Vec<Receipt>| async move {
            let failed = queue.delete(&batch).await.unwrap_or_else(|_| batch.clone());
            keep(batch, &failed, |receipt| receipt)
        }),
        persist(
            "hand back",
            returns,
            |batch: Vec<(Receipt, Duration)>| async move {
                let all = || batch.iter().map(|(receipt, _)| receipt.clone()).collect();
                let failed = queue
                    .change_visibility(&batch)
                    .await
                    .unwrap_or_else(|_| all());
                keep(batch, &failed, |(receipt, _)| receipt)
            }
        ),
    );
}

fn keep<T>(batch: Vec<T>, failed: &[Receipt], receipt: impl Fn(&T) -> &Receipt) -> Vec<T> {
    let failed: HashSet<&Receipt> = failed.iter().collect();
    batch
        .into_iter()
        .filter(|entry| failed.contains(receipt(entry)))
        .collect()
}

/// Sends a batch until nothing of it is left or its tries are used up. `send` answers with what is left.
async fn persist<T, F: Future<Output = Vec<T>>>(
    what: &'static str,
    mut left: Vec<T>,
    send: impl Fn(Vec<T>) -> F,
) {
    for attempt in 1..=TRIES {
        if left.is_empty() {
            return;
        }
        left = send(left).await;
        if !left.is_empty() && attempt < TRIES {
            sleep(PAUSE).await;
        }
    }
    if !left.is_empty() {
        tracing::warn!(
            messages = left.len(),
            action = what,
            "SQS did not take acknowledgements; these messages come back when their visibility ends"
        );
    }
}
