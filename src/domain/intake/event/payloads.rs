//! The fields of GitHub's payloads that branchline reads, named as GitHub names them.
//!
//! The event's name is a header, which GitHub does not sign, so a captured body could be sent again
//! under another name. Each event therefore requires the top-level fields by which GitHub's
//! documentation tells it from every other event. `create`, `delete` and `repository` have none of
//! their own: their payloads may have no field that is not documented for them. Fields that only
//! identify the event are named `_field`.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::domain::ids::{RepositoryName, Timestamp};
use crate::domain::intake::object::Object;

/// `pull_request`. No other event has a top-level `number` beside its `pull_request`.
#[derive(Deserialize)]
pub(super) struct PullRequestPayload {
    pub(super) action: String,
    pub(super) number: u64,
    pub(super) before: Option<String>,
    pub(super) label: Option<Object<LabelPayload>>,
    pub(super) pull_request: Object<PullPayload>,
    pub(super) repository: Object<RepositoryPayload>,
    pub(super) sender: Option<Object<UserPayload>>,
    pub(super) installation: Option<Object<AppPayload>>,
}

#[derive(Deserialize)]
pub(super) struct PullPayload {
    pub(super) state: String,
    pub(super) title: String,
    pub(super) draft: Option<bool>,
    pub(super) updated_at: String,
    #[serde(default)]
    pub(super) labels: Vec<Object<LabelPayload>>,
    pub(super) user: Option<Object<UserPayload>>,
    pub(super) head: Object<HeadPayload>,
    pub(super) base: Object<BasePayload>,
}

#[derive(Deserialize)]
pub(super) struct LabelPayload {
    pub(super) name: String,
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

/// `push`. No other event has `before` and `after` beside a `ref`.
#[derive(Deserialize)]
pub(super) struct PushPayload {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) before: String,
    pub(super) after: String,
    #[serde(rename = "created")]
    _created: bool,
    #[serde(rename = "deleted")]
    _deleted: bool,
    #[serde(rename = "forced")]
    _forced: bool,
    #[serde(rename = "commits")]
    _commits: Vec<Object<IgnoredAny>>,
    pub(super) head_commit: Option<Object<CommitPayload>>,
    pub(super) repository: Object<RepositoryPayload>,
    pub(super) sender: Option<Object<UserPayload>>,
    pub(super) installation: Option<Object<AppPayload>>,
}

#[derive(Deserialize)]
pub(super) struct CommitPayload {
    pub(super) message: String,
}

/// `merge_group`. No other event has a top-level `merge_group`.
#[derive(Deserialize)]
pub(super) struct MergeGroupPayload {
    pub(super) action: String,
    pub(super) merge_group: Object<GroupPayload>,
    pub(super) repository: Object<RepositoryPayload>,
    pub(super) sender: Option<Object<UserPayload>>,
    pub(super) installation: Option<Object<AppPayload>>,
}

#[derive(Deserialize)]
pub(super) struct GroupPayload {
    pub(super) head_ref: String,
    pub(super) head_sha: String,
}

/// `repository`. Many events have an `action` and a repository, but nearly all of them have a field
/// for the thing that they are about as well. The others have actions that `repository` does not
/// have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RepositoryEventPayload {
    pub(super) action: String,
    pub(super) repository: Object<RepositoryPayload>,
    pub(super) sender: Option<Object<UserPayload>>,
    changes: Option<Object<Map<String, Value>>>,
    #[serde(rename = "organization")]
    _organization: Option<Object<IgnoredAny>>,
    #[serde(rename = "installation")]
    _installation: Option<Object<InstallationPayload>>,
    #[serde(rename = "enterprise")]
    _enterprise: Option<Object<IgnoredAny>>,
}

impl RepositoryEventPayload {
    /// Returns the name before `renamed` (`changes.repository.name.from`) or `transferred`
    /// (`changes.owner.from`); `None` if the payload does not have it.
    pub(super) fn name_before(&self) -> Option<RepositoryName> {
        let Object(changes) = self.changes.as_ref()?;
        let text = |key: &str, pointer| changes.get(key)?.pointer(pointer)?.as_str();
        let (owner, name) = self.repository.0.full_name.split_once('/')?;
        let login = text("owner", "/from/organization/login");
        let login = login.or_else(|| text("owner", "/from/user/login"));
        let before = match (text("repository", "/name/from"), login) {
            (Some(name), _) => format!("{owner}/{name}"),
            (None, Some(owner)) => format!("{owner}/{name}"),
            (None, None) => return None,
        };
        RepositoryName::parse(before).ok()
    }
}

/// `create`. `master_branch` tells it from `delete`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreatePayload {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) ref_type: String,
    pub(super) repository: Object<RepositoryPayload>,
    pub(super) sender: Option<Object<UserPayload>>,
    #[serde(rename = "master_branch")]
    _master_branch: String,
    #[serde(rename = "pusher_type")]
    _pusher_type: String,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(rename = "organization")]
    _organization: Option<Object<IgnoredAny>>,
    #[serde(rename = "installation")]
    _installation: Option<Object<InstallationPayload>>,
    #[serde(rename = "enterprise")]
    _enterprise: Option<Object<IgnoredAny>>,
}

/// `delete`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeletePayload {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) ref_type: String,
    pub(super) repository: Object<RepositoryPayload>,
    pub(super) sender: Option<Object<UserPayload>>,
    #[serde(rename = "pusher_type")]
    _pusher_type: String,
    #[serde(rename = "organization")]
    _organization: Option<Object<IgnoredAny>>,
    #[serde(rename = "installation")]
    _installation: Option<Object<InstallationPayload>>,
    #[serde(rename = "enterprise")]
    _enterprise: Option<Object<IgnoredAny>>,
}

/// The App installation that a webhook is for. The event `installation`, whose `deleted` would
/// otherwise look like that of a repository, has a whole installation here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InstallationPayload {
    #[serde(rename = "id")]
    _id: u64,
    #[serde(rename = "node_id")]
    _node_id: Option<String>,
}

/// The App installation to whose webhook the event was sent. Reports are made through it.
#[derive(Deserialize)]
pub(super) struct AppPayload {
    pub(super) id: u64,
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
    pub(super) created_at: Option<TimePayload>,
}

/// A time: seconds for `pushed_at` and `created_at` in `push`; RFC 3339 text for both in every
/// other event, and for `updated_at`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum TimePayload {
    Seconds(i64),
    Text(String),
}

impl RepositoryPayload {
    /// Returns the time of the push that the event is about. GitHub sends `null` for a repository
    /// to which nobody pushed yet: then its creation is the latest time that is known.
    pub(super) fn pushed_at(&self) -> Option<Timestamp> {
        let time = self.pushed_at.as_ref().or(self.created_at.as_ref());
        time.and_then(TimePayload::read)
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
