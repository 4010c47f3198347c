//! `branchline mappings history`: prints the audit trail of one subject, or of all within a range
//! of time.

use std::io;
use std::time::Duration;

use crate::cli::mappings::History;
use crate::cli::output::streaming_table::{Column, StreamingTable, cell};
use crate::cli::terminal::{Done, code, fault, format, glob, stopped, terminal, time_argument};
use crate::commands::mappings::account::{MappingsAccount, open};
use crate::commands::system_clock::SystemClock;
use crate::domain::ids::{DeliveryId, Subject, Timestamp};
use crate::domain::time_range::TimeRange;
use crate::inspect::history::{EntriesByTime, EntryFilter, HistoryRow};
use crate::inspect::mappings::lookup::subject as find_subject;
use crate::ports::{Clock, StoreReader, TrailReader};

/// The range of a history of every subject, if none is given.
const DEFAULT_RANGE: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn history(args: &History) -> Done {
    let now = SystemClock.now();
    let delivery = args.delivery.as_ref().map(DeliveryId::parse).transpose();
    let filter = EntryFilter {
        since: time_argument("since", args.since.as_deref(), now)?,
        until: time_argument("until", args.until.as_deref(), now)?,
        repository: glob("repository", args.repository.as_deref())?,
        delivery: delivery.map_err(|why| format!("--delivery: {why}"))?,
    };
    let account = open(&args.options).await?;
    let subject = subject(args, &filter, &account).await?;
    let stdout = io::stdout().lock();
    let columns = columns(subject.is_none());
    let mut rows = StreamingTable::new(format(args.output), columns, terminal(), stdout)
        .fields(HistoryRow::FIELDS);
    if let Some(subject) = subject {
        let entries = account.store.history(&subject).await.map_err(fault)?;
        for entry in entries {
            if filter.admits(&entry) && stopped(rows.write(&HistoryRow::new(entry)))? {
                return Ok(code(false));
            }
        }
    } else {
        let mut entries = EntriesByTime::new(&account.store, range(&filter, now));
        while let Some(page) = entries.next().await.map_err(fault)? {
            for entry in page {
                if filter.admits(&entry) && stopped(rows.write(&HistoryRow::new(entry)))? {
                    return Ok(code(false));
                }
            }
        }
    }
    stopped(rows.end())?;
    Ok(code(false))
}

/// Returns the subject that was asked for, by its name or by a delivery; `None` for every subject.
async fn subject(
    args: &History,
    filter: &EntryFilter,
    account: &MappingsAccount,
) -> Result<Option<Subject>, String> {
    if let Some(text) = &args.subject {
        return find_subject(text, &account.store).await.map(Some);
    }
    let Some(delivery) = &filter.delivery else {
        return Ok(None);
    };
    let subject = account.store.delivered(delivery).await.map_err(fault)?;
    subject.map(Some).ok_or_else(|| {
        format!("--delivery: the table has no record of delivery {delivery}: see `branchline explain --delivery {delivery}`")
    })
}

fn range(filter: &EntryFilter, now: Timestamp) -> TimeRange {
    let to = filter.until.unwrap_or(now);
    let day = i64::try_from(DEFAULT_RANGE.as_millis()).unwrap_or_default();
    let from = filter.since.unwrap_or(Timestamp(to.0.saturating_sub(day)));
    TimeRange { from, to }
}

/// Removes the milliseconds of a time. The JSON has them.
fn to_seconds(time: &str) -> String {
    time.split_once('.')
        .map_or_else(|| time.to_owned(), |(seconds, _)| format!("{seconds}Z"))
}

fn columns(of_all: bool) -> Vec<Column<HistoryRow>> {
    let done_at = Column::new("DONE AT", 20, |row: &HistoryRow| {
        to_seconds(&row.processed_at)
    });
    let subject = Column::new("SUBJECT", 24, |row: &HistoryRow| {
        cell(row.subject.as_deref().or(row.repository.as_deref()))
    })
    .flexible(11);
    let event_time = Column::new("EVENT TIME", 20, |row: &HistoryRow| to_seconds(&row.time));
    let second = if of_all { subject } else { event_time.rank(3) };
    vec![
        done_at,
        second,
        Column::new("OUTCOME", 15, |row: &HistoryRow| row.outcome.clone()).flexible(9),
        Column::new("STATE", 17, |row: &HistoryRow| {
            format!("{}>{}", row.from.as_deref().unwrap_or("-"), row.to)
        })
        .rank(4),
        Column::new("BY", 16, |row: &HistoryRow| cell(row.actor.as_deref()))
            .flexible(8)
            .rank(2),
        Column::new("CAUSE", 43, |row: &HistoryRow| row.cause.clone())
            .flexible(12)
            .rank(1),
    ]
}
