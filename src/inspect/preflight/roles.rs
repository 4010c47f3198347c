//! Whether the daemon may pass the roles of its clones to CodePipeline.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::clone::NewPipeline;
use crate::domain::fault::Fault;
use crate::ports::PassRoleDecision;

use crate::inspect::preflight::Finding;

/// A role that a clone names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// The account of the clone.
    pub account: String,
    /// Whether it is an action's, which CodePipeline takes on from the pipeline's own: that one may be elsewhere.
    pub of_action: bool,
}

/// The roles of these clones, each once.
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

/// The fifth part of an ARN.
fn account(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

impl Role {
    /// Whether it is in another account than the clone.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        account(&self.arn) != Some(&self.account)
    }
}

/// What is said of these roles where nobody told which role the daemon has.
#[must_use]
pub fn unasked(roles: &BTreeSet<Role>) -> Vec<Finding> {
    let mut found: Vec<_> = roles.iter().filter_map(elsewhere).collect();
    let ours = roles.iter().filter(|role| !role.is_elsewhere());
    let ours: Vec<_> = ours.map(|role| role.arn.as_str()).collect();
    if !ours.is_empty() {
        let detail = format!(
            "whether the daemon may pass {} was not looked at: give --daemon-role",
            ours.join(", ")
        );
        found.push(Finding::unseen("roles", detail));
    }
    found
}

/// What is said of a role of another account: nobody needs to ask.
#[must_use]
pub fn elsewhere(role: &Role) -> Option<Finding> {
    let what = format!("role {}", role.arn);
    if !role.is_elsewhere() {
        return None;
    }
    if role.of_action {
        let detail = "an action's, of another account: the pipeline's own role takes it on, nobody passes it";
        return Some(Finding::good(what, detail));
    }
    let detail = format!(
        "is not of account {}, where the pipelines are: no role can be passed to another account",
        role.account
    );
    let mend = "name a role of that account, in the template or as rule.role_arn";
    Some(Finding::bad(what, detail, mend))
}

/// What is said of a role that IAM was asked about.
#[must_use]
pub fn passing(role: &Role, daemon: &str, answer: Result<PassRoleDecision, Fault>) -> Finding {
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
                "take back what denies iam:PassRole; beside it the policy of {daemon} needs: {}",
                statement(&role.arn)
            ),
        ),
        Err(fault) => {
            let permission = format!("iam:SimulatePrincipalPolicy on {daemon}");
            Finding::of_fault(&what, &fault, &permission)
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
    use super::super::tests::said;
    use super::*;
    use crate::domain::fault::{Reason, Step};

    const DAEMON: &str = "arn:aws:iam::123456789012:role/branchline-daemon";

    fn role(account: &str, of_action: bool) -> Role {
        Role {
            arn: format!("arn:aws:iam::{account}:role/build"),
            account: "123456789012".to_owned(),
            of_action,
        }
    }

    fn told(role: &Role, answer: Result<PassRoleDecision, Fault>) -> (Option<bool>, String) {
        let finding = passing(role, DAEMON, answer);
        (finding.ok, finding.mend.unwrap_or_default())
    }

    #[test]
    fn a_role_is_passable_or_the_statement_is_told() {
        let ours = role("123456789012", false);
        assert_eq!(told(&ours, Ok(PassRoleDecision::Allowed)).0, Some(true));
        for denied in [PassRoleDecision::Denied, PassRoleDecision::Forbidden] {
            let (ok, mend) = told(&ours, Ok(denied));
            assert_eq!(ok, Some(false));
            let statement = &mend[mend.find('{').unwrap()..];
            let statement: Value = serde_json::from_str(statement).unwrap();
            assert_eq!(statement["Resource"], ours.arn.as_str());
        }
        let fault = Fault::new(Step::Plan, Reason::AwsDenied, "no");
        let (ok, mend) = told(&ours, Err(fault));
        assert!(ok == Some(false) && mend.contains("iam:SimulatePrincipalPolicy"));
    }

    #[test]
    fn what_was_not_asked_is_no_finding_but_another_account_is() {
        let roles = BTreeSet::from([
            role("123456789012", false),
            role("999999999999", false),
            role("888888888888", true),
        ]);
        assert_eq!(
            said(&unasked(&roles)),
            [
                "ok role arn:aws:iam::888888888888:role/build: an action's, of another account: the pipeline's own role takes it on, nobody passes it",
                "NO role arn:aws:iam::999999999999:role/build: is not of account 123456789012, where the pipelines are: no role can be passed to another account",
                "-- roles: whether the daemon may pass arn:aws:iam::123456789012:role/build was not looked at: give --daemon-role"
            ]
        );
        assert_eq!(unasked(&BTreeSet::new()), []);
    }
}
