//! Reads what CodePipeline reports through EventBridge about an execution, its stages and its
//! actions (CodePipeline user guide, "Monitoring CodePipeline events").
//!
//! Numbers are floats in these events, some fields are absent in some of them, and AWS may add
//! states and kinds of events: those are ignored.

use serde::Deserialize;

use crate::domain::fault::Fault;
use crate::domain::foreign_text::{clean, is_web_page};
use crate::domain::ids::{ExecutionId, PipelineName, Timestamp, is_pipeline_character};
use crate::domain::intake::authenticated::AuthenticatedMessage;
use crate::domain::intake::decision::{Decision, Ignored};
use crate::domain::intake::object::Object;
use crate::domain::intake::payload::{not_a, parse, wrong};
use crate::domain::report::execution::{
    ActionProgress, ExecutionEvent, ExecutionState, Progress, StepState,
};
use crate::domain::text::one_line;

/// The longest name of a stage or an action, in characters (API reference, `StageDeclaration` and
/// `ActionDeclaration`).
const NAME_LIMIT: usize = 100;
/// The longest summary that is kept, in characters.
const SUMMARY_LIMIT: usize = 600;
/// The longest id of a result that is kept, in characters. The ARN of a stack is the longest.
const ID_LIMIT: usize = 256;
/// The longest other word that is kept, in characters: a category, a trigger, an error code.
const WORD_LIMIT: usize = 100;

/// The kinds of events, by their `detail-type`.
#[derive(Clone, Copy)]
enum Kind {
    Pipeline,
    Stage,
    Action,
}

impl Kind {
    fn parse(detail_type: &str) -> Option<Self> {
        Some(match detail_type {
            "CodePipeline Pipeline Execution State Change" => Self::Pipeline,
            "CodePipeline Stage Execution State Change" => Self::Stage,
            "CodePipeline Action Execution State Change" => Self::Action,
            _ => return None,
        })
    }
}

/// The field that tells the kinds of events apart. It is read first, because another kind may have
/// other fields.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct KindPayload {
    detail_type: String,
}

#[derive(Deserialize)]
struct EventPayload {
    time: String,
    detail: Object<DetailPayload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct DetailPayload {
    pipeline: String,
    execution_id: String,
    state: String,
    pipeline_execution_attempt: Option<f64>,
    start_time: Option<String>,
    execution_trigger: Option<Object<TriggerPayload>>,
    stage: Option<String>,
    action: Option<String>,
    #[serde(rename = "type")]
    kind: Option<Object<TypePayload>>,
    execution_result: Option<Object<ResultPayload>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct TriggerPayload {
    trigger_type: Option<String>,
}

#[derive(Deserialize)]
struct TypePayload {
    category: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ResultPayload {
    external_execution_url: Option<String>,
    external_execution_summary: Option<String>,
    external_execution_id: Option<String>,
    error_code: Option<String>,
}

/// Reads an event of CodePipeline.
///
/// # Errors
/// `invalid-payload`, if the body is not an event as CodePipeline documents it.
pub(super) fn read(message: &AuthenticatedMessage) -> Result<Decision<ExecutionEvent>, Fault> {
    let KindPayload { detail_type } = parse(message)?;
    let Some(kind) = Kind::parse(&detail_type) else {
        return Ok(Decision::Ignore(Ignored::Event));
    };
    let EventPayload { time, detail } = parse(message)?;
    let Object(mut detail) = detail;
    let Some(progress) = progress(kind, &mut detail)? else {
        return Ok(Decision::Ignore(Ignored::UnknownState));
    };
    let pipeline = PipelineName::parse(detail.pipeline);
    let execution = ExecutionId::parse(detail.execution_id);
    let started_at = detail.start_time.as_deref();
    let attempt = attempt(detail.pipeline_execution_attempt);
    Ok(Decision::Handle(ExecutionEvent {
        pipeline: pipeline.map_err(|why| not_a("detail.pipeline", &why))?,
        execution: execution.map_err(|why| not_a("detail.execution-id", &why))?,
        attempt: attempt.ok_or_else(|| wrong("detail.pipeline-execution-attempt"))?,
        time: Timestamp::from_rfc3339(&time).ok_or_else(|| wrong("time"))?,
        started_at: started_at.and_then(Timestamp::from_rfc3339),
        progress,
    }))
}

/// Returns what changed; `None` if the state is unknown.
fn progress(kind: Kind, detail: &mut DetailPayload) -> Result<Option<Progress>, Fault> {
    let step = StepState::parse(&detail.state);
    let execution = ExecutionState::parse(&detail.state);
    Ok(match (kind, execution, step) {
        (Kind::Pipeline, Some(state), _) => {
            let trigger = detail.execution_trigger.take();
            let trigger = trigger.and_then(|Object(trigger)| trigger.trigger_type);
            Some(Progress::Pipeline {
                state,
                trigger: trigger.and_then(|trigger| line(&trigger, WORD_LIMIT)),
            })
        }
        (Kind::Stage, _, Some(state)) => Some(Progress::Stage {
            stage: step_name(detail.stage.take(), "detail.stage")?,
            state,
        }),
        (Kind::Action, _, Some(state)) => Some(Progress::Action(action(detail, state)?)),
        (Kind::Pipeline, None, _) | (Kind::Stage | Kind::Action, _, None) => None,
    })
}

fn action(detail: &mut DetailPayload, state: StepState) -> Result<ActionProgress, Fault> {
    let result = detail.execution_result.take();
    let result = result.map_or_else(ResultPayload::default, |Object(result)| result);
    let category = detail.kind.take();
    let category = category.and_then(|Object(kind)| kind.category);
    let kept = |text: Option<String>, limit| text.and_then(|text| line(&text, limit));
    Ok(ActionProgress {
        stage: step_name(detail.stage.take(), "detail.stage")?,
        action: step_name(detail.action.take(), "detail.action")?,
        category: kept(category, WORD_LIMIT).unwrap_or_default(),
        state,
        url: result.external_execution_url.filter(|url| is_web_page(url)),
        summary: kept(result.external_execution_summary, SUMMARY_LIMIT),
        error_code: kept(result.error_code, WORD_LIMIT),
        external_id: kept(result.external_execution_id, ID_LIMIT),
    })
}

/// Returns the name of a stage or of an action.
fn step_name(name: Option<String>, field: &str) -> Result<String, Fault> {
    let is_name = |name: &String| {
        (1..=NAME_LIMIT).contains(&name.len()) && name.chars().all(is_pipeline_character)
    };
    name.filter(is_name).ok_or_else(|| wrong(field))
}

/// Returns the number of the attempt; 1 if the event has none. AWS writes it as a float.
fn attempt(number: Option<f64>) -> Option<u32> {
    let number = number.unwrap_or(1.0);
    let is_whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number within the range of u32"
    )]
    is_whole.then_some(number as u32)
}

/// Returns a text of CodePipeline or of an action as one line without secrets; `None` if it is
/// empty.
fn line(text: &str, limit: usize) -> Option<String> {
    let line = one_line(&clean(text.trim()), limit);
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests;
