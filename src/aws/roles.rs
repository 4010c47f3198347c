//! Whether a role may pass another one to CodePipeline: IAM's own judgement, for `branchline check`.

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};

use crate::domain::fault::Fault;
use crate::ports::PassRoleDecision;

use crate::aws::Aws;
use crate::aws::call::measured;
use crate::aws::fault::{Service, fault};

/// IAM.
pub struct Roles(aws_sdk_iam::Client);

impl Aws {
    /// IAM.
    #[must_use]
    pub fn roles(&self) -> Roles {
        Roles::new(aws_sdk_iam::Client::new(&self.0))
    }
}

impl Roles {
    /// Over this client.
    #[must_use]
    pub fn new(client: aws_sdk_iam::Client) -> Self {
        Self(client)
    }

    /// Whether `daemon` may pass `role`. What is simulated is what a role's own policies, its boundary and its organization say
    /// (API reference, SimulatePrincipalPolicy).
    ///
    /// # Errors
    /// There is no such role, we may not ask, or IAM did not answer.
    pub async fn passing(&self, daemon: &str, role: &str) -> Result<PassRoleDecision, Fault> {
        let call = format!("SimulatePrincipalPolicy of {daemon}");
        let service = ContextEntry::builder()
            .context_key_name("iam:PassedToService")
            .context_key_type(ContextKeyTypeEnum::String)
            .context_key_values("codepipeline.amazonaws.com")
            .build();
        let request = self
            .0
            .simulate_principal_policy()
            .policy_source_arn(daemon)
            .action_names("iam:PassRole")
            .resource_arns(role)
            .context_entries(service);
        let answer = measured(Service::Iam, &call, request.send()).await;
        let answer = answer.map_err(|error| fault(Service::Iam, &call, error))?;
        let judged = answer.evaluation_results().first();
        let fenced = judged.is_some_and(|judged| {
            let boundary = judged.permissions_boundary_decision_detail();
            let organization = judged.organizations_decision_detail();
            boundary.is_some_and(|detail| !detail.allowed_by_permissions_boundary())
                || organization.is_some_and(|detail| !detail.allowed_by_organizations())
        });
        Ok(match judged.map(|judged| judged.eval_decision()) {
            Some(PolicyEvaluationDecisionType::Allowed) => PassRoleDecision::Allowed,
            Some(PolicyEvaluationDecisionType::ExplicitDeny) => PassRoleDecision::Forbidden,
            Some(_) | None if fenced => PassRoleDecision::Forbidden,
            Some(_) | None => PassRoleDecision::Denied,
        })
    }
}
