//! How it looks: for people on a terminal, as JSON for everything else.

use std::fmt::Write;

use crate::domain::clone::diff::lines;
use crate::domain::text::one_line;

use crate::inspect::explain::Explanation;

/// How output looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Lines for people, coloured or not.
    Human {
        /// Whether with ANSI colours.
        colours: bool,
    },
    /// One JSON object.
    Json,
}

/// What one thing is printed as, in the words of `--output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Lines for people.
    Table,
    /// JSON, one object a line.
    Json,
}

/// The longest line that is shown to people: what is longer is in the JSON.
const LINE: usize = 400;

/// Renders an explanation.
#[must_use]
pub fn explanation(explanation: &Explanation, look: Look) -> String {
    let colours = match look {
        Look::Json => {
            let json = serde_json::to_string(explanation).unwrap_or_default();
            return json + "\n";
        }
        Look::Human { colours } => colours,
    };
    let journal = &explanation.journal;
    let facts = [
        ("event", journal.event.as_deref()),
        ("delivery", journal.delivery.as_deref()),
        (
            "subject",
            journal.subject.as_deref().or(journal.repository.as_deref()),
        ),
        ("rule", journal.rule.as_deref()),
        ("mapping", journal.from),
        ("pipeline", journal.pipeline.as_deref()),
        ("would", Some(explanation.would.as_str())),
    ];
    let mut text = String::new();
    for (name, value) in facts {
        if let Some(value) = value {
            line(
                &mut text,
                &format!("{name:<9} {}", one_line(value, usize::MAX)),
            );
        }
    }
    for entry in &explanation.recorded {
        let from = entry.from.as_deref().unwrap_or("unseen");
        let who = entry.actor.as_deref().unwrap_or("nobody");
        let what = format!(
            "recorded  {} {}: {from} to {} ({who})",
            entry.processed_at, entry.outcome, entry.to
        );
        line(&mut text, &one_line(&what, LINE));
    }
    if let Some(compared) = &explanation.clone {
        let version = compared
            .template_version
            .map_or_else(String::new, |version| format!(" (version {version})"));
        line(
            &mut text,
            &format!(
                "\n{}{version} -> {}",
                one_line(&compared.template, LINE),
                compared.pipeline
            ),
        );
        for difference in lines(&compared.differences) {
            let shown = one_line(&difference, LINE);
            line(&mut text, &coloured(&shown, colours));
        }
    }
    text
}

fn line(text: &mut String, line: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{line}");
}

/// Red for what goes, green for what comes.
fn coloured(line: &str, colours: bool) -> String {
    match line.chars().next() {
        Some('-') if colours => Colour::Red.paint(line),
        Some('+') if colours => Colour::Green.paint(line),
        Some(_) | None => line.to_owned(),
    }
}

/// A colour of the terminal's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Something is wrong.
    Red,
    /// All is well.
    Green,
    /// Something goes on, or was not looked at.
    Yellow,
}

impl Colour {
    /// The text in this colour, by ANSI.
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
