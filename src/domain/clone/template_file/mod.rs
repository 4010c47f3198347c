//! The file of a repository that declares the pipeline of its clones, in the form of `aws
//! codepipeline get-pipeline`.
//!
//! The file says what is built and tested. The rule's template says where, with which roles, and
//! from which source: a clone has those of the template whatever the file says. Stages that change
//! something outside the pipeline are the template's own, or are left out.

mod action;
mod allowed;
mod document;
mod equal;
mod inserted;
mod limits;
mod source;
mod stage;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::domain::clone::Template;
use crate::domain::clone::declaration::{ActionPath, Declaration};
use crate::domain::clone::file::{FileContent, Origin};
use crate::domain::clone::overrides::StageSelection;
use crate::domain::clone::template_file::allowed::Allowed;
use crate::domain::clone::template_file::document::{Pipeline, Variable};
use crate::domain::clone::template_file::equal::is_equal;
use crate::domain::clone::template_file::limits::Mistakes;
use crate::domain::fault::Fault;
use crate::domain::ids::CommitId;
use crate::domain::rules::placeholder::FormatString;
use crate::domain::rules::rule::Rule;
use crate::domain::rules::template_file::TemplateFileRule;

/// A declaration from a repository.
#[derive(Clone, Debug)]
pub struct TemplateFile {
    origin: Origin,
    rule: TemplateFileRule,
    pipeline: Pipeline,
    /// The path of the declaration in the file.
    prefix: &'static str,
}

impl TemplateFile {
    /// Reads what a commit has under the path of the file; `None` if it has nothing there.
    ///
    /// # Errors
    /// `repository-file-invalid` with the first mistakes, each with its line and column, or with
    /// its path in the file.
    pub fn read(
        content: &FileContent,
        commit: Option<&CommitId>,
        rule: &TemplateFileRule,
    ) -> Result<Option<Self>, Fault> {
        let origin = Origin::new(&rule.path, commit, rule.from);
        let Some(text) = origin.text(content)? else {
            return Ok(None);
        };
        let (pipeline, is_output) = document::read(text).map_err(|why| origin.invalid(&why))?;
        let prefix = if is_output { "pipeline." } else { "" };
        origin.refuse(limits::check(&pipeline, prefix).0)?;
        Ok(Some(Self {
            origin,
            rule: rule.clone(),
            pipeline,
            prefix,
        }))
    }

    /// Returns the template with the stages and the variables of the file, and the rule for it,
    /// which keeps exactly the stages that were checked.
    ///
    /// # Errors
    /// The fault of a rule that does not fit its template, and `repository-file-invalid` for a file
    /// that declares what the rule does not allow.
    pub(super) fn apply(
        &self,
        template: &Template,
        rule: &Rule,
    ) -> Result<(Template, Rule), Fault> {
        let own = rule.overrides.select(&template.declaration)?;
        let allowed = Allowed::new(rule, &self.rule, &template.declaration, &own);
        let mut mistakes = Mistakes::default();
        let mut declaration = self.declared(&template.declaration, &mut mistakes);
        self.origin.refuse(std::mem::take(&mut mistakes).0)?;
        let mut rule = rule.clone();
        rule.overrides.forget_absent(&declaration);
        let selected = rule.overrides.select(&declaration);
        let selected = selected.map_err(|fault| self.origin.blamed(fault))?;
        self.check_named(&rule, &own, &selected, &mut mistakes);
        self.check_stages(&allowed, &selected, &mut declaration, &mut mistakes);
        self.origin.refuse(mistakes.0)?;
        allowed.restore(&mut declaration);
        rule.overrides.drop_stages.clear();
        rule.overrides.stages =
            StageSelection::Named(selected.stages().map(str::to_owned).collect());
        let template = Template {
            declaration,
            ..template.clone()
        };
        Ok((template, rule))
    }

    /// Returns the template with what the file declares, unchecked except for its source.
    fn declared(&self, template: &Declaration, mistakes: &mut Mistakes) -> Declaration {
        self.check_sources(template, mistakes);
        self.check_type(template, mistakes);
        let mut declaration = template.clone();
        let source = template.0.get("stages").and_then(|stages| stages.get(0));
        let others = self.pipeline.stages.iter().skip(1);
        let others = others.filter_map(|stage| serde_json::to_value(stage).ok());
        let stages: Vec<Value> = source.cloned().into_iter().chain(others).collect();
        declaration
            .0
            .insert("stages".to_owned(), Value::Array(stages));
        let added = self.added_variables(template, mistakes);
        if !added.is_empty() {
            let variables = declaration
                .0
                .entry("variables")
                .or_insert_with(|| json!([]));
            if let Some(variables) = variables.as_array_mut() {
                variables.extend(added);
            }
        }
        declaration
    }

