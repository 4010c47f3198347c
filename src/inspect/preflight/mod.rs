//! What the daemon needs of the account, looked at piece by piece: what is there, what is missing, and what mends it.

mod queues;
mod roles;
mod table;
mod template;

use serde::Serialize;

use crate::domain::fault::{Fault, Reason};

pub use queues::queues;
pub use roles::{Role, elsewhere, passing, roles, unasked};
pub use table::table;
pub use template::{Checked, template};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What: `queue of webhooks`, `table`, `template api-main`.
    pub what: String,
    /// Whether it is as it should be; `None` where it was not looked at.
    pub ok: Option<bool>,
    /// What is there, or what is wrong.
    pub detail: String,
    /// The command or the permission that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    /// It is as it should be.
    pub fn good(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            ok: Some(true),
            detail: detail.into(),
            mend: None,
        }
    }

    /// It was not looked at.
    fn unseen(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            ok: None,
            ..Self::good(what, detail)
        }
    }

    fn bad(what: impl Into<String>, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            ok: Some(false),
            detail: detail.into(),
            mend: Some(mend.into()),
        }
    }

    /// Something that did not answer.
    #[must_use]
    pub fn of_fault(what: &str, fault: &Fault, permission: &str) -> Self {
        let missing = [Reason::AwsMissing, Reason::TemplateMissing].contains(&fault.reason);
        let mend = match missing {
            true => "make it in this account and Region, or correct the configuration".to_owned(),
            false => format!("allow {permission}, or check the credentials and the network"),
        };
        Self::bad(what, fault.to_string(), mend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn said(found: &[Finding]) -> Vec<String> {
        let line = |finding: &Finding| {
            let mark = match finding.ok {
                Some(true) => "ok",
                Some(false) => "NO",
                None => "--",
            };
            format!("{mark} {}: {}", finding.what, finding.detail)
        };
        found.iter().map(line).collect()
    }
}
