//! Colours of the terminal.

/// A colour of the terminal's own palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// An error, or text that was removed.
    Red,
    /// A success, or text that was added.
    Green,
    /// Work in progress, a check that was skipped, or a warning.
    Yellow,
}

impl Colour {
    /// Returns the text in this colour, with ANSI escape sequences.
    #[must_use]
    pub fn paint(self, text: &str) -> String {
        let code = match self {
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}
