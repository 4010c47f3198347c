//! What the person with the pager runs: reads through the ports, and the rooms of the daemon's own line.

pub mod audit;
pub mod check;
pub mod dlq;
pub mod explain;
pub mod listing;
pub mod mappings;
mod offline;
mod render;
pub mod rows;
mod sealed;
pub mod shown;
pub mod trail;

pub use offline::Unseen;
pub use render::{Colour, Form, Look, explanation};
pub use sealed::seal;
