//! Checks the CodeBuild projects that clones get copies of, and who may use the copies.

use std::collections::BTreeSet;

use crate::domain::clone::NewPipeline;
use crate::domain::clone::projects::Project;
use crate::domain::clone::tags::MANAGED_BY;
use crate::domain::fault::Fault;
use crate::domain::ids::{Owner, PipelineArn, ProjectName};
use crate::ports::{PolicyDecision, Projects};

use crate::inspect::preflight::roles::account;
use crate::inspect::preflight::{Finding, Role, RoleUse};

/// Checks whether the projects of the templates can be copied for these clones.
#[must_use]
pub fn projects(clones: &[NewPipeline], answer: Result<&Projects, &Fault>) -> Vec<Finding> {
    let found = match answer {
        Ok(found) => found,
        Err(fault) => {
            let what = "CodeBuild projects";
            return vec![Finding::from_fault(
                what,
                fault,
                "codebuild:BatchGetProjects",
            )];
        }
    };
    let mut findings = Vec::new();
    for copy in clones.iter().flat_map(|clone| &clone.projects) {
        let what = format!("CodeBuild project {}", copy.template);
        let copied = found.get(&copy.template);
        let finding = match copied.map(|template| copy.from_template(template)) {
            Some(Ok(_)) => Finding::good(
                what,
                format!("can be copied, for instance as {}", copy.name),
            ),
            Some(Err(fault)) => {
                let fix = "correct build of the rule, or the project";
                Finding::bad(what, fault.to_string(), fix)
            }
            None => Finding::bad(
                what,
                "does not exist in this account and Region",
                "create it, or correct the template",
            ),
        };
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

/// Returns the service roles of the projects that are copied.
#[must_use]
pub fn project_roles(clones: &[NewPipeline], found: &Projects) -> BTreeSet<Role> {
    let copies = clones
        .iter()
        .flat_map(|clone| clone.projects.iter().map(move |copy| (clone, copy)));
    let role = |(clone, template): (&NewPipeline, &ProjectName)| {
        Some(Role {
            arn: found.get(template).and_then(Project::role)?.to_owned(),
            account: account(clone.arn.as_str()).unwrap_or_default().to_owned(),
            usage: RoleUse::Project,
        })
    };
    copies
        .filter_map(|(clone, copy)| role((clone, &copy.template)))
        .collect()
}

/// A request about a clone's project that a role must be allowed to make.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProjectRequest {
    /// The role; `None` for the daemon's.
    pub role: Option<String>,
    /// The action.
    pub action: &'static str,
    /// The ARN of the project.
    pub project: String,
    /// The condition key of the request, and its value.
    pub condition: Option<(String, String)>,
}

/// Returns the requests that the daemon and the pipelines make for these clones.
#[must_use]
pub fn project_requests(clones: &[NewPipeline], owner: &Owner) -> BTreeSet<ProjectRequest> {
    let mut requests = BTreeSet::new();
    for clone in clones {
        for copy in &clone.projects {
            let project = arn(&clone.arn, &copy.name);
            let tagged = |key: &str| Some((format!("aws:{key}/{MANAGED_BY}"), owner.to_string()));
            let of_daemon = [
                ("codebuild:CreateProject", tagged("RequestTag")),
                ("codebuild:UpdateProject", tagged("ResourceTag")),
                ("codebuild:DeleteProject", tagged("ResourceTag")),
            ];
            requests.extend(of_daemon.map(|(action, condition)| ProjectRequest {
                role: None,
                action,
                project: project.clone(),
                condition,
            }));
            let role = clone.declaration.role().map(str::to_owned);
            requests.extend(role.map(|role| ProjectRequest {
                role: Some(role),
                action: "codebuild:StartBuild",
                project,
                condition: None,
            }));
        }
    }
    requests
}

/// Converts IAM's answer for a request.
#[must_use]
pub fn may(
    request: &ProjectRequest,
    daemon: &str,
    answer: Result<PolicyDecision, Fault>,
) -> Finding {
    let role = request.role.as_deref().unwrap_or(daemon);
    let (action, project) = (request.action, &request.project);
    let what = format!("{action} of {role}");
    match answer {
        Ok(PolicyDecision::Allowed) => Finding::good(what, format!("is allowed on {project}")),
        Ok(PolicyDecision::Denied | PolicyDecision::Forbidden) => Finding::bad(
            what,
            format!("is denied on {project}, a project as clones would have it"),
            format!(
                "allow it on the projects of clones, which begin with the names of clones: {}",
                statement(request)
            ),
        ),
        // Operators may ask about the daemon's role, and perhaps not about those of pipelines.
        Err(fault) if request.role.is_some() => {
            Finding::not_checked(what, format!("IAM was not asked: {fault}"))
        }
        Err(fault) => {
            let permission = format!("iam:SimulatePrincipalPolicy on {daemon}");
            Finding::from_fault(&what, &fault, &permission)
        }
    }
}

/// Returns the ARN of a project beside a pipeline.
fn arn(pipeline: &PipelineArn, name: &ProjectName) -> String {
    let text = pipeline.as_str();
    let place = text.rsplit_once(':').map_or(text, |(place, _)| place);
    let place = place.replacen(":codepipeline:", ":codebuild:", 1);
    format!("{place}:project/{name}")
}

fn statement(request: &ProjectRequest) -> String {
    let condition = request.condition.as_ref().map(|(key, value)| {
        format!(",\"Condition\":{{\"StringEquals\":{{\"{key}\":\"{value}\"}}}}")
    });
    format!(
        "{{\"Effect\":\"Allow\",\"Action\":\"{}\",\"Resource\":\"{}\"{}}}",
        request.action,
        request.project,
        condition.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::lines;
    use super::*;
    use crate::domain::fault::Reason;

    const DAEMON: &str = "arn:aws:iam::123456789012:role/branchline-daemon";

    fn request(role: Option<&str>) -> ProjectRequest {
        ProjectRequest {
            role: role.map(str::to_owned),
            action: "codebuild:StartBuild",
            project: "arn:aws:codebuild:eu-west-1:123456789012:project/api-pr-1-api-0123abcd"
                .into(),
            condition: role
                .is_none()
                .then(|| ("aws:RequestTag/x".into(), "y".into())),
        }
    }

    #[test]
    fn the_project_is_in_the_account_of_the_pipeline() {
        let pipeline = PipelineArn::parse("arn:aws-cn:codepipeline:cn-north-1:1:api-pr-1").unwrap();
        let name = ProjectName::parse("api-pr-1-api").unwrap();
        assert_eq!(
            arn(&pipeline, &name),
            "arn:aws-cn:codebuild:cn-north-1:1:project/api-pr-1-api"
        );
    }

    #[test]
    fn a_denied_request_has_the_missing_statement() {
        let denied = may(&request(None), DAEMON, Ok(PolicyDecision::Denied));
        let fix = denied.fix.unwrap();
        let statement: serde_json::Value =
            serde_json::from_str(&fix[fix.find('{').unwrap()..]).unwrap();
        assert_eq!(
            statement["Condition"]["StringEquals"]["aws:RequestTag/x"],
            "y"
        );
        let fault = || Fault::new(Reason::AwsDenied, "no");
        let findings = [
            may(&request(None), DAEMON, Ok(PolicyDecision::Allowed)),
            may(&request(Some("arn:pipeline")), DAEMON, Err(fault())),
            may(&request(None), DAEMON, Err(fault())),
        ];
        assert_eq!(
            lines(&findings),
            [
                "ok codebuild:StartBuild of arn:aws:iam::123456789012:role/branchline-daemon: is allowed on arn:aws:codebuild:eu-west-1:123456789012:project/api-pr-1-api-0123abcd",
                "-- codebuild:StartBuild of arn:pipeline: IAM was not asked: aws-denied: no",
                "NO codebuild:StartBuild of arn:aws:iam::123456789012:role/branchline-daemon: aws-denied: no",
            ]
        );
    }
}
