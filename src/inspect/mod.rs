//! What the person with the pager runs: reads through the ports, and the rooms of the daemon's own line.

pub mod audit;
pub mod dlq;
pub mod explain;
pub mod history;
pub mod mappings;
pub mod offline;
pub mod preflight;
pub mod unsigned_payload;
