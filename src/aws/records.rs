//! Writes the table's other items: audit entries, delivery records, repository names and pipeline
//! names.

use crate::domain::ids::{DeliveryId, PipelineName, Subject};
use crate::domain::outcome::audit_entry::NewAuditEntry;
use crate::domain::state::mapping::Mapping;

use crate::aws::row::{Item, n, repository_key, s};

/// How long a delivery record is kept: 30 days, in seconds. Audit entries are kept longer.
const DELIVERY_RECORD: i64 = 30 * 24 * 60 * 60;

/// Returns the item of an audit entry.
pub(super) fn audit_item(subject: &Subject, entry: &NewAuditEntry) -> Item {
    let key = format!("AUDIT#{}#{}#{}", subject.key(), entry.time, entry.cause);
    let mut item = Item::from([
        ("pk".to_owned(), s(repository_key(subject.repository))),
        ("sk".to_owned(), s(key)),
        ("processed_at".to_owned(), s(entry.processed_at.to_string())),
        ("outcome".to_owned(), s(entry.outcome.as_str())),
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

/// Returns the item that records that a delivery was processed. It expires after 30 days.
pub(super) fn delivery_item(
    delivery: &DeliveryId,
    mapping: &Mapping,
    entry: &NewAuditEntry,
) -> Item {
    Item::from([
        ("pk".to_owned(), s(format!("DELIVERY#{delivery}"))),
        ("sk".to_owned(), s("DELIVERY")),
        ("subject".to_owned(), s(subject_key(&mapping.subject))),
        ("outcome".to_owned(), s(entry.outcome.as_str())),
        ("processed_at".to_owned(), s(entry.processed_at.to_string())),
        (
            "expires_at".to_owned(),
            n(entry.processed_at.seconds().saturating_add(DELIVERY_RECORD)),
        ),
    ])
}

/// Returns the items that map a repository's name to its number, so that people can look it up by
/// name: one as GitHub spells the name, and one in lower case, because GitHub ignores case.
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
    let lower_case = (lower != name).then(|| item(&lower));
    lower_case.into_iter().chain([item(name)]).collect()
}

pub(super) fn alias_key(name: &str) -> String {
    format!("NAME#{name}")
}

/// Returns the key of the item that reserves a pipeline's name.
pub(super) fn name_key(name: &PipelineName) -> Item {
    Item::from([
        ("pk".to_owned(), s(format!("PIPELINE#{name}"))),
        ("sk".to_owned(), s("PIPELINE")),
    ])
}

/// Returns the key of a subject as one text: `REPO#1001/PR#0000000007`.
pub(super) fn subject_key(subject: &Subject) -> String {
    format!("{}/{}", repository_key(subject.repository), subject.key())
}
