//! Implements the GitHub port. No other folder names the HTTP client.
//!
//! ```text
//!  reports.rs  comments.rs  files.rs
//!  listing.rs  deliveries.rs  identity.rs                              what the ports promise,
//!        └───────────┼────────────┴────────────┴─────────────┘           in GitHub's operations
//!               client.rs  call.rs                  the installation, its token, the call
//!    ┌──────────┬───┴──────────┬────────────┐
//!  tokens.rs  call_queues.rs  fault.rs  transport.rs
//!  jwt.rs     limits.rs
//! ```
//!
//! Nothing is retried here, except once with a new token or with GitHub's time: the caller sends
//! the report again.

mod bodies;
mod bounded;
mod call;
mod call_queues;
mod client;
mod comments;
mod date;
mod deliveries;
mod deployments;
mod etags;
mod fault;
mod file_cache;
mod files;
mod identity;
mod jwt;
mod limits;
mod listing;
mod measured;
mod reports;
mod tokens;
mod transport;

use crate::domain::github::GitHubAccess;
use crate::ports::Clock;

pub use client::{GitHubClient, NoClient, Timing};

/// Creates the client of the configured API. Calls nobody.
///
/// # Errors
/// [`NoClient`].
pub fn connect<C: Clock>(access: GitHubAccess, clock: C) -> Result<GitHubClient<C>, NoClient> {
    GitHubClient::new(access, clock, Timing::default())
}
