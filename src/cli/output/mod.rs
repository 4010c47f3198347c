//! The output formats: tables that stream, and the text of an explanation and of a mapping.

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};

pub mod colour;
pub mod explanation;
mod fields;
pub mod github_app;
pub mod mapping;
pub mod notes;
pub mod quota;
mod reports;
pub mod status;
pub mod streaming_table;
pub mod why;

/// The format of a command's results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Text for people, fitted to the terminal.
    Table,
    /// One JSON object per line.
    Json,
    /// Comma-separated values with a header line.
    Csv,
}

/// The formats of one object.
pub(crate) const OBJECT: &[OutputFormat] = &[OutputFormat::Table, OutputFormat::Json];
/// The formats of an export.
pub(crate) const EXPORT: &[OutputFormat] = &[OutputFormat::Json, OutputFormat::Csv];

/// Parses an output format, for a command that has only some of them.
pub(crate) fn one_of(
    formats: &'static [OutputFormat],
) -> impl TypedValueParser<Value = OutputFormat> {
    let values = formats.iter().filter_map(ValueEnum::to_possible_value);
    PossibleValuesParser::new(values).try_map(|text| OutputFormat::from_str(&text, false))
}
