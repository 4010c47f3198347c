//! branchline gives every pull request its own AWS CodePipeline, cloned from a template, and removes it when the pull
//! request closes.
//!
//! Read [`worker::walk`] first, then the room of [`mod@line`] that you need. `ARCHITECTURE.md` draws the picture.

pub mod aws;
pub mod cli;
pub mod config;
pub mod line;
pub mod measures;
pub mod observe;
pub mod operate;
pub mod ports;
pub mod telemetry;
mod traces;
pub mod worker;
