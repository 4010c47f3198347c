//! The name of an installation.

use std::fmt;

/// The longest name, which is that of a table: by default an installation has its table's name.
const LIMIT: usize = 255;

/// The name of a branchline installation, which is in the tags of its clones. Two installations in
/// one account must have different names, or each takes the other's clones for its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner(String);

/// The error of a text that is not a name of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an owner: expected 1 to {LIMIT} of A-Z a-z 0-9 . _ -")]
pub struct InvalidOwner;

impl Owner {
    /// Parses the text. Every name of a table is valid.
    ///
    /// # Errors
    /// [`InvalidOwner`] if the text is empty, too long, or has other characters.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidOwner> {
        let text = text.into();
        let is_legal = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        match (1..=LIMIT).contains(&text.len()) && text.chars().all(is_legal) {
            true => Ok(Self(text)),
            false => Err(InvalidOwner),
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns a short hash, for texts that other people read and that must tell installations
    /// apart.
    #[must_use]
    pub fn short_hash(&self) -> String {
        super::short_hash(&self.0)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
