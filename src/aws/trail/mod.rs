//! The audit trail in DynamoDB: a table of its own, to which items are only ever added.

mod item;
mod last_entries;
mod log;
mod reader;

pub(super) use item::entry_item;
pub(super) use last_entries::LastEntries;
pub(super) use reader::BY_TIME;

/// Returns the name of the table with the audit trail of a table with mappings.
#[must_use]
pub fn audit_table(table: &str) -> String {
    format!("{table}-audit")
}
