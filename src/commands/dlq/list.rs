//! `branchline dlq list`

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};

use crate::aws::SqsQueue;
use crate::cli::dlq::List;
use crate::cli::output::streaming_table::{Column, StreamingTable, age};
use crate::cli::terminal::{Done, code, fault as told, format, screen, spinner, stopped};
use crate::commands::dlq::filters::{missing, selection};
use crate::commands::dlq::halt::{INTERRUPTED, Interrupt};
use crate::commands::dlq::session::DlqSession;
use crate::commands::system_clock::SystemClock;
use crate::inspect::dlq::letter::DeadLetter;
use crate::inspect::dlq::scan::Scan;
use crate::inspect::dlq::select::DeadLetterFilter;
use crate::ports::Clock;

/// What a list showed.
#[derive(Default)]
struct Shown {
    count: usize,
    /// Those that were asked for by id.
    asked: BTreeSet<String>,
    /// Whether whoever reads it has read enough.
    read_enough: bool,
}

pub(super) async fn list(asked: &List, halt: &Interrupt) -> Done {
    let selection = selection(&asked.filters, &[])?;
    let desk = DlqSession::open(&asked.place).await?;
    let mut scan = Scan::of(&desk.grave);
    let shown = rows(asked, &desk, &selection, &mut scan, halt).await;
    let closed = desk.close(scan).await;
    let (shown, closed) = (shown?, closed?);
    let mut talk = io::stderr();
    writeln!(talk, "{} of {} messages", shown.count, closed.seen)?;
    if halt.told() {
        return Err(INTERRUPTED.into());
    }
    if shown.read_enough {
        writeln!(talk, "partial: whoever read this stopped reading")?;
        return Ok(code(true));
    }
    let missing = missing(&selection, shown.asked.iter().map(String::as_str))?;
    Ok(code(shown.count > 0 || closed.partial || missing))
}

/// Writes the rows as they come.
async fn rows(
    asked: &List,
    desk: &DlqSession,
    selection: &DeadLetterFilter,
    scan: &mut Scan<'_, SqsQueue>,
    halt: &Interrupt,
) -> Result<Shown, Box<dyn Error>> {
    let stdout = io::stdout();
    let mut rows = StreamingTable::new(format(asked.output), columns(), screen(), stdout.lock())
        .fields(DeadLetter::FIELDS);
    let spinner = spinner("looking");
    let mut shown = Shown::default();
    while !halt.told() {
        let batch = scan.next().await.map_err(told)?;
        if batch.is_empty() {
            break;
        }
        for envelope in batch {
            let sent_at = envelope.sent_at;
            let (letter, _) = DeadLetter::read(envelope, &desk.config.secrets, SystemClock.now());
            if !selection.admits(&letter, sent_at) {
                continue;
            }
            spinner.inc(1);
            if spinner.suspend(|| stopped(rows.write(&letter)))? {
                shown.read_enough = true;
                return Ok(shown);
            }
            shown.count += 1;
            if selection.ids.contains(&letter.id) {
                shown.asked.insert(letter.id);
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
