//! The setting of a rule whose clones are declared by a file of their repository.

use std::collections::BTreeSet;

use crate::domain::rules::repository_file::FileFrom;

/// The file of a repository that declares the pipeline of a rule's clones, and how far. The rule's
/// template gives what the file cannot: roles, artifact stores and the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFileRule {
    /// The path in the repository.
    pub path: String,
    /// The commit that it is read from.
    pub from: FileFrom,
    /// The types of the actions that it may declare.
    pub actions: BTreeSet<FileAction>,
    /// The CodeBuild projects that it may run; `None` stands for those that a clone of the template
    /// runs.
    pub projects: Option<BTreeSet<String>>,
}

/// A type of action that a file may declare. None of them changes anything outside the pipeline by
/// itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileAction {
    /// `Build/CodeBuild`
    Build,
    /// `Test/CodeBuild`
    Test,
    /// `Compute/Commands`: commands that run with the pipeline's role.
    Commands,
}

impl FileAction {
    /// Every type.
    pub const ALL: [Self; 3] = [Self::Build, Self::Test, Self::Commands];
    /// The types without `actions` in the rule.
    pub const DEFAULT: [Self; 2] = [Self::Build, Self::Test];

    /// Returns the word in the rule: category and provider.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Build => "Build/CodeBuild",
            Self::Test => "Test/CodeBuild",
            Self::Commands => "Compute/Commands",
        }
    }
}
