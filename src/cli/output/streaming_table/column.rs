//! A column of a table.

use crate::cli::output::colour::Colour;

/// A column of a table: its header, its width, and its cells.
pub struct Column<T> {
    pub(super) header: &'static str,
    pub(super) width: usize,
    pub(super) least: usize,
    pub(super) rank: u8,
    pub(super) cell: fn(&T) -> String,
    pub(super) colour: fn(&T) -> Option<Colour>,
}

impl<T> Column<T> {
    /// Makes a column of a fixed width in characters.
    pub fn new(header: &'static str, width: usize, cell: fn(&T) -> String) -> Self {
        Self {
            header,
            width,
            least: width,
            rank: 0,
            cell,
            colour: |_| None,
        }
    }

    /// Makes the column shrink to `least` characters on a narrow terminal, and grow on a wide one.
    #[must_use]
    pub fn flexible(mut self, least: usize) -> Self {
        self.least = least.min(self.width);
        self
    }

    /// Sets the rank. On a terminal that is too narrow for all columns, the column of the highest
    /// rank is left out first. Columns of rank 0 stay.
    #[must_use]
    pub fn rank(mut self, rank: u8) -> Self {
        self.rank = rank;
        self
    }

    /// Sets the colour of a cell, for terminals with colours.
    #[must_use]
    pub fn colour(mut self, colour: fn(&T) -> Option<Colour>) -> Self {
        self.colour = colour;
        self
    }
}

/// Returns the text of a cell: `-` if there is no value.
pub fn cell(value: Option<&str>) -> String {
    value.unwrap_or("-").to_owned()
}
