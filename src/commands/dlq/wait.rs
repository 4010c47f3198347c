//! `branchline dlq replay --wait`: prints what became of the messages, as it becomes known.

use std::error::Error;
use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::aws::DynamoStore;
use crate::cli::output::OutputFormat;
use crate::cli::output::colour::Colour;
use crate::cli::output::streaming_table::{Column, StreamingTable, cell};
use crate::cli::terminal::{fault as error, format, spinner, stopped, terminal};
use crate::commands::dlq::session::DlqSession;
use crate::commands::interrupt::Interrupt;
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::inspect::dlq::replay_outcome::{ReplayOutcome, WatchedReplay};

/// The time between two looks at the audit trail.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How long after the last send an empty queue is believed: SQS counts messages up to a minute late
/// (API reference, GetQueueAttributes).
const COUNTS_LAG: Duration = Duration::from_secs(60);

/// The messages that are about to be replayed.
pub(super) struct Watch {
    store: DynamoStore,
    pending: Vec<WatchedReplay>,
}

impl Watch {
    /// Looks at the messages before they are replayed.
    pub(super) async fn begin(
        session: &DlqSession,
        messages: &[DeadLetter],
    ) -> Result<Self, Box<dyn Error>> {
        let store = session.store();
        let mut pending = Vec::new();
        for message in messages {
            pending.push(WatchedReplay::begin(message, &store).await.map_err(error)?);
        }
        Ok(Self { store, pending })
    }

    /// Prints outcomes until each message has one, for at most this long. Returns true if all of
    /// them succeeded.
    pub(super) async fn wait(
        mut self,
        limit: Duration,
        output: Option<OutputFormat>,
        session: &DlqSession,
        interrupt: &Interrupt,
    ) -> Result<bool, Box<dyn Error>> {
        let started = Instant::now();
        let stdout = io::stdout().lock();
        let mut rows = StreamingTable::new(format(output), columns(), terminal(), stdout)
            .fields(ReplayOutcome::FIELDS);
        let spinner = spinner("waiting for outcomes:");
        let mut all_good = true;
        loop {
            let is_last = started.elapsed() >= limit || interrupt.is_requested();
            let drained = started.elapsed() >= COUNTS_LAG && is_drained(session).await;
            let mut left = Vec::new();
            for message in self.pending {
                let recorded = message.outcome(&self.store).await.map_err(error)?;
                let outcome = match recorded {
                    Some(outcome) => outcome,
                    None if is_last || drained => {
                        let rest = message.without_entry(&self.store, drained);
                        rest.await.map_err(error)?
                    }
                    None => {
                        left.push(message);
                        continue;
                    }
                };
                all_good &= outcome.is_good();
                spinner.inc(1);
                if spinner.suspend(|| stopped(rows.write(&outcome)))? {
                    return Ok(all_good);
                }
            }
            self.pending = left;
            if self.pending.is_empty() {
                stopped(rows.end())?;
                return Ok(all_good);
            }
            tokio::select! {
                biased;
                () = interrupt.first.requested() => {}
                () = sleep(POLL_INTERVAL) => {}
            }
        }
    }
}

/// Returns true if the queues that messages are replayed to are empty, by SQS's counts.
async fn is_drained(session: &DlqSession) -> bool {
    let queues = &session.config.queues;
    for url in [&queues.webhooks, &queues.internal] {
        let counts = session.aws.queue_counts(url).await;
        if counts.map_or(1, |counts| counts.waiting + counts.in_flight) > 0 {
            return false;
        }
    }
    true
}

fn columns() -> Vec<Column<ReplayOutcome>> {
    vec![
        Column::new("ID", 36, |row: &ReplayOutcome| row.id.clone()).rank(1),
        Column::new("SUBJECT", 20, |row: &ReplayOutcome| {
            cell(row.subject.as_deref())
        })
        .flexible(8),
        Column::new("OUTCOME", 14, |row: &ReplayOutcome| row.outcome.clone()).colour(|row| {
            Some(if row.is_good() {
                Colour::Green
            } else {
                Colour::Red
            })
        }),
        Column::new("DETAIL", 50, |row: &ReplayOutcome| {
            cell(row.detail.as_deref())
        })
        .flexible(10),
    ]
}
