//! Asks IAM's policy simulator what roles may do, for `branchline check`.

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType};

use crate::domain::fault::Fault;
use crate::ports::{PassedTo, PolicyDecision};

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
    ) -> Result<PolicyDecision, Fault> {
        let service = ("iam:PassedToService", to.principal());
        self.decision(daemon, "iam:PassRole", role, Some(service))
            .await
    }

    /// Returns whether a role may do something with a resource. The request has this condition key,
    /// if there is one.
    ///
    /// # Errors
    /// The role does not exist, access is denied, or IAM did not answer.
    pub async fn decision(
        &self,
        role: &str,
        action: &str,
        resource: &str,
        condition: Option<(&str, &str)>,
    ) -> Result<PolicyDecision, Fault> {
        let call = format!("SimulatePrincipalPolicy of {role}");
        let condition = condition.map(|(key, value)| {
            ContextEntry::builder()
                .context_key_name(key)
                .context_key_type(ContextKeyTypeEnum::String)
                .context_key_values(value)
                .build()
        });
        let request = self
            .0
            .simulate_principal_policy()
            .policy_source_arn(role)
            .action_names(action)
            .resource_arns(resource)
            .set_context_entries(condition.map(|entry| vec![entry]));
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
                Some(PolicyEvaluationDecisionType::Allowed) => PolicyDecision::Allowed,
                Some(PolicyEvaluationDecisionType::ExplicitDeny) => PolicyDecision::Forbidden,
                Some(_) | None if outside_boundary || outside_organization => {
                    PolicyDecision::Forbidden
                }
                Some(_) | None => PolicyDecision::Denied,
            },
        )
    }
}
