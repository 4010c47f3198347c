//! Texts for a place where a program may read them as code: in them, text that people write is
//! checked.

use std::ops::Range;

use crate::domain::rules::placeholder::{FormatString, Placeholder, PlaceholderValues};

/// The way out in a rule, if the template uses the variable in no command and no JSON.
const RAW: &str =
    "{ value = \"...\", raw = true } if no command and no JSON of the template uses the variable";
/// That in a file of a repository, which has no raw values.
const ENVIRONMENT: &str = "environment";

/// A value that people write, in the text that it is a part of.
struct Written {
    placeholder: Placeholder,
    slug: Placeholder,
    range: Range<usize>,
}

impl FormatString {
    /// Returns the text for one subject, for a place where a program may read it as code. Neither a
    /// shell nor JSON reads text that people write as anything but text, and no program reads it as
    /// an option, a file (`@name`), a URL or the folder above another.
    ///
    /// # Errors
    /// The value that is missing or not allowed, and what to write instead.
    pub(crate) fn plain_text(&self, values: &PlaceholderValues<'_>) -> Result<String, String> {
        self.checked_text(values, RAW)
    }

    /// Returns the same for a format string of a repository's file.
    ///
    /// # Errors
    /// The value that is missing or not allowed, and what to write instead.
    pub(crate) fn plain_text_of_file(
        &self,
        values: &PlaceholderValues<'_>,
    ) -> Result<String, String> {
        self.checked_text(values, ENVIRONMENT)
    }

    fn checked_text(
        &self,
        values: &PlaceholderValues<'_>,
        way_out: &str,
    ) -> Result<String, String> {
        let mut text = String::new();
        let mut written = Vec::new();
        for (placeholder, value) in self.parts(values)? {
            let start = text.len();
            text.push_str(&value);
            if let Some(placeholder) = placeholder
                && let Some(slug) = placeholder.unslugged().slug()
            {
                written.push(Written {
                    placeholder,
                    slug,
                    range: start..text.len(),
                });
            }
        }
        match written
            .iter()
            .find_map(|value| value.problem(&text, way_out))
        {
            Some(problem) => Err(problem),
            None => Ok(text),
        }
    }
}

impl FormatString {
    /// Describes what is wrong with the fixed text of a format string that comes from a repository,
    /// for a place where a program may read it as code; `None` if nothing is.
    #[must_use]
    pub fn literal_problem(&self) -> Option<&'static str> {
        let text = self.example();
        if !text.chars().all(is_plain) {
            return Some(
                "has characters that a shell or JSON may read as code, and CodePipeline does not escape variables (A-Z a-z 0-9 . _ / @ : + - are allowed): use environment",
            );
        }
        if text.starts_with(['-', '@']) {
            return Some(
                "begins with '-' or '@', which a program may read as an option or a file: use environment",
            );
        }
        let is_elsewhere = urls(&text).next().is_some() || parents(&text).next().is_some();
        is_elsewhere.then_some(
            "has '://' or '..', which a program may read as a URL or the folder above: use environment",
        )
    }
}

impl Written {
    /// Describes the first thing that is not allowed, and what to write instead.
    fn problem(&self, text: &str, way_out: &str) -> Option<String> {
        let name = self.placeholder.as_str();
        let slug = self.slug.as_str();
        let value = text.get(self.range.clone()).unwrap_or_default();
        if !value.chars().all(is_plain) {
            return Some(format!(
                "{{{name}}} has characters here that a shell or JSON may read as code, and CodePipeline does not escape variables (A-Z a-z 0-9 . _ / @ : + - are allowed): use {{{slug}}}, or {way_out}"
            ));
        }
        let before = text.get(..self.range.start).unwrap_or_default();
        if value.starts_with(['-', '@']) && !before.ends_with(continues_word) {
            return Some(format!(
                "{{{name}}} begins with '-' or '@' here, which a program may read as an option or a file: put text before it, such as 'v', or use {way_out}"
            ));
        }
        let completes =
            |part: &Range<usize>| part.start < self.range.end && self.range.start < part.end;
        if urls(text).any(|url| completes(&url)) {
            return Some(format!(
                "with {{{name}}} the text has '://' here, which a program may read as a URL: use {{{slug}}}, or {way_out}"
            ));
        }
        // A value at either end of the dots decides that nothing else belongs to them.
        let decides =
            |part: &Range<usize>| part.start <= self.range.end && self.range.start <= part.end;
        parents(text).any(|parent| decides(&parent)).then(|| {
            format!(
                "with {{{name}}} the text has '..' here, which a program may read as the folder above: put text before it, such as 'v', or use {way_out}"
            )
        })
    }
}

/// Returns true for a character that neither a shell nor JSON reads as anything but text.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._/@:+-".contains(c)
}

/// Returns true for a character after which a word goes on, so that what follows is neither an
/// option nor a file.
fn continues_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._/-".contains(c)
}

/// Returns where the text has `://`.
fn urls(text: &str) -> impl Iterator<Item = Range<usize>> {
    let found = text.match_indices("://");
    found.map(|(start, mark)| start..start + mark.len())
}

/// Returns where `..` is a whole segment of a path in the text.
fn parents(text: &str) -> impl Iterator<Item = Range<usize>> {
    let in_segment = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let found = text.match_indices("..");
    let found = found.map(|(start, dots)| start..start + dots.len());
    found.filter(move |dots| {
        let before = text.get(..dots.start).unwrap_or_default();
        let after = text.get(dots.end..).unwrap_or_default();
        !before.ends_with(in_segment) && !after.starts_with(in_segment)
    })
}
