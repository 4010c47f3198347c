//! Step 7 of 7, and the record of a message: its journal, its disposition, and what is sent on.

pub mod asked_facts;
pub mod audit_entry;
pub mod backend_signal;
pub mod cause;
pub mod chain;
pub mod chain_check;
pub mod dead_letter;
pub mod disposition;
pub mod journal;
mod journal_text;
pub mod outgoing;
pub mod result;
