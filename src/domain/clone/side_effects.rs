//! Which actions of a pipeline change something outside it, such as a deployment. A clone runs the
//! code of a pull request, so it has none of them unless its rule names their stage.

use crate::domain::clone::declaration::{Action, ActionPath, ConditionRule, Declaration, mentions};

/// The categories of actions that only build or test (API reference, `ActionTypeId.category`).
/// Every other category but Source counts as changing something outside.
const HARMLESS_CATEGORIES: [&str; 3] = ["Build", "Test", "Compute"];

/// The providers of these categories that only run what they are given (user guide, "Action
/// structure reference"). `ECRBuildAndPublish`, for instance, is a build action that publishes an
/// image, and a custom action may do anything.
const HARMLESS_PROVIDERS: [&str; 3] = ["CodeBuild", "Commands", "DeviceFarm"];

/// Words in the name of a stage or of an action that deploys. A build may do so with commands that
/// CodePipeline does not know.
const DEPLOYING_WORDS: [&str; 10] = [
    "apply",
    "deploy",
    "deployment",
    "prod",
    "production",
    "promote",
    "promotion",
    "publish",
    "release",
    "rollout",
];

/// Commands that deploy.
const DEPLOYING_COMMANDS: [&str; 9] = [
    "cdk deploy",
    "cloudformation deploy",
    "helm install",
    "helm upgrade",
    "kubectl apply",
    "sam deploy",
    "serverless deploy",
    "terraform apply",
    "tofu apply",
];

/// The rules of a stage's conditions that only look at something (user guide, "Rule structure
/// reference").
const HARMLESS_RULES: [&str; 3] = ["CloudWatchAlarm", "DeploymentWindow", "VariableCheck"];

/// The configuration keys that name what an action changes (user guide, "Action structure
/// reference").
pub(super) const TARGET_KEYS: [&str; 21] = [
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
    "FunctionAlias",
    "PipelineName",
    "StateMachineArn",
    "ECRRepositoryName",
    "HelmReleaseName",
    "Namespace",
    "InstanceTagKey",
    "InstanceTagValue",
    "ConfigurationProfile",
];

/// The configuration keys with which a deploy action gives a role to the service that deploys (user
/// guide, "AWS CloudFormation deploy action reference").
pub(super) const DEPLOY_ROLES: [&str; 3] =
    ["RoleArn", "AdministrationRoleArn", "ExecutionRoleName"];

/// The provider of deploy actions that create, update or delete a stack.
const CLOUDFORMATION: &str = "CloudFormation";

/// The configuration key of a CodeBuild action's project.
pub(super) const PROJECT: &str = "ProjectName";

/// An action of a clone that changes something outside the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideEffect {
    /// The action.
    pub action: ActionPath,
    /// The provider, for instance `CloudFormation`.
    pub provider: String,
    /// What it changes, as `StackName=api`; empty if its configuration does not name it.
    pub targets: Vec<String>,
    /// The roles that the service deploys with, as `RoleArn=arn:...`.
    pub roles: Vec<String>,
}

impl SideEffect {
    /// Returns true if the action creates, updates or deletes a stack of CloudFormation.
    pub(super) fn is_stack(&self) -> bool {
        self.provider == CLOUDFORMATION
    }
}

impl Action<'_> {
    /// Returns true if the action changes something outside the pipeline.
    pub(super) fn has_side_effect(&self) -> bool {
        self.category != "Source" && (!self.only_builds() || self.seems_to_deploy())
    }

    /// Returns true for a type of action that only runs what it is given.
    fn only_builds(&self) -> bool {
        HARMLESS_CATEGORIES.contains(&self.category)
            && HARMLESS_PROVIDERS.contains(&self.provider)
            && self.owner == "AWS"
            && !self.publishes_assets()
    }

    /// Returns true for a build action that publishes the assets of CDK Pipelines, which a
    /// deployment of the template takes later (CDK API reference, `CodePipeline.publishAssets`).
    fn publishes_assets(&self) -> bool {
        let is_asset = ["FileAsset", "DockerAsset"];
        self.stage == "Assets" || is_asset.iter().any(|kind| self.name.starts_with(kind))
    }

    /// Returns true for a build that deploys by its name or by commands in its declaration. What
    /// its buildspec does is not known.
    fn seems_to_deploy(&self) -> bool {
        let named = [self.stage, self.name].into_iter().any(|name| {
            words(name).any(|word| DEPLOYING_WORDS.contains(&word.to_ascii_lowercase().as_str()))
        });
        let mut commands = DEPLOYING_COMMANDS.iter();
        named || commands.any(|command| mentions(self.whole(), command))
    }

    /// Describes the action, in the reason for which its stage is left out.
    fn described(&self) -> String {
        let (path, category, provider) = (self.path(), self.category, self.provider);
        let named = match self.only_builds() {
            true => ", which deploys by its name or its commands",
            false => "",
        };
        format!("action '{path}' ({category} by {provider}{named})")
    }

    /// Returns true for an action that deploys the stack of its own pipeline, as CDK Pipelines has
    /// it in `UpdatePipeline/SelfMutate` (CDK API reference, `CodePipeline.selfMutation`). In a
    /// clone it would deploy over the template. It is recognised by its name alone.
    fn is_self_mutating(&self) -> bool {
        let project = self.configured(PROJECT).unwrap_or_default();
        let names = [self.stage, self.name, project];
        self.category != "Source"
            && (self.stage == "UpdatePipeline" || names.into_iter().any(is_named_self_mutating))
    }

    fn side_effect(&self) -> SideEffect {
        let values = |keys: &[&str]| {
            let configuration = self.configuration.into_iter().flatten();
            let named = configuration.filter(|(key, _)| keys.contains(&key.as_str()));
            let values =
                named.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
            values.collect::<Vec<_>>()
        };
        SideEffect {
            action: self.path(),
            provider: self.provider.to_owned(),
            targets: values(&TARGET_KEYS),
            roles: values(&DEPLOY_ROLES),
        }
    }
}

