//! The fields of GitHub's payloads that branchline reads, named as GitHub names them.

use serde::Deserialize;

use crate::domain::ids::Timestamp;
use crate::domain::intake::object::Object;

#[derive(Deserialize)]
pub(super) struct PullRequestPayload {
    pub(super) action: String,
    pub(super) number: u64,
    pub(super) before: Option<String>,
    pub(super) pull_request: Object<PullPayload>,
    pub(super) repository: Object<RepositoryPayload>,
    pub(super) sender: Option<Object<UserPayload>>,
}

#[derive(Deserialize)]
pub(super) struct PullPayload {
    pub(super) state: String,
    pub(super) title: String,
    pub(super) draft: Option<bool>,
    pub(super) updated_at: String,
    pub(super) user: Option<Object<UserPayload>>,
    pub(super) head: Object<HeadPayload>,
    pub(super) base: Object<BasePayload>,
}

#[derive(Deserialize)]
pub(super) struct HeadPayload {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) sha: String,
    pub(super) repo: Option<Object<HeadRepositoryPayload>>,
}

#[derive(Deserialize)]
pub(super) struct HeadRepositoryPayload {
    pub(super) id: u64,
}

#[derive(Deserialize)]
pub(super) struct BasePayload {
    #[serde(rename = "ref")]
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct PushPayload {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) head_commit: Option<Object<CommitPayload>>,
    pub(super) repository: Object<RepositoryPayload>,
    pub(super) sender: Option<Object<UserPayload>>,
}

#[derive(Deserialize)]
pub(super) struct CommitPayload {
    pub(super) message: String,
}

#[derive(Deserialize)]
pub(super) struct RepositoryEventPayload {
    pub(super) action: String,
    pub(super) repository: Object<RepositoryPayload>,
    pub(super) sender: Option<Object<UserPayload>>,
}

#[derive(Deserialize)]
pub(super) struct ReferencePayload {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) ref_type: String,
    pub(super) repository: Object<RepositoryPayload>,
    pub(super) sender: Option<Object<UserPayload>>,
}

#[derive(Deserialize)]
pub(super) struct UserPayload {
    pub(super) login: String,
}

#[derive(Deserialize)]
pub(super) struct RepositoryPayload {
    pub(super) id: u64,
    pub(super) full_name: String,
    pub(super) pushed_at: Option<TimePayload>,
    pub(super) updated_at: Option<TimePayload>,
}

/// A time: seconds for `pushed_at` in `push`; RFC 3339 text for
/// `pushed_at` in every other event, and for `updated_at`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum TimePayload {
    Seconds(i64),
    Text(String),
}

impl RepositoryPayload {
    pub(super) fn pushed_at(&self) -> Option<Timestamp> {
        self.pushed_at.as_ref().and_then(TimePayload::read)
    }

    pub(super) fn updated_at(&self) -> Option<Timestamp> {
        self.updated_at.as_ref().and_then(TimePayload::read)
    }
}

impl TimePayload {
    fn read(&self) -> Option<Timestamp> {
        match self {
            Self::Seconds(seconds) => Timestamp::from_seconds(*seconds),
            Self::Text(text) => Timestamp::from_rfc3339(text),
        }
    }
}
