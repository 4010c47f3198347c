//! Pipeline types V1 and V2. A clone has its template's type, so a rule may use only the features
//! of that type.

use serde_json::Value;

use crate::domain::clone::declaration::Declaration;
use crate::domain::clone::overrides::ExecutionMode;
use crate::domain::fault::{Fault, Reason};
use crate::domain::rules::rule::{Rule, Start};

/// The billing of V1 and V2, for an error message (CodePipeline pricing).
const PRICES: &str = "make the template V2, which is billed by action minute while V1 costs by the month and nothing in its first 30 days, or leave it out of the rule";

/// Refuses a rule that uses a feature of V2 with a V1 template (user guide, "Pipeline types"): the
/// feature would turn the clone into a V2 pipeline, which is billed differently.
pub(super) fn check(template: &Declaration, rule: &Rule) -> Result<(), Fault> {
    let overrides = &rule.overrides;
    let fault = |detail: String| Err(Fault::new(Reason::RuleTemplateMismatch, detail));
    if !template.is_v2() {
        let v2_feature = match (overrides.execution_mode, rule.start) {
            (Some(mode @ (ExecutionMode::Queued | ExecutionMode::Parallel)), _) => {
                Some(format!("execution_mode = \"{}\"", mode.as_str()))
            }
            (_, Start::Commit) => Some("start = \"commit\"".to_owned()),
            _ if !overrides.variables.is_empty() => Some("variables".to_owned()),
            (Some(ExecutionMode::Superseded) | None, Start::Auto | Start::Head | Start::Push) => {
                None
            }
        };
        if let Some(feature) = v2_feature {
            return fault(format!(
                "{feature} of rule '{}' is known to V2 pipelines only, and template '{}' is V1: {PRICES}",
                rule.name,
                template.name()
            ));
        }
    }
    if overrides.execution_mode == Some(ExecutionMode::Parallel) && template.rolls_back() {
        return fault(format!(
            "template '{}' has a stage or a condition that rolls back, which execution_mode = \"PARALLEL\" of rule '{}' does not support",
            template.name(),
            rule.name
        ));
    }
    Ok(())
}

/// Returns true if branchline names the commit of the executions that it starts.
pub(super) fn pins_commit(template: &Declaration, start: Start) -> bool {
    match start {
        Start::Auto => template.is_v2(),
        Start::Commit => true,
        Start::Head | Start::Push => false,
    }
}

/// Sets the execution mode. V1 pipelines have only one mode and no such field.
pub(super) fn set_mode(clone: &mut Declaration, mode: Option<ExecutionMode>) {
    if let Some(mode) = mode.filter(|_| clone.is_v2()) {
        clone
            .0
            .insert("executionMode".to_owned(), Value::from(mode.as_str()));
    }
}
