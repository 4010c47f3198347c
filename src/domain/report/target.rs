//! The place and the form of a subject's reports.

use crate::domain::ids::InstallationId;
use crate::domain::report::ReportForm;
use crate::domain::rules::placeholder::FormatString;

/// The place and the form in which a subject's head commits are reported, by the rule that admits
/// the subject, or that comes nearest to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportTarget {
    /// The form.
    pub form: ReportForm,
    /// The name of the check run, or the context of the commit status.
    pub context: String,
    /// The App's installation, if the webhook named it.
    pub installation: Option<InstallationId>,
    /// When a pull request has a comment.
    pub comment: CommentPolicy,
    /// The name of the environment in which its commits have deployments; `None` where they have
    /// none.
    pub deployment: Option<FormatString>,
}

/// When a pull request has a comment with the state of its head commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CommentPolicy {
    /// `never`
    #[default]
    Never,
    /// `failures`: from the first head that failed until the comment says that the newest head
    /// succeeded.
    Failures,
    /// `always`
    Always,
}

impl CommentPolicy {
    /// All policies.
    pub const ALL: [Self; 3] = [Self::Failures, Self::Always, Self::Never];

    /// Returns the policy of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == word)
    }

    /// Returns the word in the configuration and in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Failures => "failures",
            Self::Always => "always",
        }
    }
}
