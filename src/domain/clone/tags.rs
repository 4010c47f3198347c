//! The tags of a clone: whose it is, and what it was made from.
//!
//! The mapping knows more. The tags are what is left of a clone if its row is lost: they name its
//! subject and its rule, so that `audit --adopt` can write a row again.

use std::collections::BTreeMap;

use crate::domain::clone::overrides::CloneOverrides;
use crate::domain::ids::{
    Branch, Owner, PipelineName, ProjectName, RepositoryId, RepositoryName, Subject, SubjectKind,
    short_hash,
};

/// Tags, by key.
pub type Tags = BTreeMap<String, String>;

/// The beginning of the keys of branchline's own tags.
pub const OWN: &str = "branchline:";
/// The tag with the name of the branchline installation that created a pipeline.
pub const MANAGED_BY: &str = "branchline:managed-by";
/// The tag with the repository's name at the time.
pub const REPOSITORY: &str = "branchline:repository";
/// The tag that identifies the subject of a pipeline.
pub const SUBJECT: &str = "branchline:subject";
/// The tag with the name of the rule that created a pipeline.
pub const RULE: &str = "branchline:rule";
/// The tag with the name of the pipeline that a pipeline was cloned from.
pub const TEMPLATE: &str = "branchline:template";
/// The tag with the branch that the pipeline of a pull request builds. That of a branch is in
/// [`SUBJECT`].
pub const BRANCH: &str = "branchline:branch";

/// The tag of a CodeBuild project with the name of the pipeline that it was made for.
pub const PIPELINE: &str = "branchline:pipeline";
/// The tag of a CodeBuild project with the name of the project that it was copied from.
pub const PROJECT: &str = "branchline:project";

/// The longest tag key, in characters (CodeBuild API reference, `Tag.key`; that of CodePipeline is
/// one longer).
const KEY_LIMIT: usize = 127;
/// The longest tag value, in characters (CodeBuild API reference, `Tag.value`; that of CodePipeline
/// is one longer).
pub(super) const TAG_LIMIT: usize = 255;

/// Merges the tags of a rule with branchline's own, which take precedence.
pub(super) fn all_tags(overrides: &CloneOverrides, ours: Tags) -> Tags {
    let mut tags = overrides.tags.clone();
    tags.extend(ours);
    tags
}

/// What a clone was made from.
#[derive(Clone, Copy, Debug)]
pub struct MadeFrom<'a> {
    /// The name of its rule.
    pub rule: &'a str,
    /// The name of its template.
    pub template: &'a str,
    /// The branch that it builds.
    pub branch: &'a Branch,
}

/// Returns branchline's own tags for a clone.
#[must_use]
pub fn tags(
    subject: &Subject,
    repository: &RepositoryName,
    owner: &Owner,
    made_from: MadeFrom<'_>,
) -> Tags {
    let tag = |key: &str, value: &str| (key.to_owned(), tag_value(value));
    let mut tags = BTreeMap::from([
        tag(MANAGED_BY, owner.as_str()),
        tag(REPOSITORY, repository.as_str()),
        tag(SUBJECT, &subject_tag(subject)),
        tag(RULE, made_from.rule),
        tag(TEMPLATE, made_from.template),
    ]);
    if let SubjectKind::PullRequest(_) = subject.kind {
        tags.extend([tag(BRANCH, made_from.branch.as_str())]);
    }
    tags
}

/// Returns the tags of a CodeBuild project of a clone: those of the clone, and what the project was
/// made for and from.
pub(super) fn project_tags(clone: &Tags, pipeline: &PipelineName, template: &ProjectName) -> Tags {
    let mut tags = clone.clone();
    tags.insert(PIPELINE.to_owned(), tag_value(pipeline.as_str()));
    tags.insert(PROJECT.to_owned(), tag_value(template.as_str()));
    tags
}

/// Returns true if this installation created the pipeline for `subject`. The tag with the
/// repository's name is not compared, because repositories are renamed.
#[must_use]
pub fn is_ours(tags: &Tags, subject: &Subject, owner: &Owner) -> bool {
    is_owned(tags, owner)
        && tags
            .get(SUBJECT)
            .is_some_and(|tag| *tag == tag_value(&subject_tag(subject)))
}

