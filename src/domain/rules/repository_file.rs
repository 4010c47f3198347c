//! The setting of a rule that lets a file of the repository change its clones.

use std::collections::BTreeSet;

use crate::domain::rules::glob::GlobFilter;

/// The longest path, in characters: that of a configuration value of CodePipeline.
const MAX_PATH: usize = 1_000;

/// The file of a repository that may change the clones of a rule, and how far.
#[derive(Clone, Debug)]
pub struct FileRule {
    /// The path in the repository.
    pub path: String,
    /// The commit that it is read from.
    pub from: FileFrom,
    /// What it may set.
    pub allow: BTreeSet<FileKey>,
    /// The images that it may choose.
    pub images: GlobFilter,
}

/// The commit from which the file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFrom {
    /// `base`: the head of the base branch, which the pull request does not change.
    Base,
    /// `head`: the commit that is built, so that the pull request changes the file.
    Head,
}

impl FileFrom {
    /// Every value, to parse them.
    pub const ALL: [(&'static str, Self); 2] = [("base", Self::Base), ("head", Self::Head)];
}

/// A key that the file may have, if the rule allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKey {
    /// `variables`
    Variables,
    /// `environment`
    Environment,
    /// `buildspec`
    Buildspec,
    /// `keep_stages`
    KeepStages,
    /// `image`
    Image,
    /// `compute`
    Compute,
    /// `timeout`
    Timeout,
}

impl FileKey {
    /// Every key.
    pub const ALL: [Self; 7] = [
        Self::Variables,
        Self::Environment,
        Self::Buildspec,
        Self::KeepStages,
        Self::Image,
        Self::Compute,
        Self::Timeout,
    ];

    /// Returns the word in the file and in the rule.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Variables => "variables",
            Self::Environment => "environment",
            Self::Buildspec => "buildspec",
            Self::KeepStages => "keep_stages",
            Self::Image => "image",
            Self::Compute => "compute",
            Self::Timeout => "timeout",
        }
    }
}

/// Returns true for the path of a file in a repository, relative to its root and in it.
#[must_use]
pub fn is_repository_path(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "._/@+-".contains(c);
    let is_part = |part: &str| !part.is_empty() && part != "." && part != "..";
    let is_inside = !text.starts_with('-') && text.split('/').all(is_part);
    (1..=MAX_PATH).contains(&text.len()) && text.chars().all(legal) && is_inside
}
