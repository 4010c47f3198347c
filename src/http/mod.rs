//! The HTTP pages of the daemon, and the client that asks for them.

pub mod health_client;
pub mod serve;
