//! AWS's limits on what the file declares, checked before AWS is asked (API reference, the types of
//! `PipelineDeclaration`).

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::domain::clone::limits::{
    ACTIONS_OF_A_STAGE, ENVIRONMENT, ENVIRONMENT_VALUE, KEY, STAGES, VALUE, VARIABLES,
};
use crate::domain::clone::overrides::MIN_STAGES;
use crate::domain::clone::references::{CODEPIPELINE, VARIABLES as VARIABLES_NAMESPACE};
use crate::domain::clone::template_file::document::{Action, Artifact, Pipeline, Stage, Variable};
use crate::domain::ids::PipelineName;

/// The namespaces of CodePipeline's own variables and of those of the pipeline (user guide,
/// "Variables reference").
const RESERVED: [&str; 2] = [CODEPIPELINE, VARIABLES_NAMESPACE];

/// The mistakes of a file, each with its path in it.
#[derive(Default)]
pub(super) struct Mistakes(pub(super) Vec<String>);

impl Mistakes {
    pub(super) fn note(&mut self, path: &str, what: &str) {
        self.0.push(format!("{path}: {what}"));
    }

    /// Notes a number that is not in a range.
    fn number(&mut self, path: &str, number: usize, range: RangeInclusive<usize>, what: &str) {
        if !range.contains(&number) {
            let (least, most) = (range.start(), range.end());
            let what = format!("AWS accepts {least} to {most}{what}, not {number}");
            self.note(path, &what);
        }
    }

    /// Notes a text whose length or characters AWS does not accept.
    fn name(&mut self, path: &str, text: &str, limit: usize, more: &str) {
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c) || more.contains(c);
        if !(1..=limit).contains(&text.chars().count()) || !text.chars().all(legal) {
            let more: String = more.chars().flat_map(|c| [' ', c]).collect();
            self.note(
                path,
                &format!("AWS accepts 1 to {limit} of A-Z a-z 0-9 - _{more}"),
            );
        }
    }

    fn length(&mut self, path: &str, text: &str, limit: usize) {
        self.number(path, text.chars().count(), 1..=limit, " characters");
    }

    /// Notes a name that was already taken.
    fn unique<'a>(
        &mut self,
        path: &str,
        name: &'a str,
        taken: &mut BTreeSet<&'a str>,
        other: &str,
    ) {
        if !taken.insert(name) {
            self.note(path, &format!("another {other} has the name '{name}'"));
        }
    }
}

/// What the actions before have declared.
#[derive(Default)]
struct Declared<'a> {
    stages: BTreeSet<&'a str>,
    artifacts: BTreeSet<&'a str>,
    namespaces: BTreeSet<&'a str>,
}

/// Returns what AWS would refuse. `prefix` is the path of the declaration in the file.
pub(super) fn check(pipeline: &Pipeline, prefix: &str) -> Mistakes {
    let mut mistakes = Mistakes::default();
    let stages = &pipeline.stages;
    let path = format!("{prefix}stages");
    mistakes.number(&path, stages.len(), MIN_STAGES..=STAGES, " stages");
    let mut declared = Declared::default();
    for (place, one) in stages.iter().enumerate() {
        stage(
            &mut mistakes,
            &format!("{path}[{place}]"),
            one,
            &mut declared,
        );
    }
    let path = format!("{prefix}variables");
    mistakes.number(&path, pipeline.variables.len(), 0..=VARIABLES, " variables");
    let mut names = BTreeSet::new();
    for (place, one) in pipeline.variables.iter().enumerate() {
        variable(&mut mistakes, &format!("{path}[{place}]"), one);
        let path = format!("{path}[{place}].name");
        mistakes.unique(&path, &one.name, &mut names, "variable");
    }
    mistakes
}

fn variable(mistakes: &mut Mistakes, path: &str, variable: &Variable) {
    mistakes.name(&format!("{path}.name"), &variable.name, 128, "@");
    if let Some(value) = &variable.default_value {
        mistakes.length(&format!("{path}.defaultValue"), value, VALUE);
    }
    let description = variable.description.as_deref().unwrap_or_default();
    let length = description.chars().count();
    let path = format!("{path}.description");
    mistakes.number(&path, length, 0..=200, " characters");
}

