//! What holds for the repository itself: its structure and its documents.

mod architecture;
mod github;
mod observability;
mod reasons;
