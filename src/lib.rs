//! branchline gives every pull request its own AWS CodePipeline, cloned from a template, and
//! removes it when the pull request closes.
//!
//! ```text
//!  webhook queue    internal queue
//!        │                │
//!        └───────┬────────┘
//!                ▼
//!  worker/         receives messages; hands each one to the seven steps and deletes, retries,
//!        │         dead-letters or quarantines it in the end
//!        ▼
//!  domain/intake/  1 envelope ──▶ 2 authenticated ──▶ 3 event
//!  domain/state/      ──▶ 4 intent (domain/rules/) ──▶ 5 mapping ──▶ 6 plan
//!        │                                               ▲            │
//!        ▼                                               │            ▼
//!  reconcile/      reads the mapping, claims the subject, carries out the plan, settles the
//!        │         mapping: the one place that acts on CodePipeline (domain/clone/)
//!        ▼
//!  domain/outcome/ 7 disposition: what becomes of the message, and why
//!
//!  reports/        reports to GitHub; jobs/ has the periodic work, under one driver
//!  ports/          the traits through which all of this reaches AWS and GitHub; aws/ and github/
//!                  implement them
//!  inspect/        read-only answers (explain, audit, check, mappings, dlq), on the same path
//!  commands/       one file a subcommand; cli/ has the arguments and the output
//!  config/         the configuration file: words first, then meaning
//!  telemetry/      logs, metrics, spans and their exporters; http/ serves health and metrics
//! ```
//!
//! Start reading at [`reconcile`]; `reconcile/effects/start.rs` is where a pushed commit becomes an
//! execution. Each module of [`domain`] names its step in its header. `ARCHITECTURE.md` has the
//! details.

pub mod aws;
pub mod cli;
pub mod commands;
pub mod config;
pub mod domain;
pub mod github;
pub mod http;
pub mod inspect;
pub mod jobs;
pub mod ports;
pub mod reconcile;
pub mod reports;
pub mod telemetry;
pub mod worker;
