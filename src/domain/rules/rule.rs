//! The rules: which repositories and branches get a pipeline, and from which template. Data, read from the configuration.

use globset::{GlobBuilder, GlobMatcher};

use crate::domain::clone::overrides::CloneOverrides;
use crate::domain::ids::{PipelineName, RepositoryName};
use crate::domain::rules::pipeline_name::NamePattern;
use crate::domain::rules::placeholder::Placeholder;

/// One `[[rule]]`. The first one that matches wins.
#[derive(Clone, Debug)]
pub struct Rule {
    /// How journals and mappings call it.
    pub name: String,
    /// Which repositories, as `owner/name`.
    pub repository: GlobFilter,
    /// Whether pull requests or branches own the pipelines.
    pub on: On,
    /// For pull requests: which base branches.
    pub base: GlobFilter,
    /// Which branches: the head of the pull request, or the branch itself.
    pub branches: GlobFilter,
    /// For pull requests: whether a draft has a pipeline.
    pub drafts: bool,
    /// For pull requests: whether a head in a fork has one.
    pub forks: bool,
    /// The pipeline that is cloned.
    pub template: PipelineName,
    /// How the clone is called.
    pub pipeline_name: NamePattern,
    /// What else differs in the clone.
    pub overrides: CloneOverrides,
    /// What makes the clone build a commit.
    pub start: Start,
    /// Whether a clone follows its template.
    pub update: Update,
    /// Whether executions are stopped before the clone is deleted.
    pub stop_on_close: bool,
    /// How many clones it may hold; `None` is any number.
    pub max_active: Option<u32>,
}

impl Rule {
    /// Whether a placeholder stands anywhere in it.
    #[must_use]
    pub fn uses(&self, placeholder: Placeholder) -> bool {
        let told = self
            .overrides
            .variables
            .iter()
            .chain(&self.overrides.environment);
        let mut told = told.flat_map(|(_, pattern)| pattern.placeholders());
        told.any(|found| found == placeholder)
            || self
                .pipeline_name
                .placeholders()
                .any(|found| found == placeholder)
    }
}

/// `start`: what makes a clone build a commit. The execution that CreatePipeline starts by itself is always the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nothing is said: by commit where the template's type can, else the branch's head.
    Auto,
    /// `commit`: branchline starts each new head commit, and that commit is what is built.
    Commit,
    /// `head`: branchline starts for each new head commit, and the branch's head of that moment is built.
    Head,
    /// `push`: the clone's own change detection.
    Push,
}

/// `update`: whether a clone follows its template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// `next-start`: before its next execution.
    NextStart,
    /// `never`: it stays as it was made.
    Never,
}

/// What owns a pipeline.
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
    /// The rules for this kind of subject in this repository, in order.
    pub fn of<'a>(
        &'a self,
        on: On,
        repository: &'a RepositoryName,
    ) -> impl Iterator<Item = &'a Rule> {
        self.0
            .iter()
            .filter(move |rule| rule.on == on && rule.repository.is_match(repository.as_str()))
    }

    /// Whether a rule names this repository.
    #[must_use]
    pub fn covers(&self, repository: &RepositoryName) -> bool {
        self.0
            .iter()
            .any(|rule| rule.repository.is_match(repository.as_str()))
    }

    /// The rule of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.name == name)
    }

    /// Whether some rule clones this pipeline: then it is nobody's clone.
    #[must_use]
    pub fn has_template(&self, name: &PipelineName) -> bool {
        self.0.iter().any(|rule| rule.template == *name)
    }
}

/// Globs of which one must match, and globs after `!` of which none may. `*` stays within a path segment, `**` does not.
#[derive(Clone, Debug, Default)]
pub struct GlobFilter {
    admitted: Vec<GlobMatcher>,
    refused: Vec<GlobMatcher>,
}

impl GlobFilter {
    /// Reads globs. With nothing but `!` globs, or none at all, everything else is admitted.
    ///
    /// # Errors
    /// The place of the glob in the list that cannot be read, and why.
    pub fn parse<S: AsRef<str>>(
        globs: impl IntoIterator<Item = S>,
    ) -> Result<Self, (usize, String)> {
        let mut patterns = Self::default();
        for (place, glob) in globs.into_iter().enumerate() {
            let glob = glob.as_ref();
            let (list, text) = match glob.strip_prefix('!') {
                Some(refused) => (&mut patterns.refused, refused),
                None => (&mut patterns.admitted, glob),
            };
            if text.is_empty() {
                return Err((place, "an empty glob matches nothing".to_owned()));
            }
            let built = GlobBuilder::new(text).literal_separator(true).build();
            list.push(
                built
                    .map_err(|error| (place, error.kind().to_string()))?
                    .compile_matcher(),
            );
        }
        Ok(patterns)
    }

    /// Whether `text` is let in.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        let any = |globs: &[GlobMatcher]| globs.iter().any(|glob| glob.is_match(text));
        (self.admitted.is_empty() || any(&self.admitted)) && !any(&self.refused)
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
    fn a_glob_that_cannot_be_read_is_named_by_its_place() {
        assert_eq!(GlobFilter::parse(["ok", "a[b"]).unwrap_err().0, 1);
        assert_eq!(GlobFilter::parse(["!"]).unwrap_err().0, 0);
    }
}
