//! Checks whether the daemon may pass the roles of its clones to the services that use them.

use std::collections::BTreeSet;

use crate::domain::clone::NewPipeline;
use crate::domain::clone::declaration::{Action, Declaration};
use crate::domain::fault::Fault;
use crate::ports::{PassedTo, PolicyDecision};

use crate::inspect::preflight::Finding;

/// A role in a clone's declaration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role {
    /// The role's ARN, or a variable that CodePipeline replaces by one.
    pub arn: String,
    /// The clone's account.
    pub account: String,
    /// Where the declaration has it.
    pub usage: RoleUse,
}

/// Where a declaration has a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleUse {
    /// `roleArn` of the pipeline.
    Pipeline,
    /// `roleArn` of an action. The pipeline's own role assumes it, and it may be in another
    /// account.
    Action,
    /// `ServiceRoleArnOverride` of a CodeBuild action, which replaces the role of the project.
    Build,
    /// `serviceRole` of a CodeBuild project that clones get a copy of.
    Project,
}

/// Returns the roles of these clones, each once for each service that it is passed to.
#[must_use]
pub fn roles<'a>(clones: impl IntoIterator<Item = &'a NewPipeline>) -> BTreeSet<Role> {
    let of_clone = |clone: &NewPipeline| {
        let account = account(clone.arn.as_str()).unwrap_or_default();
        of_declaration(&clone.declaration, account)
    };
    clones.into_iter().flat_map(of_clone).collect()
}

fn of_declaration(declaration: &Declaration, account: &str) -> BTreeSet<Role> {
    let role = |arn: Option<&str>, usage| {
        Some(Role {
            arn: arn?.to_owned(),
            account: account.to_owned(),
            usage,
        })
    };
    let actions = declaration.actions().flat_map(|action| {
        [
            role(action.role(), RoleUse::Action),
            role(build_role(&action), RoleUse::Build),
        ]
    });
    let rules = declaration
        .rules()
        .map(|rule| role(rule.role, RoleUse::Action));
    let mut roles: BTreeSet<_> = actions.chain(rules).flatten().collect();
    if let Some(own) = role(declaration.role(), RoleUse::Pipeline) {
        roles.retain(|role| role.usage != RoleUse::Action || role.arn != own.arn);
        roles.insert(own);
    }
    roles
}

/// Returns the role that replaces the one of the CodeBuild project (user guide, CodeBuild build and
/// test action reference).
fn build_role<'a>(action: &Action<'a>) -> Option<&'a str> {
    let configuration = action
        .configuration
        .filter(|_| action.provider == "CodeBuild");
    configuration?.get("ServiceRoleArnOverride")?.as_str()
}

