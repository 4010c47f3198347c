//! How long the text of a format string may be, without a subject.

use crate::domain::rules::placeholder::{FormatString, Placeholder, Segment};

impl Placeholder {
    /// Returns the length of its longest value, in characters; `None` if people choose the length.
    fn longest(self) -> Option<usize> {
        match self {
            // The digits of the largest number that is read.
            Self::Number => Some(20),
            Self::Sha => Some(40),
            // GitHub accepts 39 characters for an owner, and 100 for the name of a repository.
            Self::Owner => Some(39),
            Self::Repo => Some(100),
            Self::Repository => Some(39 + 1 + 100),
            Self::Branch
            | Self::BranchSlug
            | Self::Base
            | Self::BaseSlug
            | Self::Author
            | Self::AuthorSlug
            | Self::Title
            | Self::TitleSlug => None,
        }
    }
}

impl FormatString {
    /// Returns the length of the longest text, in characters. Values whose length people choose
    /// count as empty.
    #[must_use]
    pub fn longest(&self) -> usize {
        let lengths = self.0.iter().map(|segment| match segment {
            Segment::Text(text) => text.chars().count(),
            Segment::Placeholder(placeholder) => placeholder.longest().unwrap_or(0),
        });
        lengths.sum()
    }

    /// Returns the text with `x` for every value.
    #[must_use]
    pub fn example(&self) -> String {
        let texts = self.0.iter().map(|segment| match segment {
            Segment::Text(text) => text.as_str(),
            Segment::Placeholder(_) => "x",
        });
        texts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_count_as_far_as_their_length_is_known() {
        for (format, longest) in [
            ("ü-{number}", 22),
            ("{owner}/{repo}", 140),
            ("{repository}", 140),
            ("{branch_slug}-{sha}", 41),
        ] {
            let parsed = FormatString::parse(format).unwrap();
            assert_eq!(parsed.longest(), longest, "{format}");
        }
        let parsed = FormatString::parse("{{a}}-{number}-{title}").unwrap();
        assert_eq!(parsed.example(), "{a}-x-x");
    }
}
