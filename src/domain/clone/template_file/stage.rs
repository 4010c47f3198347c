//! The stages of a file that its clone has: those that build are checked action by action, and
//! those that change something outside must be the template's own.

use serde_json::{Map, Value};

use crate::domain::clone::declaration::Declaration;
use crate::domain::clone::template_file::TemplateFile;
use crate::domain::clone::template_file::action;
use crate::domain::clone::template_file::allowed::Allowed;
use crate::domain::clone::template_file::document::{OnFailure, Stage};
use crate::domain::clone::template_file::equal::is_equal;
use crate::domain::clone::template_file::limits::Mistakes;

impl TemplateFile {
    /// Checks the stages that the rule keeps, and gives their actions what they have of the
    /// template.
    pub(super) fn check_stages(
        &self,
        allowed: &Allowed<'_>,
        selected: &Declaration,
        declaration: &mut Declaration,
        mistakes: &mut Mistakes,
    ) {
        let building = selected.building_stages();
        for (place, stage) in self.pipeline.stages.iter().enumerate().skip(1) {
            if !building.contains(&stage.name.as_str()) {
                continue;
            }
            let path = format!("{}stages[{place}]", self.prefix);
            check_conditions(&path, stage, allowed, mistakes);
            for (place, action) in stage.actions.iter().enumerate() {
                let path = format!("{path}.actions[{place}]");
                let mut kept = selected.actions();
                if kept.any(|kept| kept.stage == stage.name && kept.name == action.name) {
                    action::check(&path, &stage.name, action, allowed, mistakes, declaration);
                }
            }
        }
        self.check_acting_stages(building.len(), allowed, selected, mistakes);
    }

    /// Requires that the stages from the first one that changes something outside are those of the
    /// template's clone, in their order: an approval before a deployment cannot be left out. All of
    /// them may be.
    fn check_acting_stages(
        &self,
        building: usize,
        allowed: &Allowed<'_>,
        selected: &Declaration,
        mistakes: &mut Mistakes,
    ) {
        let Some((_, why)) = selected.first_side_effect() else {
            return;
        };
        let acting: Vec<&str> = selected.stages().skip(building).collect();
        let own = allowed.acting_stages();
        let is_own = |(name, own): (&&str, &&str)| {
            let stage =
                |declaration: Option<&Map<String, Value>>| declaration.cloned().map(Value::Object);
            let (one, two) = (stage(selected.stage(name)), stage(allowed.stage(own)));
            one.zip(two).is_some_and(|(one, two)| is_equal(&one, &two))
        };
        let same = acting
            .iter()
            .zip(&own)
            .take_while(|pair| is_own(*pair))
            .count();
        if same == acting.len() && same == own.len() {
            return;
        }
        let wrong = acting
            .get(same)
            .or(acting.last())
            .copied()
            .unwrap_or_default();
        let mut stages = self.pipeline.stages.iter();
        let place = stages
            .position(|stage| stage.name == wrong)
            .unwrap_or_default();
        let template = allowed.template();
        let what = match own.as_slice() {
            [] => format!(
                "{why} changes something outside the pipeline, which no stage of a clone of template '{template}' does under rule '{}': remove it",
                allowed.rule.name
            ),
            [..] => format!(
                "{why} changes something outside the pipeline, and so the stages from there on must be those of template '{template}' ({}): copy them from there, or remove them",
                own.join(", ")
            ),
        };
        mistakes.note(&format!("{}stages[{place}]", self.prefix), &what);
    }
}

/// What a file may choose for a stage that fails (API reference, `FailureConditions.result`). A
/// rollback would run an earlier execution again, as that of another commit.
const RESULTS: [&str; 2] = ["FAIL", "RETRY"];

/// Refuses conditions and blockers that the template's stage of that name does not have. A stage
/// may choose what happens when it fails.
fn check_conditions(path: &str, stage: &Stage, allowed: &Allowed<'_>, mistakes: &mut Mistakes) {
    let Ok(Value::Object(whole)) = serde_json::to_value(stage) else {
        return;
    };
    let own = allowed.same_stage(&stage.name);
    let failure = stage.on_failure.as_ref();
    let is_plain = |failure: &OnFailure| {
        let result = failure.result.as_deref();
        failure.conditions.is_empty() && result.is_none_or(|result| RESULTS.contains(&result))
    };
    let is_chosen = failure.is_none_or(is_plain) && allowed.is_v2();
    for key in ["blockers", "beforeEntry", "onSuccess", "onFailure"] {
        let Some(value) = whole.get(key) else {
            continue;
        };
        let same = own.and_then(|own| own.get(key)).unwrap_or(&Value::Null);
        let is_fine = is_equal(value, same) || (key == "onFailure" && is_chosen);
        if !is_fine {
            let more = match key == "onFailure" && allowed.is_v2() {
                true => ", write the result FAIL or RETRY without conditions",
                false => "",
            };
            let what = format!(
                "is not that of stage '{}' in template '{}': copy it from there{more}, or remove it",
                stage.name,
                allowed.template()
            );
            mistakes.note(&format!("{path}.{key}"), &what);
        }
    }
}
