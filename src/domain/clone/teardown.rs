//! The teardown of a clone: the pipeline that it becomes to remove what it deployed. It is made of
//! the recorded stacks, or cloned from a template that an operator wrote.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::domain::clone::declaration::{Action, ActionPath, Declaration};
use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::clone::notes::Notes;
use crate::domain::clone::overrides::{
    ACTION_MODE, CloneOverrides, DELETE_ONLY, MASK, STACK_NAME, StageSelection,
};
use crate::domain::clone::projects::BuildOverrides;
use crate::domain::clone::source::{branch_key, set_source_branch};
use crate::domain::clone::stacks::Stack;
use crate::domain::clone::tags::Tags;
use crate::domain::clone::variables::Variable;
use crate::domain::clone::{CloneRequest, NewPipeline, Template};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{Branch, PipelineName};
use crate::domain::rules::rule::{Rule, Start};
use crate::domain::secret::Secret;

/// The most actions of one stage (user guide, "Quotas in AWS CodePipeline").
const ACTIONS_PER_STAGE: usize = 50;
/// The names of the stages that delete begin with this word.
const STAGE: &str = "Teardown";

impl Template {
    /// Returns the pipeline that deletes these stacks, the one that was deployed last first. `self`
    /// is the clone as it is. Its source action fetches `branch`, because the head branch is
    /// usually deleted when its pull request closes. `source` is that action's name, if it is
    /// known, and `rule` has the secrets that GetPipeline masks.
    ///
    /// # Errors
    /// A permanent fault if no source action of the clone has a branch, or if its secret is not
    /// known.
    pub fn teardown(
        &self,
        stacks: &[Stack],
        source: Option<&str>,
        branch: &Branch,
        rule: Option<&Rule>,
    ) -> Result<NewPipeline, Fault> {
        let mut pipeline = self.declaration.clone();
        let name = PipelineName::parse(pipeline.name()).map_err(|why| {
            Fault::new(
                Reason::DeclarationRefused,
                format!("the pipeline's name: {why}"),
            )
        })?;
        let path = source_action(&pipeline, source).map(|action| action.path());
        let path = path.ok_or_else(|| {
            let detail = format!(
                "pipeline '{name}' has no source action with a branch, so it cannot delete its stacks: delete them by hand, then use `branchline mappings forget`"
            );
            Fault::new(Reason::TemplateSource, detail)
        })?;
        set_source_branch(&mut pipeline, &path, branch, Start::Commit)?;
        let secrets = rule.map_or(&[][..], |rule| &rule.overrides.secrets);
        fill_masked(&mut pipeline, &path, secrets, &name)?;
        let fetching = pipeline.action_mut(&path).cloned().unwrap_or_default();
        let mut stages = vec![json!({"name": path.stage, "actions": [fetching]})];
        let reversed: Vec<&Stack> = stacks.iter().rev().collect();
        for (number, chunk) in (1_usize..).zip(reversed.chunks(ACTIONS_PER_STAGE)) {
            let actions = (1_usize..).zip(chunk);
            let actions: Vec<Value> = actions.map(|(order, one)| one.deletion(order)).collect();
            stages.push(json!({"name": format!("{STAGE}-{number}"), "actions": actions}));
        }
        pipeline.0.insert("stages".to_owned(), Value::Array(stages));
        for key in ["variables", "version"] {
            pipeline.0.remove(key);
        }
        Ok(NewPipeline {
            template: name.to_string(),
            name,
            declaration: pipeline,
            tags: Tags::new(),
            projects: Vec::new(),
            stacks: Vec::new(),
            arn: self.arn.clone(),
            fingerprint: CloneFingerprint::default(),
            notes: Notes::default(),
        })
    }

