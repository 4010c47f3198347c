//! A call to GitHub: what is asked for.

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::report::fault::GitHubFault;

use crate::github::fault;
use crate::github::transport::Answer;

/// A call: one request and its name in metrics.
pub(super) struct Call {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// True if the answer may be kept with its version, and asked for again by it.
    pub(super) has_etag: bool,
}

impl Call {
    pub(super) fn get(operation: &'static str, path: String) -> Self {
        Self {
            operation,
            method: Method::GET,
            path,
            body: None,
            has_etag: true,
        }
    }

    pub(super) fn post(operation: &'static str, path: String, body: Value) -> Self {
        Self {
            operation,
            method: Method::POST,
            path,
            body: Some(body),
            has_etag: false,
        }
    }

    pub(super) fn patch(operation: &'static str, path: String, body: Value) -> Self {
        Self {
            operation,
            method: Method::PATCH,
            path,
            body: Some(body),
            has_etag: false,
        }
    }

    pub(super) fn delete(operation: &'static str, path: String) -> Self {
        Self {
            operation,
            method: Method::DELETE,
            path,
            body: None,
            has_etag: false,
        }
    }

    /// Asks for the whole answer each time.
    pub(super) fn without_etag(self) -> Self {
        Self {
            has_etag: false,
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
        serde_json::from_slice(&answer.content).map_err(|_| self.unreadable())
    }

    /// Returns the fault of a success whose body is not what GitHub documents.
    pub(super) fn unreadable(&self) -> GitHubFault {
        fault::unreadable(&self.name())
    }
}
