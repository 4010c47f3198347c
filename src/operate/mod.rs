//! What the person with the pager runs: reads through the ports, and the rooms of the daemon's own line.

pub mod explain;
mod offline;
mod render;
mod sealed;

pub use offline::Unseen;
pub use render::{Look, explanation};
pub use sealed::seal;
