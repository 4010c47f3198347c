//! The words of GitHub's payloads that we read: the few fields that we act on, as GitHub spells them.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::domain::ids::Timestamp;

#[derive(Deserialize)]
pub(super) struct PullRequestWords {
    pub(super) action: String,
    pub(super) number: u64,
    pub(super) before: Option<String>,
    pub(super) pull_request: Object<PullWords>,
    pub(super) repository: Object<RepositoryWords>,
    pub(super) sender: Option<Object<UserWords>>,
}

#[derive(Deserialize)]
pub(super) struct PullWords {
    pub(super) state: String,
    pub(super) title: String,
    pub(super) draft: Option<bool>,
    pub(super) updated_at: String,
    pub(super) user: Option<Object<UserWords>>,
    pub(super) head: Object<HeadWords>,
    pub(super) base: Object<BaseWords>,
}

#[derive(Deserialize)]
pub(super) struct HeadWords {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) sha: String,
    pub(super) repo: Option<Object<HeadRepositoryWords>>,
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
    pub(super) head_commit: Option<Object<CommitWords>>,
    pub(super) repository: Object<RepositoryWords>,
    pub(super) sender: Option<Object<UserWords>>,
}

#[derive(Deserialize)]
pub(super) struct CommitWords {
    pub(super) message: String,
}

#[derive(Deserialize)]
pub(super) struct RepositoryEventWords {
    pub(super) action: String,
    pub(super) repository: Object<RepositoryWords>,
    pub(super) sender: Option<Object<UserWords>>,
}

/// Ours, from [`Repair::seal`](crate::domain::intake::repair_request::Repair::seal).
#[derive(Deserialize)]
pub(super) struct RepairWords {
    pub(super) branchline: String,
    pub(super) flaw: String,
    pub(super) generation: u64,
    pub(super) subject: String,
    pub(super) pipeline: String,
    pub(super) repository: Object<RepositoryWords>,
    pub(super) sender: Option<Object<UserWords>>,
}

#[derive(Deserialize)]
pub(super) struct ReferenceWords {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) ref_type: String,
    pub(super) repository: Object<RepositoryWords>,
    pub(super) sender: Option<Object<UserWords>>,
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
    pub(super) updated_at: Option<TimeWords>,
}

/// A JSON object, and nothing else: serde would read a struct's fields from an array, too, in their order.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// `pushed_at` is a number of seconds in `push`, and RFC 3339 text in every other event, as `updated_at` always is.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum TimeWords {
    Seconds(i64),
    Text(String),
}

impl RepositoryWords {
    pub(super) fn pushed_at(&self) -> Option<Timestamp> {
        self.pushed_at.as_ref().and_then(TimeWords::read)
    }

    pub(super) fn updated_at(&self) -> Option<Timestamp> {
        self.updated_at.as_ref().and_then(TimeWords::read)
    }
}

impl TimeWords {
    fn read(&self) -> Option<Timestamp> {
        match self {
            Self::Seconds(seconds) => Timestamp::from_seconds(*seconds),
            Self::Text(text) => Timestamp::from_rfc3339(text),
        }
    }
}
