//! How answers are printed: tables that stream, and the text of an explanation and of a mapping.

pub mod explanation;
pub mod mapping;
pub mod streaming_table;
