//! A mapping as a DynamoDB item, and back. ARCHITECTURE.md lists the parts; what is `None` is not
//! written.

mod item;
mod part;
mod read;
mod unknown;
mod write;

use crate::domain::fault::{Fault, Reason};
use crate::domain::state::mapping::{Mapping, SCHEMA};

pub(super) use item::{Item, count, flag, n, repository_key, s};
pub(super) use part::Part;
pub(super) use write::{map, text};

/// Writes a mapping, with the attributes that a newer branchline wrote.
pub(super) fn write(mapping: &Mapping) -> Item {
    let mut item = write::known(mapping);
    unknown::merge(&mut item, &mapping.unknown);
    item
}

/// Returns true if two mappings are the same row. The unknown part of a map that was removed makes
/// no difference.
pub(super) fn same(one: &Mapping, other: &Mapping) -> bool {
    write(one) == write(other)
}

/// Returns true if two mappings are the same row, whatever the last entries of their audit trails.
pub(super) fn same_but_trail(one: &Mapping, other: &Mapping) -> bool {
    let without = |mapping: &Mapping| {
        let mut item = write(mapping);
        item.remove("trail");
        item
    };
    without(one) == without(other)
}

/// Reads a mapping.
///
/// # Errors
/// [`Reason::MappingNewer`] for a row of a newer schema; [`Reason::MappingUnreadable`] for a row
/// that no branchline wrote, naming row and attribute.
pub(super) fn read(item: &Item) -> Result<Mapping, Fault> {
    let row = Part::row(item);
    let schema: u32 = row.required("schema")?;
    if schema > SCHEMA {
        let detail = format!(
            "the mapping {} has schema {schema}, and this branchline knows schemas up to {SCHEMA}: upgrade every daemon of this table; the message is retried until then",
            row.key()
        );
        return Err(Fault::new(Reason::MappingNewer, detail));
    }
    let mut mapping = read::known(&row)?;
    mapping.unknown = unknown::attributes(item, &write::known(&mapping));
    Ok(mapping)
}

#[cfg(test)]
mod tests;
