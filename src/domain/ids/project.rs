//! The name of a CodeBuild project.

use std::fmt;

use crate::domain::ids::{ParseError, PipelineName, ends_in_hash, short_hash};

/// The longest name, in characters (CodeBuild user guide, "Quotas for AWS CodeBuild").
const LIMIT: usize = 150;

/// The name of a CodeBuild project: 2 to 150 of `[A-Za-z0-9-_]`, the first of them no sign
/// (CodeBuild API reference, `ProjectName`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectName(String);

impl ProjectName {
    /// Parses the text.
    ///
    /// # Errors
    /// [`ParseError`] when CodeBuild accepts no such name.
    pub fn parse(text: impl Into<String>) -> Result<Self, ParseError> {
        let text = text.into();
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        match begins && (2..=LIMIT).contains(&text.len()) && text.chars().all(is_legal) {
            true => Ok(Self(text)),
            false => Err(ParseError {
                kind: "name of a CodeBuild project",
                why: "expected 2 to 150 of A-Z a-z 0-9 _ -, beginning with a letter or a digit",
            }),
        }
    }

    /// Returns the name of the project of a clone that is made from `template`. `part` tells apart
    /// several projects that a clone has of one template.
    ///
    /// It begins with the name of the clone, for the permissions of roles, and always ends in a
    /// hash: a pipeline `api` with a project `pr-7` and a pipeline `api-pr` with a project `7` have
    /// different names.
    #[must_use]
    pub fn of_clone(pipeline: &PipelineName, template: &Self, part: &str) -> Self {
        let hash = short_hash(&format!("{pipeline}\n{template}\n{part}"));
        let text = format!("{pipeline}-{template}");
        let text = text.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        let legal = text.chars().map(|c| if is_legal(c) { c } else { '-' });
        let readable: String = legal.take(LIMIT - hash.len() - 1).collect();
        Self(format!("{readable}-{hash}"))
    }

    /// Returns true if the name ends as those of clones' projects do.
    #[must_use]
    pub fn may_be_of_clone(&self) -> bool {
        ends_in_hash(&self.0)
    }

    /// Returns the text, unchanged.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_legal(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pipeline: &str, template: &str, part: &str) -> ProjectName {
        let pipeline = PipelineName::parse(pipeline).unwrap();
        let template = ProjectName::parse(template).unwrap();
        ProjectName::of_clone(&pipeline, &template, part)
    }

    #[test]
    fn the_name_of_a_clones_project_is_legal_and_its_own() {
        assert_eq!(of("api-pr-7", "api", "").as_str(), "api-pr-7-api-30dc6ddf");
        let names = [
            of("api-pr-7", "api", ""),
            of("api-pr-7", "api", "Test/Test"),
            of("api-pr", "7-api", ""),
            of("api.pr-7", "api", ""),
            of("api@pr-7", "api", ""),
            of("@", "api", ""),
            of("._", "api", ""),
            of(&"x".repeat(100), &"y".repeat(150), ""),
            of(&"x".repeat(100), &"y".repeat(149), ""),
        ];
        for (index, name) in names.iter().enumerate() {
            assert_eq!(ProjectName::parse(name.as_str()).as_ref(), Ok(name));
            assert!(!names[..index].contains(name), "{name} twice");
        }
    }

    #[test]
    fn what_codebuild_refuses_is_no_name() {
        for text in ["", "a", "-ab", "_ab", "a.b", "a@b", "a b", "#{variables.x}"] {
            assert!(ProjectName::parse(text).is_err(), "{text}");
        }
        assert!(ProjectName::parse("x".repeat(151)).is_err());
    }
}
