//! The rules: which repositories and branches get a pipeline, and from which template. They are
//! read from the configuration.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};

use crate::domain::clone::overrides::CloneOverrides;
use crate::domain::ids::{PipelineName, RepositoryName};
use crate::domain::rules::pipeline_name::NamePattern;
use crate::domain::rules::placeholder::{FormatString, Placeholder};

/// One `[[rule]]`. The first rule that matches is used.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The name, which journals and mappings contain.
    pub name: String,
    /// The repositories, as `owner/name`.
    pub repository: GlobFilter,
    /// The kind of subject: pull requests or branches.
    pub on: On,
    /// For pull requests: the base branches.
    pub base: GlobFilter,
    /// The branches: the head of the pull request, or the branch itself.
    pub branches: GlobFilter,
    /// For pull requests: true if drafts get a pipeline.
    pub drafts: bool,
    /// The pipeline that is cloned.
    pub template: PipelineName,
    /// The format string of the clone's name.
    pub pipeline_name: NamePattern,
    /// The overrides of the clone.
    pub overrides: CloneOverrides,
    /// The way in which new commits start the clone.
    pub start: Start,
    /// The time when the clone is updated to its template.
    pub update: Update,
    /// True if executions are stopped before the clone is deleted.
    pub stop_on_close: bool,
    /// The highest number of clones; `None` sets no limit.
    pub max_active: Option<u32>,
}

impl Rule {
    /// Returns true if the rule uses a placeholder anywhere.
    #[must_use]
    pub fn uses(&self, placeholder: Placeholder) -> bool {
        let overrides = &self.overrides;
        let variables = overrides.variables.iter().map(|(_, one)| &one.format);
        let environment = overrides.environment.iter().map(|(_, format)| format);
        let formats = variables.chain(environment);
        formats
            .flat_map(FormatString::placeholders)
            .chain(self.pipeline_name.placeholders())
            .any(|used| used == placeholder)
    }
}

/// `start`: the way in which new commits start a clone. The first execution is always the one that
/// CreatePipeline starts by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// No `start` is configured: like `commit` if the template's type supports it, otherwise like
    /// `head`.
    Auto,
    /// `commit`: branchline starts an execution for each new head commit, which builds that commit.
    Commit,
    /// `head`: branchline starts an execution for each new head commit, which builds whatever the
    /// branch's head is by then.
    Head,
    /// `push`: the clone's own change detection starts executions.
    Push,
}

/// `update`: the time when a clone is updated to its template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// `next-start`: before its next execution.
    NextStart,
    /// `never`: the clone stays as it was created.
    Never,
}

/// The kind of subject that a rule's pipelines belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// `on = "pull_request"`
    PullRequest,
    /// `on = "branch"`
    Branch,
}

/// All rules, in the order of the file.
#[derive(Clone, Debug)]
pub struct Rules(pub Vec<Rule>);

impl Rules {
    /// Returns the rules for this kind of subject in this repository, in order.
    pub fn of<'a>(
        &'a self,
        on: On,
        repository: &'a RepositoryName,
    ) -> impl Iterator<Item = &'a Rule> {
        self.0
            .iter()
            .filter(move |rule| rule.on == on && rule.repository.is_match(repository.as_str()))
    }

    /// Returns true if a rule names this repository.
    #[must_use]
    pub fn covers(&self, repository: &RepositoryName) -> bool {
        self.0
            .iter()
            .any(|rule| rule.repository.is_match(repository.as_str()))
    }

    /// Returns the rule of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.name == name)
    }

    /// Returns true if the pipeline is the template of a rule, and therefore cannot be a clone.
    #[must_use]
    pub fn has_template(&self, name: &PipelineName) -> bool {
        self.0.iter().any(|rule| rule.template == *name)
    }
}

/// Globs of which one must match, and globs after `!` of which none may match. `*` matches within a
/// path segment, `**` across segments.
#[derive(Clone, Debug, Default)]
pub struct GlobFilter {
    admitted: Vec<GlobMatcher>,
    refused: Vec<GlobMatcher>,
}

