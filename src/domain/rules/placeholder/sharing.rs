//! Whether two subjects may have the same text of a format string.

use crate::domain::rules::placeholder::{FormatString, Placeholder, Segment};

impl FormatString {
    /// Returns true if no two pull requests of a repository have the same text, whatever people
    /// call them and their branches: on one side of a number there is only fixed text, and on the
    /// other one a character other than a digit ends it.
    #[must_use]
    pub fn differs_by_pull_request(&self) -> bool {
        let number = Segment::Placeholder(Placeholder::Number);
        let mut numbers = (0..self.0.len()).filter(|index| self.0.get(*index) == Some(&number));
        numbers.any(|index| {
            let (before, rest) = self.0.split_at(index);
            let after = rest.get(1..).unwrap_or_default();
            let ends_left = ends_number(before.last(), |text| text.chars().next_back());
            let ends_right = ends_number(after.first(), |text| text.chars().next());
            (before.iter().all(Segment::is_fixed) && ends_right)
                || (after.iter().all(Segment::is_fixed) && ends_left)
        })
    }

    /// Returns the number of the pull request for which a longer text would end in this one, and
    /// what is before that, as far as it is fixed; `None` if it is that of none.
    #[must_use]
    pub fn number_at_end<'a>(&self, longer: &'a str) -> Option<(u64, &'a str)> {
        let (mut rest, mut number, mut has_text) = (longer, None, false);
        for segment in self.0.iter().rev() {
            match segment {
                Segment::Text(text) => {
                    rest = rest.strip_suffix(text.as_str())?;
                    has_text = true;
                }
                Segment::Placeholder(Placeholder::Number) => {
                    let before = rest.trim_end_matches(|c: char| c.is_ascii_digit());
                    number = Some(rest.strip_prefix(before)?.parse().ok()?);
                    rest = before;
                }
                // What people write is not compared.
                Segment::Placeholder(_) => break,
            }
        }
        let number = number.filter(|_| has_text && !rest.is_empty())?;
        Some((number, rest))
    }

    /// Returns true if a text may be of this format and of the other one, as far as their first
    /// fixed words show.
    #[must_use]
    pub fn may_begin_like(&self, other: &Self) -> bool {
        let start = |format: &Self| match format.0.first() {
            Some(Segment::Text(text)) => text.clone(),
            Some(Segment::Placeholder(_)) | None => String::new(),
        };
        let (one, other) = (start(self), start(other));
        one.starts_with(&other) || other.starts_with(&one)
    }

    /// Returns true if no two branches of a repository have the same text: beside the branch there
    /// is only fixed text.
    #[must_use]
    pub fn differs_by_branch(&self) -> bool {
        let is_branch = |found: &Placeholder| found.unslugged() == Placeholder::Branch;
        let others = |segment: &&Segment| !segment.is_fixed();
        self.placeholders().any(|found| is_branch(&found))
            && self.0.iter().filter(others).count() == 1
    }
}

/// Returns true if the segment beside a number cannot be read as more digits of it. `nearest` is
/// the character of a text that touches the number.
fn ends_number(segment: Option<&Segment>, nearest: fn(&str) -> Option<char>) -> bool {
    match segment {
        None => true,
        Some(Segment::Text(text)) => nearest(text).is_none_or(|c| !c.is_ascii_digit()),
        Some(Segment::Placeholder(_)) => false,
    }
}
