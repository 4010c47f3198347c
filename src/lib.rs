//! branchline gives every pull request its own AWS CodePipeline, cloned from a template, and removes it when the pull
//! request closes.
//!
//! Read [`worker::walk`] first, then the room of [`mod@line`] that you need. `ARCHITECTURE.md` draws the picture.

pub mod aws;
pub mod cli;
pub mod commands;
pub mod config;
pub mod domain;
pub mod http;
pub mod inspect;
pub mod ports;
pub mod reconcile;
pub mod telemetry;
pub mod worker;
