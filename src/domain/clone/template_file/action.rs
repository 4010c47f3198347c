//! The actions of a file that only build and test.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::clone::declaration::{Action, ActionPath, Declaration};
use crate::domain::clone::notes::environment_of;
use crate::domain::clone::overrides::{BUILD_ROLE, BUILDSPEC, buildspec_path};
use crate::domain::clone::side_effects::PROJECT;
use crate::domain::clone::template_file::allowed::{Allowed, Target};
use crate::domain::clone::template_file::document::{self, EnvironmentVariable};
use crate::domain::clone::template_file::equal::is_equal;
use crate::domain::clone::template_file::limits::Mistakes;
use crate::domain::rules::template_file::FileAction;

/// The configuration keys of a CodeBuild action that a file may set. `BatchEnabled` is none of
/// them: the buildspec of a batch chooses image, compute type and privileged mode.
const BUILD_KEYS: [&str; 4] = [PROJECT, "PrimarySource", ENVIRONMENT_VARIABLES, BUILDSPEC];
/// Those of a Commands action.
const COMMANDS_KEYS: [&str; 2] = ["ComputeType", "EnvironmentType"];
/// The configuration key of a CodeBuild action's environment variables, as JSON.
const ENVIRONMENT_VARIABLES: &str = "EnvironmentVariables";
/// The type of an environment variable whose value is in the declaration.
const PLAINTEXT: &str = "PLAINTEXT";

/// An action that is being checked.
struct Check<'a> {
    path: &'a str,
    action: &'a document::Action,
    /// The template's action of this stage, name and type.
    same: Option<Action<'a>>,
    allowed: &'a Allowed<'a>,
    mistakes: &'a mut Mistakes,
}

/// Checks an action, and writes into the declaration what it has of the template. An action that is
/// the template's own needs neither.
pub(super) fn check(
    path: &str,
    stage: &str,
    action: &document::Action,
    allowed: &Allowed<'_>,
    mistakes: &mut Mistakes,
    declaration: &mut Declaration,
) {
    let same = allowed.same(stage, &action.name);
    let whole = serde_json::to_value(action).unwrap_or_default();
    if same
        .as_ref()
        .is_some_and(|same| is_equal(same.whole(), &whole))
    {
        return;
    }
    let is_type = |same: &Action<'_>| {
        let kind = &action.action_type_id;
        same.category == kind.category && same.provider == kind.provider
    };
    let check = Check {
        path,
        action,
        same: same.filter(is_type),
        allowed,
        mistakes,
    };
    let at = ActionPath {
        stage: stage.to_owned(),
        action: action.name.clone(),
    };
    let made = check
        .made()
        .and_then(|made| serde_json::to_value(made).ok());
    if let (Some(Value::Object(made)), Some(declared)) = (made, declaration.action_mut(&at)) {
        *declared = made;
    }
}

