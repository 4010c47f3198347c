//! Checks whether the daemon may pass the roles of its clones to CodePipeline.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::clone::NewPipeline;
use crate::domain::fault::Fault;
use crate::ports::PassRoleDecision;

use crate::inspect::preflight::Finding;

/// A role in a clone's declaration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role {
    /// The role's ARN.
    pub arn: String,
    /// The clone's account.
    pub account: String,
    /// True for an action's role, which the pipeline's own role assumes, and which may be in
    /// another account.
    pub of_action: bool,
}

/// Returns the roles of these clones, each once.
#[must_use]
pub fn roles<'a>(clones: impl IntoIterator<Item = &'a NewPipeline>) -> BTreeSet<Role> {
    clones.into_iter().flat_map(of_clone).collect()
}

fn of_clone(clone: &NewPipeline) -> BTreeSet<Role> {
    let role = |value: &Value, of_action| {
        Some(Role {
            arn: value.get("roleArn")?.as_str()?.to_owned(),
            account: account(clone.arn.as_str())?.to_owned(),
            of_action,
        })
    };
    let declaration = Value::Object(clone.declaration.as_json().clone());
    let listed = |value: &Value, name: &str| {
        let list = value.get(name).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let stages = listed(&declaration, "stages");
    let actions = stages.iter().flat_map(|stage| listed(stage, "actions"));
    let mut roles: BTreeSet<_> = actions.filter_map(|action| role(&action, true)).collect();
    if let Some(own) = role(&declaration, false) {
        roles.retain(|role| role.arn != own.arn);
        roles.insert(own);
    }
    roles
}

/// Returns the account id of an ARN, its fifth part.
fn account(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

impl Role {
    /// Returns true if the role is in another account than the clone.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        account(&self.arn) != Some(&self.account)
    }
}

/// Checks these roles without the name of the daemon's role.
#[must_use]
pub fn without_daemon_role(roles: &BTreeSet<Role>) -> Vec<Finding> {
    let mut findings: Vec<_> = roles.iter().filter_map(in_other_account).collect();
    let same_account = roles.iter().filter(|role| !role.is_elsewhere());
    let arns: Vec<_> = same_account.map(|role| role.arn.as_str()).collect();
    if !arns.is_empty() {
        let detail = format!(
            "whether the daemon may pass {} was not checked: give --daemon-role",
            arns.join(", ")
        );
        findings.push(Finding::not_checked("roles", detail));
    }
    findings
}

/// Checks a role of another account, for which IAM is not needed. Returns `None` for a role of the
/// same account.
#[must_use]
pub fn in_other_account(role: &Role) -> Option<Finding> {
    let what = format!("role {}", role.arn);
    if !role.is_elsewhere() {
        return None;
    }
    if role.of_action {
        let detail = "an action's, of another account: the pipeline's own role assumes it, so it is not passed";
        return Some(Finding::good(what, detail));
    }
    let detail = format!(
        "is not of account {}, where the pipelines are: no role can be passed to another account",
        role.account
    );
    let fix = "name a role of that account, in the template or as rule.role_arn";
    Some(Finding::bad(what, detail, fix))
}

/// Converts IAM's answer for a role.
#[must_use]
pub fn pass_role(role: &Role, daemon: &str, answer: Result<PassRoleDecision, Fault>) -> Finding {
    let what = format!("role {}", role.arn);
    match answer {
        Ok(PassRoleDecision::Allowed) => Finding::good(what, format!("{daemon} may pass it")),
        Ok(PassRoleDecision::Denied) => Finding::bad(
            what,
            format!("{daemon} may not pass it: no policy allows it"),
            format!("add to the policy of {daemon}: {}", statement(&role.arn)),
        ),
        Ok(PassRoleDecision::Forbidden) => Finding::bad(
            what,
            format!("{daemon} may not pass it: a policy, a boundary or the organization denies it"),
            format!(
                "remove the statement that denies iam:PassRole; the policy of {daemon} also needs: {}",
                statement(&role.arn)
            ),
        ),
        Err(fault) => {
            let permission = format!("iam:SimulatePrincipalPolicy on {daemon}");
            Finding::from_fault(&what, &fault, &permission)
        }
    }
}

fn statement(role: &str) -> String {
    format!(
        "{{\"Effect\":\"Allow\",\"Action\":\"iam:PassRole\",\"Resource\":\"{role}\",\"Condition\":{{\"StringEquals\":{{\"iam:PassedToService\":\"codepipeline.amazonaws.com\"}}}}}}"
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::lines;
    use super::*;
    use crate::domain::fault::Reason;

    const DAEMON: &str = "arn:aws:iam::123456789012:role/branchline-daemon";

    fn role(account: &str, of_action: bool) -> Role {
        Role {
            arn: format!("arn:aws:iam::{account}:role/build"),
            account: "123456789012".to_owned(),
            of_action,
        }
    }

    fn ok_and_fix(role: &Role, answer: Result<PassRoleDecision, Fault>) -> (Option<bool>, String) {
        let finding = pass_role(role, DAEMON, answer);
        (finding.ok, finding.fix.unwrap_or_default())
    }

    #[test]
    fn a_role_that_cannot_be_passed_is_found_with_the_missing_statement() {
        let ours = role("123456789012", false);
        assert_eq!(
            ok_and_fix(&ours, Ok(PassRoleDecision::Allowed)).0,
            Some(true)
        );
        for denied in [PassRoleDecision::Denied, PassRoleDecision::Forbidden] {
            let (ok, fix) = ok_and_fix(&ours, Ok(denied));
            assert_eq!(ok, Some(false));
            let statement = &fix[fix.find('{').unwrap()..];
            let statement: Value = serde_json::from_str(statement).unwrap();
            assert_eq!(statement["Resource"], ours.arn.as_str());
        }
        let fault = Fault::new(Reason::AwsDenied, "no");
        let (ok, fix) = ok_and_fix(&ours, Err(fault));
        assert!(ok == Some(false) && fix.contains("iam:SimulatePrincipalPolicy"));
    }

    #[test]
    fn only_a_role_of_another_account_is_a_finding_without_the_daemons_role() {
        let roles = BTreeSet::from([
            role("123456789012", false),
            role("999999999999", false),
            role("888888888888", true),
        ]);
        assert_eq!(
            lines(&without_daemon_role(&roles)),
            [
                "ok role arn:aws:iam::888888888888:role/build: an action's, of another account: the pipeline's own role assumes it, so it is not passed",
                "NO role arn:aws:iam::999999999999:role/build: is not of account 123456789012, where the pipelines are: no role can be passed to another account",
                "-- roles: whether the daemon may pass arn:aws:iam::123456789012:role/build was not checked: give --daemon-role"
            ]
        );
        assert_eq!(without_daemon_role(&BTreeSet::new()), []);
    }
}
