//! Format strings such as `{repo}-pr-{number}`, and the values of their placeholders. A value is
//! data: it is never parsed as a format string again.

use std::borrow::Cow;
use std::fmt;

use crate::domain::ids::{Branch, CommitId, RepositoryName};
use crate::domain::rules::slug::slug;

mod length;
mod plain;
mod sharing;

/// A text with placeholders, parsed and checked once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormatString(pub(super) Vec<Segment>);

/// A part of a format string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Text from the configuration.
    Text(String),
    /// A placeholder.
    Placeholder(Placeholder),
}

impl Segment {
    /// Returns true if the text is the same for every subject of a repository.
    fn is_fixed(&self) -> bool {
        use Placeholder::{Owner, Repo, Repository};
        match self {
            Self::Text(_) => true,
            Self::Placeholder(placeholder) => matches!(placeholder, Owner | Repo | Repository),
        }
    }
}

/// A part of the text of a format string, with its placeholder if it is a value.
type Part<'a> = (Option<Placeholder>, Cow<'a, str>);

/// The placeholders that a format string may contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// `{repository}`: `owner/name`.
    Repository,
    /// `{owner}`: the owner of the repository.
    Owner,
    /// `{repo}`: the repository without its owner.
    Repo,
    /// `{branch}`: the branch.
    Branch,
    /// `{branch_slug}`: the branch as a legal part of a pipeline's name.
    BranchSlug,
    /// `{number}`: the number of the pull request.
    Number,
    /// `{sha}`: the head commit.
    Sha,
    /// `{base}`: the base branch of the pull request.
    Base,
    /// `{author}`: the login of the pull request's author; `ghost` for a deleted account, as GitHub
    /// shows it.
    Author,
    /// `{title}`: the title of the pull request.
    Title,
    /// `{base_slug}`: the base branch as a slug.
    BaseSlug,
    /// `{author_slug}`: the author's login as a slug.
    AuthorSlug,
    /// `{title_slug}`: the title as a slug.
    TitleSlug,
}

impl Placeholder {
    const ALL: [(&'static str, Self); 13] = [
        ("repository", Self::Repository),
        ("owner", Self::Owner),
        ("repo", Self::Repo),
        ("branch", Self::Branch),
        ("branch_slug", Self::BranchSlug),
        ("number", Self::Number),
        ("sha", Self::Sha),
        ("base", Self::Base),
        ("author", Self::Author),
        ("title", Self::Title),
        ("base_slug", Self::BaseSlug),
        ("author_slug", Self::AuthorSlug),
        ("title_slug", Self::TitleSlug),
    ];

    /// Returns the name between the braces.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, placeholder)| *placeholder == self)
            .map_or("", |(name, _)| name)
    }

    /// Returns true if a branch has no value for it.
    #[must_use]
    pub fn is_of_pull_requests(self) -> bool {
        match self {
            Self::Number
            | Self::Base
            | Self::Author
            | Self::Title
            | Self::BaseSlug
            | Self::AuthorSlug
            | Self::TitleSlug => true,
            Self::Repository
            | Self::Owner
            | Self::Repo
            | Self::Branch
            | Self::BranchSlug
            | Self::Sha => false,
        }
    }

    /// Says that a subject has no such value.
    fn missing(self) -> String {
        format!("there is no {{{}}} here, or none yet", self.as_str())
    }

    /// Returns the placeholder of which this is the slug, or the placeholder itself.
    pub(super) fn unslugged(self) -> Self {
        let mut all = Self::ALL.iter().map(|(_, placeholder)| *placeholder);
        all.find(|found| found.slug() == Some(self)).unwrap_or(self)
    }

