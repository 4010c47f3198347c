//! Patterns such as `{repo}-pr-{number}`, and what their placeholders stand for. What is filled in is data: it is never
//! read as a pattern again.

use std::borrow::Cow;

use crate::domain::ids::{Branch, CommitId, RepositoryName};

/// A text with placeholders, read and checked once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatString(pub(super) Vec<Segment>);

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// What stands in the configuration.
    Text(String),
    /// What is filled in.
    Placeholder(Placeholder),
}

/// What may stand in braces.
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
    /// `{slug}`: the branch, made fit for a name.
    Slug,
    /// `{number}`: the number of the pull request.
    Number,
    /// `{sha}`: the head commit.
    Sha,
    /// `{base}`: the base branch of the pull request.
    Base,
    /// `{author}`: the login of the pull request's author; `ghost` for a deleted account, as GitHub shows it.
    Author,
    /// `{title}`: the title of the pull request.
    Title,
}

impl Placeholder {
    const ALL: [(&'static str, Self); 10] = [
        ("repository", Self::Repository),
        ("owner", Self::Owner),
        ("repo", Self::Repo),
        ("branch", Self::Branch),
        ("slug", Self::Slug),
        ("number", Self::Number),
        ("sha", Self::Sha),
        ("base", Self::Base),
        ("author", Self::Author),
        ("title", Self::Title),
    ];

    /// How it stands in a pattern.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let found = Self::ALL
            .iter()
            .find(|(_, placeholder)| *placeholder == self);
        found.map_or("", |(word, _)| word)
    }

    /// Whether only pull requests have it.
    #[must_use]
    pub fn is_of_pull_requests(self) -> bool {
        match self {
            Self::Number | Self::Base | Self::Author | Self::Title => true,
            Self::Repository | Self::Owner | Self::Repo | Self::Branch | Self::Slug | Self::Sha => {
                false
            }
        }
    }
}

/// What the placeholders stand for.
#[derive(Clone, Copy, Debug)]
pub struct PlaceholderValues<'a> {
    /// The repository.
    pub repository: &'a RepositoryName,
    /// The branch: the head of the pull request, or the branch itself.
    pub branch: &'a Branch,
    /// The pull request's number, where there is one.
    pub number: Option<u64>,
    /// The head commit, where it is known.
    pub sha: Option<&'a CommitId>,
    /// The base branch of the pull request.
    pub base: Option<&'a Branch>,
    /// The login of its author.
    pub author: Option<&'a str>,
    /// Its title.
    pub title: Option<&'a str>,
}

impl<'a> PlaceholderValues<'a> {
    /// What a placeholder stands for; `None` where this subject has no such thing, or it is not known yet.
    pub(super) fn value(&self, placeholder: Placeholder) -> Option<Cow<'a, str>> {
        let pull = |text: Option<&'a str>| text.filter(|_| self.number.is_some());
        match placeholder {
            Placeholder::Repository => Some(self.repository.as_str().into()),
            Placeholder::Owner => Some(self.repository.owner().into()),
            Placeholder::Repo => Some(self.repository.name().into()),
            Placeholder::Branch => Some(self.branch.as_str().into()),
            Placeholder::Slug => {
                Some(crate::domain::rules::slug::slug(self.branch.as_str(), usize::MAX).into())
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
    /// Reads a pattern. `{{` and `}}` stand for braces; `#{Namespace.NAME}`, a variable of CodePipeline's,
    /// stays as it is.
    ///
    /// # Errors
    /// One sentence that says what is wrong and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(place) = rest.find(['{', '}']) {
            let (before, after) = rest.split_at(place);
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
                    Ok(fill) => {
                        pieces.push(Segment::Text(std::mem::take(&mut plain)));
                        pieces.push(Segment::Placeholder(fill));
                    }
                    Err(_) if before.ends_with('#') => plain.push_str(braced),
                    Err(why) => return Err(why),
                }
                rest = more;
            }
        }
        plain.push_str(rest);
        pieces.push(Segment::Text(plain));
        pieces.retain(|piece| *piece != Segment::Text(String::new()));
        Ok(Self(pieces))
    }

    /// The placeholders in it.
    pub fn placeholders(&self) -> impl Iterator<Item = Placeholder> {
        self.0.iter().filter_map(|piece| match piece {
            Segment::Placeholder(placeholder) => Some(*placeholder),
            Segment::Text(_) => None,
        })
    }

    /// The text for one subject: everything exactly as it is.
    ///
    /// # Errors
    /// What cannot be filled in or must not be, and why.
    pub(crate) fn text(&self, fill: &PlaceholderValues<'_>) -> Result<String, String> {
        let mut text = String::new();
        let mut filled = None;
        for piece in &self.0 {
            let (value, word): (Cow<'_, str>, _) = match piece {
                Segment::Text(plain) => (plain.into(), None),
                Segment::Placeholder(placeholder) => {
                    let word = placeholder.as_str();
                    let value = fill.value(*placeholder);
                    let none = || format!("there is no {{{word}}} here, or none yet");
                    (value.ok_or_else(none)?, Some(word))
                }
            };
            let begins = text.ends_with('#') && value.starts_with('{');
            let holds = word.is_some() && value.contains("#{");
            if let Some(word) = word.or(filled).filter(|_| begins || holds) {
                return Err(format!(
                    "with {{{word}}} it would hold '#{{', which CodePipeline reads as a variable"
                ));
            }
            text.push_str(&value);
            filled = word;
        }
        Ok(text)
    }
}

