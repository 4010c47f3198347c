//! The stages that a clone keeps. A pull request is code of a stranger, so by default the clone
//! ends before the first stage that changes something outside the pipeline.

use crate::domain::clone::declaration::Declaration;
use crate::domain::fault::{Fault, Reason};

/// The stages of the template that a clone keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StageSelection {
    /// Those before the first stage that changes something outside the pipeline.
    #[default]
    Safe,
    /// All of them, and those that the template gains later.
    All,
    /// Those of these names.
    Named(Vec<String>),
}

impl StageSelection {
    /// Returns the names of the stages that the rule names.
    pub(super) fn names(&self) -> &[String] {
        match self {
            Self::Safe | Self::All => &[],
            Self::Named(stages) => stages,
        }
    }

    /// Refuses a clone that would deploy the stack of its template, unless the rule names the
    /// stage.
    pub(super) fn refuse_self_mutation(
        &self,
        clone: &Declaration,
        template: &Declaration,
    ) -> Result<(), Fault> {
        let named = |stage: &str| self.names().iter().any(|name| name == stage);
        let found = clone.self_mutating().find(|(stage, _)| !named(stage));
        let Some((mutating, place)) = found else {
            return Ok(());
        };
        let deploys = template.first_side_effect().map(|(stage, _)| stage);
        let before = template
            .stages()
            .take_while(|stage| *stage != mutating && Some(*stage) != deploys);
        let before: Vec<&str> = before.collect();
        let keep = match before.as_slice() {
            [] | [_] => format!("write drop_stages = [\"{mutating}\"] in the rule"),
            [..] => format!(
                "write keep_stages = {} in the rule",
                toml_list(before.into_iter())
            ),
        };
        let detail = format!(
            "{place} of template '{}' has the name of one that deploys the stack of its own pipeline, so a clone would deploy a pull request over the template: {keep}, or name '{mutating}' in keep_stages to run it",
            clone.name(),
        );
        Err(Fault::new(Reason::UnsafeClone, detail))
    }
}

/// The fewest stages of a pipeline (CodePipeline user guide, "Quotas").
pub(crate) const MIN_STAGES: usize = 2;

/// Removes the first stage that changes something outside the pipeline, and those after it.
pub(super) fn leave_out_side_effects(clone: &mut Declaration) -> Result<(), Fault> {
    let Some((stage, why)) = clone.first_side_effect() else {
        return Ok(());
    };
    let safe = clone.stages().take_while(|name| *name != stage);
    let safe: Vec<String> = safe.map(str::to_owned).collect();
    if let [] | [_] = safe.as_slice() {
        let left = safe
            .first()
            .map_or_else(|| "no stage".to_owned(), |stage| format!("only {stage}"));
        let kept = clone.stages().take((safe.len() + 1).max(MIN_STAGES));
        let detail = format!(
            "stage '{stage}' of template '{}' is left out because its {why} changes something outside the pipeline, which leaves {left}, and a pipeline needs two stages: to run it with the code of pull requests, write keep_stages = {} in the rule",
            clone.name(),
            toml_list(kept)
        );
        return Err(Fault::new(Reason::UnsafeClone, detail));
    }
    clone.retain_stages(|name| safe.iter().any(|kept| kept == name));
    Ok(())
}

/// Returns names as a list for the configuration.
fn toml_list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    format!("[{}]", names.join(", "))
}
