//! Answers operators' questions through ports that only read, on the daemon's own path.

pub mod account;
mod answer;
pub mod audit;
pub mod audit_report;
pub mod conditions;
pub mod deliveries;
pub mod delivery;
pub mod dlq;
pub mod evidence;
pub mod explain;
pub mod given_file;
pub mod history;
pub mod jobs;
pub mod mappings;
pub mod offline;
mod orphans;
mod overview;
pub mod predicted_report;
pub mod preflight;
mod projects;
pub mod quota;
pub mod rehearsal;
pub mod status;
pub mod trail;
pub mod unsigned_payload;
pub mod waiting;
pub mod why;