fn placeholder(braced: &str) -> Result<Placeholder, String> {
    let known = |(word, _): &&(&str, Placeholder)| {
        braced
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            == Some(*word)
    };
    let found = Placeholder::ALL.iter().find(known);
    found.map(|(_, placeholder)| *placeholder).ok_or_else(|| {
        let words = Placeholder::ALL.map(|(word, _)| format!("{{{word}}}"));
        format!("unknown placeholder '{braced}': use {}", words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pattern: &str, title: &str) -> Result<String, String> {
        let repository = RepositoryName::parse("acme/api").unwrap();
        let branch = Branch::parse("feature/ü").unwrap();
        let base = Branch::parse("main").unwrap();
        let fill = PlaceholderValues {
            repository: &repository,
            branch: &branch,
            number: Some(7),
            sha: None,
            base: Some(&base),
            author: None,
            title: Some(title),
        };
        FormatString::parse(pattern)?.text(&fill)
    }

    #[test]
    fn everything_is_filled_in_as_it_is() {
        assert_eq!(
            text(
                "{repository} {owner} {repo} {branch} {slug} {number} {base} {author}",
                ""
            )
            .unwrap(),
            "acme/api acme api feature/ü feature-1363e351 7 main ghost"
        );
        let odd = "\"quotes\" {number} \\ \n $(rm) `x` 🦀";
        assert_eq!(text("<{title}>", odd).unwrap(), format!("<{odd}>"));
    }

    #[test]
    fn braces_and_codepipelines_variables_are_the_configurations_own() {
        assert_eq!(text(r#"{{"pr":{number}}}"#, "").unwrap(), r#"{"pr":7}"#);
        assert_eq!(
            text("#{Source.CommitId}-{repository}#{number}", "").unwrap(),
            "#{Source.CommitId}-acme/api#7"
        );
    }

    #[test]
    fn a_value_never_becomes_a_variable() {
        let odd = [
            ("{title}", "a #{Source.Secret}"),
            ("{title}{{x}}", "a#"),
            ("a#{{x}}{title}", "#{x}"),
            ("{title}{title}", "{x}#"),
        ];
        for (pattern, title) in odd {
            let said = text(pattern, title).unwrap_err();
            assert!(
                said.contains("with {title} it would hold '#{'"),
                "{pattern}: {said}"
            );
        }
        assert!(text("#{title}", "{x}").is_err());
    }

    #[test]
    fn what_is_not_there_is_said() {
        assert!(text("{sha}", "").unwrap_err().contains("no {sha}"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (pattern, why) in [
            ("{repo", "without"),
            ("repo}", "without"),
            ("{sha1}", "unknown placeholder '{sha1}': use {repository}"),
        ] {
            let said = FormatString::parse(pattern).unwrap_err();
            assert!(said.contains(why), "{pattern}: {said}");
        }
    }
}
