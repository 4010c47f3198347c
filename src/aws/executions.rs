//! Executions, as CodePipeline takes and shows them.

use aws_sdk_codepipeline::error::BuildError;
use aws_sdk_codepipeline::types::{
    PipelineExecutionSummary, PipelineVariable, SourceRevisionOverride, SourceRevisionType,
    StageState,
};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use crate::domain::clone::execution::{Execution, Run, Stage};
use crate::domain::fault::{Fault, Reason, Step};

/// How many executions are remembered.
pub(super) const LAST: i32 = 10;

/// The commit of a run, where it names one.
pub(super) fn revisions(run: &Run) -> Result<Option<Vec<SourceRevisionOverride>>, Fault> {
    let revision = run.revision.as_ref().map(|(action, commit)| {
        SourceRevisionOverride::builder()
            .action_name(action)
            .revision_type(SourceRevisionType::CommitId)
            .revision_value(commit.as_str())
            .build()
    });
    let revision = revision.transpose().map_err(incomplete)?;
    Ok(revision.map(|revision| vec![revision]))
}

/// The variables of a run, where it tells any.
pub(super) fn variables(run: &Run) -> Result<Option<Vec<PipelineVariable>>, Fault> {
    let variables = run
        .variables
        .iter()
        .map(|(name, value)| PipelineVariable::builder().name(name).value(value).build());
    let variables: Vec<_> = variables.collect::<Result<_, _>>().map_err(incomplete)?;
    Ok((!variables.is_empty()).then_some(variables))
}

/// An execution as we remember it.
pub(super) fn read(summary: &PipelineExecutionSummary) -> Execution {
    let revision = summary.source_revisions().first();
    Execution {
        id: summary
            .pipeline_execution_id()
            .unwrap_or_default()
            .to_owned(),
        state: summary
            .status()
            .map_or("", |status| status.as_str())
            .to_owned(),
        started: time(summary.start_time()),
        updated: time(summary.last_update_time()),
        commit: revision
            .and_then(|revision| revision.revision_id())
            .map(str::to_owned),
        link: revision
            .and_then(|revision| revision.revision_url())
            .map(str::to_owned),
    }
}

/// A stage as it stands.
pub(super) fn stage(state: &StageState) -> Stage {
    let latest = state.latest_execution();
    Stage {
        name: state.stage_name().unwrap_or_default().to_owned(),
        state: latest.map(|latest| latest.status().as_str().to_owned()),
        execution: latest.map(|latest| latest.pipeline_execution_id().to_owned()),
        failure: failure(state),
    }
}

/// What each action that failed says of it.
fn failure(state: &StageState) -> Option<String> {
    let actions = state.action_states().iter();
    let told = actions.filter_map(|action| {
        let error = action.latest_execution()?.error_details()?;
        let name = action.action_name().unwrap_or("an action");
        let message = error.message().or(error.code())?;
        Some(format!("{name}: {message}"))
    });
    let told: Vec<_> = told.collect();
    (!told.is_empty()).then(|| told.join("; "))
}

fn time(time: Option<&DateTime>) -> Option<String> {
    time?.fmt(Format::DateTime).ok()
}

/// A request of ours that lacks a field: a bug, told as one.
fn incomplete(error: BuildError) -> Fault {
    let detail = format!("a request to CodePipeline is incomplete: {error}");
    Fault::new(Step::Plan, Reason::AwsUnknown, detail)
}
