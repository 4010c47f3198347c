//! The names of things, each parsed once at the boundary and printed in one way.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::domain::text::one_line;

/// Declares a newtype over one of GitHub's numbers.
macro_rules! number {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

number! {
    /// GitHub's number for a repository. It survives renames and transfers, so it identifies the
    /// repository; the name does not.
    RepositoryId;
    /// GitHub's number for an installation of an App.
    InstallationId;
    /// GitHub's number for a check run.
    CheckRunId;
    /// GitHub's number for a comment.
    CommentId;
    /// GitHub's number for a deployment.
    DeploymentId;
    /// GitHub's number for one attempt to deliver an event. The event has a [`DeliveryId`].
    DeliveryAttemptId;
}

/// The error of a text that is not a valid name of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}: {why}")]
pub struct ParseError {
    kind: &'static str,
    why: &'static str,
}

/// Declares a newtype over `String` that only `parse` creates.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $why:literal, $ok:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Parses the text.
            ///
            /// # Errors
            /// [`ParseError`] when the text breaks the rule of this type.
            pub fn parse(text: impl Into<String>) -> Result<Self, ParseError> {
                let text = text.into();
                let ok: fn(&str) -> bool = $ok;
                if ok(&text) { Ok(Self(text)) } else { Err(ParseError { kind: $kind, why: $why }) }
            }

            /// Returns the text, unchanged.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// `owner/name`, as GitHub spells it.
        RepositoryName, "repository name", "expected owner/name of letters, digits, '.', '_' and '-'", |text| {
        text.len() <= 200
            && text.split_once('/').is_some_and(|(owner, name)| {
                [owner, name].iter().all(|part| !part.is_empty() && part.chars().all(is_name_character))
            })
    }
}

impl RepositoryName {
    /// Returns the part before the slash.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.0.split_once('/').map_or("", |(owner, _)| owner)
    }

    /// Returns the part after the slash.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }

    /// Returns the name in lower case: GitHub compares names without case.
    #[must_use]
    pub fn to_lower_case(&self) -> Self {
        Self(self.0.to_ascii_lowercase())
    }
}

name! {
    /// A branch, without `refs/heads/`. Git refuses control characters, so branchline does too; any
    /// other character is allowed.
        Branch, "branch", "expected 1 to 512 bytes without control characters", |text| {
        // GitHub's own limit is far lower. A DynamoDB sort key, which contains the name, may have
        // 1,024 bytes.
        (1..=512).contains(&text.len()) && !text.chars().any(char::is_control)
    }
}

name! {
    /// A commit: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
        CommitId, "commit id", "expected 40 or 64 lower-case hexadecimal digits", |text| {
        matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }
}

impl CommitId {
    /// Returns true for Git's all-zero id, which stands for "no commit" in `push`.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.bytes().all(|b| b == b'0')
    }
}

name! {
    /// GitHub's `X-GitHub-Delivery`: a GUID, and therefore a legal `clientRequestToken` of
    /// CodePipeline.
        DeliveryId, "delivery id", "expected 1 to 128 letters, digits and hyphens", |text| {
        (1..=DeliveryId::MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    }
}

impl DeliveryId {
    /// The longest id, in characters (CodePipeline API reference,
    /// `StartPipelineExecution`, `clientRequestToken`).
    pub const MAX: usize = 128;
}

name! {
    /// The SHA-256 of a message's body, in hexadecimal. The body is signed, and the delivery's id
    /// is not: a captured body that is sent again under another id has the same digest.
        BodyDigest, "digest", "expected 64 lower-case hexadecimal digits", |text| {
        text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }
}

impl BodyDigest {
    /// Returns the digest of a body.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(body)))
    }
}

/// A digest is a legal `clientRequestToken`.
impl From<&BodyDigest> for DeliveryId {
    fn from(digest: &BodyDigest) -> Self {
        Self(digest.0.clone())
    }
}

name! {
    /// GitHub's `X-GitHub-Event`, for instance `pull_request`.
        EventName, "name of an event", "expected 1 to 64 lower-case letters, digits and underscores", |text| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    }
}

name! {
    /// GitHub's `action` within an event, for instance `synchronize`.
        ActionName, "name of an action", "expected 1 to 64 lower-case letters and underscores", |text| {
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    }
}

name! {
    /// A pipeline's name: 1 to 100 of `[A-Za-z0-9.@_-]` (CodePipeline API reference,
    /// `PipelineDeclaration.name`).
        PipelineName, "pipeline name", "expected 1 to 100 of A-Z a-z 0-9 . @ _ -", |text| {
        (1..=PipelineName::MAX).contains(&text.len()) && text.chars().all(is_pipeline_character)
    }
}

impl PipelineName {
    /// CodePipeline's limit, in characters.
    pub const MAX: usize = 100;
}

name! {
    /// A pipeline's ARN: `arn:PARTITION:codepipeline:REGION:ACCOUNT:NAME`.
        PipelineArn, "pipeline ARN", "expected arn:PARTITION:codepipeline:REGION:ACCOUNT:NAME", |text| {
        let parts: Vec<&str> = text.split(':').collect();
        matches!(parts.as_slice(), ["arn", _, "codepipeline", _, _, name] if !name.is_empty())
    }
}