impl Check<'_> {
    /// Returns the action of the clone; `None` if the file has a mistake.
    fn made(mut self) -> Option<document::Action> {
        self.names();
        match self.kind()? {
            FileAction::Build | FileAction::Test => self.build(),
            FileAction::Commands => Some(self.commands()),
        }
    }

    fn note(&mut self, field: &str, what: &str) {
        self.mistakes.note(&format!("{}.{field}", self.path), what);
    }

    /// Refuses the names of what the source of every clone makes.
    fn names(&mut self) {
        let allowed = self.allowed;
        let mut sources = allowed.sources();
        let namespace = self.action.namespace.as_deref();
        if namespace.is_some() && sources.any(|source| source.namespace == namespace) {
            let what = "is that of a source action of the template: choose another name";
            self.note("namespace", what);
        }
        for (place, artifact) in self.action.output_artifacts.iter().enumerate() {
            let mut outputs = allowed.sources().flat_map(|source| source.outputs());
            if outputs.any(|output| output == artifact.name) {
                let field = format!("outputArtifacts[{place}].name");
                let what = "is that of a source action of the template: choose another name";
                self.note(&field, what);
            }
        }
    }

    fn kind(&mut self) -> Option<FileAction> {
        let kind = &self.action.action_type_id;
        let word = format!("{}/{}", kind.category, kind.provider);
        let is_plain = kind.owner == "AWS" && kind.version == "1";
        let found = FileAction::ALL.into_iter().find(|one| one.as_str() == word);
        let found = found.filter(|one| is_plain && self.allowed.has(*one));
        if found.is_none() {
            let what = format!(
                "rule '{}' does not let the file declare an action of type {word} (owner {}, version {}), only {} (owner AWS, version 1): remove the action, or set actions in the template of the rule",
                self.allowed.rule.name,
                kind.owner,
                kind.version,
                self.allowed.types()
            );
            self.note("actionTypeId", &what);
        }
        if found == Some(FileAction::Commands) && !self.allowed.is_v2() {
            let what = format!(
                "Commands is known to V2 pipelines only, and template '{}' is V1: remove the action",
                self.allowed.template()
            );
            self.note("actionTypeId", &what);
        }
        found
    }

    fn build(&mut self) -> Option<document::Action> {
        let action = self.action;
        let of_commands = [
            ("commands", !action.commands.is_empty()),
            (
                "environmentVariables",
                !action.environment_variables.is_empty(),
            ),
            ("outputVariables", !action.output_variables.is_empty()),
            (
                "outputArtifacts",
                action
                    .output_artifacts
                    .iter()
                    .any(|one| !one.files.is_empty()),
            ),
        ];
        for (field, _) in of_commands.into_iter().filter(|(_, is_there)| *is_there) {
            let what = match field {
                "outputArtifacts" => "only a Commands action has files: remove them",
                _ => "only a Commands action has it: remove it",
            };
            self.note(field, what);
        }
        let mut made = action.clone();
        for (key, value) in &action.configuration {
            match key.as_str() {
                BUILD_ROLE => {}
                ENVIRONMENT_VARIABLES => {
                    let environment = self.build_environment(value)?;
                    made.configuration.insert(key.clone(), environment);
                }
                BUILDSPEC => self.buildspec(value),
                key if BUILD_KEYS.contains(&key) => {}
                _ => self.only_same(key, value, &BUILD_KEYS),
            }
        }
        let allowed = self.allowed;
        let project = action
            .configuration
            .get(PROJECT)
            .map(String::as_str)
            .unwrap_or_default();
        let targets = allowed.targets(project);
        let target = self.target(project, &targets)?;
        made.role_arn = target.role.map(str::to_owned);
        made.region = target.region.map(str::to_owned);
        made.configuration.remove(BUILD_ROLE);
        if let Some(role) = target.build_role {
            made.configuration
                .insert(BUILD_ROLE.to_owned(), role.to_owned());
        }
        Some(made)
    }

    /// Returns where the project runs, and with which roles.
    fn target<'b>(&mut self, project: &str, targets: &BTreeSet<Target<'b>>) -> Option<Target<'b>> {
        let action = self.action;
        if targets.is_empty() {
            let what = format!(
                "rule '{}' does not let the file run project '{project}', only {}: use one of these, or set projects in the template of the rule",
                self.allowed.rule.name,
                self.allowed.projects()
            );
            self.note(&format!("configuration.{PROJECT}"), &what);
            return None;
        }
        let build_role = action.configuration.get(BUILD_ROLE).map(String::as_str);
        let said = [
            action.role_arn.as_deref(),
            action.region.as_deref(),
            build_role,
        ];
        let agrees = |target: &&Target<'b>| {
            let has = [target.role, target.region, target.build_role];
            said.iter()
                .zip(has)
                .all(|(said, has)| said.is_none() || *said == has)
        };
        let agreeing: Vec<Target<'b>> = targets.iter().filter(agrees).copied().collect();
        let own = self.same.as_ref().and_then(Target::of);
        let own = agreeing.iter().find(|target| Some(**target) == own);
        match (own, agreeing.as_slice()) {
            (Some(target), _) | (None, [target]) => return Some(*target),
            (None, []) => {
                let what = format!(
                    "roleArn, region and {BUILD_ROLE} are not those with which template '{}' runs project '{project}': remove them",
                    self.allowed.template()
                );
                self.mistakes.note(self.path, &what);
            }
            (None, [..]) => {
                let what = format!(
                    "template '{}' runs project '{project}' with several roles or in several Regions: name the stage and the action as it does",
                    self.allowed.template()
                );
                self.note(&format!("configuration.{PROJECT}"), &what);
            }
        }
        None
    }

    fn commands(&mut self) -> document::Action {
        let action = self.action;
        if action.commands.is_empty() {
            self.note("commands", "missing: a Commands action needs one");
        }
        for (key, value) in &action.configuration {
            if !COMMANDS_KEYS.contains(&key.as_str()) {
                self.only_same(key, value, &COMMANDS_KEYS);
            }
        }
        let has_role = self.allowed.rule.overrides.roles.pipeline.is_some();
        let same = self.same.as_ref();
        if !has_role && same.and_then(Action::role).is_none() {
            let what = format!(
                "Commands run with the role of the pipeline, and rule '{}' has no role_arn for that: remove the action, or set role_arn in the rule",
                self.allowed.rule.name
            );
            self.mistakes
                .note(&format!("{}.actionTypeId", self.path), &what);
        }
        let (role, region) = (same.and_then(Action::role), same.and_then(Action::region));
        let said = [
            ("roleArn", action.role_arn.as_deref(), role),
            ("region", action.region.as_deref(), region),
        ];
        let made = document::Action {
            role_arn: role.map(str::to_owned),
            region: region.map(str::to_owned),
            ..action.clone()
        };
        for (field, said, has) in said {
            if said.is_some() && said != has {
                let what = format!(
                    "is not that of the same action in template '{}': remove it",
                    self.allowed.template()
                );
                self.note(field, &what);
            }
        }
        for (place, variable) in action.environment_variables.iter().enumerate() {
            self.variable(&format!("environmentVariables[{place}]"), variable);
        }
        made
    }

    /// Refuses a value that the template's action does not have.
    fn only_same(&mut self, key: &str, value: &str, free: &[&str]) {
        let same = self.same.as_ref().and_then(|same| same.configured(key));
        if same != Some(value) {
            let what = format!(
                "is not that of the same action in template '{}', and the file may set only {} here: remove it",
                self.allowed.template(),
                free.join(", ")
            );
            self.note(&format!("configuration.{key}"), &what);
        }
    }

    fn buildspec(&mut self, value: &str) {
        let same = self
            .same
            .as_ref()
            .and_then(|same| same.configured(BUILDSPEC));
        if let Err(what) = buildspec_path(value.to_owned())
            && same != Some(value)
        {
            self.note(&format!("configuration.{BUILDSPEC}"), what);
        }
    }

    /// Returns the environment variables of a CodeBuild action, written anew: CodePipeline must not
    /// read the text in another way than branchline does.
    fn build_environment(&mut self, text: &str) -> Option<String> {
        let field = format!("configuration.{ENVIRONMENT_VARIABLES}");
        let read: Result<Vec<EnvironmentVariable>, _> = serde_json::from_str(text);
        let Ok(variables) = read else {
            let what = "not a JSON list of { \"name\": ..., \"value\": ..., \"type\": ... }";
            self.note(&field, what);
            return None;
        };
        for (place, variable) in variables.iter().enumerate() {
            let field = format!("{field}[{place}]");
            self.variable(&field, variable);
            self.inserted(&field, variable);
        }
        serde_json::to_string(&variables).ok()
    }

    /// Refuses a reference to a secret that the template does not give to the same project, or to
    /// commands.
    fn variable(&mut self, field: &str, variable: &EnvironmentVariable) {
        let Some(kind) = variable.kind.as_deref().filter(|kind| *kind != PLAINTEXT) else {
            return;
        };
        let is_it = |given: &Value| {
            text_of(given, "type") == Some(kind) && text_of(given, "value") == Some(&variable.value)
        };
        if !self.is_given(is_it) {
            let what = format!(
                "is a secret of type {kind} that template '{}' does not give to this project: use a PLAINTEXT value, or remove it",
                self.allowed.template()
            );
            self.note(field, &what);
        }
    }

    /// Refuses a text that CodePipeline inserts into the JSON, in which it could add a secret.
    fn inserted(&mut self, field: &str, variable: &EnvironmentVariable) {
        let texts = [&variable.name, &variable.value];
        let Some(written) = texts.iter().find_map(|text| self.allowed.written(text)) else {
            return;
        };
        let is_it = |given: &Value| {
            text_of(given, "name") == Some(&variable.name)
                && text_of(given, "value") == Some(&variable.value)
        };
        if !self.is_given(is_it) {
            let what = format!(
                "{written} has text that people or builds write, which CodePipeline does not escape in JSON: use a variable of the rule, or remove it"
            );
            self.note(field, &what);
        }
    }

    /// Returns true if the template gives such an environment variable to the same project, or to
    /// commands.
    fn is_given(&self, is_it: impl Fn(&Value) -> bool) -> bool {
        let configuration = &self.action.configuration;
        let is_alike = |one: &Action<'_>| {
            one.provider == self.action.action_type_id.provider
                && one.configured(PROJECT) == configuration.get(PROJECT).map(String::as_str)
        };
        let alike = self.allowed.building_actions().filter(is_alike);
        let mut given = alike.flat_map(|action| environment_of(&action));
        given.any(|one| is_it(&one))
    }
}

fn text_of<'a>(variable: &'a Value, key: &str) -> Option<&'a str> {
    variable.get(key).and_then(Value::as_str)
}
