//! V1 and V2: a clone is of its template's type, so a rule may ask of it only what that type knows.

use serde_json::Value;

use crate::domain::clone::declaration::Declaration;
use crate::domain::clone::overrides::ExecutionMode;
use crate::domain::fault::{Fault, Reason, Step};
use crate::domain::rules::rule::{Rule, Start};

/// What V2 costs more, for whoever considers it (CodePipeline pricing).
const PRICES: &str = "make the template V2, which is billed by action minute while V1 costs by the month and nothing in its first 30 days, or leave it out of the rule";

/// Refuses a rule that asks a V1 template for what only V2 knows (user guide, "Pipeline types"): one such field would
/// turn the clone into a V2 pipeline, with another bill.
pub(super) fn check(template: &Declaration, rule: &Rule) -> Result<(), Fault> {
    let changes = &rule.overrides;
    let fault = |detail: String| Err(Fault::new(Step::Plan, Reason::RuleUnfit, detail));
    if !template.is_v2() {
        let asked = match (changes.execution_mode, rule.start) {
            (Some(mode @ (ExecutionMode::Queued | ExecutionMode::Parallel)), _) => {
                Some(format!("execution_mode = \"{}\"", mode.as_str()))
            }
            (_, Start::Commit) => Some("start = \"commit\"".to_owned()),
            _ if !changes.variables.is_empty() => Some("variables".to_owned()),
            (Some(ExecutionMode::Superseded) | None, Start::Auto | Start::Head | Start::Push) => {
                None
            }
        };
        if let Some(asked) = asked {
            return fault(format!(
                "{asked} of rule '{}' is known to V2 pipelines only, and template '{}' is V1: {PRICES}",
                rule.name,
                template.name()
            ));
        }
    }
    if changes.execution_mode == Some(ExecutionMode::Parallel) && rolls_back(template) {
        return fault(format!(
            "template '{}' has a stage that rolls back, which execution_mode = \"PARALLEL\" of rule '{}' does not know",
            template.name(),
            rule.name
        ));
    }
    Ok(())
}

/// Whether branchline names the commit that it starts.
pub(super) fn pins(template: &Declaration, start: Start) -> bool {
    match start {
        Start::Auto => template.is_v2(),
        Start::Commit => true,
        Start::Head | Start::Push => false,
    }
}

/// Sets the mode. A V1 pipeline has none but the one that it always has.
pub(super) fn set_mode(clone: &mut Declaration, mode: Option<ExecutionMode>) {
    if let Some(mode) = mode.filter(|_| clone.is_v2()) {
        clone
            .0
            .insert("executionMode".to_owned(), Value::from(mode.as_str()));
    }
}

fn rolls_back(template: &Declaration) -> bool {
    let stages = template.0.get("stages").and_then(Value::as_array);
    stages
        .into_iter()
        .flatten()
        .any(|stage| stage.pointer("/onFailure/result").and_then(Value::as_str) == Some("ROLLBACK"))
}