/// Returns the subject of a pipeline that this installation created, from the pipeline's tags.
/// Returns `None` for a branch whose name is too long for a tag: only the mapping knows the subject
/// of such a pipeline.
#[must_use]
pub fn subject_of(tags: &Tags, owner: &Owner) -> Option<Subject> {
    let tag = text_of(tags, SUBJECT)?;
    let (repository, rest) = tag.split_once('/')?;
    let kind = match rest.split_once('/')? {
        ("pull", number) => SubjectKind::PullRequest(number.parse().ok()?),
        ("branch", branch) => SubjectKind::Branch(Branch::parse(branch).ok()?),
        _ => return None,
    };
    let repository = RepositoryId(repository.parse().ok()?);
    Some(Subject { repository, kind }).filter(|subject| is_ours(tags, subject, owner))
}

/// Returns true if this installation created the pipeline.
#[must_use]
pub fn is_owned(tags: &Tags, owner: &Owner) -> bool {
    tags.get(MANAGED_BY)
        .is_some_and(|tag| tag == owner.as_str())
}

/// Returns the other installation that created a pipeline; `None` if this one did, or none.
#[must_use]
pub fn other_owner<'a>(tags: &'a Tags, owner: &Owner) -> Option<&'a str> {
    let tag = tags.get(MANAGED_BY).map(String::as_str);
    tag.filter(|tag| *tag != owner.as_str())
}

/// A clone as its tags describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedClone {
    /// The subject.
    pub subject: Subject,
    /// The repository's name when the clone was created.
    pub repository: RepositoryName,
    /// The name of the rule that created it.
    pub rule: String,
    /// The pipeline that it was cloned from.
    pub template: PipelineName,
    /// The branch that it builds.
    pub branch: Branch,
}

impl TaggedClone {
    /// Reads the tags of a clone of this installation.
    ///
    /// # Errors
    /// The key of the first tag that is missing, or whose text was too long for a tag.
    pub fn read(tags: &Tags, owner: &Owner) -> Result<Self, &'static str> {
        let subject = subject_of(tags, owner).ok_or(SUBJECT)?;
        let repository = text_of(tags, REPOSITORY).ok_or(REPOSITORY)?;
        let template = text_of(tags, TEMPLATE).ok_or(TEMPLATE)?;
        let branch = match &subject.kind {
            SubjectKind::Branch(branch) => Some(branch.clone()),
            SubjectKind::PullRequest(_) => {
                text_of(tags, BRANCH).and_then(|branch| Branch::parse(branch).ok())
            }
        };
        Ok(Self {
            repository: RepositoryName::parse(repository).map_err(|_| REPOSITORY)?,
            rule: text_of(tags, RULE).ok_or(RULE)?,
            template: PipelineName::parse(template).map_err(|_| TEMPLATE)?,
            branch: branch.ok_or(BRANCH)?,
            subject,
        })
    }
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

/// Returns a text as the value of a tag. A character that AWS does not accept (API reference,
/// `Tag.value`), a space at either end and `=` become `=` and two hexadecimal digits for each of
/// their bytes, so that [`text_of`] can read the text. A text that is too long is cut and ends with
/// `==` and a hash of the whole, which no escaped text contains.
fn tag_value(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let inner = text.len() - text.trim_start().len()..text.trim_end().len();
    for (at, c) in text.char_indices() {
        if is_tag_character(c) && c != '=' && (c != ' ' || inner.contains(&at)) {
            value.push(c);
        } else {
            let bytes = c.encode_utf8(&mut [0; 4]).as_bytes().to_owned();
            value.extend(bytes.iter().map(|byte| format!("={byte:02X}")));
        }
    }
    if value.chars().count() <= TAG_LIMIT {
        return value;
    }
    let hash = format!("=={}", short_hash(text));
    let kept = value.chars().take(TAG_LIMIT - hash.len());
    kept.chain(hash.chars()).collect()
}

/// Returns the text of a tag; `None` if the tag is missing, or does not have the whole text.
fn text_of(tags: &Tags, key: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut parts = tags.get(key)?.split('=');
    bytes.extend(parts.next()?.bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes).ok()
}
