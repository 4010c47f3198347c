//! The table's other items: the audit trail, deliveries, names.

use crate::domain::ids::{DeliveryId, PipelineName, Subject};
use crate::domain::outcome::journal::NewAuditEntry;
use crate::domain::state::mapping::Mapping;

use crate::aws::row::{Item, n, repository_key, s};

/// How long a delivery record is kept: 30 days, in seconds. Auditors have the audit entries for longer.
const DELIVERY_RECORD: i64 = 30 * 24 * 60 * 60;

/// What auditors read.
pub(super) fn audit_item(mapping: &Mapping, entry: &NewAuditEntry) -> Item {
    let key = format!(
        "AUDIT#{}#{}#{}",
        mapping.subject.key(),
        entry.time,
        entry.cause
    );
    let mut item = Item::from([
        (
            "pk".to_owned(),
            s(repository_key(mapping.subject.repository)),
        ),
        ("sk".to_owned(), s(key)),
        ("processed_at".to_owned(), s(entry.processed_at.to_string())),
        ("outcome".to_owned(), s(entry.outcome)),
        ("to".to_owned(), s(entry.to)),
        ("journal".to_owned(), s(entry.journal.as_str())),
    ]);
    let optional = [
        ("actor", entry.actor.as_deref()),
        ("from", entry.from),
        ("pipeline", entry.pipeline.as_deref()),
    ];
    let present = optional
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), s(value?))));
    item.extend(present);
    item
}

/// That a delivery was processed, for 30 days.
pub(super) fn delivery_item(
    delivery: &DeliveryId,
    mapping: &Mapping,
    entry: &NewAuditEntry,
) -> Item {
    Item::from([
        ("pk".to_owned(), s(format!("DELIVERY#{delivery}"))),
        ("sk".to_owned(), s("DELIVERY")),
        ("subject".to_owned(), s(subject_key(&mapping.subject))),
        ("outcome".to_owned(), s(entry.outcome)),
        ("processed_at".to_owned(), s(entry.processed_at.to_string())),
        (
            "expires_at".to_owned(),
            n(entry.processed_at.seconds().saturating_add(DELIVERY_RECORD)),
        ),
    ])
}

/// The repository behind a name, so that people can ask by name: as GitHub spells it, and in lower case, since GitHub does not
/// tell the two apart.
pub(super) fn alias_items(mapping: &Mapping) -> Vec<Item> {
    let name = mapping.repository.as_str();
    let lower = name.to_ascii_lowercase();
    let item = |name: &str| {
        Item::from([
            ("pk".to_owned(), s(alias_key(name))),
            ("sk".to_owned(), s("NAME")),
            ("repository_id".to_owned(), n(mapping.subject.repository.0)),
        ])
    };
    let other = (lower != name).then(|| item(&lower));
    other.into_iter().chain([item(name)]).collect()
}

pub(super) fn alias_key(name: &str) -> String {
    format!("NAME#{name}")
}

/// The key of a pipeline's name.
pub(super) fn name_key(name: &PipelineName) -> Item {
    Item::from([
        ("pk".to_owned(), s(format!("PIPELINE#{name}"))),
        ("sk".to_owned(), s("PIPELINE")),
    ])
}

/// A subject in one text: `REPO#1001/PR#0000000007`.
pub(super) fn subject_key(subject: &Subject) -> String {
    format!("{}/{}", repository_key(subject.repository), subject.key())
}
