//! What holds for the repository itself: its structure and its documents.

mod architecture;
mod observability;
mod reasons;
