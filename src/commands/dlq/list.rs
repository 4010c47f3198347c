//! `branchline dlq list`: prints messages and returns them to the queue.

use std::collections::BTreeSet;
use std::error::Error;
use std::io;

use crate::aws::SqsQueue;
use crate::cli::dlq::List;
use crate::cli::output::streaming_table::{Column, StreamingTable, age, cell};
use crate::cli::terminal::{Done, code, fault as error, format, note, spinner, stopped, terminal};
use crate::commands::dlq::filters::{filter, missing};
use crate::commands::dlq::session::DlqSession;
use crate::commands::interrupt::{INTERRUPTED, Interrupt};
use crate::commands::system_clock::SystemClock;
use crate::domain::text::plural;
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::inspect::dlq::filter::DeadLetterFilter;
use crate::inspect::dlq::scan::Scan;
use crate::ports::Clock;

/// The result of a list.
#[derive(Default)]
struct Listed {
    count: usize,
    /// The ids of the filter that were found.
    ids: BTreeSet<String>,
    /// The reader closed the output.
    closed: bool,
}

pub(super) async fn list(args: &List, interrupt: &Interrupt) -> Done {
    let filter = filter(&args.filters, &[])?;
    let session = DlqSession::open(&args.queue).await?;
    let mut scan = Scan::new(&session.queue);
    let listed = rows(args, &session, &filter, &mut scan, interrupt).await;
    let closed = session.close(scan).await;
    let (listed, closed) = (listed?, closed?);
    note(&format!(
        "{} of {}",
        listed.count,
        plural(closed.seen, "message")
    ))?;
    if interrupt.is_requested() {
        return Err(INTERRUPTED.into());
    }
    if listed.closed {
        note("partial: output closed by the reader")?;
        return Ok(code(true));
    }
    let missing = missing(&filter, listed.ids.iter().map(String::as_str))?;
    Ok(code(listed.count > 0 || closed.partial || missing))
}

/// Writes the rows as they arrive.
async fn rows(
    args: &List,
    session: &DlqSession,
    filter: &DeadLetterFilter,
    scan: &mut Scan<'_, SqsQueue>,
    interrupt: &Interrupt,
) -> Result<Listed, Box<dyn Error>> {
    let stdout = io::stdout();
    let mut rows = StreamingTable::new(format(args.output), columns(), terminal(), stdout.lock())
        .fields(DeadLetter::FIELDS);
    let spinner = spinner("reading messages:");
    let mut listed = Listed::default();
    while !interrupt.is_requested() {
        let batch = scan.next().await.map_err(error)?;
        if batch.is_empty() {
            break;
        }
        for envelope in batch {
            let sent_at = envelope.sent_at;
            let (message, _) =
                DeadLetter::read(envelope, &session.authenticator, SystemClock.now());
            if !filter.admits(&message, sent_at) {
                continue;
            }
            spinner.inc(1);
            if spinner.suspend(|| stopped(rows.write(&message)))? {
                listed.closed = true;
                return Ok(listed);
            }
            listed.count += 1;
            if filter.ids.contains(&message.id) {
                listed.ids.insert(message.id);
            }
        }
    }
    listed.closed = stopped(rows.end())?;
    Ok(listed)
}

fn columns() -> Vec<Column<DeadLetter>> {
    vec![
        Column::new("ID", 36, |message: &DeadLetter| message.id.clone()),
        Column::new("AGE", 5, |message: &DeadLetter| age(message.age_seconds)).rank(1),
        Column::new("EVENT", 12, |message: &DeadLetter| {
            cell(message.event.as_deref())
        })
        .flexible(6)
        .rank(4),
        Column::new("REPOSITORY", 16, |message: &DeadLetter| {
            cell(message.repository.as_deref())
        })
        .flexible(8)
        .rank(5),
        Column::new("SUBJECT", 18, |message: &DeadLetter| {
            cell(message.subject.as_deref())
        })
        .flexible(8)
        .rank(2),
        Column::new("REASON", 20, |message: &DeadLetter| {
            let moved = || "(moved by SQS)".to_owned();
            message.reason.clone().unwrap_or_else(moved)
        })
        .flexible(10),
        Column::new("TRIES", 5, |message: &DeadLetter| {
            let tries = message.attempts.map(|tries| tries.to_string());
            cell(tries.as_deref())
        })
        .rank(3),
        // To the second. A message that SQS moved was first seen when it was sent.
        Column::new("FIRST SEEN", 19, |message: &DeadLetter| {
            let first_seen = message.first_seen.as_ref().unwrap_or(&message.since);
            first_seen.chars().take(19).collect()
        })
        .rank(6),
    ]
}