/// Returns the account id of an ARN, its fifth part.
pub(super) fn account(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

impl Role {
    /// Returns the service that the role is passed to.
    #[must_use]
    pub fn passed_to(&self) -> PassedTo {
        match self.usage {
            RoleUse::Pipeline | RoleUse::Action => PassedTo::CodePipeline,
            RoleUse::Build | RoleUse::Project => PassedTo::CodeBuild,
        }
    }

    /// Returns true if the ARN is a variable, which has a value only while the clone runs.
    fn is_variable(&self) -> bool {
        !self.arn.starts_with("arn:")
    }

    fn is_elsewhere(&self) -> bool {
        account(&self.arn) != Some(&self.account)
    }
}

/// Checks these roles without the name of the daemon's role.
#[must_use]
pub fn without_daemon_role(roles: &BTreeSet<Role>) -> Vec<Finding> {
    let mut findings: Vec<_> = roles.iter().filter_map(without_iam).collect();
    let to_ask = roles.iter().filter(|role| without_iam(role).is_none());
    let arns: BTreeSet<_> = to_ask.map(|role| role.arn.as_str()).collect();
    if !arns.is_empty() {
        let detail = format!(
            "whether the daemon may pass {} was not checked: give --daemon-role",
            Vec::from_iter(arns).join(", ")
        );
        findings.push(Finding::not_checked("roles", detail));
    }
    findings
}

/// Checks a role for which IAM cannot or need not be asked. Returns `None` for every other role.
#[must_use]
pub fn without_iam(role: &Role) -> Option<Finding> {
    let what = format!("role {}", role.arn);
    if role.is_variable() {
        let detail =
            "is a variable: whether the daemon may pass its value shows when a clone is created";
        return Some(Finding::not_checked(what, detail));
    }
    if !role.is_elsewhere() {
        return None;
    }
    let elsewhere = format!(
        "is not of account {}, where the pipelines are: no role can be passed to another account",
        role.account
    );
    Some(match role.usage {
        RoleUse::Action => Finding::good(
            what,
            "an action's, of another account: the pipeline's own role assumes it, so it is not passed",
        ),
        RoleUse::Pipeline => Finding::bad(
            what,
            elsewhere,
            "name a role of that account, in the template or as rule.role_arn",
        ),
        RoleUse::Build => Finding::bad(
            what,
            elsewhere,
            "name a role of that account as the action's ServiceRoleArnOverride",
        ),
        RoleUse::Project => Finding::bad(
            what,
            elsewhere,
            "give the CodeBuild project of the template a service role of that account",
        ),
    })
}

/// Converts IAM's answer for a role.
#[must_use]
pub fn pass_role(role: &Role, daemon: &str, answer: Result<PolicyDecision, Fault>) -> Finding {
    let what = format!("role {}", role.arn);
    let to = role.passed_to();
    match answer {
        Ok(PolicyDecision::Allowed) => Finding::good(what, format!("{daemon} may pass it to {to}")),
        Ok(PolicyDecision::Denied) => Finding::bad(
            what,
            format!("{daemon} may not pass it to {to}: no policy allows it"),
            format!("add to the policy of {daemon}: {}", statement(role)),
        ),
        Ok(PolicyDecision::Forbidden) => Finding::bad(
            what,
            format!(
                "{daemon} may not pass it to {to}: a policy, a boundary or the organization denies it"
            ),
            format!(
                "remove the statement that denies iam:PassRole; the policy of {daemon} also needs: {}",
                statement(role)
            ),
        ),
        Err(fault) => {
            let permission = format!("iam:SimulatePrincipalPolicy on {daemon}");
            Finding::from_fault(&what, &fault, &permission)
        }
    }
}

fn statement(role: &Role) -> String {
    format!(
        "{{\"Effect\":\"Allow\",\"Action\":\"iam:PassRole\",\"Resource\":\"{}\",\"Condition\":{{\"StringEquals\":{{\"iam:PassedToService\":\"{}\"}}}}}}",
        role.arn,
        role.passed_to().principal()
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::lines;
    use super::*;
    use crate::domain::fault::Reason;

    const DAEMON: &str = "arn:aws:iam::123456789012:role/branchline-daemon";

    fn role(account: &str, usage: RoleUse) -> Role {
        Role {
            arn: format!("arn:aws:iam::{account}:role/build"),
            account: "123456789012".to_owned(),
            usage,
        }
    }

    /// The roles of a declaration, each with its use.
    fn found(declaration: &Value) -> Vec<(String, RoleUse)> {
        let declaration = Declaration::new(declaration.clone()).unwrap();
        let roles = of_declaration(&declaration, "123456789012").into_iter();
        roles.map(|role| (role.arn, role.usage)).collect()
    }

    #[test]
    fn every_role_of_a_clone_is_found_once_for_each_service() {
        let action = |provider: &str, role: Option<&str>, build: Option<&str>| {
            let mut action = json!({"actionTypeId": {"provider": provider}, "configuration": {}});
            if let Some(role) = role {
                action["roleArn"] = json!(role);
            }
            if let Some(build) = build {
                action["configuration"]["ServiceRoleArnOverride"] = json!(build);
            }
            action
        };
        let declaration = json!({"roleArn": "arn:own", "stages": [
            {"actions": [action("CodeStarSourceConnection", Some("arn:own"), None)]},
            {"actions": [
                action("CodeBuild", Some("arn:action"), Some("arn:build")),
                action("CodeBuild", None, Some("arn:build")),
                action("CodeBuild", None, Some("arn:own")),
                action("Lambda", None, Some("arn:not-a-role-there")),
            ]},
            {"name": "a stage without actions"},
        ]});
        let expected = [
            ("arn:action", RoleUse::Action),
            ("arn:build", RoleUse::Build),
            ("arn:own", RoleUse::Pipeline),
            ("arn:own", RoleUse::Build),
        ];
        assert_eq!(
            found(&declaration),
            expected.map(|(arn, usage)| (arn.to_owned(), usage))
        );
        assert_eq!(found(&json!({})), []);
    }

    #[test]
    fn a_build_role_is_passed_to_codebuild() {
        let build = role("123456789012", RoleUse::Build);
        let finding = pass_role(&build, DAEMON, Ok(PolicyDecision::Denied));
        assert!(finding.detail.contains("may not pass it to CodeBuild"));
        let fix = finding.fix.unwrap();
        let statement: Value = serde_json::from_str(&fix[fix.find('{').unwrap()..]).unwrap();
        assert_eq!(
            statement["Condition"]["StringEquals"]["iam:PassedToService"],
            "codebuild.amazonaws.com"
        );
    }

    #[test]
    fn a_role_that_is_a_variable_is_not_checked() {
        let mut variable = role("123456789012", RoleUse::Build);
        variable.arn = "#{variables.BUILD_ROLE}".to_owned();
        assert_eq!(
            lines(&without_daemon_role(&BTreeSet::from([variable]))),
            [
                "-- role #{variables.BUILD_ROLE}: is a variable: whether the daemon may pass its value shows when a clone is created"
            ]
        );
    }

    fn ok_and_fix(role: &Role, answer: Result<PolicyDecision, Fault>) -> (Option<bool>, String) {
        let finding = pass_role(role, DAEMON, answer);
        (finding.ok, finding.fix.unwrap_or_default())
    }

    #[test]
    fn a_role_that_cannot_be_passed_is_found_with_the_missing_statement() {
        let ours = role("123456789012", RoleUse::Pipeline);
        assert_eq!(ok_and_fix(&ours, Ok(PolicyDecision::Allowed)).0, Some(true));
        for denied in [PolicyDecision::Denied, PolicyDecision::Forbidden] {
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
            role("123456789012", RoleUse::Pipeline),
            role("123456789012", RoleUse::Build),
            role("999999999999", RoleUse::Pipeline),
            role("888888888888", RoleUse::Action),
            role("777777777777", RoleUse::Build),
        ]);
        assert_eq!(
            lines(&without_daemon_role(&roles)),
            [
                "NO role arn:aws:iam::777777777777:role/build: is not of account 123456789012, where the pipelines are: no role can be passed to another account",
                "ok role arn:aws:iam::888888888888:role/build: an action's, of another account: the pipeline's own role assumes it, so it is not passed",
                "NO role arn:aws:iam::999999999999:role/build: is not of account 123456789012, where the pipelines are: no role can be passed to another account",
                "-- roles: whether the daemon may pass arn:aws:iam::123456789012:role/build was not checked: give --daemon-role"
            ]
        );
        assert_eq!(without_daemon_role(&BTreeSet::new()), []);
    }
}
