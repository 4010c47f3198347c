//! The tags of a clone, which say whose it is.

use std::collections::BTreeMap;

use crate::domain::clone::overrides::CloneOverrides;
use crate::domain::ids::{Branch, RepositoryId, RepositoryName, Subject, SubjectKind, short_hash};

/// Tags, by key.
pub type Tags = BTreeMap<String, String>;

/// The tag that says which branchline made a pipeline: the name of its table.
pub const MANAGED_BY: &str = "branchline:managed-by";
/// The tag that tells people the repository.
pub const REPOSITORY: &str = "branchline:repository";
/// The tag that says whose pipeline it is.
pub const SUBJECT: &str = "branchline:subject";

/// The longest tag key, in characters (API reference, `Tag.key`).
const KEY_LIMIT: usize = 128;
/// The longest tag value, in characters (API reference, `Tag.value`).
pub(super) const TAG_LIMIT: usize = 256;

/// Ours win over the rule's.
pub(super) fn all_tags(changes: &CloneOverrides, ours: Tags) -> Tags {
    let mut tags = changes.tags.clone();
    tags.extend(ours);
    tags
}

/// The tags of a clone.
#[must_use]
pub fn tags(subject: &Subject, repository: &RepositoryName, table: &str) -> Tags {
    let tag = |key: &str, value: &str| (key.to_owned(), tag_value(value));
    BTreeMap::from([
        tag(MANAGED_BY, table),
        tag(REPOSITORY, repository.as_str()),
        tag(SUBJECT, &subject_tag(subject)),
    ])
}

/// Whether a pipeline with these tags was made for `subject` by the branchline of `table`. The repository's name does
/// not count: repositories are renamed.
#[must_use]
pub fn is_ours(tags: &Tags, subject: &Subject, table: &str) -> bool {
    let told = tags.get(SUBJECT);
    is_of_table(tags, table) && told.is_some_and(|told| *told == tag_value(&subject_tag(subject)))
}

/// The subject that a pipeline of the branchline of `table` was made for, as its tags tell. A branch's long name does not
/// fit into a tag: such a pipeline is known by its mapping alone.
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

/// Whether the branchline of `table` made the pipeline with these tags.
#[must_use]
pub fn is_of_table(tags: &Tags, table: &str) -> bool {
    tags.get(MANAGED_BY)
        .is_some_and(|found| *found == tag_value(table))
}

fn subject_tag(subject: &Subject) -> String {
    match &subject.kind {
        SubjectKind::PullRequest(number) => format!("{}/pull/{number}", subject.repository),
        SubjectKind::Branch(branch) => format!("{}/branch/{branch}", subject.repository),
    }
}

/// Whether AWS takes this tag (API reference, `Tag`; keys beginning with `aws:` are AWS's own).
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

/// The text itself where AWS takes it (API reference, `Tag.value`); else what AWS takes of it and a hash of all of it.
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
