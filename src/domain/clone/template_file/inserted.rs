//! The variables of CodePipeline in the environment of a build that a file declares. CodePipeline
//! inserts their text into JSON and escapes nothing (user guide, "Variables reference"), so a text
//! with quotes could add another environment variable, such as a secret.

use crate::domain::clone::references::{CODEPIPELINE, VARIABLES, all_references, parts};
use crate::domain::clone::template_file::allowed::Allowed;

/// The variables of source actions that nobody writes.
const OF_SOURCES: [&str; 7] = [
    "AuthorDate",
    "CommitId",
    "CommitUrl",
    "CommitterDate",
    "ConnectionArn",
    "FullRepositoryName",
    "RepositoryName",
];

impl Allowed<'_> {
    /// Returns the first variable in a text whose value people or builds write, as it is in the
    /// text.
    pub(super) fn written<'t>(&self, text: &'t str) -> Option<&'t str> {
        all_references(text).find(|reference| !self.is_harmless(reference))
    }

    fn is_harmless(&self, reference: &str) -> bool {
        let Some((namespace, name)) = parts(reference) else {
            return false;
        };
        match namespace {
            // Those of the file have plain values, and those of the template are the operator's.
            VARIABLES => {
                let mut variables = self.rule.overrides.variables.iter();
                !variables.any(|(own, format)| own == name && format.has_raw_text())
            }
            CODEPIPELINE => true,
            _ => {
                let mut sources = self.sources();
                let is_source = sources.any(|source| source.namespace == Some(namespace));
                is_source && OF_SOURCES.contains(&name)
            }
        }
    }
}
