//! The words of GitHub's payloads that we read: the few fields that we act on, as GitHub spells them.

use serde::Deserialize;

use crate::line::ids::Timestamp;

#[derive(Deserialize)]
pub(super) struct PullRequestWords {
    pub(super) action: String,
    pub(super) number: u64,
    pub(super) before: Option<String>,
    pub(super) pull_request: PullWords,
    pub(super) repository: RepositoryWords,
    pub(super) sender: Option<UserWords>,
}

#[derive(Deserialize)]
pub(super) struct PullWords {
    pub(super) state: String,
    pub(super) title: String,
    pub(super) draft: Option<bool>,
    pub(super) updated_at: String,
    pub(super) user: Option<UserWords>,
    pub(super) head: HeadWords,
    pub(super) base: BaseWords,
}

#[derive(Deserialize)]
pub(super) struct HeadWords {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) sha: String,
    pub(super) repo: Option<HeadRepositoryWords>,
}

#[derive(Deserialize)]
pub(super) struct HeadRepositoryWords {
    pub(super) id: u64,
}

#[derive(Deserialize)]
pub(super) struct BaseWords {
    #[serde(rename = "ref")]
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct PushWords {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) repository: RepositoryWords,
    pub(super) sender: Option<UserWords>,
}

#[derive(Deserialize)]
pub(super) struct ReferenceWords {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) ref_type: String,
    pub(super) repository: RepositoryWords,
    pub(super) sender: Option<UserWords>,
}

#[derive(Deserialize)]
pub(super) struct UserWords {
    pub(super) login: String,
}

#[derive(Deserialize)]
pub(super) struct RepositoryWords {
    pub(super) id: u64,
    pub(super) full_name: String,
    pub(super) pushed_at: Option<TimeWords>,
}

/// `pushed_at` is a number of seconds in `push`, and RFC 3339 text in every other event.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum TimeWords {
    Seconds(i64),
    Text(String),
}

impl RepositoryWords {
    pub(super) fn pushed_at(&self) -> Option<Timestamp> {
        match self.pushed_at.as_ref()? {
            TimeWords::Seconds(seconds) => Timestamp::from_seconds(*seconds),
            TimeWords::Text(text) => Timestamp::from_rfc3339(text),
        }
    }
}
