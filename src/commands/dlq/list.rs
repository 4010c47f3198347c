//! `branchline dlq list`: prints messages and returns them to the queue.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};

use serde::Serialize;

use crate::aws::SqsQueue;
use crate::cli::dlq::{List, Order};
use crate::cli::output::streaming_table::{Column, StreamingTable, age, cell};
use crate::cli::terminal::{Done, code, fault as error, format, note, spinner, stopped, terminal};
use crate::commands::dlq::collect::collect;
use crate::commands::dlq::filters::{filter, missing};
use crate::commands::dlq::session::DlqSession;
use crate::commands::interrupt::{INTERRUPTED, Interrupt};
use crate::commands::system_clock::SystemClock;
use crate::domain::text::plural;
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::inspect::dlq::filter::DeadLetterFilter;
use crate::inspect::dlq::scan::Scan;
use crate::inspect::dlq::summary::{SummaryRow, by_reason_and_repository};
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
    let (listed, seen, partial) = if args.summary || args.sort.is_some() {
        let matches = |message: &DeadLetter, sent_at| filter.admits(message, sent_at);
        let collected = collect(&session, matches, interrupt).await?;
        let messages = collected.messages.into_iter().map(|one| one.message);
        let listed = ordered(args, &filter, messages.collect())?;
        (listed, collected.seen, collected.partial)
    } else {
        let mut scan = Scan::new(&session.queue);
        let listed = rows(args, &session, &filter, &mut scan, interrupt).await;
        let closed = session.close(scan).await;
        let (listed, closed) = (listed?, closed?);
        (listed, closed.seen, closed.partial)
    };
    note(&format!("{} of {}", listed.count, plural(seen, "message")))?;
    if interrupt.is_requested() {
        return Err(INTERRUPTED.into());
    }
    if listed.closed {
        note("partial: output closed by the reader")?;
        return Ok(code(true));
    }
    let missing = missing(&filter, listed.ids.iter().map(String::as_str))?;
    if listed.count == 0 {
        session.print_hint().await?;
    }
    Ok(code(listed.count > 0 || partial || missing))
}

/// Writes the messages in their order, or counts them.
fn ordered(
    args: &List,
    filter: &DeadLetterFilter,
    mut messages: Vec<DeadLetter>,
) -> Result<Listed, Box<dyn Error>> {
    let mut listed = Listed {
        count: messages.len(),
        ..Listed::default()
    };
    let requested = messages.iter().filter(|_| !filter.ids.is_empty());
    listed
        .ids
        .extend(requested.map(|message| message.id.clone()));
    let limit = args.limit.unwrap_or(usize::MAX);
    let stdout = io::stdout().lock();
    let format = format(args.output);
    if args.summary {
        let rows = StreamingTable::new(format, summary_columns(), terminal(), stdout);
        let groups = by_reason_and_repository(&messages);
        listed.closed = write_all(rows.fields(SummaryRow::FIELDS), groups.iter().take(limit))?;
    } else {
        sort(&mut messages, args.sort.unwrap_or(Order::Oldest));
        let rows = StreamingTable::new(format, columns(), terminal(), stdout);
        listed.closed = write_all(rows.fields(DeadLetter::FIELDS), messages.iter().take(limit))?;
    }
    Ok(listed)
}

/// Writes rows. Returns true if the reader closed the output.
fn write_all<'a, T: Serialize + 'a, W: Write>(
    mut rows: StreamingTable<T, W>,
    values: impl Iterator<Item = &'a T>,
) -> io::Result<bool> {
    for value in values {
        if stopped(rows.write(value))? {
            return Ok(true);
        }
    }
    stopped(rows.end())
}

fn sort(messages: &mut [DeadLetter], order: Order) {
    // The sort is stable, and the oldest come first within one reason or subject.
    messages.sort_by_key(|message| std::cmp::Reverse(message.age_seconds));
    match order {
        Order::Oldest => {}
        Order::Newest => messages.reverse(),
        Order::Reason => messages.sort_by(|one, other| one.reason.cmp(&other.reason)),
        Order::Subject => messages.sort_by(|one, other| {
            let key = |message: &DeadLetter| (message.repository.clone(), message.key.clone());
            key(one).cmp(&key(other))
        }),
        Order::Attempts => {
            messages.sort_by_key(|message| std::cmp::Reverse(message.attempts));
        }
    }
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
            let is_shown = args.limit.is_none_or(|limit| listed.count < limit);
            if is_shown && spinner.suspend(|| stopped(rows.write(&message)))? {
                listed.closed = true;
                return Ok(listed);
            }
            listed.count += 1;
            if !filter.ids.is_empty() {
                listed.ids.insert(message.id);
            }
        }
    }
    listed.closed = stopped(rows.end())?;
    Ok(listed)
}

fn summary_columns() -> Vec<Column<SummaryRow>> {
    vec![
        Column::new("COUNT", 5, |row: &SummaryRow| row.count.to_string()),
        Column::new("REASON", 22, |row: &SummaryRow| row.reason.clone()).flexible(10),
        Column::new("REPOSITORY", 24, |row: &SummaryRow| {
            cell(row.repository.as_deref())
        })
        .flexible(8),
        Column::new("SUBJECTS", 8, |row: &SummaryRow| row.subjects.to_string()).rank(2),
        Column::new("OLDEST", 6, |row: &SummaryRow| age(row.oldest_seconds)),
        Column::new("NEWEST", 6, |row: &SummaryRow| age(row.newest_seconds)).rank(1),
        Column::new("DETAIL OF THE NEWEST", 50, |row: &SummaryRow| {
            cell(row.detail.as_deref())
        })
        .flexible(10)
        .rank(3),
    ]
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
