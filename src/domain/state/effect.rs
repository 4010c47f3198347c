//! Changes to a pipeline, and what a mapping records of them.

use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::clone::stacks::{Stack, StackKey};
use crate::domain::ids::{CommitId, ExecutionId, PipelineArn, PipelineName, Timestamp};
use crate::domain::state::desired::{AbsenceReason, Desired, Spec};
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::resources::{PipelineResource, ProjectResource, Resources};
use crate::domain::state::teardown::Teardown;

/// A change to a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Clone the template. CodePipeline starts the first execution.
    Create(Spec),
    /// Update the clone if needed, and start the head commit.
    Start(Spec),
    /// Record the clone that exists under the name of the spec.
    Adopt(Spec),
    /// Delete the clone of this name.
    Delete(PipelineName),
}

impl Effect {
    /// Returns the spec of the pipeline that it makes or changes.
    #[must_use]
    pub fn spec(&self) -> Option<&Spec> {
        match self {
            Self::Create(spec) | Self::Start(spec) | Self::Adopt(spec) => Some(spec),
            Self::Delete(_) => None,
        }
    }

    /// Returns the name of the clone that it deletes.
    #[must_use]
    pub fn deleted(&self) -> Option<&PipelineName> {
        match self {
            Self::Delete(name) => Some(name),
            Self::Create(_) | Self::Start(_) | Self::Adopt(_) => None,
        }
    }
}

/// The result of an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectResult {
    /// The pipeline exists, and the head commit has an execution.
    Present(Box<ExistingClone>),
    /// The pipeline is about to remove the subject's environment, or the `problem` kept it from
    /// that.
    Retiring {
        /// How the teardown stands.
        teardown: Teardown,
        /// Why it has failed, if it has.
        problem: Option<String>,
        /// The stacks that are left, with their ids; `None` if the row has them already, or if they
        /// are not known.
        remaining: Option<Vec<Stack>>,
    },
    /// The pipeline does not exist.
    Absent,
    /// The pipeline does not exist: the repository ended after the event that asked for it.
    Ended(AbsenceReason),
}

impl EffectResult {
    /// Returns the result of a teardown that goes on.
    #[must_use]
    pub fn retiring(teardown: Teardown) -> Self {
        Self::Retiring {
            teardown,
            problem: None,
            remaining: None,
        }
    }
}

/// A clone that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingClone {
    /// The name.
    pub name: PipelineName,
    /// The ARN.
    pub arn: PipelineArn,
    /// The version that CodePipeline gave it in this effect; `None` if it was not written, or the
    /// version is not known.
    pub version: Option<i32>,
    /// The version of the template that it was created from or updated to; `None` if that did not
    /// change, or is not known.
    pub template_version: Option<i32>,
    /// The fingerprint of its declaration.
    pub fingerprint: CloneFingerprint,
    /// The CodeBuild projects that it has.
    pub projects: Vec<ProjectResource>,
    /// The stacks that it deploys by their names.
    pub stacks: Vec<StackKey>,
    /// The rule of which it has a slot.
    pub slot: Option<String>,
    /// The execution of the head commit, if its id is known.
    pub execution: Option<ExecutionId>,
    /// The commit of its last execution, if an earlier attempt created it. Recorded if no head is
    /// known.
    pub built: Option<CommitId>,
}

impl ExistingClone {
    /// The version of every new pipeline (API reference, `PipelineDeclaration.version`).
    pub const FIRST_VERSION: i32 = 1;

    fn is_new(&self) -> bool {
        self.version == Some(Self::FIRST_VERSION)
    }
}

impl Mapping {
    /// Returns the row after its effect.
    #[must_use]
    pub fn settled(mut self, result: EffectResult, now: Timestamp) -> Self {
        let mut last_error = None;
        match result {
            EffectResult::Present(clone) => {
                let version = clone.version.or(self.pipeline_version());
                let template_version = clone.template_version.or(self.template_version());
                let created_at = match self.state == State::Creating || clone.is_new() {
                    true => Some(now),
                    false => self.pipeline_created_at(),
                };
                self.state = State::Active;
                self.activity.sleep = None;
                self.resources.pipeline = Some(PipelineResource {
                    name: clone.name,
                    arn: Some(clone.arn),
                    version,
                    template_version,
                    fingerprint: Some(clone.fingerprint),
                    created_at,
                });
                self.resources.projects = clone.projects;
                let all = self.resources.stacks.iter_mut();
                for stack in all.filter(|stack| clone.stacks.iter().any(|key| stack.has_key(key))) {
                    stack.id = None;
                }
                self.resources.teardown = None;
                self.slot = clone.slot;
                let head = self.order.head.clone();
                self.observed.built = head.or(clone.built).or(self.observed.built);
            }
            EffectResult::Retiring {
                teardown,
                problem,
                remaining,
            } => {
                last_error = problem;
                if let Some(remaining) = remaining {
                    self.resources.stacks = remaining;
                }
                self.state = State::Retiring;
                self.resources.teardown = Some(teardown);
                if let Some(pipeline) = &mut self.resources.pipeline {
                    // It is not the clone any more, which its next start has to write again.
                    pipeline.fingerprint = None;
                    // The attempt that created it may not have been settled.
                    pipeline.created_at.get_or_insert(now);
                }
            }
            result @ (EffectResult::Absent | EffectResult::Ended(_)) => {
                if let EffectResult::Ended(reason) = result {
                    self.desired = Some(Desired::Absent { reason, last: None });
                    self.activity.sleep = None;
                }
                self.state = match self.activity.sleep {
                    Some(_) => State::Asleep,
                    None => State::Gone,
                };
                let Resources { stacks, left, .. } = std::mem::take(&mut self.resources);
                let is_forgotten = self.absence() == Some(AbsenceReason::Forgotten);
                let given_up = stacks.into_iter().filter(|_| is_forgotten);
                self.resources.left = given_up.chain(left).collect();
                self.observed.built = None;
                self.slot = None;
            }
        }
        self.observed.executions = Vec::new();
        self.retry = None;
        self.claim = None;
        self.attempts = 0;
        self.last_error = last_error;
        self.updated_at = now;
        self
    }
}
