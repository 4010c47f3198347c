//! Pull requests.

use crate::domain::ids::{Branch, CommitId};

use super::action::Action;
use super::skip;

/// The longest title or login that is kept, in characters. GitHub's own limit for a title is 256.
pub const TEXT_LIMIT: usize = 256;

/// A pull request after the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// The number of the pull request in its repository.
    pub number: u64,
    /// The action of the event.
    pub action: Action,
    /// True if the pull request is open.
    pub open: bool,
    /// True if it is a draft.
    pub draft: bool,
    /// True if the head is in another repository, or in one that was deleted.
    pub fork: bool,
    /// The head branch.
    pub head: Branch,
    /// The head commit.
    pub sha: CommitId,
    /// The head commit before a `synchronize`.
    pub before: Option<CommitId>,
    /// The base branch.
    pub base: Branch,
    /// The title, cut to [`TEXT_LIMIT`] characters.
    pub title: String,
    /// The login of the author; `None` for a deleted account.
    pub author: Option<String>,
    /// True if the title asks to skip the build.
    pub skip: bool,
    /// The names of its labels.
    pub labels: Vec<String>,
    /// The label that was added or removed.
    pub label: Option<String>,
}

impl PullRequest {
    /// Adds what people wrote: the title, and the login of the author.
    #[must_use]
    pub fn with_texts(self, title: String, author: Option<String>) -> Self {
        Self {
            skip: skip::is_requested(&title),
            title: cut(title),
            author: author.map(cut),
            ..self
        }
    }
}

/// Cuts a text to [`TEXT_LIMIT`] characters.
pub(super) fn cut(text: String) -> String {
    match text.char_indices().nth(TEXT_LIMIT) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    }
}
