//! Globs over the names of repositories and branches.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};

/// The characters that do not always stand for themselves.
const SPECIAL: [char; 8] = ['*', '?', '[', ']', '{', '}', ',', '\\'];

/// Globs of which one must match, and globs after `!` of which none may match. `*` matches within a
/// path segment, `**` across segments.
#[derive(Clone, Debug, Default)]
pub struct GlobFilter {
    admitted: Vec<Glob>,
    refused: Vec<Glob>,
}

/// One glob. Most globs are plain text, or begin with it, so that a webhook passes over a thousand
/// rules about other repositories by comparing text.
#[derive(Clone, Debug)]
struct Glob {
    text: String,
    ignores_case: bool,
    /// The bytes before the first special character.
    plain: usize,
    /// `None` if all of it is plain text.
    matcher: Option<GlobMatcher>,
}

impl GlobFilter {
    /// Parses globs over names of branches. If there are only `!` globs, or none at all, everything
    /// else matches.
    ///
    /// # Errors
    /// The index of the glob in the list that is not valid, and why.
    pub fn parse<S: AsRef<str>>(
        globs: impl IntoIterator<Item = S>,
    ) -> Result<Self, (usize, String)> {
        Self::build(globs, false, branch_fault)
    }

    /// Parses globs over names of repositories, which GitHub compares without case.
    ///
    /// # Errors
    /// As for [`GlobFilter::parse`].
    pub fn parse_repositories<S: AsRef<str>>(
        globs: impl IntoIterator<Item = S>,
    ) -> Result<Self, (usize, String)> {
        Self::build(globs, true, repository_fault)
    }

    /// Parses globs over names of images.
    ///
    /// # Errors
    /// As for [`GlobFilter::parse`].
    pub fn parse_images<S: AsRef<str>>(
        globs: impl IntoIterator<Item = S>,
    ) -> Result<Self, (usize, String)> {
        Self::build(globs, false, image_fault)
    }

    fn build<S: AsRef<str>>(
        globs: impl IntoIterator<Item = S>,
        ignores_case: bool,
        fault: fn(&str) -> Option<String>,
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
            let glob = Glob::parse(text, ignores_case).map_err(|why| (index, why))?;
            if let Some(why) = fault(text) {
                return Err((index, why));
            }
            list.push(glob);
        }
        Ok(patterns)
    }

    /// Returns true if there is no glob, so that everything matches.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.admitted.is_empty() && self.refused.is_empty()
    }

    /// Returns true if a glob admits, so that what no glob names does not match.
    #[must_use]
    pub fn admits_only(&self) -> bool {
        !self.admitted.is_empty()
    }

    /// Returns true if `text` matches.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        let any = |globs: &[Glob]| globs.iter().any(|glob| glob.is_match(text));
        (self.admitted.is_empty() || any(&self.admitted)) && !any(&self.refused)
    }

    /// Returns the plain texts with which everything that matches begins: that of each glob that
    /// admits.
    pub(super) fn beginnings(&self) -> impl Iterator<Item = &str> {
        let any = self.admitted.is_empty().then_some("");
        let globs = self.admitted.iter();
        globs
            .filter_map(|glob| glob.text.get(..glob.plain))
            .chain(any)
    }

    /// Returns true if a glob that admits begins with this text.
    #[must_use]
    pub fn names(&self, beginning: &str) -> bool {
        let mut globs = self.admitted.iter();
        globs.any(|glob| glob.text.starts_with(beginning))
    }

    /// Returns true if everything that `narrower` matches certainly matches this filter too. It is
    /// false where the texts of the globs do not tell.
    #[must_use]
    pub fn includes(&self, narrower: &Self) -> bool {
        let within = |glob: &Glob, wider: &[Glob]| wider.iter().any(|wider| wider.includes(glob));
        let admits = self.admitted.is_empty()
            || (!narrower.admitted.is_empty()
                && narrower
                    .admitted
                    .iter()
                    .all(|glob| within(glob, &self.admitted)));
        let refusals = &mut self.refused.iter();
        admits && refusals.all(|glob| within(glob, &narrower.refused))
    }
}

impl Glob {
    fn parse(text: &str, ignores_case: bool) -> Result<Self, String> {
        let built = GlobBuilder::new(text)
            .literal_separator(true)
            .case_insensitive(ignores_case)
            .build();
        let built = built.map_err(|error| error.kind().to_string())?;
        let special = text.find(SPECIAL);
        Ok(Self {
            text: text.to_owned(),
            ignores_case,
            plain: special.unwrap_or(text.len()),
            matcher: special.map(|_| built.compile_matcher()),
        })
    }

    fn is_match(&self, text: &str) -> bool {
        self.begins_like(text)
            && match &self.matcher {
                Some(matcher) => matcher.is_match(text),
                None => text.len() == self.plain,
            }
    }

    /// Returns true if the text begins with the plain text of the glob.
    fn begins_like(&self, text: &str) -> bool {
        let plain = self.text.get(..self.plain).zip(text.get(..self.plain));
        plain.is_some_and(|(ours, theirs)| match self.ignores_case {
            true => ours.eq_ignore_ascii_case(theirs),
            false => ours == theirs,
        })
    }

    /// Returns true if it certainly matches everything that `narrower` matches.
    fn includes(&self, narrower: &Self) -> bool {
        let (wide, narrow) = (self.text.as_str(), narrower.text.as_str());
        // A `*` of the narrower glob that the wider one matches as plain text can only be
        // within a `*` of the wider one, which also matches every text that it stands for.
        let by_stars = || {
            !wide.contains(['?', '[', '{', '\\'])
                && !narrow.contains(['[', '{', '\\'])
                && !narrow.contains("**")
        };
        wide == "**" || wide == narrow || (self.is_match(narrow) && by_stars())
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
            write!(f, "{separator}{mark}{}", glob.text)?;
        }
        Ok(())
    }
}

