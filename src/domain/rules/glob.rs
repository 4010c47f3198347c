//! Globs over the names of repositories and branches.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};

/// Globs of which one must match, and globs after `!` of which none may match. `*` matches within a
/// path segment, `**` across segments.
#[derive(Clone, Debug, Default)]
pub struct GlobFilter {
    admitted: Vec<GlobMatcher>,
    refused: Vec<GlobMatcher>,
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
            let built = GlobBuilder::new(text)
                .literal_separator(true)
                .case_insensitive(ignores_case)
                .build();
            let built = built.map_err(|error| (index, error.kind().to_string()))?;
            if let Some(why) = fault(text) {
                return Err((index, why));
            }
            list.push(built.compile_matcher());
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
        let any = |globs: &[GlobMatcher]| globs.iter().any(|glob| glob.is_match(text));
        (self.admitted.is_empty() || any(&self.admitted)) && !any(&self.refused)
    }

    /// Returns true if a glob that admits begins with this text.
    #[must_use]
    pub fn names(&self, beginning: &str) -> bool {
        let mut globs = self.admitted.iter();
        globs.any(|glob| glob.glob().glob().starts_with(beginning))
    }

    /// Returns true if everything that `narrower` matches certainly matches this filter too. It is
    /// false where the texts of the globs do not tell.
    #[must_use]
    pub fn includes(&self, narrower: &Self) -> bool {
        let within = |glob: &GlobMatcher, wider: &[GlobMatcher]| {
            wider.iter().any(|wider| includes(wider, glob))
        };
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

/// Returns true if `wider` certainly matches everything that `narrower` matches.
fn includes(wider: &GlobMatcher, narrower: &GlobMatcher) -> bool {
    let (wide, narrow) = (wider.glob().glob(), narrower.glob().glob());
    // A `*` of the narrower glob that the wider one matches as plain text can only be
    // within a `*` of the wider one, which also matches every text that it stands for.
    let by_stars = !wide.contains(['?', '[', '{', '\\'])
        && !narrow.contains(['[', '{', '\\'])
        && !narrow.contains("**")
        && wider.is_match(narrow);
    wide == "**" || wide == narrow || by_stars
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

    proptest::proptest! {
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