    /// Returns the placeholder of the slug, if the value is text that people write.
    fn slug(self) -> Option<Self> {
        match self {
            Self::Branch => Some(Self::BranchSlug),
            Self::Base => Some(Self::BaseSlug),
            Self::Author => Some(Self::AuthorSlug),
            Self::Title => Some(Self::TitleSlug),
            Self::Repository
            | Self::Owner
            | Self::Repo
            | Self::Number
            | Self::Sha
            | Self::BranchSlug
            | Self::BaseSlug
            | Self::AuthorSlug
            | Self::TitleSlug => None,
        }
    }
}

/// The values of the placeholders for one subject.
#[derive(Clone, Copy, Debug)]
pub struct PlaceholderValues<'a> {
    /// The repository.
    pub repository: &'a RepositoryName,
    /// The branch: the head of the pull request, or the branch itself.
    pub branch: &'a Branch,
    /// The pull request's number; `None` for a branch.
    pub number: Option<u64>,
    /// The head commit; `None` if it is not known.
    pub sha: Option<&'a CommitId>,
    /// The base branch of the pull request.
    pub base: Option<&'a Branch>,
    /// The login of the pull request's author.
    pub author: Option<&'a str>,
    /// The title of the pull request.
    pub title: Option<&'a str>,
}

impl<'a> PlaceholderValues<'a> {
    /// Returns the value of a placeholder; `None` if this subject has no such value, or it is not
    /// known yet.
    pub(super) fn value(&self, placeholder: Placeholder) -> Option<Cow<'a, str>> {
        let pull = |text: Option<&'a str>| text.filter(|_| self.number.is_some());
        match placeholder {
            Placeholder::Repository => Some(self.repository.as_str().into()),
            Placeholder::Owner => Some(self.repository.owner().into()),
            Placeholder::Repo => Some(self.repository.name().into()),
            Placeholder::Branch => Some(self.branch.as_str().into()),
            Placeholder::BranchSlug
            | Placeholder::BaseSlug
            | Placeholder::AuthorSlug
            | Placeholder::TitleSlug => {
                Some(slug(&self.value(placeholder.unslugged())?, usize::MAX).into())
            }
            Placeholder::Number => self.number.map(|number| number.to_string().into()),
            Placeholder::Sha => self.sha.map(|sha| sha.as_str().into()),
            Placeholder::Base => pull(self.base.map(Branch::as_str)).map(Cow::from),
            Placeholder::Author => pull(Some(self.author.unwrap_or("ghost"))).map(Cow::from),
            Placeholder::Title => pull(self.title).map(Cow::from),
        }
    }
}