/// Describes why a glob matches no repository; `None` if it may match one.
fn repository_fault(glob: &str) -> Option<String> {
    let is_url =
        glob.contains("://") || glob.starts_with("git@") || glob.starts_with("github.com/");
    // Braces may have several names, and `**` goes across the slash.
    let has_alternatives = glob.contains('{') || glob.contains("**");
    let parts: Vec<&str> = glob.split('/').collect();
    let why = if is_url {
        "it is a URL: give owner/name"
    } else if glob.contains(char::is_whitespace) {
        "no repository has a space in its name: give each glob its own text"
    } else if glob.ends_with(".git") {
        "GitHub's names do not end in .git: remove it"
    } else if !has_alternatives && (parts.len() != 2 || parts.contains(&"")) {
        "it matches no repository: give owner/name, such as acme/api or acme/*"
    } else {
        return None;
    };
    Some(why.to_owned())
}

/// Describes why a glob matches no branch; `None` if it may match one.
fn branch_fault(glob: &str) -> Option<String> {
    if let Some(branch) = glob.strip_prefix("refs/heads/") {
        return Some(format!(
            "branches are named without refs/heads/: write '{branch}'"
        ));
    }
    // git-check-ref-format(1)
    let illegal = glob.chars().find(|c| " ~:".contains(*c) || c.is_control());
    match illegal {
        Some(c) => Some(format!("no branch has {c:?} in its name: remove it")),
        None if glob.starts_with('/') || glob.ends_with('/') => {
            Some("no branch begins or ends with '/': remove it".to_owned())
        }
        None => None,
    }
}

/// Describes why a glob matches no image; `None` if it may match one.
fn image_fault(glob: &str) -> Option<String> {
    let illegal = glob.chars().find(|c| c.is_whitespace() || c.is_control());
    illegal.map(|c| format!("no image has {c:?} in its name: remove it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_are_written_as_they_were_configured() {
        let globs = |globs: &[&str]| GlobFilter::parse(globs).unwrap().to_string();
        assert_eq!(globs(&["!old/*", "a/*", "b"]), "a/*, b, !old/*");
        assert_eq!(globs(&[]), "any");
    }

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

    #[test]
    fn a_wider_filter_includes_a_narrower_one() {
        let filter = |globs: &[&str]| GlobFilter::parse_repositories(globs).unwrap();
        for (wider, narrower) in [
            (&["acme/*"][..], &["acme/api", "acme/web-*"][..]),
            (&["**"], &["corp/*"]),
            (&["acme/*"], &["Acme/*", "!acme/x"]),
            (&["!acme/x*"], &["acme/*", "!acme/*"]),
        ] {
            assert!(filter(wider).includes(&filter(narrower)), "{wider:?}");
            assert!(!filter(narrower).includes(&filter(wider)), "{wider:?}");
        }
        for (one, other) in [
            (&["acme/*", "!acme/x"][..], &["acme/x"][..]),
            (&["acme/*"], &["!acme/x"]),
            (&["*/a?"], &["*/a*"]),
        ] {
            assert!(!filter(one).includes(&filter(other)), "{one:?}");
        }
    }

    #[test]
    fn of_a_thousand_globs_a_name_asks_only_those_that_begin_like_it() {
        let globs = (0..1_000).map(|number| format!("acme/service-{number:03}-*"));
        let globs: Vec<String> = globs.chain(["acme/api".to_owned()]).collect();
        let filter = GlobFilter::parse_repositories(globs).unwrap();
        let asked = |name: &str| {
            let globs = filter.admitted.iter();
            let begins = globs.filter(|glob| glob.begins_like(name));
            begins.filter_map(|glob| glob.matcher.as_ref()).count()
        };
        assert_eq!((asked("acme/api"), filter.is_match("acme/API")), (0, true));
        let web = "Acme/Service-007-web";
        assert_eq!((asked(web), filter.is_match(web)), (1, true));
        assert_eq!((asked("corp/api"), filter.is_match("corp/api")), (0, false));
    }

    proptest::proptest! {
        #[test]
        fn plain_text_is_compared_as_the_glob_would_match_it(
            glob in "[aAé]{0,2}[aA/é,*?\\]!-]{1,4}(\\{a,B\\})?(\\[aB\\])?(\\\\\\*)?",
            name in "[aAbBé/,*?\\]!-]{1,6}",
            ignores_case: bool,
        ) {
            let matcher = GlobBuilder::new(&glob)
                .literal_separator(true)
                .case_insensitive(ignores_case)
                .build();
            let matcher = matcher.unwrap().compile_matcher();
            let ours = Glob::parse(&glob, ignores_case).unwrap();
            for text in [&name, &glob, &glob.to_uppercase()] {
                proptest::prop_assert_eq!(ours.is_match(text), matcher.is_match(text), "{}", text);
            }
        }

        #[test]
        fn what_a_filter_includes_it_matches(
            wider in proptest::collection::vec("!?[ab*]{1,3}/[ab*]{1,3}", 0..3),
            narrower in proptest::collection::vec("!?[ab*?]{1,3}/[ab*?]{1,3}", 0..3),
            name in "[ab]{1,3}/[ab]{1,3}",
        ) {
            let wider = GlobFilter::parse_repositories(wider).unwrap();
            let narrower = GlobFilter::parse_repositories(narrower).unwrap();
            if wider.includes(&narrower) && narrower.is_match(&name) {
                proptest::prop_assert!(wider.is_match(&name));
            }
        }
    }
}
