//! The dangers and the warnings of a clone.

use crate::cli::output::colour::Colour;
use crate::domain::text::one_line;

/// Returns one line for each danger, and then one for each warning. `width` is the longest line, in
/// characters.
#[must_use]
pub fn notes(dangers: &[String], warnings: &[String], width: usize, colours: bool) -> Vec<String> {
    let line = |word: &str, note: &str, colour: Colour| {
        let line = format!("{word}: {}", one_line(note, width));
        match colours {
            true => colour.paint(&line),
            false => line,
        }
    };
    let dangers = dangers.iter().map(|note| line("danger", note, Colour::Red));
    let warnings = warnings.iter();
    let warnings = warnings.map(|note| line("warning", note, Colour::Yellow));
    dangers.chain(warnings).collect()
}
