//! Reads dead letters and quarantined messages, predicts what a replay would do, sends messages
//! back, and deletes them.

pub mod dead_letter;
pub mod exported_message;
pub mod filter;
pub mod operator_log;
pub mod preview;
pub mod replay_outcome;
pub mod scan;
pub mod summary;
pub mod transfer;