    /// Returns the clone of `self`, a teardown template, that removes the environment of a subject,
    /// and the values of its variables. It gets what the rule gives an ordinary clone, except for
    /// what the rule says about stages and actions that only the ordinary template has. Its source
    /// action fetches `branch`.
    ///
    /// # Errors
    /// Those of [`Template::clone_for`].
    pub fn teardown_clone(
        &self,
        request: &CloneRequest<'_>,
        branch: &Branch,
    ) -> Result<(NewPipeline, Vec<Variable>), Fault> {
        let rule = Rule {
            overrides: self.teardown_overrides(&request.rule.overrides),
            start: Start::Head,
            ..request.rule.clone()
        };
        let request = CloneRequest {
            rule: &rule,
            ..*request
        };
        let mut clone = self.clone_for(&request)?;
        let fetching = source_action(&clone.declaration, clone.fingerprint.source.as_deref());
        if let Some(path) = fetching.map(|action| action.path()) {
            set_source_branch(&mut clone.declaration, &path, branch, Start::Head)?;
        }
        let variables = rule.overrides.variables(&request.values)?;
        Ok((clone, variables))
    }

    /// Returns the overrides of a rule for its teardown template, which is cloned as a whole.
    fn teardown_overrides(&self, overrides: &CloneOverrides) -> CloneOverrides {
        let has = |path: &ActionPath| {
            let mut actions = self.declaration.actions();
            actions.any(|action| action.path() == *path)
        };
        let mut overrides = overrides.clone();
        overrides.stages = StageSelection::All;
        overrides.drop_stages.clear();
        overrides.drop_actions.clear();
        overrides.source_action = overrides.source_action.filter(has);
        overrides.secrets.retain(|(path, _, _)| has(path));
        overrides.configuration.retain(|one| has(&one.action));
        // Both are about what the ordinary template builds.
        overrides.buildspec = None;
        overrides.build = BuildOverrides::default();
        overrides.preview.url = None;
        overrides
    }

    /// Returns the branch that the template's first source action with one fetches.
    #[must_use]
    pub fn branch(&self) -> Option<Branch> {
        let action = source_action(&self.declaration, None)?;
        let branch = action.configured(branch_key(&action)?)?;
        Branch::parse(branch.to_owned()).ok()
    }
}

/// Returns the names of the stacks that a teardown template deploys and does not delete.
#[must_use]
pub fn kept_stacks(teardown: &Declaration) -> BTreeSet<String> {
    &stacks_by_mode(teardown, false) - &stacks_by_mode(teardown, true)
}

/// Returns the names of the stacks that a teardown template deletes by CloudFormation actions.
#[must_use]
pub fn deleted_stacks(teardown: &Declaration) -> BTreeSet<String> {
    stacks_by_mode(teardown, true)
}

fn stacks_by_mode(teardown: &Declaration, deletes: bool) -> BTreeSet<String> {
    let stacks = teardown.stacks();
    let actions = teardown.actions();
    let actions = actions.filter(|action| {
        let is_deletion = action.configured(ACTION_MODE) == Some(DELETE_ONLY);
        is_deletion == deletes && stacks.contains(&action.path())
    });
    let named = actions.filter_map(|action| action.configured(STACK_NAME));
    named.map(str::to_owned).collect()
}

/// Puts the rule's secrets in place of the masks of one action.
fn fill_masked(
    pipeline: &mut Declaration,
    path: &ActionPath,
    secrets: &[(ActionPath, String, Secret)],
    name: &PipelineName,
) -> Result<(), Fault> {
    let Some(configuration) = pipeline.configuration_mut(path) else {
        return Ok(());
    };
    let known = secrets.iter().filter(|(of, _, _)| of == path);
    for (_, key, secret) in known {
        configuration.insert(key.clone(), Value::from(secret.reveal()));
    }
    match configuration.iter().find(|(_, value)| *value == MASK) {
        None => Ok(()),
        Some((key, _)) => {
            let detail = format!(
                "{key} of '{path}' in pipeline '{name}' is a secret that GetPipeline masks, so its stacks cannot be deleted: give the rule secrets = {{ \"{path}/{key}\" = \"env:NAME\" }}"
            );
            Err(Fault::new(Reason::TemplateMasked, detail))
        }
    }
}

/// Returns the source action of this name, or the first one, among those with a branch.
fn source_action<'a>(clone: &'a Declaration, name: Option<&str>) -> Option<Action<'a>> {
    let candidates = || {
        let actions = clone.actions();
        actions.filter(|action| branch_key(action).is_some())
    };
    let named = candidates().find(|action| Some(action.name) == name);
    named.or_else(|| candidates().next())
}
