//! What a file may declare: what a clone of the template has anyway, and what the rule lists.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::domain::clone::declaration::{Action, Declaration};
use crate::domain::clone::overrides::BUILD_ROLE;
use crate::domain::clone::side_effects::PROJECT;
use crate::domain::clone::template_file::equal::is_equal;
use crate::domain::rules::rule::Rule;
use crate::domain::rules::template_file::{FileAction, TemplateFileRule};

/// What a file may declare.
pub(super) struct Allowed<'a> {
    pub(super) rule: &'a Rule,
    file: &'a TemplateFileRule,
    template: &'a Declaration,
    /// The clone of the template as the rule makes it without a file.
    clone: &'a Declaration,
    /// The stages of that clone before the first one that changes something outside.
    building: Vec<&'a str>,
}

/// Where a build runs, and with which roles. Only the project's name is for the file to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target<'a> {
    pub(super) project: &'a str,
    /// The role of the action, which decides about the account.
    pub(super) role: Option<&'a str>,
    pub(super) region: Option<&'a str>,
    /// The role that runs the buildspec instead of the project's.
    pub(super) build_role: Option<&'a str>,
}

impl<'a> Target<'a> {
    pub(super) fn of(action: &Action<'a>) -> Option<Self> {
        let project = action
            .configured(PROJECT)
            .filter(|_| action.runs_build_project())?;
        Some(Self {
            project,
            role: action.role(),
            region: action.region(),
            build_role: action.configured(BUILD_ROLE),
        })
    }
}

impl<'a> Allowed<'a> {
    pub(super) fn new(
        rule: &'a Rule,
        file: &'a TemplateFileRule,
        template: &'a Declaration,
        clone: &'a Declaration,
    ) -> Self {
        let building = clone.building_stages();
        Self {
            rule,
            file,
            template,
            clone,
            building,
        }
    }

    /// Returns the template's name.
    pub(super) fn template(&self) -> &'a str {
        self.template.name()
    }

    /// Returns true if a file may declare actions of a type.
    pub(super) fn has(&self, action: FileAction) -> bool {
        self.file.actions.contains(&action)
    }

    /// Returns the types of actions that a file may declare, in words.
    pub(super) fn types(&self) -> String {
        let types = self.file.actions.iter().map(|action| action.as_str());
        types.collect::<Vec<_>>().join(", ")
    }

    /// Returns true for a template of type V2.
    pub(super) fn is_v2(&self) -> bool {
        self.template.is_v2()
    }

    /// Returns the action of the template's clone of this stage and name, if its stage only builds.
    pub(super) fn same(&self, stage: &str, name: &str) -> Option<Action<'a>> {
        let mut actions = self.building_actions();
        actions.find(|action| action.stage == stage && action.name == name)
    }

    /// Returns the stage of the template's clone of this name, if it only builds.
    pub(super) fn same_stage(&self, name: &str) -> Option<&'a Map<String, Value>> {
        let name = self.building.iter().find(|stage| **stage == name)?;
        self.clone.stage(name)
    }

    /// Returns the stages of the template's clone from the first one that changes something
    /// outside.
    pub(super) fn acting_stages(&self) -> Vec<&'a str> {
        self.clone.stages().skip(self.building.len()).collect()
    }

    /// Returns a stage of the template's clone.
    pub(super) fn stage(&self, name: &str) -> Option<&'a Map<String, Value>> {
        self.clone.stage(name)
    }

    /// Returns the actions of the template's clone that only build.
    pub(super) fn building_actions(&self) -> impl Iterator<Item = Action<'a>> {
        let actions = self.clone.actions();
        actions.filter(|action| self.building.contains(&action.stage))
    }

    /// Returns the actions that fetch the sources of every clone.
    pub(super) fn sources(&self) -> impl Iterator<Item = Action<'a>> {
        let actions = self.clone.actions();
        actions.filter(|action| action.category == "Source")
    }

    /// Writes the stages and actions that are equal to the template's as the template has them:
    /// CodePipeline prints empty lists, which must not make another clone.
    pub(super) fn restore(&self, declaration: &mut Declaration) {
        for name in self.clone.stages() {
            let Some((declared, own)) = declaration.stage_mut(name).zip(self.stage(name)) else {
                continue;
            };
            if is_equal(
                &Value::Object(declared.clone()),
                &Value::Object(own.clone()),
            ) {
                declared.clone_from(own);
            }
        }
        for own in self.clone.actions() {
            let Some(declared) = declaration.action_mut(&own.path()) else {
                continue;
            };
            let (one, two) = (Value::Object(declared.clone()), own.whole());
            if let Some(fields) = two.as_object().filter(|_| is_equal(&one, two)) {
                declared.clone_from(fields);
            }
        }
    }

    /// Returns the different targets of a project that a file may run.
    pub(super) fn targets<'b>(&'b self, project: &'b str) -> BTreeSet<Target<'b>> {
        let is_it = |target: &Target<'_>| target.project == project;
        let built = self.building_actions();
        let built: BTreeSet<Target<'_>> = built
            .filter_map(|one| Target::of(&one))
            .filter(is_it)
            .collect();
        let Some(listed) = &self.file.projects else {
            return match self.acts(project) {
                true => BTreeSet::new(),
                false => built,
            };
        };
        if !listed.contains(project) {
            return BTreeSet::new();
        }
        if !built.is_empty() {
            return built;
        }
        let all = self.template.actions();
        let mut all: BTreeSet<Target<'_>> = all
            .filter_map(|one| Target::of(&one))
            .filter(is_it)
            .collect();
        if all.is_empty() {
            all.insert(Target {
                project,
                role: None,
                region: None,
                build_role: None,
            });
        }
        all
    }

    /// Returns the projects that a file may run, in words.
    pub(super) fn projects(&self) -> String {
        let names: BTreeSet<&str> = match &self.file.projects {
            Some(listed) => listed.iter().map(String::as_str).collect(),
            None => {
                let built = self.building_actions();
                let built = built.filter_map(|action| Some(Target::of(&action)?.project));
                built.filter(|project| !self.acts(project)).collect()
            }
        };
        match names.is_empty() {
            true => "none".to_owned(),
            false => names.into_iter().collect::<Vec<_>>().join(", "),
        }
    }

    /// Returns true if the template changes something outside with a project: the project does what
    /// its environment variables say, which a file could copy.
    fn acts(&self, project: &str) -> bool {
        let mut actions = self.template.actions().filter(Action::has_side_effect);
        let mut rules = self
            .template
            .rules()
            .filter(|rule| rule.runs_build_project());
        actions.any(|action| action.configured(PROJECT) == Some(project))
            || rules.any(|rule| {
                let configured = rule.configuration().and_then(|keys| keys.get(PROJECT));
                configured.and_then(Value::as_str) == Some(project)
            })
    }
}
