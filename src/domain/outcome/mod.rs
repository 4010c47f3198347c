//! What becomes of a message, and the record of it.

pub mod audit_entry;
pub mod backend_signal;
pub mod cause;
pub mod dead_letter;
pub mod disposition;
pub mod journal;
mod journal_text;
pub mod outgoing;
pub mod result;
