//! The text of one thing, one field per line.

use std::fmt::Write;

/// The longest value of the text, in characters. The JSON has the whole values.
pub(super) const LINE: usize = 2_000;

/// Adds a field with its name.
pub(super) fn line(text: &mut String, name: &str, value: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{name:<16} {value}");
}
