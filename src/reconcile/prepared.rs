//! What an action reads before its claim.

use std::time::Duration;

use crate::domain::clone::NewPipeline;
use crate::domain::clone::files::CloneFiles;
use crate::domain::clone::projects::NewProject;
use crate::domain::fault::Fault;
use crate::domain::state::effect::Effect;
use crate::ports::Projects;

/// What is read before a claim.
pub(super) struct Prepared {
    /// The files of the repository that the rule reads.
    pub(super) repository: CloneFiles,
    /// The CodeBuild projects, if the subject has or needs some.
    pub(super) projects: Option<PreparedProjects>,
}

impl Prepared {
    /// Returns the time by which the claim has to be longer than usual.
    pub(super) fn time(&self) -> Duration {
        let projects = self.projects.as_ref();
        projects.map_or(Duration::ZERO, PreparedProjects::time)
    }
}

/// The time limit of one call to CodeBuild or CloudFormation. `tests/it/stories/budget.rs` compares
/// it with that of the AWS client.
pub const PROJECT_CALL: Duration = Duration::from_secs(15);
/// The most calls under a claim for one project: it is deleted and created again.
const CALLS: u32 = 2;

/// Returns the time by which the claim of a deletion has to be longer for this many stacks: each is
/// looked for.
pub(super) fn stack_time(effect: &Effect, stacks: usize) -> Duration {
    match effect {
        Effect::Delete(_) => PROJECT_CALL.saturating_mul(u32::try_from(stacks).unwrap_or(u32::MAX)),
        Effect::Create(_) | Effect::Start(_) | Effect::Adopt(_) => Duration::ZERO,
    }
}

/// A clone, and the version of the template that it was built from.
pub(super) type BuiltClone = (NewPipeline, Option<i32>);

/// The CodeBuild projects of a subject, as they were before its claim.
pub(super) struct PreparedProjects {
    /// The clone that needs them, if one is created or started. A clone that is to be created may
    /// have a fault, which does not count if its repository has ended.
    pub(super) clone: Option<Result<BuiltClone, Fault>>,
    /// The projects that it needs.
    pub(super) wanted: Vec<NewProject>,
    /// What was found under the names of the row, of the wanted projects and of their templates.
    pub(super) found: Projects,
    /// The number of projects in the row.
    pub(super) recorded: u32,
}

impl PreparedProjects {
    /// Returns the time by which the claim has to be longer for them.
    pub(super) fn time(&self) -> Duration {
        PROJECT_CALL.saturating_mul(self.recorded.saturating_mul(CALLS))
    }
}
