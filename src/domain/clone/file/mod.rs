//! The file of a repository (`.branchline.toml`) that may change its clones as far as their rule
//! allows it. It can only add to what the rule says, or keep less of it.

mod origin;
mod parse;
pub(crate) mod words;

pub(crate) use origin::Origin;

use crate::domain::clone::declaration::Declaration;
use crate::domain::clone::overrides::{CloneOverrides, MIN_STAGES};
use crate::domain::clone::projects::BuildSettings;
use crate::domain::clone::variables::{Variable, variable_length};
use crate::domain::clone::{CloneRequest, NewPipeline, Template};
use crate::domain::fault::{Fault, Reason};
use crate::domain::rules::placeholder::{FormatString, PlaceholderValues};
use crate::domain::rules::rule::Rule;

/// The longest file, in bytes.
pub const FILE_LIMIT: u64 = 64 * 1024;

/// The JSON Schema (draft 7) of the file, for editors.
pub const FILE_SCHEMA: &str = include_str!("schema.json");

/// What a commit has under the path of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileContent {
    /// Nothing, so that nothing is changed.
    Missing,
    /// These bytes.
    Bytes(Vec<u8>),
    /// A file of more than [`FILE_LIMIT`] bytes.
    TooLong,
    /// A folder, or a link to something else.
    NotAFile,
}

/// The changes that a file makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositoryFile {
    origin: Origin,
    variables: Vec<Named>,
    environment: Vec<Named>,
    buildspec: Option<String>,
    keep_stages: Option<Vec<Stage>>,
    build: BuildSettings,
}

/// A variable of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    name: String,
    format: FormatString,
    /// Where the file has the value.
    place: String,
}

/// A stage that the file names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stage {
    name: String,
    /// Where the file has it.
    place: String,
}

impl RepositoryFile {
    /// Builds the clone for a request, with the changes of the file.
    ///
    /// # Errors
    /// Those of [`Template::clone_for`], and `repository-file-invalid` for a clone that is refused
    /// only because of the file.
    pub fn clone_for(
        &self,
        template: &Template,
        request: &CloneRequest<'_>,
    ) -> Result<NewPipeline, Fault> {
        let rule = self.check_values(&request.values);
        let rule = rule.and_then(|()| self.rule(request.rule, template));
        let changed = rule.and_then(|rule| {
            let request = CloneRequest {
                rule: &rule,
                ..*request
            };
            template.clone_for(&request)
        });
        let fault = match changed {
            Ok(clone) => return Ok(clone),
            Err(fault) => fault,
        };
        // A rule that cannot clone its template without the file is at fault itself.
        template.clone_for(request)?;
        Err(self.origin.blamed(fault))
    }

    /// Returns the values of the rule's variables and the file's for one subject.
    ///
    /// # Errors
    /// Those of [`CloneOverrides::variables`] for the rule's, and `repository-file-invalid` with
    /// the place for the file's.
    pub fn variables(
        &self,
        rule: &Rule,
        values: &PlaceholderValues<'_>,
    ) -> Result<Vec<Variable>, Fault> {
        let mut variables = rule.overrides.variables(values)?;
        self.check_values(values)?;
        let own = self.variables.iter();
        let own = CloneOverrides {
            variables: own
                .map(|one| (one.name.clone(), one.format.clone().into()))
                .collect(),
            ..CloneOverrides::default()
        };
        let own = own
            .variables(values)
            .map_err(|fault| self.origin.blamed(fault))?;
        variables.extend(own);
        Ok(variables)
    }

    /// Returns true if the file changes a CodeBuild project.
    #[must_use]
    pub fn has_build(&self) -> bool {
        !self.build.is_empty()
    }

