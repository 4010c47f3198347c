//! `branchline deliveries list`: prints the events and how they stand.

use crate::cli::deliveries::List;
use crate::cli::terminal::{Done, code, format, note};
use crate::commands::deliveries::read::{open, print};
use crate::domain::text::plural;
use crate::inspect::deliveries::DeliveryRow;

pub(super) async fn list(args: &List) -> Done {
    let account = open(&args.options).await?;
    let read = account.read(&args.since, args.missed).await?;
    let rows = read.events.iter().map(|event| read.row(event));
    let rows: Vec<DeliveryRow> = rows.filter(|row| !args.missed || row.is_missed()).collect();
    let missed = rows.iter().filter(|row| row.is_missed()).count();
    if print(&rows, format(args.output))? {
        note(&format!(
            "{}, {missed} missed",
            plural(read.events.len(), "event")
        ))?;
    }
    Ok(code(missed > 0))
}
