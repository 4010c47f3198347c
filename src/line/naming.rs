//! A rule's `pipeline_name` and the names that it makes: legal for CodePipeline, and never one name for two branches.

use super::ids::{Branch, NotA, PipelineName, RepositoryName, is_pipeline_character, short_hash};

/// A `pipeline_name` such as `{repo}-pr-{number}`, read and checked once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Fill(Placeholder),
}

/// What may stand in braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// `{owner}`: the owner of the repository.
    Owner,
    /// `{repo}`: the repository without its owner.
    Repo,
    /// `{branch}`: the branch, slugged where it does not fit.
    Branch,
    /// `{number}`: the number of the pull request.
    Number,
}

impl Placeholder {
    const ALL: [(&'static str, Self); 4] = [
        ("owner", Self::Owner),
        ("repo", Self::Repo),
        ("branch", Self::Branch),
        ("number", Self::Number),
    ];
}

/// What the placeholders stand for.
pub struct Fill<'a> {
    /// The repository.
    pub repository: &'a RepositoryName,
    /// The branch: the head of the pull request, or the branch itself.
    pub branch: &'a Branch,
    /// The pull request's number, where there is one.
    pub number: Option<u64>,
}

/// The shortest cut of a branch that is still worth reading; below it only the hash is left.
const HASH_WIDTH: usize = 8;

impl NamePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// One sentence that says what is wrong and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (word, after) = after
                .split_once('}')
                .ok_or_else(|| format!("'{{' without '}}' in '{text}'"))?;
            let fill = Placeholder::ALL.iter().find(|(name, _)| *name == word).ok_or_else(|| {
                format!("unknown placeholder '{{{word}}}': use {{owner}}, {{repo}}, {{branch}} or {{number}}")
            })?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Fill(fill.1));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        let illegal = pieces.iter().find_map(|piece| match piece {
            Piece::Text(text) => text.chars().find(|c| !is_pipeline_character(*c)),
            Piece::Fill(_) => None,
        });
        match illegal {
            Some(c) => Err(format!(
                "'{c}' cannot stand in a pipeline name: use A-Z a-z 0-9 . @ _ -"
            )),
            None => Ok(Self(pieces)),
        }
    }

    /// Whether `placeholder` stands in it.
    #[must_use]
    pub fn has(&self, placeholder: Placeholder) -> bool {
        self.0.contains(&Piece::Fill(placeholder))
    }

    /// The name for one subject. Where a branch makes it too long, the branch is cut.
    ///
    /// # Errors
    /// [`NotA`] when even the shortest branch leaves it over 100 characters, or nothing is left at all.
    pub fn name(&self, fill: &Fill<'_>) -> Result<PipelineName, NotA> {
        let name = self.fill_in(fill, PipelineName::MAX);
        let over = name.len().saturating_sub(PipelineName::MAX);
        if over == 0 || !self.has(Placeholder::Branch) {
            return PipelineName::parse(name);
        }
        let branches = self
            .0
            .iter()
            .filter(|piece| **piece == Piece::Fill(Placeholder::Branch))
            .count()
            .max(1);
        let branch_width = slug(fill.branch.as_str(), PipelineName::MAX).len();
        PipelineName::parse(
            self.fill_in(fill, branch_width.saturating_sub(over.div_ceil(branches))),
        )
    }

    fn fill_in(&self, fill: &Fill<'_>, branch_width: usize) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Fill(Placeholder::Owner) => fill.repository.owner().to_owned(),
            Piece::Fill(Placeholder::Repo) => fill.repository.name().to_owned(),
            Piece::Fill(Placeholder::Branch) => slug(fill.branch.as_str(), branch_width),
            Piece::Fill(Placeholder::Number) => fill
                .number
                .map_or_else(String::new, |number| number.to_string()),
        };
        self.0.iter().map(piece).collect()
    }
}

/// The text itself where it fits; else what is legal of it and a hash of all of it.
///
/// Two texts never share a slug (but for a collision of the hash): a text that fits and looks as if it ended in a
/// hash is hashed as well, so a hashed slug is never somebody's plain name.
fn slug(text: &str, width: usize) -> String {
    let fits =
        text.len() <= width && text.chars().all(is_pipeline_character) && !ends_in_hash(text);
    if fits {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        match is_pipeline_character(c) {
            true => cut.push(c),
            false if cut.ends_with('-') => {}
            false => cut.push('-'),
        }
    }
    cut.truncate(width.saturating_sub(HASH_WIDTH + 1));
    let readable = cut.trim_matches('-');
    let hash = short_hash(text);
    if readable.is_empty() {
        hash
    } else {
        format!("{readable}-{hash}")
    }
}

fn ends_in_hash(text: &str) -> bool {
    let tail = text.rsplit('-').next().unwrap_or_default();
    tail.len() == HASH_WIDTH && tail.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(pattern: &str, branch: &str) -> Result<String, NotA> {
        let repository = RepositoryName::parse("acme/api").unwrap();
        let branch = Branch::parse(branch).unwrap();
        let fill = Fill {
            repository: &repository,
            branch: &branch,
            number: Some(7),
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