/// Returns the words of a name, which begin at a capital letter or after another character:
/// `Terraform`, `Apply` and `prod` of `TerraformApply_prod`.
fn words(name: &str) -> impl Iterator<Item = &str> {
    let begins_word = |before: char, after: char| before.is_lowercase() && after.is_uppercase();
    let parts = name.split(|c: char| !c.is_alphabetic());
    parts.flat_map(move |part| {
        let pairs = part.char_indices().zip(part.chars().skip(1));
        let mut ends: Vec<usize> = pairs
            .filter(|((_, before), after)| begins_word(*before, *after))
            .map(|((index, before), _)| index + before.len_utf8())
            .collect();
        ends.push(part.len());
        let starts: Vec<usize> = std::iter::once(0).chain(ends.iter().copied()).collect();
        let ranges = starts.into_iter().zip(ends);
        ranges
            .filter_map(|(start, end)| part.get(start..end))
            .collect::<Vec<_>>()
    })
}

impl ConditionRule<'_> {
    /// Returns true for a rule that runs the build that deploys the stack of its own pipeline.
    fn is_self_mutating(&self) -> bool {
        let named = ["/name", "/configuration/ProjectName"];
        let mut names = named.iter().filter_map(|path| self.whole.pointer(path));
        names.any(|name| name.as_str().is_some_and(is_named_self_mutating))
    }
}

fn is_named_self_mutating(name: &str) -> bool {
    name.to_ascii_lowercase().contains("selfmutat")
}

impl Declaration {
    /// Returns the actions and the rules of conditions that deploy the stack of their own pipeline,
    /// each as its stage and its place in words.
    pub(super) fn self_mutating(&self) -> impl Iterator<Item = (&str, String)> {
        let actions = self.actions().filter(Action::is_self_mutating);
        let actions = actions.map(|action| (action.stage, format!("action '{}'", action.path())));
        let rules = self.rules().filter(ConditionRule::is_self_mutating);
        actions.chain(rules.map(|rule| (rule.stage, rule.place())))
    }

    /// Returns the stages before the first one that changes something outside the pipeline.
    pub(super) fn building_stages(&self) -> Vec<&str> {
        let first = self.first_side_effect().map(|(stage, _)| stage);
        let stages = self.stages();
        stages.take_while(|stage| Some(*stage) != first).collect()
    }

    /// Returns the first stage that changes something outside the pipeline, and the action or the
    /// condition that does it.
    pub(super) fn first_side_effect(&self) -> Option<(&str, String)> {
        self.stages().find_map(|stage| {
            let mut actions = self.actions().filter(|action| action.stage == stage);
            let action = actions.find(Action::has_side_effect);
            let described = action.map(|action| action.described());
            let mut rules = self.acting_rules().filter(|rule| rule.stage == stage);
            let described = described.or_else(|| {
                Some(format!(
                    "condition with the rule {}",
                    rules.next()?.provider
                ))
            });
            Some((stage, described?))
        })
    }

    /// Returns the rules of conditions that do more than look at something.
    pub(super) fn acting_rules(&self) -> impl Iterator<Item = ConditionRule<'_>> {
        self.rules()
            .filter(|rule| !HARMLESS_RULES.contains(&rule.provider))
    }

    /// Returns the actions that change something outside the pipeline. Approvals are left out: they
    /// only wait.
    pub fn side_effects(&self) -> impl Iterator<Item = SideEffect> {
        self.actions()
            .filter(|action| action.has_side_effect() && action.category != "Approval")
            .map(|action| action.side_effect())
    }

    /// Returns the actions that deploy.
    pub(super) fn deployments(&self) -> impl Iterator<Item = SideEffect> {
        let actions = self.actions().filter(|action| action.category == "Deploy");
        actions.map(|action| action.side_effect())
    }

    /// Returns the paths of the actions that create, update or delete a stack of CloudFormation.
    pub(super) fn stacks(&self) -> Vec<ActionPath> {
        let stacks = self.deployments().filter(SideEffect::is_stack);
        stacks.map(|stack| stack.action).collect()
    }

    /// Returns the same paths in the order in which the actions run.
    pub(super) fn stacks_in_order(&self) -> Vec<ActionPath> {
        let stages: Vec<&str> = self.stages().collect();
        let mut stacks = self.stacks();
        stacks.sort_by_key(|path| {
            let stage = stages.iter().position(|stage| *stage == path.stage);
            let action = self.actions().find(|action| action.path() == *path);
            (stage, action.map_or(1, |action| action.run_order()))
        });
        stacks
    }
}
