//! Checks what the daemon needs in the account, piece by piece, and how to fix what is missing or
//! wrong.

mod deliveries;
mod github;
mod projects;
mod queues;
mod roles;
mod secrets;
mod stacks;
mod table;
mod template;

use serde::Serialize;

use crate::domain::fault::{Fault, Reason};

pub use deliveries::{deliveries, without_hooks};
pub use github::{github, github_installation};
pub use projects::{ProjectRequest, may, project_requests, project_roles, projects};
pub use queues::{Answer, Queues, queues};
pub use roles::{Role, RoleUse, pass_role, roles, without_daemon_role, without_iam};
pub use secrets::secrets;
pub use stacks::{
    RuleStacks, StackRequest, may_delete, stack_requests, without_daemon_role_for_stacks,
};
pub use table::{audit_table, audit_table_fault, table};
pub use template::{TemplateCheck, refuse_clone, teardown, template};

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of what was checked: `queue of webhooks`, `table`, `template api-main`.
    pub what: String,
    /// True if it is as it should be; `None` if it was not checked.
    pub ok: Option<bool>,
    /// A description of the current setting or of the defect.
    pub detail: String,
    /// What remains dangerous because a rule allows it, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dangers: Vec<String>,
    /// What may not work as it was meant, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The command or the permission that fixes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    /// Creates the finding of something that is as it should be.
    pub fn good(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            ok: Some(true),
            detail: detail.into(),
            dangers: Vec::new(),
            warnings: Vec::new(),
            fix: None,
        }
    }

    /// Creates the finding of something that was not checked.
    fn not_checked(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            ok: None,
            ..Self::good(what, detail)
        }
    }

    fn bad(what: impl Into<String>, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            ok: Some(false),
            fix: Some(fix.into()),
            ..Self::good(what, detail)
        }
    }

    /// Creates the finding of a call that failed.
    #[must_use]
    pub fn from_fault(what: &str, fault: &Fault, permission: &str) -> Self {
        let fix = match &fault.remedy {
            Some(remedy) => remedy.clone(),
            None if fault.reason == Reason::TemplateMissing => {
                "`aws codepipeline list-pipelines` lists those that exist".to_owned()
            }
            None if fault.reason == Reason::AwsMissing => {
                "create it in this account and Region, or correct the configuration".to_owned()
            }
            None => format!("allow {permission}, or check the credentials and the network"),
        };
        Self::bad(what, fault.to_string(), fix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(in crate::inspect::preflight) fn lines(findings: &[Finding]) -> Vec<String> {
        let line = |finding: &Finding| {
            let mark = match finding.ok {
                Some(true) => "ok",
                Some(false) => "NO",
                None => "--",
            };
            format!("{mark} {}: {}", finding.what, finding.detail)
        };
        findings.iter().map(line).collect()
    }
}
