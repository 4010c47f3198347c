//! Serves the daemon's HTTP pages, and queries them.

pub mod health_client;
pub mod serve;
