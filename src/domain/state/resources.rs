//! The resources of a subject in the account, by kind.

use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::clone::overrides::TeardownPolicy;
use crate::domain::clone::stacks::{Stack, StackKey};
use crate::domain::ids::{PipelineArn, PipelineName, ProjectName, Timestamp};
use crate::domain::state::teardown::Teardown;

/// The resources of a subject, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// The clone.
    pub pipeline: Option<PipelineResource>,
    /// The CodeBuild projects of the clone. Their names are recorded before they are created, and
    /// given up once they are deleted. Most clones have none.
    pub projects: Vec<ProjectResource>,
    /// The stacks that the clone may have deployed and that are to be deleted before it, in the
    /// order of their deployment. They are recorded before the clone can deploy them.
    pub stacks: Vec<Stack>,
    /// The stacks that were left when an operator gave the subject up, in the order of their
    /// deployment. No pipeline of the subject deploys them.
    pub left: Vec<Stack>,
    /// How the environment is to be removed, if no rule says so any more; `None` for the default.
    /// It is recorded before the clone can deploy anything.
    pub teardown_policy: Option<TeardownPolicy>,
    /// How the teardown stands, while the subject is retiring.
    pub teardown: Option<Teardown>,
}

impl Resources {
    /// Creates the resources of a clone of which only the name is known.
    #[must_use]
    pub fn named(pipeline: PipelineName) -> Self {
        Self {
            pipeline: Some(PipelineResource::named(pipeline)),
            ..Self::default()
        }
    }

    /// Records how the environment is to be removed.
    pub fn record_policy(&mut self, policy: &TeardownPolicy) {
        let policy = Some(policy).filter(|policy| **policy != TeardownPolicy::default());
        self.teardown_policy = policy.cloned();
    }

    /// Returns true if the subject had a pipeline before, and this is one of its stacks.
    #[must_use]
    pub fn has_deployed(&self, stack: &Stack, pipeline: &PipelineArn) -> bool {
        let key = stack.key(pipeline);
        let mut known = self.stacks.iter();
        let has_had_one = self.was_created() && !self.is_remade();
        has_had_one && known.any(|known| known.key(pipeline) == key)
    }

    /// Returns true if the clone was deployed by a rule whose stacks stay in the end, so that they
    /// were not looked for.
    #[must_use]
    pub fn keeps_stacks(&self) -> bool {
        self.was_created() && self.teardown_policy == Some(TeardownPolicy::None)
    }

    /// Returns true if this may be one of the recorded stacks.
    #[must_use]
    pub fn has_stack(&self, key: &StackKey) -> bool {
        self.stacks.iter().any(|stack| stack.has_key(key))
    }

    /// Returns true while a pipeline is made again after a teardown has finished: what is recorded
    /// may not have been deployed since.
    #[must_use]
    pub fn is_remade(&self) -> bool {
        let teardown = self.teardown.as_ref();
        teardown.is_some_and(|teardown| teardown.is_remade)
    }

    /// Returns when the clone had stopped deploying; `None` if it may still deploy.
    #[must_use]
    pub fn deployed_until(&self) -> Option<Timestamp> {
        self.teardown.as_ref()?.deployed_until
    }

    fn was_created(&self) -> bool {
        let pipeline = self.pipeline.as_ref();
        pipeline.is_some_and(|pipeline| pipeline.created_at.is_some())
    }

    /// Returns true if an attempt to delete the clone may have changed it into one that removes
    /// the environment.
    #[must_use]
    pub fn may_be_torn_down(&self) -> bool {
        self.has_environment() || self.teardown.is_some()
    }

    /// Returns true if the end of the subject removes an environment.
    #[must_use]
    pub fn has_environment(&self) -> bool {
        let policy = self.teardown_policy.as_ref();
        let by_template = policy.is_some_and(|policy| policy.template().is_some());
        by_template || !self.stacks.is_empty()
    }

    /// Says what a failed teardown has not done.
    #[must_use]
    pub fn teardown_failure(&self) -> String {
        let policy = self.teardown_policy.as_ref();
        match policy.and_then(TeardownPolicy::template) {
            Some(template) => format!("the teardown by '{template}' failed"),
            None => "the stacks could not be deleted".to_owned(),
        }
    }

    /// Describes what a teardown removes.
    #[must_use]
    pub fn environment(&self) -> String {
        let policy = self.teardown_policy.as_ref();
        let template = policy.and_then(TeardownPolicy::template);
        match (template, self.stacks.is_empty()) {
            (None, true) => "nothing recorded is left of it".to_owned(),
            (None, false) => self.stacks_in_words(),
            (Some(template), true) => format!("whatever '{template}' removes"),
            (Some(template), false) => {
                let stacks = self.stacks_in_words();
                format!("{stacks} and whatever else '{template}' removes")
            }
        }
    }

    fn stacks_in_words(&self) -> String {
        in_words(&self.stacks)
    }

    /// Describes the stacks that were left when the subject was given up.
    #[must_use]
    pub fn left_in_words(&self) -> String {
        in_words(&self.left)
    }

    /// Returns the names of the stacks, each with its Region if that is not the pipeline's, and of
    /// those that were left.
    #[must_use]
    pub fn stack_names(&self) -> String {
        names(self.stacks.iter().chain(&self.left))
    }
}

fn in_words(stacks: &[Stack]) -> String {
    let word = match stacks {
        [_] => "stack",
        _ => "stacks",
    };
    format!("{word} {}", names(stacks.iter()))
}

fn names<'a>(stacks: impl Iterator<Item = &'a Stack>) -> String {
    let named = |stack: &Stack| match &stack.region {
        Some(region) => format!("{} in {region}", stack.name),
        None => stack.name.clone(),
    };
    let names: Vec<String> = stacks.map(named).collect();
    names.join(", ")
}

/// A CodeBuild project of a clone as a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectResource {
    /// The name.
    pub name: ProjectName,
    /// The fingerprint of what was last written to CodeBuild; `None` if that is not known.
    pub fingerprint: Option<String>,
}

impl ProjectResource {
    /// Creates a resource of which only the name is known.
    #[must_use]
    pub fn named(name: ProjectName) -> Self {
        Self {
            name,
            fingerprint: None,
        }
    }
}

/// The clone as a resource: its name is reserved before it is created, and given up once it is
/// deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineResource {
    /// The name.
    pub name: PipelineName,
    /// The ARN, once the clone was created.
    pub arn: Option<PipelineArn>,
    /// The version that CodePipeline gave the clone when branchline wrote it last. Everybody's
    /// UpdatePipeline raises it. `None` if it is not known.
    pub version: Option<i32>,
    /// The version of the template that the clone was created from or updated to.
    pub template_version: Option<i32>,
    /// The fingerprint of the declaration that was last written to CodePipeline.
    pub fingerprint: Option<CloneFingerprint>,
    /// When the clone was created or adopted; `None` before that.
    pub created_at: Option<Timestamp>,
}

impl PipelineResource {
    /// Creates a resource of which only the name is known.
    #[must_use]
    pub fn named(name: PipelineName) -> Self {
        Self {
            name,
            arn: None,
            version: None,
            template_version: None,
            fingerprint: None,
            created_at: None,
        }
    }
}
