//! A secret that a clone needs. It goes to CodePipeline, and its digest to the table.

use std::fmt;

/// The text in place of a secret that was not read.
const HIDDEN: &str = "(hidden)";

/// Text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Option<String>);

impl Secret {
    /// Hides a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Some(text))
    }

    /// Stands for a secret that was not read, for commands that send none.
    #[must_use]
    pub fn hidden() -> Self {
        Self(None)
    }

    /// Returns the text; `None` if it was not read.
    #[must_use]
    pub fn readable(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Returns the text, for the request that needs it, or `(hidden)` if it was not read.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.readable().unwrap_or(HIDDEN)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}
