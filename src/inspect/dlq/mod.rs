//! Dead letters and quarantined messages: looking at them, predicting a replay, sending them back, deleting them.

pub mod dead_letter;
pub mod exported_message;
pub mod filter;
pub mod operator_log;
pub mod preview;
pub mod scan;
pub mod transfer;
