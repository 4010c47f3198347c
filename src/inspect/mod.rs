//! Answers operators' questions through ports that only read, on the daemon's own path.

pub mod account;
pub mod audit;
pub mod dlq;
pub mod explain;
pub mod history;
pub mod mappings;
pub mod offline;
pub mod preflight;
pub mod rehearsal;
pub mod trail;
pub mod unsigned_payload;
