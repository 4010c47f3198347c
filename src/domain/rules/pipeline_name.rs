//! A rule's `pipeline_name` and the names that it produces: legal for CodePipeline, and never the
//! same name for two branches.

use crate::domain::ids::{HASH_WIDTH, ParseError, PipelineName, is_pipeline_character};
use crate::domain::rules::placeholder::{FormatString, Placeholder, PlaceholderValues, Segment};
use crate::domain::rules::slug::slug;

/// A `pipeline_name` such as `{repo}-pr-{number}`, parsed and checked once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(FormatString);

impl NamePattern {
    /// Parses a `pipeline_name`.
    ///
    /// # Errors
    /// One sentence that describes the mistake and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let format = FormatString::parse(text)?;
        let illegal = format.0.iter().find_map(|segment| match segment {
            Segment::Text(text) => text.chars().find(|c| !is_pipeline_character(*c)),
            Segment::Placeholder(_) => None,
        });
        if let Some(c) = illegal {
            return Err(format!(
                "'{c}' is not allowed in a pipeline name: use A-Z a-z 0-9 . @ _ -"
            ));
        }
        let fixed = format.0.iter().map(|segment| match segment {
            Segment::Text(text) => text.len(),
            Segment::Placeholder(_) => 0,
        });
        let fixed: usize = fixed.sum();
        if fixed >= PipelineName::MAX {
            return Err(format!(
                "{fixed} characters besides the placeholders, but AWS accepts a name of at most {}",
                PipelineName::MAX
            ));
        }
        Ok(Self(format))
    }

    /// Returns the placeholders of the name.
    pub fn placeholders(&self) -> impl Iterator<Item = Placeholder> {
        self.0.placeholders()
    }

    /// Returns the name for one subject. A value with illegal characters is replaced by its slug.
    /// If the name is too long, every value except numbers, owners and repositories is shortened.
    ///
    /// # Errors
    /// [`ParseError`] when the name has over 100 characters even with the shortest values, or is
    /// empty.
    pub fn name(&self, values: &PlaceholderValues<'_>) -> Result<PipelineName, ParseError> {
        let widths = (HASH_WIDTH..=PipelineName::MAX).rev();
        let mut names = widths.map(|width| self.fill_in(values, width));
        let fits = names.find(|name| name.len() <= PipelineName::MAX);
        PipelineName::parse(fits.unwrap_or_else(|| self.fill_in(values, HASH_WIDTH)))
    }

    fn fill_in(&self, values: &PlaceholderValues<'_>, width: usize) -> String {
        let text = |segment: &Segment| match segment {
            Segment::Text(text) => text.clone(),
            Segment::Placeholder(placeholder) => {
                // The slug of a slug would differ from it, because a slug looks as if it ended in a
                // hash.
                let value = values.value(placeholder.unslugged()).unwrap_or_default();
                match placeholder {
                    Placeholder::Owner | Placeholder::Repo | Placeholder::Number => {
                        value.into_owned()
                    }
                    Placeholder::Repository
                    | Placeholder::Branch
                    | Placeholder::BranchSlug
                    | Placeholder::Sha
                    | Placeholder::Base
                    | Placeholder::BaseSlug
                    | Placeholder::Author
                    | Placeholder::AuthorSlug
                    | Placeholder::Title
                    | Placeholder::TitleSlug => slug(&value, width),
                }
            }
        };
        self.0.0.iter().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{Branch, RepositoryName};

    fn name(pattern: &str, branch: &str) -> Result<String, ParseError> {
        let repository = RepositoryName::parse("acme/api").unwrap();
        let branch = Branch::parse(branch).unwrap();
        let values = PlaceholderValues {
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
            .name(&values)
            .map(|name| name.to_string())
    }

    #[test]
    fn legal_values_are_unchanged() {
        assert_eq!(name("{repo}-pr-{number}", "x").unwrap(), "api-pr-7");
        assert_eq!(
            name("{owner}.{repo}@{branch}", "release_1").unwrap(),
            "acme.api@release_1"
        );
    }

    #[test]
    fn illegal_values_become_slugs_with_a_hash() {
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
    fn other_placeholders_become_slugs_and_are_cut_too() {
        assert_eq!(
            name("{repository}.{title}-{number}", "x").unwrap(),
            "acme-api-c7198fbc.Add-remove-f1fcaea4-7"
        );
        let long = name("{branch}-{branch_slug}-{title}", &"b".repeat(300)).unwrap();
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
    fn an_invalid_pipeline_name_is_refused() {
        assert!(NamePattern::parse("{repo").unwrap_err().contains("without"));
        assert!(
            NamePattern::parse("{sha1}")
                .unwrap_err()
                .contains("unknown placeholder")
        );
        assert!(
            NamePattern::parse("a/b")
                .unwrap_err()
                .contains("'/' is not allowed")
        );
        assert!(
            NamePattern::parse(&"x".repeat(101))
                .unwrap_err()
                .contains("101 characters")
        );
        assert!(name(&format!("{}{{branch}}", "x".repeat(99)), "feature/x").is_err());
    }
}