    /// Refuses values that cannot be filled in for a subject.
    fn check_values(&self, values: &PlaceholderValues<'_>) -> Result<(), Fault> {
        let variables = self.variables.iter().filter_map(|one| {
            let why = match one.format.plain_text_of_file(values) {
                Err(why) => why,
                Ok(text) => variable_length(&text).err()?,
            };
            Some(format!("{}: variables.{}: {why}", one.place, one.name))
        });
        let environment = self.environment.iter().filter_map(|one| {
            let why = one.format.text(values).err()?;
            Some(format!("{}: environment.{}: {why}", one.place, one.name))
        });
        self.origin.refuse(variables.chain(environment).collect())
    }

    /// Returns the rule with the changes of the file.
    fn rule(&self, rule: &Rule, template: &Template) -> Result<Rule, Fault> {
        let dropped = self.dropped_stages(rule, template)?;
        let mut rule = rule.clone();
        let overrides = &mut rule.overrides;
        let variables = self.variables.iter();
        let variables = variables.map(|one| (one.name.clone(), one.format.clone().into()));
        overrides.variables.extend(variables);
        let environment = self.environment.iter();
        let environment = environment.map(|one| (one.name.clone(), one.format.clone()));
        overrides.environment.extend(environment);
        if self.buildspec.is_some() {
            overrides.buildspec.clone_from(&self.buildspec);
        }
        overrides.build.all = self.build.or(&overrides.build.all);
        overrides.drop_stages.extend(dropped);
        Ok(rule)
    }

    /// Returns the stages that the rule keeps and the file does not. The file names stages of those
    /// that the rule keeps, so it never adds one.
    fn dropped_stages(&self, rule: &Rule, template: &Template) -> Result<Vec<String>, Fault> {
        let Some(keep) = &self.keep_stages else {
            return Ok(Vec::new());
        };
        let (clone, _) = rule.overrides.apply(&template.declaration)?;
        let stages: Vec<&str> = clone.stages().collect();
        if let Some(stage) = keep.iter().find(|one| !stages.contains(&one.name.as_str())) {
            let detail = format!(
                "{}: keep_stages: '{}' is not a stage of the clone, which has {}: remove it",
                stage.place,
                stage.name,
                stages.join(", ")
            );
            return Err(self.origin.invalid(&detail));
        }
        let is_kept = |name: &&&str| keep.iter().any(|stage| stage.name == **name);
        let kept: Vec<&str> = stages.iter().filter(is_kept).copied().collect();
        if let (Some(first), true) = (keep.first(), kept.len() < MIN_STAGES) {
            let detail = format!(
                "{}: keep_stages: leaves only {}, and a pipeline needs two stages: name another one of {}",
                first.place,
                kept.join(", "),
                stages.join(", ")
            );
            return Err(self.origin.invalid(&detail));
        }
        self.check_gates(keep, &clone)?;
        let dropped = stages.iter().filter(|name| !is_kept(name));
        Ok(dropped.map(|name| (*name).to_owned()).collect())
    }

    /// Refuses to keep a stage without those before it, from the first one that changes something
    /// outside the pipeline: one of them may be the approval of the next.
    fn check_gates(&self, keep: &[Stage], clone: &Declaration) -> Result<(), Fault> {
        let found = |name: &str| keep.iter().find(|stage| stage.name == name);
        let building = clone.building_stages().len();
        let mut acting = clone.stages().skip(building);
        let Some(dropped) = acting.find(|name| found(name).is_none()) else {
            return Ok(());
        };
        let Some(kept) = acting.find_map(found) else {
            return Ok(());
        };
        let detail = format!(
            "{}: keep_stages: '{dropped}' comes before '{}' and may be its approval: name '{dropped}' as well, or remove '{}'",
            kept.place, kept.name, kept.name
        );
        Err(self.origin.invalid(&detail))
    }

    /// Returns the fault of a CodeBuild project that AWS refuses with the file's settings.
    #[must_use]
    pub fn blamed_for_project(&self, fault: Fault) -> Fault {
        let refused = [Reason::DeclarationRefused, Reason::RuleTemplateMismatch];
        match self.has_build() && refused.contains(&fault.reason) {
            true => self.origin.blamed(fault),
            false => fault,
        }
    }
}

#[cfg(test)]
mod tests;
