//! A rule's `pipeline_name` and the names that it makes: legal for CodePipeline, and never one name for two branches.

use crate::domain::ids::{ParseError, PipelineName, is_pipeline_character};
use crate::domain::rules::placeholder::{FormatString, Placeholder, PlaceholderValues, Segment};
use crate::domain::rules::slug::{HASH_WIDTH, slug};

/// A `pipeline_name` such as `{repo}-pr-{number}`, read and checked once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(FormatString);

impl NamePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// One sentence that says what is wrong and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pattern = FormatString::parse(text)?;
        let illegal = pattern.0.iter().find_map(|piece| match piece {
            Segment::Text(text) => text.chars().find(|c| !is_pipeline_character(*c)),
            Segment::Placeholder(_) => None,
        });
        match illegal {
            Some(c) => Err(format!(
                "'{c}' cannot stand in a pipeline name: use A-Z a-z 0-9 . @ _ -"
            )),
            None => Ok(Self(pattern)),
        }
    }

    /// The placeholders in it.
    pub fn placeholders(&self) -> impl Iterator<Item = Placeholder> {
        self.0.placeholders()
    }

    /// The name for one subject. What does not fit is slugged; where that makes it too long, what is not a number, an
    /// owner or a repository is cut.
    ///
    /// # Errors
    /// [`ParseError`] when even the shortest cut leaves it over 100 characters, or nothing is left at all.
    pub fn name(&self, fill: &PlaceholderValues<'_>) -> Result<PipelineName, ParseError> {
        let widths = (HASH_WIDTH..=PipelineName::MAX).rev();
        let mut names = widths.map(|width| self.fill_in(fill, width));
        let fits = names.find(|name| name.len() <= PipelineName::MAX);
        PipelineName::parse(fits.unwrap_or_else(|| self.fill_in(fill, HASH_WIDTH)))
    }

    fn fill_in(&self, fill: &PlaceholderValues<'_>, width: usize) -> String {
        let piece = |piece: &Segment| match piece {
            Segment::Text(text) => text.clone(),
            Segment::Placeholder(placeholder) => {
                let value = fill.value(*placeholder).unwrap_or_default();
                match placeholder {
                    Placeholder::Owner | Placeholder::Repo | Placeholder::Number => {
                        value.into_owned()
                    }
                    // A slug would be slugged twice: it looks as if it ended in a hash.
                    Placeholder::Slug | Placeholder::Branch => slug(fill.branch.as_str(), width),
                    Placeholder::Repository
                    | Placeholder::Sha
                    | Placeholder::Base
                    | Placeholder::Author
                    | Placeholder::Title => slug(&value, width),
                }
            }
        };
        self.0.0.iter().map(piece).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{Branch, RepositoryName};

    fn name(pattern: &str, branch: &str) -> Result<String, ParseError> {
        let repository = RepositoryName::parse("acme/api").unwrap();
        let branch = Branch::parse(branch).unwrap();
        let fill = PlaceholderValues {
            repository: &repository,
            branch: &branch,
            number: Some(7),
            sha: None,
            base: None,
            author: None,
            title: Some("Add / remove"),
        };
        NamePattern::parse(pattern)
            .unwrap()
            .name(&fill)
            .map(|name| name.to_string())
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        assert_eq!(name("{repo}-pr-{number}", "x").unwrap(), "api-pr-7");
        assert_eq!(
            name("{owner}.{repo}@{branch}", "release_1").unwrap(),
            "acme.api@release_1"
        );
    }

    #[test]
    fn what_does_not_fit_is_slugged_and_hashed() {
        assert_eq!(
            name("{repo}-{branch}", "feature/login page").unwrap(),
            "api-feature-login-page-0f8a3942"
        );
        assert_eq!(name("{repo}-{branch}", "日本").unwrap(), "api-cf2abf0c");
        let long = name("{repo}-{branch}-{number}", &"b".repeat(300)).unwrap();
        assert_eq!(long.len(), PipelineName::MAX);
        assert!(
            long.starts_with("api-bbb") && long.ends_with("-7"),
            "{long}"
        );
    }

    #[test]
    fn everything_else_is_slugged_and_cut_alike() {
        assert_eq!(
            name("{repository}.{title}-{number}", "x").unwrap(),
            "acme-api-c7198fbc.Add-remove-f1fcaea4-7"
        );
        let long = name("{branch}-{slug}-{title}", &"b".repeat(300)).unwrap();
        assert!(long.len() <= PipelineName::MAX, "{long}");
    }

    #[test]
    fn two_branches_never_share_a_name() {
        let slugged = name("{branch}", "a/b").unwrap();
        assert_ne!(name("{branch}", "a-b").unwrap(), slugged);
        assert_ne!(
            name("{branch}", &slugged).unwrap(),
            slugged,
            "a branch named like another's slug"
        );
        let long = "x".repeat(200);
        assert_ne!(
            name("{branch}", &format!("{long}1")).unwrap(),
            name("{branch}", &format!("{long}2")).unwrap()
        );
    }

    #[test]
    fn a_pattern_that_can_make_no_name_is_refused() {
        assert!(NamePattern::parse("{repo").unwrap_err().contains("without"));
        assert!(
            NamePattern::parse("{sha1}")
                .unwrap_err()
                .contains("unknown placeholder")
        );
        assert!(
            NamePattern::parse("a/b")
                .unwrap_err()
                .contains("'/' cannot stand")
        );
        assert!(name(&"x".repeat(101), "b").is_err());
    }
}
