//! The tags of a clone, which identify its owner.

use std::collections::BTreeMap;

use crate::domain::clone::overrides::CloneOverrides;
use crate::domain::ids::{Branch, RepositoryId, RepositoryName, Subject, SubjectKind, short_hash};

/// Tags, by key.
pub type Tags = BTreeMap<String, String>;

/// The tag with the name of the table, which identifies the branchline installation that created a
/// pipeline.
pub const MANAGED_BY: &str = "branchline:managed-by";
/// The tag with the repository's name, for people.
pub const REPOSITORY: &str = "branchline:repository";
/// The tag that identifies the subject of a pipeline.
pub const SUBJECT: &str = "branchline:subject";

/// The longest tag key, in characters (API reference, `Tag.key`).
const KEY_LIMIT: usize = 128;
/// The longest tag value, in characters (API reference, `Tag.value`).
pub(super) const TAG_LIMIT: usize = 256;

/// Merges the tags of a rule with branchline's own, which take precedence.
pub(super) fn all_tags(overrides: &CloneOverrides, ours: Tags) -> Tags {
    let mut tags = overrides.tags.clone();
    tags.extend(ours);
    tags
}

/// Returns branchline's own tags for a clone.
#[must_use]
pub fn tags(subject: &Subject, repository: &RepositoryName, table: &str) -> Tags {
    let tag = |key: &str, value: &str| (key.to_owned(), tag_value(value));
    BTreeMap::from([
        tag(MANAGED_BY, table),
        tag(REPOSITORY, repository.as_str()),
        tag(SUBJECT, &subject_tag(subject)),
    ])
}

/// Returns true if the installation with this table created the pipeline for `subject`. The tag
/// with the repository's name is not compared, because repositories are renamed.
#[must_use]
pub fn is_ours(tags: &Tags, subject: &Subject, table: &str) -> bool {
    is_of_table(tags, table)
        && tags
            .get(SUBJECT)
            .is_some_and(|tag| *tag == tag_value(&subject_tag(subject)))
}

/// Returns the subject of a pipeline that the installation with this table created, from the
/// pipeline's tags. Returns `None` for a branch whose name is too long for a tag: only the mapping
/// knows the subject of such a pipeline.
#[must_use]
pub fn subject_of(tags: &Tags, table: &str) -> Option<Subject> {
    let (repository, rest) = tags.get(SUBJECT)?.split_once('/')?;
    let kind = match rest.split_once('/')? {
        ("pull", number) => SubjectKind::PullRequest(number.parse().ok()?),
        ("branch", branch) => SubjectKind::Branch(Branch::parse(branch).ok()?),
        _ => return None,
    };
    let repository = RepositoryId(repository.parse().ok()?);
    Some(Subject { repository, kind }).filter(|subject| is_ours(tags, subject, table))
}

/// Returns true if the installation with this table created the pipeline.
#[must_use]
pub fn is_of_table(tags: &Tags, table: &str) -> bool {
    tags.get(MANAGED_BY)
        .is_some_and(|tag| *tag == tag_value(table))
}

fn subject_tag(subject: &Subject) -> String {
    match &subject.kind {
        SubjectKind::PullRequest(number) => format!("{}/pull/{number}", subject.repository),
        SubjectKind::Branch(branch) => format!("{}/branch/{branch}", subject.repository),
    }
}

/// Returns true if AWS accepts this tag (API reference, `Tag`; keys that begin with `aws:` are
/// reserved).
#[must_use]
pub fn is_tag(key: &str, value: &str) -> bool {
    let length = |text: &str| text.chars().count();
    let fits = (1..=KEY_LIMIT).contains(&length(key)) && length(value) <= TAG_LIMIT;
    let legal = [key, value]
        .iter()
        .all(|text| text.chars().all(is_tag_character) && text.trim() == *text);
    fits && legal && !key.starts_with("aws:")
}

fn is_tag_character(c: char) -> bool {
    c.is_alphanumeric() || " +-=._:/@".contains(c)
}

/// Returns the text itself if AWS accepts it as a value (API reference, `Tag.value`); otherwise its
/// legal characters and a hash of the whole text.
fn tag_value(text: &str) -> String {
    if is_tag("key", text) {
        return text.to_owned();
    }
    let kept: String = text
        .chars()
        .map(|c| if is_tag_character(c) { c } else { '_' })
        .take(TAG_LIMIT - 9)
        .collect();
    format!("{}-{}", kept.trim(), short_hash(text))
}