fn stage<'a>(mistakes: &mut Mistakes, path: &str, stage: &'a Stage, declared: &mut Declared<'a>) {
    let name = format!("{path}.name");
    mistakes.name(&name, &stage.name, PipelineName::MAX, ".@");
    mistakes.unique(&name, &stage.name, &mut declared.stages, "stage");
    let path = format!("{path}.actions");
    let actions = &stage.actions;
    mistakes.number(&path, actions.len(), 1..=ACTIONS_OF_A_STAGE, " actions");
    let mut names = BTreeSet::new();
    for (place, one) in actions.iter().enumerate() {
        let path = format!("{path}[{place}]");
        mistakes.unique(
            &format!("{path}.name"),
            &one.name,
            &mut names,
            "action of the stage",
        );
        for (place, artifact) in one.output_artifacts.iter().enumerate() {
            let path = format!("{path}.outputArtifacts[{place}].name");
            mistakes.unique(
                &path,
                &artifact.name,
                &mut declared.artifacts,
                "output artifact",
            );
        }
        if let Some(namespace) = &one.namespace {
            let path = format!("{path}.namespace");
            mistakes.unique(&path, namespace, &mut declared.namespaces, "namespace");
        }
        action(mistakes, &path, one);
    }
    // An action takes what an earlier stage made, or an action of its own stage.
    for (place, one) in actions.iter().enumerate() {
        for (input, artifact) in one.input_artifacts.iter().enumerate() {
            if !declared.artifacts.contains(artifact.name.as_str()) {
                let path = format!("{path}[{place}].inputArtifacts[{input}].name");
                let what = format!("no action before makes the artifact '{}'", artifact.name);
                mistakes.note(&path, &what);
            }
        }
    }
}

fn action(mistakes: &mut Mistakes, path: &str, action: &Action) {
    mistakes.name(
        &format!("{path}.name"),
        &action.name,
        PipelineName::MAX,
        ".@",
    );
    if let Some(order) = action.run_order {
        let path = format!("{path}.runOrder");
        mistakes.number(&path, order as usize, 1..=999, "");
    }
    if let Some(minutes) = action.timeout_in_minutes {
        let path = format!("{path}.timeoutInMinutes");
        mistakes.number(&path, minutes as usize, 5..=86_400, " minutes");
    }
    if let Some(namespace) = &action.namespace {
        let path = format!("{path}.namespace");
        mistakes.name(&path, namespace, 100, "@");
        if RESERVED.contains(&namespace.as_str()) {
            mistakes.note(&path, "belongs to CodePipeline: choose another name");
        }
    }
    for (key, value) in &action.configuration {
        let path = format!("{path}.configuration.{key}");
        mistakes.number(&path, key.chars().count(), 1..=KEY, " characters in a key");
        mistakes.length(&path, value, VALUE);
    }
    mistakes.number(
        &format!("{path}.commands"),
        action.commands.len(),
        0..=50,
        " commands",
    );
    for (place, command) in action.commands.iter().enumerate() {
        mistakes.length(&format!("{path}.commands[{place}]"), command, 1_000);
    }
    let list = format!("{path}.environmentVariables");
    let variables = &action.environment_variables;
    mistakes.number(&list, variables.len(), 0..=ENVIRONMENT, " variables");
    for (place, variable) in variables.iter().enumerate() {
        mistakes.name(&format!("{list}[{place}].name"), &variable.name, 128, "");
        let path = format!("{list}[{place}].value");
        mistakes.length(&path, &variable.value, ENVIRONMENT_VALUE);
    }
    let list = format!("{path}.outputVariables");
    mistakes.number(&list, action.output_variables.len(), 0..=15, " variables");
    for (place, variable) in action.output_variables.iter().enumerate() {
        mistakes.name(&format!("{list}[{place}]"), variable, 128, "@");
    }
    artifacts(
        mistakes,
        &format!("{path}.outputArtifacts"),
        &action.output_artifacts,
    );
    artifacts(
        mistakes,
        &format!("{path}.inputArtifacts"),
        &action.input_artifacts,
    );
}

fn artifacts(mistakes: &mut Mistakes, path: &str, artifacts: &[Artifact]) {
    for (place, artifact) in artifacts.iter().enumerate() {
        let path = format!("{path}[{place}]");
        mistakes.name(&format!("{path}.name"), &artifact.name, 100, "");
        let files = format!("{path}.files");
        mistakes.number(&files, artifact.files.len(), 0..=10, " files");
        for (place, file) in artifact.files.iter().enumerate() {
            mistakes.length(&format!("{files}[{place}]"), file, 128);
        }
    }
}
