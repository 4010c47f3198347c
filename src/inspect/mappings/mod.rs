//! Mappings as operators and auditors read them.

pub mod filter;
pub mod listing;
pub mod lookup;
pub mod row;
