//! A column of a table.

use crate::cli::output::explanation::Colour;

/// A column of the table: its head, how wide it is, and what stands in it.
pub struct Column<T> {
    pub(super) head: &'static str,
    pub(super) width: usize,
    pub(super) least: usize,
    pub(super) rank: u8,
    pub(super) cell: fn(&T) -> String,
    pub(super) colour: fn(&T) -> Option<Colour>,
}

impl<T> Column<T> {
    /// Of this width in characters, at any width of the terminal.
    pub fn new(head: &'static str, width: usize, cell: fn(&T) -> String) -> Self {
        Self {
            head,
            width,
            least: width,
            rank: 0,
            cell,
            colour: |_| None,
        }
    }

    /// Shrinks to `least` characters where the terminal is narrow, and grows where it is wide.
    #[must_use]
    pub fn flexible(mut self, least: usize) -> Self {
        self.least = least.min(self.width);
        self
    }

    /// Is left out where the terminal is too narrow for all: the highest rank first. Rank 0 stays.
    #[must_use]
    pub fn rank(mut self, rank: u8) -> Self {
        self.rank = rank;
        self
    }

    /// In this colour, where colours are welcome.
    #[must_use]
    pub fn colour(mut self, colour: fn(&T) -> Option<Colour>) -> Self {
        self.colour = colour;
        self
    }
}