impl PipelineArn {
    /// Returns the name of the pipeline; `None` if it is not a valid one.
    #[must_use]
    pub fn name(&self) -> Option<PipelineName> {
        PipelineName::parse(self.0.rsplit(':').next()?).ok()
    }

    /// Returns the ARN of another pipeline in the same account and Region.
    #[must_use]
    pub fn with_name(&self, name: &PipelineName) -> Self {
        let prefix = self.0.rsplit_once(':').map_or("", |(prefix, _)| prefix);
        Self(format!("{prefix}:{name}"))
    }
}

name! {
    /// CodePipeline's id of an execution. A retry of a stage keeps it, and raises the attempt.
        ExecutionId, "pipeline execution id", "expected 1 to 100 letters, digits and hyphens", |text| {
        (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    }
}

/// Returns true for the characters that GitHub allows in owners and repositories.
fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// Returns true for the characters that CodePipeline allows in names.
pub(crate) fn is_pipeline_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '@' | '_' | '-')
}

/// Milliseconds since 1970-01-01 UTC: the only kind of time in the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Parses RFC 3339, as GitHub writes it. Returns `None` for any other text.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let time =
            time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339)
                .ok()?;
        i64::try_from(time.unix_timestamp_nanos() / 1_000_000)
            .ok()
            .map(Self)
    }

    /// Converts whole seconds since 1970. Returns `None` on overflow.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        seconds.checked_mul(1_000).map(Self)
    }

    /// Returns whole seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Returns the time `duration` later.
    #[must_use]
    pub fn plus(self, duration: std::time::Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// Returns the time `duration` earlier.
    #[must_use]
    pub fn minus(self, duration: std::time::Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// Returns the time from `earlier` to this one; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> std::time::Duration {
        let millis = self.0.saturating_sub(earlier.0);
        std::time::Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}

/// RFC 3339 in UTC with milliseconds. Every time has the same width, so times sort as text.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i128::from(self.0) * 1_000_000;
        match time::OffsetDateTime::from_unix_timestamp_nanos(nanos) {
            Ok(t) => write!(
                f,
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                t.year(),
                u8::from(t.month()),
                t.day(),
                t.hour(),
                t.minute(),
                t.second(),
                t.millisecond()
            ),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

/// The owner of a pipeline: a pull request or a branch of a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// The repository of the pull request or branch.
    pub repository: RepositoryId,
    /// The pull request or branch.
    pub kind: SubjectKind,
}

/// The two kinds of subjects. A rule's `on` selects one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// A pull request, by its number.
    PullRequest(u64),
    /// A branch, by its name.
    Branch(Branch),
}

impl Subject {
    /// Returns the key within the repository, as in the table's sort key:
    /// `PR#0000000007` or `BRANCH#feature/x`.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.kind {
            SubjectKind::PullRequest(number) => format!("PR#{number:010}"),
            SubjectKind::Branch(branch) => format!("BRANCH#{branch}"),
        }
    }

    /// Parses what [`Subject::key`] returns.
    #[must_use]
    pub fn from_key(repository: RepositoryId, key: &str) -> Option<Self> {
        let kind = match key.split_once('#')? {
            ("PR", number) => SubjectKind::PullRequest(number.parse().ok()?),
            ("BRANCH", branch) => SubjectKind::Branch(Branch::parse(branch).ok()?),
            _ => return None,
        };
        Some(Self { repository, kind })
    }

    /// Returns the repository and the key as one text: `REPO#1001/PR#0000000007`.
    #[must_use]
    pub fn table_key(&self) -> String {
        format!("REPO#{}/{}", self.repository, self.key())
    }

    /// Parses what [`Subject::table_key`] returns.
    #[must_use]
    pub fn from_table_key(text: &str) -> Option<Self> {
        let (repository, key) = text.strip_prefix("REPO#")?.split_once('/')?;
        Self::from_key(RepositoryId(repository.parse().ok()?), key)
    }

    /// Returns the subject as people write it: `acme/api#7` or `acme/api@feature/x`. The text is
    /// one line: a branch's name may contain unprintable characters, which are escaped.
    #[must_use]
    pub fn display(&self, repository: &RepositoryName) -> String {
        self.kind.display(repository)
    }
}

impl SubjectKind {
    /// Returns the subject of this repository, as [`Subject::display`] does.
    #[must_use]
    pub fn display(&self, repository: &RepositoryName) -> String {
        match self {
            Self::PullRequest(number) => format!("{repository}#{number}"),
            Self::Branch(branch) => {
                let branch = one_line(branch.as_str(), usize::MAX);
                format!("{repository}@{branch}")
            }
        }
    }
}

mod owner;
mod project;
mod short_hash;
mod stack;
pub use owner::{InvalidOwner, Owner};
pub use project::ProjectName;
pub(crate) use short_hash::{HASH_WIDTH, ends_in_hash, short_hash};
pub use stack::StackId;

#[cfg(test)]
mod tests;