    /// Refuses a file that leaves out an action for which the rule has settings.
    fn check_named(
        &self,
        rule: &Rule,
        own: &Declaration,
        selected: &Declaration,
        mistakes: &mut Mistakes,
    ) {
        let overrides = &rule.overrides;
        let build = overrides.build.actions.iter().map(|(path, _)| path);
        let configured = overrides.configuration.iter().map(|one| &one.action);
        let secret = overrides.secrets.iter().map(|(path, _, _)| path);
        let named: BTreeSet<&ActionPath> = build.chain(configured).chain(secret).collect();
        let has = |declaration: &Declaration, path: &ActionPath| {
            declaration.actions().any(|action| action.path() == *path)
        };
        for path in named {
            if has(own, path) && !has(selected, path) {
                let what = format!(
                    "has no action '{path}', for which rule '{}' has settings: keep it under this name",
                    rule.name
                );
                mistakes.note(&format!("{}stages", self.prefix), &what);
            }
        }
    }

    /// Refuses a file that was written for another type of pipeline.
    fn check_type(&self, template: &Declaration, mistakes: &mut Mistakes) {
        let own = if template.is_v2() { "V2" } else { "V1" };
        let declared = self.pipeline.pipeline_type.as_deref().unwrap_or(own);
        if declared != own {
            let what = format!(
                "a clone has the type of template '{}', which is {own}: write {own} here, or remove it",
                template.name()
            );
            mistakes.note(&format!("{}pipelineType", self.prefix), &what);
        }
    }

    /// Returns the variables that the template does not have. Those that it has keep their values:
    /// a stage that deploys may depend on them.
    fn added_variables(&self, template: &Declaration, mistakes: &mut Mistakes) -> Vec<Value> {
        let mut added = Vec::new();
        for (place, variable) in self.pipeline.variables.iter().enumerate() {
            let path = format!("{}variables[{place}]", self.prefix);
            let listed = template.0.get("variables").and_then(Value::as_array);
            let is_it =
                |own: &&Value| own.get("name").and_then(Value::as_str) == Some(&variable.name);
            let own = listed.into_iter().flatten().find(is_it);
            let default = own.map(|own| own.get("defaultValue").and_then(Value::as_str));
            match default {
                None if !template.is_v2() => {
                    let what = format!(
                        "variables are known to V2 pipelines only, and template '{}' is V1: remove it",
                        template.name()
                    );
                    mistakes.note(&path, &what);
                }
                None => {
                    if let Some(problem) = text_problem(variable) {
                        mistakes.note(&format!("{path}.defaultValue"), &problem);
                    }
                    added.extend(serde_json::to_value(variable).ok());
                }
                Some(default) if default == variable.default_value.as_deref() => {}
                Some(_) => {
                    let what = format!(
                        "'{}' is a variable of template '{}', whose value the file cannot change: remove it, or use another name",
                        variable.name,
                        template.name()
                    );
                    mistakes.note(&format!("{path}.defaultValue"), &what);
                }
            }
        }
        added
    }

    /// Returns one sentence for each field of the file that has no effect and differs from the
    /// template's.
    pub(super) fn warnings(&self, template: &Declaration) -> Vec<String> {
        let pipeline = &self.pipeline;
        let replaced = [
            ("roleArn", &pipeline.role_arn),
            ("artifactStore", &pipeline.artifact_store),
            ("artifactStores", &pipeline.artifact_stores),
            ("executionMode", &pipeline.execution_mode),
            ("triggers", &pipeline.triggers),
        ];
        let differs = |(key, value): &(&str, &Option<Value>)| {
            let own = template.0.get(*key).unwrap_or(&Value::Null);
            value.as_ref().is_some_and(|value| !is_equal(value, own))
        };
        let differing = replaced.into_iter().filter(differs);
        let warning = |(key, _)| {
            format!(
                "{key} in {} has no effect: a clone has that of template '{}' or of the rule",
                self.origin,
                template.name()
            )
        };
        differing.map(warning).collect()
    }

    /// Returns the fault of a clone that is refused only because of the file.
    pub(super) fn blamed(&self, fault: Fault) -> Fault {
        self.origin.blamed(fault)
    }
}

/// Returns why the value of a variable could be read as code, as in the file that changes a clone.
fn text_problem(variable: &Variable) -> Option<String> {
    let value = variable.default_value.as_deref()?;
    // A brace begins no placeholder here.
    let value = value.replace('{', "{{").replace('}', "}}");
    let format = FormatString::parse(&value).ok()?;
    Some(format.literal_problem()?.replace(
        "use environment",
        "use the environment variables of an action",
    ))
}

#[cfg(test)]
mod tests;
