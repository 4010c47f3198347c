//! Which actions of a pipeline change something outside it, such as a deployment. A clone runs the
//! code of a pull request, so it has none of them unless its rule names their stage.

use serde_json::Value;

use crate::domain::clone::declaration::{Action, ActionPath, Declaration};

/// The categories of actions that only fetch, build or test (API reference,
/// `ActionTypeId.category`). A category that is not listed counts as changing something outside.
const HARMLESS_CATEGORIES: [&str; 4] = ["Source", "Build", "Test", "Compute"];

/// Providers that change something outside under whatever category (user guide, "Action structure
/// reference"). `ECRBuildAndPublish` is a build action that publishes an image.
const DEPLOYING_PROVIDERS: [&str; 13] = [
    "AppConfig",
    "CloudFormation",
    "CloudFormationStackInstances",
    "CloudFormationStackSet",
    "CodeDeploy",
    "CodeDeployToECS",
    "CodePipeline",
    "EC2",
    "ECRBuildAndPublish",
    "ECS",
    "EKS",
    "ElasticBeanstalk",
    "Lambda",
];

/// The rule provider of a stage's conditions that calls a function (user guide, "Rule structure
/// reference").
const INVOKING_RULE: &str = "LambdaInvoke";

/// The configuration keys that name what an action changes (user guide, "Action structure
/// reference").
const TARGET_KEYS: [&str; 15] = [
    "StackName",
    "StackSetName",
    "ApplicationName",
    "DeploymentGroupName",
    "EnvironmentName",
    "Application",
    "Environment",
    "ClusterName",
    "ServiceName",
    "BucketName",
    "ObjectKey",
    "FunctionName",
    "PipelineName",
    "StateMachineArn",
    "ECRRepositoryName",
];

/// An action of a clone that changes something outside the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideEffect {
    /// The action.
    pub action: ActionPath,
    /// The provider, for instance `CloudFormation`.
    pub provider: String,
    /// What it changes, as `StackName=api, ...`; empty if its configuration does not name it.
    pub target: String,
    /// True if every execution of every clone, and of the template, changes the same thing.
    pub is_of_the_template: bool,
}

impl Action<'_> {
    /// Returns true if the action changes something outside the pipeline.
    pub(super) fn has_side_effect(&self) -> bool {
        let deploys = self.category != "Source" && DEPLOYING_PROVIDERS.contains(&self.provider);
        deploys || !HARMLESS_CATEGORIES.contains(&self.category)
    }

    /// Returns true for a build action that deploys the stack of its own pipeline, as CDK Pipelines
    /// has it in `UpdatePipeline/SelfMutate` (CDK API reference, `CodePipeline.selfMutation`). In a
    /// clone it would deploy over the template.
    pub(super) fn is_self_mutating(&self) -> bool {
        let project = self.configuration.and_then(|c| c.get("ProjectName"));
        let project = project.and_then(Value::as_str).unwrap_or_default();
        let mutates = |text: &str| text.to_ascii_lowercase().contains("selfmutat");
        self.category == "Build" && [self.stage, self.name, project].into_iter().any(mutates)
    }

    fn side_effect(&self) -> SideEffect {
        let configuration = self.configuration.into_iter().flatten();
        let target: Vec<String> = configuration
            .filter(|(key, _)| TARGET_KEYS.contains(&key.as_str()))
            .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
            .collect();
        SideEffect {
            action: self.path(),
            provider: self.provider.to_owned(),
            is_of_the_template: !target.iter().any(|one| one.contains("#{variables.")),
            target: target.join(", "),
        }
    }
}

impl Declaration {
    /// Returns the first stage that changes something outside the pipeline, and the action or the
    /// condition that does it.
    pub(super) fn first_side_effect(&self) -> Option<(&str, String)> {
        self.stages().find_map(|stage| {
            let mut actions = self.actions().filter(|action| action.stage == stage);
            let action = actions.find(Action::has_side_effect);
            let described = action.map(|action| {
                format!(
                    "action '{}' ({} by {})",
                    action.path(),
                    action.category,
                    action.provider
                )
            });
            let described = described.or_else(|| {
                let mut rules = self.rules().filter(|(of, _)| *of == stage);
                let rule = rules.find(|(_, rule)| provider(rule) == INVOKING_RULE);
                rule.map(|_| format!("condition with the rule {INVOKING_RULE}"))
            });
            Some((stage, described?))
        })
    }

    /// Returns the actions that change something outside the pipeline. Approvals are left out: they
    /// only wait.
    pub fn side_effects(&self) -> impl Iterator<Item = SideEffect> {
        self.actions()
            .filter(|action| action.has_side_effect() && action.category != "Approval")
            .map(|action| action.side_effect())
    }
}

fn provider(rule: &Value) -> &str {
    let provider = rule.pointer("/ruleTypeId/provider").and_then(Value::as_str);
    provider.unwrap_or_default()
}
