//! Converts executions between the domain's types and CodePipeline's.

use std::collections::BTreeMap;

use aws_sdk_codepipeline::error::BuildError;
use aws_sdk_codepipeline::types::{
    ActionExecutionDetail, PipelineExecutionSummary, PipelineVariable, SourceRevisionOverride,
    SourceRevisionType, StageState,
};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use crate::domain::clone::declaration::ActionPath;
use crate::domain::clone::execution::{ActionResult, Execution, Run, Stage};
use crate::domain::fault::{Fault, Reason};
use crate::domain::foreign_text::clean;
use crate::domain::text::one_line;

/// The number of executions that are read.
pub(super) const LAST: i32 = 10;

/// The longest error of an action that is kept, in characters.
const ERROR_LIMIT: usize = 600;

/// Returns the source revision of a run, if it names a commit.
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

/// Returns the variables of a run, if it has any.
pub(super) fn variables(run: &Run) -> Result<Option<Vec<PipelineVariable>>, Fault> {
    let variables = run
        .variables
        .iter()
        .map(|(name, value)| PipelineVariable::builder().name(name).value(value).build());
    let variables: Vec<_> = variables.collect::<Result<_, _>>().map_err(incomplete)?;
    Ok((!variables.is_empty()).then_some(variables))
}

/// Converts an execution. CodePipeline lists the revisions of all source actions in no documented
/// order; `source` is the action whose revision counts. If it is not known, only a revision without
/// others does.
pub(super) fn read(summary: &PipelineExecutionSummary, source: Option<&str>) -> Execution {
    let revisions = summary.source_revisions();
    let revision = match (source, revisions) {
        (Some(source), _) => revisions.iter().find(|one| one.action_name() == source),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
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

/// Converts the state of a stage.
pub(super) fn stage(state: &StageState) -> Stage {
    let latest = state.latest_execution();
    Stage {
        name: state.stage_name().unwrap_or_default().to_owned(),
        state: latest.map(|latest| latest.status().as_str().to_owned()),
        execution: latest.map(|latest| latest.pipeline_execution_id().to_owned()),
        failure: failure(state),
    }
}

/// Joins the error messages of the failed actions in a stage.
fn failure(state: &StageState) -> Option<String> {
    let failures: Vec<_> = state
        .action_states()
        .iter()
        .filter_map(|action| {
            let error = action.latest_execution()?.error_details()?;
            let name = action.action_name().unwrap_or("an action");
            let message = error.message().or(error.code())?;
            Some(format!("{name}: {}", clean(message)))
        })
        .collect();
    (!failures.is_empty()).then(|| failures.join("; "))
}

/// Converts the actions of an execution. Each attempt of an action is listed; the one that began
/// last counts.
pub(super) fn actions(listed: &[ActionExecutionDetail]) -> Vec<ActionResult> {
    let mut latest: BTreeMap<ActionPath, &ActionExecutionDetail> = BTreeMap::new();
    let mut sorted: Vec<&ActionExecutionDetail> = listed.iter().collect();
    sorted.sort_by_key(|one| one.start_time().map(|at| (at.secs(), at.subsec_nanos())));
    for one in sorted {
        let path = ActionPath {
            stage: one.stage_name().unwrap_or_default().to_owned(),
            action: one.action_name().unwrap_or_default().to_owned(),
        };
        latest.insert(path, one);
    }
    latest
        .into_iter()
        .map(|(action, one)| {
            let output = one.output();
            let error = output
                .and_then(|output| output.execution_result()?.error_details())
                .and_then(|error| error.message().or(error.code()));
            let outputs = output.and_then(|output| output.output_variables());
            ActionResult {
                action,
                error: error.map(|error| one_line(&clean(error), ERROR_LIMIT)),
                outputs: outputs
                    .into_iter()
                    .flatten()
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect(),
            }
        })
        .collect()
}

fn time(time: Option<&DateTime>) -> Option<String> {
    time?.fmt(Format::DateTime).ok()
}

/// Converts the error of a request that lacks a field, which is a bug in branchline.
fn incomplete(error: BuildError) -> Fault {
    let detail = format!("a request to CodePipeline is incomplete: {error}");
    Fault::new(Reason::AwsUnknown, detail)
}
