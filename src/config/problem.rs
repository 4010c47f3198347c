//! The mistakes of a configuration: all of them at once, each in one line that says where it is and
//! how to correct it.

use std::fmt;

/// Where a mistake is: a key of the file with its line, or a flag with its variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The line in the file, from 1. `None` for what is in no line: a flag, a missing table.
    line: Option<usize>,
    text: String,
}

impl Place {
    /// Makes the place of a key of the file. An empty key is the line itself.
    pub(super) fn in_line(file: &str, line: usize, key: &str) -> Self {
        let key = if key.is_empty() {
            String::new()
        } else {
            format!(": {key}")
        };
        Self {
            line: Some(line),
            text: format!("{file}:{line}{key}"),
        }
    }

    /// Returns the place of a key that is missing in the table at this place.
    pub(super) fn key(&self, key: &str) -> Self {
        Self {
            line: self.line,
            text: format!("{}.{key}", self.text),
        }
    }
}

impl From<String> for Place {
    fn from(text: String) -> Self {
        Self { line: None, text }
    }
}

impl From<&str> for Place {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<&Self> for Place {
    fn from(place: &Self) -> Self {
        place.clone()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    place: Place,
    what: String,
}

impl Problem {
    /// Makes a mistake at `place`: a file and line with a key, a flag, or a variable. `what` says
    /// what is wrong and how to correct it.
    pub(super) fn new(place: impl Into<Place>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{}: {}", self.place, self.what);
        // A key or a value of a file may contain control characters, which must not break the line.
        line.chars().try_for_each(|c| {
            if c.is_control() {
                f.write_str(" ")
            } else {
                write!(f, "{c}")
            }
        })
    }
}

/// Every mistake of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Puts mistakes in the order of the file's lines. Those that are in no line come first.
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.place.line);
        Self(problems)
    }

    /// Returns the mistakes, in the order of the file's lines.
    #[must_use]
    pub fn all(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}
