//! Lists and finds mappings, for operators and auditors.

pub mod filter;
pub mod listing;
pub mod lookup;
pub mod reports;
pub mod row;
