//! `branchline dlq list`

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};

use crate::aws::SqsQueue;
use crate::cli::dlq::List;
use crate::cli::output::streaming_table::{Column, StreamingTable, age};
use crate::cli::terminal::{Done, code, fault as told, format, screen, spinner, stopped};
use crate::commands::dlq::filters::{filter, missing};
use crate::commands::dlq::session::DlqSession;
use crate::commands::interrupt::{INTERRUPTED, Interrupt};
use crate::commands::system_clock::SystemClock;
use crate::domain::text::plural;
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::inspect::dlq::filter::DeadLetterFilter;
use crate::inspect::dlq::scan::Scan;
use crate::ports::Clock;

/// What a list showed.
#[derive(Default)]
struct Shown {
    count: usize,
    /// Those that were args for by id.
    args: BTreeSet<String>,
    /// Whether whoever reads it has read enough.
    read_enough: bool,
}

pub(super) async fn list(args: &List, interrupt: &Interrupt) -> Done {
    let filter = filter(&args.filters, &[])?;
    let session = DlqSession::open(&args.place).await?;
    let mut scan = Scan::new(&session.queue);
    let shown = rows(args, &session, &filter, &mut scan, interrupt).await;
    let closed = session.close(scan).await;
    let (shown, closed) = (shown?, closed?);
    let mut stderr = io::stderr();
    writeln!(
        stderr,
        "{} of {}",
        shown.count,
        plural(closed.seen, "message")
    )?;
    if interrupt.is_requested() {
        return Err(INTERRUPTED.into());
    }
    if shown.read_enough {
        writeln!(stderr, "partial: output closed by the reader")?;
        return Ok(code(true));
    }
    let missing = missing(&filter, shown.args.iter().map(String::as_str))?;
    Ok(code(shown.count > 0 || closed.partial || missing))
}

/// Writes the rows as they come.
async fn rows(
    args: &List,
    session: &DlqSession,
    filter: &DeadLetterFilter,
    scan: &mut Scan<'_, SqsQueue>,
    interrupt: &Interrupt,
) -> Result<Shown, Box<dyn Error>> {
    let stdout = io::stdout();
    let mut rows = StreamingTable::new(format(args.output), columns(), screen(), stdout.lock())
        .fields(DeadLetter::FIELDS);
    let spinner = spinner("looking");
    let mut shown = Shown::default();
    while !interrupt.is_requested() {
        let batch = scan.next().await.map_err(told)?;
        if batch.is_empty() {
            break;
        }
        for envelope in batch {
            let sent_at = envelope.sent_at;
            let (letter, _) = DeadLetter::read(envelope, &session.authenticator, SystemClock.now());
            if !filter.admits(&letter, sent_at) {
                continue;
            }
            spinner.inc(1);
            if spinner.suspend(|| stopped(rows.write(&letter)))? {
                shown.read_enough = true;
                return Ok(shown);
            }
            shown.count += 1;
            if filter.ids.contains(&letter.id) {
                shown.args.insert(letter.id);
            }
        }
    }
    shown.read_enough = stopped(rows.end())?;
    Ok(shown)
}

fn columns() -> Vec<Column<DeadLetter>> {
    fn word(text: Option<&String>) -> String {
        text.cloned().unwrap_or_else(|| "-".to_owned())
    }
    vec![
        Column::new("ID", 36, |letter: &DeadLetter| letter.id.clone()),
        Column::new("AGE", 5, |letter: &DeadLetter| age(letter.age_seconds)).rank(1),
        Column::new("EVENT", 12, |letter: &DeadLetter| {
            word(letter.event.as_ref())
        })
        .flexible(6)
        .rank(4),
        Column::new("REPOSITORY", 16, |letter: &DeadLetter| {
            word(letter.repository.as_ref())
        })
        .flexible(8)
        .rank(5),
        Column::new("SUBJECT", 18, |letter: &DeadLetter| {
            word(letter.subject.as_ref())
        })
        .flexible(8)
        .rank(2),
        Column::new("REASON", 20, |letter: &DeadLetter| {
            let moved = || "(moved by SQS)".to_owned();
            letter.reason.clone().unwrap_or_else(moved)
        })
        .flexible(10),
        Column::new("TRIES", 5, |letter: &DeadLetter| {
            let tries = letter.attempts.map(|tries| tries.to_string());
            tries.unwrap_or_else(|| "-".to_owned())
        })
        .rank(3),
        // To the second: what SQS moved was seen when it was sent.
        Column::new("FIRST SEEN", 19, |letter: &DeadLetter| {
            let first_seen = letter.first_seen.as_ref().unwrap_or(&letter.since);
            first_seen.chars().take(19).collect()
        })
        .rank(6),
    ]
}
