//! The actions of pull requests.

/// The actions of `pull_request` that can change whether a pipeline exists and what it builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Opened: the first event of a pull request.
    Opened,
    /// Reopened.
    Reopened,
    /// The head commit changed.
    Synchronize,
    /// The title, the body or the base changed.
    Edited,
    /// The draft became ready for review.
    ReadyForReview,
    /// The pull request became a draft.
    ConvertedToDraft,
    /// Closed, with or without a merge.
    Closed,
    /// A label was added.
    Labeled,
    /// A label was removed.
    Unlabeled,
    /// No event: branchline looked at the pull request.
    Seen,
}

impl Action {
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "opened" => Self::Opened,
            "reopened" => Self::Reopened,
            "synchronize" => Self::Synchronize,
            "edited" => Self::Edited,
            "ready_for_review" => Self::ReadyForReview,
            "converted_to_draft" => Self::ConvertedToDraft,
            "closed" => Self::Closed,
            "labeled" => Self::Labeled,
            "unlabeled" => Self::Unlabeled,
            _ => return None,
        })
    }

    /// Returns true if a label was added or removed.
    #[must_use]
    pub fn is_about_label(self) -> bool {
        matches!(self, Self::Labeled | Self::Unlabeled)
    }

    /// Returns true if a person works on the pull request with it, whatever the head commit is. A
    /// label counts if the rule keeps pipelines by it.
    #[must_use]
    pub fn is_activity(self) -> bool {
        match self {
            Self::Opened
            | Self::Reopened
            | Self::Synchronize
            | Self::ReadyForReview
            | Self::Labeled => true,
            Self::Edited | Self::ConvertedToDraft | Self::Closed | Self::Unlabeled | Self::Seen => {
                false
            }
        }
    }
}
