//! Dead letters and quarantined messages: looked at, replayed, dropped. The queue port does it all, turned around: it
//! receives from the grave, and what it buries goes to the queue of webhooks.

pub mod letter;
pub mod replay;
pub mod scan;
pub mod select;
pub mod survey;
