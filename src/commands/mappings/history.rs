//! `branchline mappings history`: prints the audit trail of one subject.

use std::io;

use crate::cli::mappings::History;
use crate::cli::output::streaming_table::{Column, StreamingTable, cell};
use crate::cli::terminal::{Done, code, fault, format, stopped, terminal};
use crate::commands::mappings::account::open;
use crate::domain::ids::DeliveryId;
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::inspect::mappings::lookup::subject as find_subject;
use crate::ports::{StoreReader, TrailReader};

pub(super) async fn history(args: &History) -> Done {
    let account = open(&args.options).await?;
    let (subject, delivery) = match (&args.subject, &args.delivery) {
        (Some(text), _) => (find_subject(text, &account.store).await?, None),
        (None, Some(guid)) => {
            let id =
                DeliveryId::parse(guid.as_str()).map_err(|why| format!("--delivery: {why}"))?;
            let subject = account.store.delivered(&id).await.map_err(fault)?;
            let subject = subject
                .ok_or_else(|| format!("--delivery: the table has no record of delivery {id}"))?;
            (subject, Some(id))
        }
        (None, None) => return Err("give a subject, or --delivery".into()),
    };
    let entries = account.store.history(&subject).await.map_err(fault)?;
    let stdout = io::stdout().lock();
    let mut rows = StreamingTable::new(format(args.output), columns(), terminal(), stdout)
        .fields(AuditEntry::FIELDS);
    for entry in entries {
        let matches = delivery
            .as_ref()
            .is_none_or(|id| entry.cause().as_ref().and_then(|cause| cause.delivery()) == Some(id));
        if matches && stopped(rows.write(&entry))? {
            return Ok(code(false));
        }
    }
    stopped(rows.end())?;
    Ok(code(false))
}

/// Removes the milliseconds of a time. The JSON has them.
fn to_seconds(time: &str) -> String {
    time.split_once('.')
        .map_or_else(|| time.to_owned(), |(seconds, _)| format!("{seconds}Z"))
}

fn columns() -> Vec<Column<AuditEntry>> {
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
        Column::new("BY", 16, |entry: &AuditEntry| cell(entry.actor.as_deref()))
            .flexible(8)
            .rank(2),
        Column::new("CAUSE", 43, |entry: &AuditEntry| entry.cause.clone()).flexible(12),
    ]
}
