//! The configuration of a clone's actions: the buildspec of its builds, and the values of single
//! keys.

use serde_json::Value;

use crate::domain::clone::declaration::{Action, ActionPath, Declaration};
use crate::domain::clone::limits::{KEY, VALUE};
use crate::domain::clone::overrides::roles::BUILD_ROLE;
use crate::domain::clone::overrides::{CloneOverrides, VariableFormat, fault};
use crate::domain::clone::side_effects::{DEPLOY_ROLES, PROJECT};
use crate::domain::clone::source::branch_key;
use crate::domain::fault::{Fault, Reason};
use crate::domain::rules::placeholder::{FormatString, PlaceholderValues};
use crate::domain::rules::repository_file::is_repository_path;

/// The configuration key of a CodeBuild action that replaces the buildspec of its project (user
/// guide, "AWS CodeBuild build and test action reference").
pub(crate) const BUILDSPEC: &str = "BuildspecOverride";
/// The only key of a source action with a branch that does not say what it fetches.
const ARTIFACT_FORMAT: &str = "OutputArtifactFormat";

/// The keys that have a setting of their own, or none, with what to do instead.
const OWN_KEYS: [(&str, &str); 8] = [
    (
        "BranchName",
        "branchline sets the branch of each clone itself: remove it",
    ),
    (
        "FullRepositoryId",
        "a clone fetches the repository of its template: remove it",
    ),
    (
        "ConnectionArn",
        "a clone fetches its repository with the template's connection: remove it",
    ),
    ("DetectChanges", "the rule's start decides it: remove it"),
    (
        "PollForSourceChanges",
        "the rule's start decides it: remove it",
    ),
    (
        "OAuthToken",
        "it is a secret, which must not be in the configuration: use secrets",
    ),
    ("EnvironmentVariables", "use environment"),
    (BUILD_ROLE, "use build_role_arn"),
];

/// A value for one configuration key of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredValue {
    /// The action.
    pub action: ActionPath,
    /// The key.
    pub key: String,
    /// The format of the value.
    pub value: VariableFormat,
}

impl ConfiguredValue {
    /// Refuses a key that branchline sets itself, and a value in which people choose a role, a
    /// project or the place of a buildspec.
    ///
    /// # Errors
    /// What is wrong, and what to do instead.
    pub fn check(&self) -> Result<(), String> {
        let Self { key, value, .. } = self;
        if let Some((_, instead)) = OWN_KEYS.iter().find(|(own, _)| own == key) {
            return Err(format!("{key} is not set here: {instead}"));
        }
        if !(1..=KEY).contains(&key.chars().count()) {
            return Err(format!("AWS accepts a key of 1 to {KEY} characters"));
        }
        if value.format == FormatString::default() {
            return Err("AWS accepts no empty value".to_owned());
        }
        let length = value.format.example().chars().count();
        if length > VALUE {
            return Err(format!(
                "AWS accepts a value of at most {VALUE} characters, and this has {length} or more"
            ));
        }
        let is_role_or_project = DEPLOY_ROLES.contains(&key.as_str()) || key == PROJECT;
        if is_role_or_project && value.format.has_chosen_text() {
            return Err(format!(
                "people choose titles, branches and logins, and must not choose {key}: use {{number}} or a fixed text"
            ));
        }
        if key == BUILDSPEC && value.format.has_free_text() {
            return Err(format!(
                "{key} may also name a file in any S3 bucket, which people must not choose: use {{number}}, {{branch_slug}} or a fixed text"
            ));
        }
        Ok(())
    }
}

/// Accepts the path of a buildspec: relative to the source, and in it. CodeBuild also reads the
/// buildspec itself and the ARN of an S3 object here, which are not paths.
///
/// # Errors
/// What is allowed.
pub fn buildspec_path(text: String) -> Result<String, &'static str> {
    match is_repository_path(&text) {
        true => Ok(text),
        false => Err(
            "not the path of a buildspec: expected a path in the repository of A-Z a-z 0-9 . _ / @ + -, without '..', such as ci/pull-request.yml",
        ),
    }
}

impl CloneOverrides {
    /// Returns the value that the rule gives to a key of an action.
    pub(crate) fn configured(&self, action: &ActionPath, key: &str) -> Option<&VariableFormat> {
        let mut all = self.configuration.iter();
        let found = all.find(|one| one.action == *action && one.key == key)?;
        Some(&found.value)
    }

    /// Sets the buildspec of every CodeBuild action, and then the keys that the rule names.
    ///
    /// # Errors
    /// A permanent fault when the clone has no such action, when its source action would fetch
    /// something else, or when a value cannot be filled in.
    pub(crate) fn set_configuration(
        &self,
        clone: &mut Declaration,
        values: &PlaceholderValues<'_>,
    ) -> Result<(), Fault> {
        if let Some(buildspec) = &self.buildspec {
            for path in clone.builds() {
                if let Some(configuration) = clone.configuration_mut(&path) {
                    configuration.insert(BUILDSPEC.to_owned(), Value::from(buildspec.as_str()));
                }
            }
        }
        for ConfiguredValue { action, key, value } in &self.configuration {
            let found = clone.actions().find(|found| found.path() == *action);
            let Some(found) = found else {
                return Err(self.no_such_action(clone, action, key));
            };
            if is_of_source(&found, key) {
                return Err(fault(format!(
                    "the configuration of the rule has {key} of '{action}', which decides what this source action fetches: remove it"
                )));
            }
            let text = value.text(values).map_err(|why| {
                let detail = format!("configuration.\"{action}/{key}\": {why}");
                Fault::new(Reason::InvalidValue, detail)
            })?;
            if let Some(configuration) = clone.configuration_mut(action) {
                configuration.insert(key.clone(), Value::from(text));
            }
        }
        Ok(())
    }

    fn no_such_action(&self, clone: &Declaration, action: &ActionPath, key: &str) -> Fault {
        let paths: Vec<String> = clone
            .actions()
            .map(|action| action.path().to_string())
            .collect();
        fault(format!(
            "the clone of template '{}' has no action '{action}' for {key} in the configuration of the rule (it has {}): correct the rule, or keep the action's stage",
            clone.name(),
            paths.join(", ")
        ))
    }
}

/// Returns true if the key of a source action says what it fetches.
fn is_of_source(action: &Action<'_>, key: &str) -> bool {
    branch_key(action).is_some() && key != ARTIFACT_FORMAT
}
