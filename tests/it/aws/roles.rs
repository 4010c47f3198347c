//! IAM's decision about a role that is to be passed, which the emulator does not make.

use aws_sdk_iam::error::ErrorMetadata;
use aws_sdk_iam::operation::simulate_principal_policy::{
    SimulatePrincipalPolicyError, SimulatePrincipalPolicyOutput,
};
use aws_sdk_iam::types::{
    EvaluationResult, PermissionsBoundaryDecisionDetail, PolicyEvaluationDecisionType,
};
use aws_smithy_mocks::{Rule, mock};
use branchline::domain::fault::{Fault, Reason};
use branchline::ports::{PassedTo, PolicyDecision};

use super::clients;

const DAEMON: &str = "arn:aws:iam::123456789012:role/branchline-daemon";
const BUILD: &str = "arn:aws:iam::123456789012:role/build";

async fn ask(rule: &Rule) -> Result<PolicyDecision, Fault> {
    ask_for(PassedTo::CodePipeline, rule).await
}

async fn ask_for(to: PassedTo, rule: &Rule) -> Result<PolicyDecision, Fault> {
    clients::roles(&[rule]).passing(DAEMON, BUILD, to).await
}

fn judged(decision: PolicyEvaluationDecisionType, fenced: bool) -> Rule {
    judged_for("codepipeline.amazonaws.com", decision, fenced)
}

fn judged_for(service: &'static str, decision: PolicyEvaluationDecisionType, fenced: bool) -> Rule {
    mock!(aws_sdk_iam::Client::simulate_principal_policy)
        .match_requests(move |request| {
            let mut context = request.context_entries().iter();
            let is_for_service = context.any(|context| {
                context.context_key_name() == Some("iam:PassedToService")
                    && context.context_key_values() == [service]
            });
            is_for_service
                && request.policy_source_arn() == Some(DAEMON)
                && request.action_names() == ["iam:PassRole"]
                && request.resource_arns() == [BUILD]
        })
        .then_output(move || {
            let boundary = PermissionsBoundaryDecisionDetail::builder();
            let boundary = boundary.allowed_by_permissions_boundary(!fenced).build();
            let result = EvaluationResult::builder()
                .eval_action_name("iam:PassRole")
                .eval_decision(decision.clone())
                .permissions_boundary_decision_detail(boundary)
                .build();
            let answer = SimulatePrincipalPolicyOutput::builder();
            answer.evaluation_results(result.unwrap()).build()
        })
}

#[tokio::test]
async fn a_role_may_be_passed_or_denied_or_forbidden() {
    use PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};
    let cases = [
        (Allowed, false, PolicyDecision::Allowed),
        (ImplicitDeny, false, PolicyDecision::Denied),
        (ImplicitDeny, true, PolicyDecision::Forbidden),
        (ExplicitDeny, false, PolicyDecision::Forbidden),
    ];
    for (decision, fenced, wanted) in cases {
        assert_eq!(ask(&judged(decision, fenced)).await, Ok(wanted));
    }
}

#[tokio::test]
async fn the_role_of_a_build_is_asked_about_for_codebuild() {
    let rule = judged_for(
        "codebuild.amazonaws.com",
        PolicyEvaluationDecisionType::Allowed,
        false,
    );
    let answer = ask_for(PassedTo::CodeBuild, &rule).await;
    assert_eq!(answer, Ok(PolicyDecision::Allowed));
}

#[tokio::test]
async fn what_iam_refuses_has_a_reason() {
    let cases = [
        ("NoSuchEntity", Reason::AwsMissing),
        ("AccessDenied", Reason::AwsDenied),
        ("ServiceFailure", Reason::AwsUnavailable),
    ];
    for (code, reason) in cases {
        let rule = mock!(aws_sdk_iam::Client::simulate_principal_policy).then_error(move || {
            let metadata = ErrorMetadata::builder().code(code).message("no").build();
            SimulatePrincipalPolicyError::generic(metadata)
        });
        let fault = ask(&rule).await.unwrap_err();
        assert_eq!(fault.reason, reason);
        assert!(fault.detail.contains(DAEMON), "{fault}");
    }
}
