//! `branchline mappings history`

use std::io;

use crate::cli::mappings::History;
use crate::cli::output::streaming_table::{Column, StreamingTable};
use crate::cli::terminal::{Done, code, fault, format, screen, stopped};
use crate::commands::mappings::account::open;
use crate::domain::ids::DeliveryId;
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::inspect::mappings::lookup::subject;
use crate::ports::Ledger;

pub(super) async fn history(asked: &History) -> Done {
    let desk = open(&asked.overrides).await?;
    let (whom, delivery) = match (&asked.subject, &asked.delivery) {
        (Some(text), _) => (subject(text, &desk.ledger).await?, None),
        (None, Some(guid)) => {
            let id =
                DeliveryId::parse(guid.as_str()).map_err(|why| format!("--delivery: {why}"))?;
            let found = desk.ledger.delivered(&id).await.map_err(fault)?;
            let found =
                found.ok_or_else(|| format!("--delivery: the table knows no delivery {id}"))?;
            (found, Some(id))
        }
        (None, None) => return Err("name a subject, or give --delivery".into()),
    };
    let entries = desk.ledger.history(&whom).await.map_err(fault)?;
    let stdout = io::stdout().lock();
    let mut rows = StreamingTable::new(format(asked.output), trail(), screen(), stdout)
        .fields(AuditEntry::FIELDS);
    for entry in entries {
        let of = delivery
            .as_ref()
            .is_none_or(|id| entry.cause.rsplit(':').next() == Some(id.as_str()));
        if of && stopped(rows.write(&entry))? {
            return Ok(code(false));
        }
    }
    stopped(rows.end())?;
    Ok(code(false))
}

/// A time without its milliseconds, which are in the JSON.
fn to_seconds(time: &str) -> String {
    time.split_once('.')
        .map_or_else(|| time.to_owned(), |(seconds, _)| format!("{seconds}Z"))
}

fn trail() -> Vec<Column<AuditEntry>> {
    fn word(text: Option<&String>) -> String {
        text.cloned().unwrap_or_else(|| "-".to_owned())
    }
    vec![
        Column::new("EVENT TIME", 20, |entry: &AuditEntry| {
            to_seconds(&entry.time)
        })
        .rank(3),
        Column::new("DONE AT", 20, |entry: &AuditEntry| {
            to_seconds(&entry.processed_at)
        })
        .rank(1),
        Column::new("OUTCOME", 15, |entry: &AuditEntry| entry.outcome.clone()).flexible(9),
        Column::new("STATE", 17, |entry: &AuditEntry| {
            format!("{}>{}", entry.from.as_deref().unwrap_or("-"), entry.to)
        })
        .rank(4),
        Column::new("BY", 16, |entry: &AuditEntry| word(entry.actor.as_ref()))
            .flexible(8)
            .rank(2),
        Column::new("CAUSE", 43, |entry: &AuditEntry| entry.cause.clone()).flexible(12),
    ]
}