impl GlobFilter {
    /// Parses globs. If there are only `!` globs, or none at all, everything else matches.
    ///
    /// # Errors
    /// The index of the glob in the list that is not valid, and why.
    pub fn parse<S: AsRef<str>>(
        globs: impl IntoIterator<Item = S>,
    ) -> Result<Self, (usize, String)> {
        Self::build(globs, false)
    }

    /// Parses globs over names of repositories, which GitHub compares without case.
    ///
    /// # Errors
    /// As for [`GlobFilter::parse`].
    pub fn parse_repositories<S: AsRef<str>>(
        globs: impl IntoIterator<Item = S>,
    ) -> Result<Self, (usize, String)> {
        Self::build(globs, true)
    }

    fn build<S: AsRef<str>>(
        globs: impl IntoIterator<Item = S>,
        ignores_case: bool,
    ) -> Result<Self, (usize, String)> {
        let mut patterns = Self::default();
        for (index, glob) in globs.into_iter().enumerate() {
            let glob = glob.as_ref();
            let (list, text) = match glob.strip_prefix('!') {
                Some(refused) => (&mut patterns.refused, refused),
                None => (&mut patterns.admitted, glob),
            };
            if text.is_empty() {
                return Err((index, "an empty glob matches nothing".to_owned()));
            }
            let built = GlobBuilder::new(text)
                .literal_separator(true)
                .case_insensitive(ignores_case)
                .build();
            list.push(
                built
                    .map_err(|error| (index, error.kind().to_string()))?
                    .compile_matcher(),
            );
        }
        Ok(patterns)
    }

    /// Returns true if there is no glob, so that everything matches.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.admitted.is_empty() && self.refused.is_empty()
    }

    /// Returns true if `text` matches.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        let any = |globs: &[GlobMatcher]| globs.iter().any(|glob| glob.is_match(text));
        (self.admitted.is_empty() || any(&self.admitted)) && !any(&self.refused)
    }
}

/// Writes the globs as the configuration has them: `feature/*, !feature/old`.
impl fmt::Display for GlobFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_everything() {
            return f.write_str("any");
        }
        let admitted = self.admitted.iter().map(|glob| ("", glob));
        let refused = self.refused.iter().map(|glob| ("!", glob));
        for (index, (mark, glob)) in admitted.chain(refused).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{mark}{}", glob.glob().glob())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_its_segment() {
        let patterns = GlobFilter::parse(["feature/*", "release/**"]).unwrap();
        assert!(patterns.is_match("feature/x") && patterns.is_match("release/1/2"));
        assert!(!patterns.is_match("feature/x/y") && !patterns.is_match("main"));
    }

    #[test]
    fn an_exclamation_mark_refuses() {
        let patterns = GlobFilter::parse(["!main", "!release/**"]).unwrap();
        assert!(
            patterns.is_match("feature/x")
                && !patterns.is_match("main")
                && !patterns.is_match("release/1")
        );
        assert!(GlobFilter::parse::<&str>([]).unwrap().is_match("anything"));
    }

    #[test]
    fn globs_are_written_as_they_were_configured() {
        let globs = |globs: &[&str]| GlobFilter::parse(globs).unwrap().to_string();
        assert_eq!(globs(&["!old/*", "a/*", "b"]), "a/*, b, !old/*");
        assert_eq!(globs(&[]), "any");
    }

    #[test]
    fn names_of_repositories_are_compared_without_case() {
        let globs = ["acme/*", "!acme/api"];
        let repositories = GlobFilter::parse_repositories(globs).unwrap();
        assert!(repositories.is_match("Acme/web") && !repositories.is_match("acme/API"));
        assert!(GlobFilter::parse(globs).unwrap().is_match("acme/API"));
    }

    #[test]
    fn an_invalid_glob_is_reported_with_its_index() {
        assert_eq!(GlobFilter::parse(["ok", "a[b"]).unwrap_err().0, 1);
        assert_eq!(GlobFilter::parse(["!"]).unwrap_err().0, 0);
    }
}
