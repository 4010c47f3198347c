//! A call to GitHub: one request, and what is to become of its answer.

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::ids::RepositoryName;
use crate::domain::report::fault::GitHubFault;

use crate::github::fault;
use crate::github::transport::Answer;

/// Shortens the body of an answer; `None` if it cannot be read.
type Reduce = fn(&[u8]) -> Option<Vec<u8>>;

/// A call: one request and its name in metrics.
pub(super) struct Call {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// True if the last fifth of the rate limit is left to other calls.
    pub(super) is_sparing: bool,
    /// Shortens the answer, if it is long.
    pub(super) reduce: Option<Reduce>,
}

impl Call {
    fn new(operation: &'static str, method: Method, path: String, body: Option<Value>) -> Self {
        Self {
            operation,
            method,
            path,
            body,
            is_sparing: false,
            reduce: None,
        }
    }

    pub(super) fn get(operation: &'static str, path: String) -> Self {
        Self::new(operation, Method::GET, path, None)
    }

    pub(super) fn post(operation: &'static str, path: String, body: Value) -> Self {
        Self::new(operation, Method::POST, path, Some(body))
    }

    pub(super) fn patch(operation: &'static str, path: String, body: Value) -> Self {
        Self::new(operation, Method::PATCH, path, Some(body))
    }

    pub(super) fn delete(operation: &'static str, path: String) -> Self {
        Self::new(operation, Method::DELETE, path, None)
    }

    /// Leaves the last fifth of the rate limit to other calls.
    pub(super) fn sparing(self) -> Self {
        Self {
            is_sparing: true,
            ..self
        }
    }

    /// Keeps only the fields of `T` of the answer, which is long otherwise.
    pub(super) fn reduced<T: DeserializeOwned + Serialize>(self) -> Self {
        let reduce = |content: &[u8]| {
            let fields: T = serde_json::from_slice(content).ok()?;
            serde_json::to_vec(&fields).ok()
        };
        Self {
            reduce: Some(reduce),
            ..self
        }
    }

    /// Names the call in a fault: its method and its path, without the query.
    pub(super) fn name(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
    }

    pub(super) fn is_read(&self) -> bool {
        self.method == Method::GET
    }

    /// Reads the body of a success.
    pub(super) fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, GitHubFault> {
        serde_json::from_slice(&answer.content).map_err(|_| fault::unreadable(&self.name()))
    }
}

/// Returns the path of something in a repository.
pub(super) fn in_repository(name: &RepositoryName, rest: &str) -> String {
    format!("/repos/{}/{}/{rest}", name.owner(), name.name())
}
