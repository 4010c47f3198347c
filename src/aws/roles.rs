//! Asks IAM's policy simulator whether a role may pass another one to a service, for
//! `branchline check`.

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};

use crate::domain::fault::Fault;
use crate::ports::{PassRoleDecision, PassedTo};

use crate::aws::Aws;
use crate::aws::call::measured;
use crate::aws::fault::{Service, fault};

/// The client of IAM.
pub struct Roles(aws_sdk_iam::Client);

impl Aws {
    /// Creates the client of IAM.
    #[must_use]
    pub fn roles(&self) -> Roles {
        Roles::new(aws_sdk_iam::Client::new(&self.0))
    }
}

impl Roles {
    /// Wraps a client.
    #[must_use]
    pub fn new(client: aws_sdk_iam::Client) -> Self {
        Self(client)
    }

    /// Returns whether `daemon` may pass `role` to a service. IAM simulates the role's own
    /// policies, its permissions boundary and the policies of its organization (API reference,
    /// SimulatePrincipalPolicy).
    ///
    /// # Errors
    /// The role does not exist, access is denied, or IAM did not answer.
    pub async fn passing(
        &self,
        daemon: &str,
        role: &str,
        to: PassedTo,
    ) -> Result<PassRoleDecision, Fault> {
        let call = format!("SimulatePrincipalPolicy of {daemon}");
        let service = ContextEntry::builder()
            .context_key_name("iam:PassedToService")
            .context_key_type(ContextKeyTypeEnum::String)
            .context_key_values(to.principal())
            .build();
        let request = self
            .0
            .simulate_principal_policy()
            .policy_source_arn(daemon)
            .action_names("iam:PassRole")
            .resource_arns(role)
            .context_entries(service);
        let answer = measured(Service::Iam, &call, request.send())
            .await
            .map_err(|error| fault(Service::Iam, &call, error))?;
        let evaluation = answer.evaluation_results().first();
        let outside_boundary = evaluation
            .and_then(|evaluation| evaluation.permissions_boundary_decision_detail())
            .is_some_and(|detail| !detail.allowed_by_permissions_boundary());
        let outside_organization = evaluation
            .and_then(|evaluation| evaluation.organizations_decision_detail())
            .is_some_and(|detail| !detail.allowed_by_organizations());
        Ok(
            match evaluation.map(|evaluation| evaluation.eval_decision()) {
                Some(PolicyEvaluationDecisionType::Allowed) => PassRoleDecision::Allowed,
                Some(PolicyEvaluationDecisionType::ExplicitDeny) => PassRoleDecision::Forbidden,
                Some(_) | None if outside_boundary || outside_organization => {
                    PassRoleDecision::Forbidden
                }
                Some(_) | None => PassRoleDecision::Denied,
            },
        )
    }
}
