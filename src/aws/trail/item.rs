//! An audit entry as a DynamoDB item, and back.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::outcome::chain::Chain;

use crate::aws::row::{Item, n, s};

/// Returns the item of an entry. The key has its place in its chain.
pub(in crate::aws) fn entry_item(chain: &Chain, entry: &AuditEntry) -> Item {
    let optional = |text: &Option<String>| text.as_deref().map(s);
    let attributes = [
        ("pk", Some(s(chain.partition()))),
        ("sk", Some(s(chain.sort_key(entry.sequence)))),
        ("time", Some(s(&entry.time))),
        ("cause", Some(s(&entry.cause))),
        ("processed_at", Some(s(&entry.processed_at))),
        // For the index alone, so it is not hashed.
        ("day", Some(s(day(&entry.processed_at)))),
        ("repository", optional(&entry.repository)),
        ("actor", optional(&entry.actor)),
        ("outcome", Some(s(&entry.outcome))),
        ("from", optional(&entry.from)),
        ("to", Some(s(&entry.to))),
        ("pipeline", optional(&entry.pipeline)),
        ("journal", Some(s(&entry.journal))),
        ("schema", Some(n(entry.schema))),
        ("previous", optional(&entry.previous)),
        ("hash", Some(s(&entry.hash))),
    ];
    let present = attributes
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    present.collect()
}

/// Returns the date of a time: the partition of the index by time.
fn day(time: &str) -> &str {
    time.split_once('T').map_or(time, |(date, _)| date)
}

/// Reads whatever the item contains: a damaged entry is shown, not hidden. A key that branchline
/// does not write has number 0.
pub(super) fn entry(item: &Item) -> AuditEntry {
    let text = |name: &str| item.get(name)?.as_s().ok().cloned();
    let owned = |name: &str| text(name).unwrap_or_default();
    let (partition, key) = (owned("pk"), owned("sk"));
    let (chain, sequence) = match Chain::from_key(&partition, &key) {
        Some((chain, sequence)) => (chain.to_string(), sequence),
        None => (format!("{partition}/{key}"), 0),
    };
    let schema = item
        .get("schema")
        .and_then(|value: &AttributeValue| value.as_n().ok()?.parse().ok());
    AuditEntry {
        time: owned("time"),
        cause: owned("cause"),
        processed_at: owned("processed_at"),
        repository: text("repository"),
        actor: text("actor"),
        outcome: owned("outcome"),
        from: text("from"),
        to: owned("to"),
        pipeline: text("pipeline"),
        journal: owned("journal"),
        schema: schema.unwrap_or_default(),
        chain,
        sequence,
        previous: text("previous"),
        hash: owned("hash"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{RepositoryId, Subject, SubjectKind};

    #[test]
    fn an_entry_reads_back_equal_and_damage_is_shown() {
        let chain = Chain::Changes(Subject {
            repository: RepositoryId(1_001),
            kind: SubjectKind::PullRequest(7),
        });
        let whole = AuditEntry {
            time: "t".to_owned(),
            repository: Some("acme/api".to_owned()),
            actor: Some(String::new()),
            schema: 1,
            chain: chain.to_string(),
            sequence: 12,
            previous: Some("0f".to_owned()),
            hash: "f0".to_owned(),
            ..AuditEntry::default()
        };
        let mut item = entry_item(&chain, &whole);
        assert_eq!(entry(&item), whole);
        item.insert("hash".to_owned(), n(1));
        item.insert("sk".to_owned(), s("CHANGE#12"));
        let damaged = entry(&item);
        assert_eq!((damaged.sequence, damaged.hash.as_str()), (0, ""));
        assert_eq!(damaged.chain, "REPO#1001/PR#0000000007/CHANGE#12");
    }
}