impl FormatString {
    /// Parses a format string. `{{` and `}}` stand for braces; `#{Namespace.NAME}`, a variable of
    /// CodePipeline, is left unchanged.
    ///
    /// # Errors
    /// One sentence that describes the mistake and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut segments = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(index) = rest.find(['{', '}']) {
            let (before, after) = rest.split_at(index);
            plain.push_str(before);
            if let Some(more) = after.strip_prefix("{{") {
                plain.push('{');
                rest = more;
            } else if let Some(more) = after.strip_prefix("}}") {
                plain.push('}');
                rest = more;
            } else if after.starts_with('}') {
                return Err(format!(
                    "'}}' without '{{' in '{text}': write '}}}}' for a brace"
                ));
            } else {
                let end = after.find('}').ok_or_else(|| {
                    format!("'{{' without '}}' in '{text}': write '{{{{' for a brace")
                })?;
                let (braced, more) = after.split_at(end + 1);
                match placeholder(braced) {
                    Ok(placeholder) => {
                        segments.push(Segment::Text(std::mem::take(&mut plain)));
                        segments.push(Segment::Placeholder(placeholder));
                    }
                    Err(_) if before.ends_with('#') => plain.push_str(braced),
                    Err(why) => return Err(why),
                }
                rest = more;
            }
        }
        plain.push_str(rest);
        segments.push(Segment::Text(plain));
        segments.retain(|segment| *segment != Segment::Text(String::new()));
        Ok(Self(segments))
    }

    /// Returns the placeholders of the format string.
    pub fn placeholders(&self) -> impl Iterator<Item = Placeholder> {
        self.0.iter().filter_map(|segment| match segment {
            Segment::Placeholder(placeholder) => Some(*placeholder),
            Segment::Text(_) => None,
        })
    }

    /// Returns the fixed texts of the format string.
    pub fn fixed_texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|segment| match segment {
            Segment::Text(text) => Some(text.as_str()),
            Segment::Placeholder(_) => None,
        })
    }

    /// Returns true if the format string has text that people write, not as a slug.
    #[must_use]
    pub fn has_free_text(&self) -> bool {
        self.placeholders().any(|found| found.slug().is_some())
    }

    /// Returns true if the format string has text that people choose, also as a slug.
    #[must_use]
    pub fn has_chosen_text(&self) -> bool {
        self.placeholders()
            .any(|found| found.unslugged().slug().is_some())
    }

    /// Returns the text for one subject, with every value inserted unchanged.
    ///
    /// # Errors
    /// The value that is missing or not allowed, and why.
    pub(crate) fn text(&self, values: &PlaceholderValues<'_>) -> Result<String, String> {
        let parts = self.parts(values)?.into_iter();
        Ok(parts.map(|(_, part)| part).collect())
    }

    /// Returns the text of which the whole becomes a slug: with the values themselves where it has
    /// their slugs, each of which may end in a hash of its own.
    ///
    /// # Errors
    /// The value that is missing.
    pub(crate) fn unslugged_text(&self, values: &PlaceholderValues<'_>) -> Result<String, String> {
        let parts = self.0.iter().map(|segment| match segment {
            Segment::Text(plain) => Ok(plain.as_str().into()),
            Segment::Placeholder(placeholder) => values
                .value(placeholder.unslugged())
                .ok_or_else(|| placeholder.missing()),
        });
        parts
            .collect::<Result<Vec<Cow<'_, str>>, String>>()
            .map(|parts| parts.concat())
    }

    /// Returns the parts of the text for one subject.
    fn parts<'a>(&'a self, values: &PlaceholderValues<'a>) -> Result<Vec<Part<'a>>, String> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut previous = None;
        for segment in &self.0 {
            let (part, placeholder): (Cow<'_, str>, _) = match segment {
                Segment::Text(plain) => (plain.into(), None),
                Segment::Placeholder(placeholder) => {
                    let value = values.value(*placeholder);
                    let value = value.ok_or_else(|| placeholder.missing())?;
                    (value, Some(*placeholder))
                }
            };
            let completes_variable = text.ends_with('#') && part.starts_with('{');
            let contains_variable = placeholder.is_some() && part.contains("#{");
            if (completes_variable || contains_variable)
                && let Some(placeholder) = placeholder.or(previous)
            {
                return Err(format!(
                    "with {{{}}} the text would contain '#{{', which CodePipeline reads as a variable",
                    placeholder.as_str()
                ));
            }
            text.push_str(&part);
            parts.push((placeholder, part));
            previous = placeholder;
        }
        Ok(parts)
    }
}

/// Writes the text that [`FormatString::parse`] reads.
impl fmt::Display for FormatString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.0 {
            match segment {
                Segment::Text(text) => {
                    f.write_str(&text.replace('{', "{{").replace('}', "}}"))?;
                }
                Segment::Placeholder(placeholder) => write!(f, "{{{}}}", placeholder.as_str())?,
            }
        }
        Ok(())
    }
}

fn placeholder(braced: &str) -> Result<Placeholder, String> {
    let known = |(name, _): &&(&str, Placeholder)| {
        braced
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            == Some(*name)
    };
    let placeholder = Placeholder::ALL.iter().find(known);
    placeholder
        .map(|(_, placeholder)| *placeholder)
        .ok_or_else(|| {
            let names = Placeholder::ALL.map(|(name, _)| format!("{{{name}}}"));
            format!("unknown placeholder '{braced}': use {}", names.join(", "))
        })
}

#[cfg(test)]
mod tests;
