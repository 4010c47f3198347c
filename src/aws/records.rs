//! Writes the table's other items: delivery records and pipeline names.

use crate::domain::ids::{DeliveryId, PipelineName};
use crate::domain::outcome::audit_entry::NewAuditEntry;
use crate::domain::state::mapping::Mapping;

use crate::aws::row::{Item, n, s};

/// How long a delivery record is kept: 30 days, in seconds. Audit entries are kept longer.
const DELIVERY_RECORD: i64 = 30 * 24 * 60 * 60;

/// Returns the item that records that a delivery was processed. It expires after 30 days.
pub(super) fn delivery_item(
    delivery: &DeliveryId,
    mapping: &Mapping,
    entry: &NewAuditEntry,
) -> Item {
    Item::from([
        ("pk".to_owned(), s(format!("DELIVERY#{delivery}"))),
        ("sk".to_owned(), s("DELIVERY")),
        ("subject".to_owned(), s(mapping.subject.table_key())),
        ("outcome".to_owned(), s(entry.outcome.as_str())),
        ("processed_at".to_owned(), s(entry.processed_at.to_string())),
        (
            "expires_at".to_owned(),
            n(entry.processed_at.seconds().saturating_add(DELIVERY_RECORD)),
        ),
    ])
}

/// Returns the key of the item that reserves a pipeline's name.
pub(super) fn name_key(name: &PipelineName) -> Item {
    Item::from([
        ("pk".to_owned(), s(format!("PIPELINE#{name}"))),
        ("sk".to_owned(), s("PIPELINE")),
    ])
}

/// Returns the item of a probe, which is never written.
pub(super) fn probe_item() -> Item {
    Item::from([("pk".to_owned(), s("PROBE")), ("sk".to_owned(), s("PROBE"))])
}
