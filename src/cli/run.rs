//! `branchline run` and `branchline health`.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};

use crate::config::Overrides;

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    Auto,
    /// One readable line an event.
    Human,
    /// One JSON object an event.
    Json,
}

impl LogFormat {
    /// `Some(true)` for readable lines, `Some(false)` for JSON, `None` where the terminal decides.
    #[must_use]
    pub fn human(self) -> Option<bool> {
        match self {
            Self::Auto => None,
            Self::Human => Some(true),
            Self::Json => Some(false),
        }
    }
}

/// For whom metrics are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MetricsFormat {
    /// Text at /metrics of --metrics-addr, for Prometheus and what reads the same
    Prometheus,
    /// CloudWatch's embedded metric format, on standard output once a minute
    Emf,
    /// Nobody: --metrics-addr serves /healthz and /readyz alone
    None,
}

/// `branchline run`
#[derive(Debug, Args)]
#[command(after_help = RUN_HELP)]
pub struct Run {
    /// Process what is in the queue, then exit 0: for cron and for tests
    #[arg(long)]
    pub until_empty: bool,
    /// How log lines look
    #[arg(long, env = "BRANCHLINE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,
    /// Which log lines are written, for instance debug or branchline=debug
    #[arg(
        long,
        env = "BRANCHLINE_LOG",
        value_name = "FILTER",
        default_value = "info"
    )]
    pub log: String,
    /// Where to serve /metrics, /healthz and /readyz, for instance 127.0.0.1:9090 [default: nowhere]
    #[arg(long, env = "BRANCHLINE_METRICS_ADDR", value_name = "ADDRESS")]
    pub metrics_addr: Option<SocketAddr>,
    /// For whom metrics are [default: prometheus where --metrics-addr is given, else nobody]
    #[arg(long, env = "BRANCHLINE_METRICS", value_name = "FORMAT", value_enum)]
    pub metrics: Option<MetricsFormat>,
    /// What wins over the file.
    #[command(flatten)]
    pub overrides: Overrides,
}

const RUN_HELP: &str = "\
Flags win over variables, variables over the configuration file.

Examples:
  branchline run                                 with ./branchline.toml
  branchline run --config /etc/branchline.toml
  BRANCHLINE_CONFIG=env:RULES branchline run     with the configuration's text in $RULES
  branchline run --until-empty                   once, from cron
  branchline run --metrics-addr 0.0.0.0:9090     with metrics for Prometheus
  branchline run --metrics emf                   with metrics for CloudWatch, on standard output once a minute

Exit codes: 0 stopped cleanly, 2 something is wrong with what it was given or needs.";

/// `branchline health`
#[derive(Debug, Args)]
#[command(after_help = HEALTH_HELP)]
pub struct Health {
    /// The daemon's --metrics-addr
    #[arg(long, env = "BRANCHLINE_METRICS_ADDR", value_name = "ADDRESS")]
    pub metrics_addr: SocketAddr,
    /// Ask whether it does its work (/readyz), not only whether it lives (/healthz)
    #[arg(long)]
    pub ready: bool,
}

const HEALTH_HELP: &str = "\
A daemon that waits for AWS lives, but is not ready. Restarting it helps nobody, so an orchestrator
that restarts should ask without --ready.

Exit codes: 0 yes, 1 no, 2 something is wrong with what it was given.";
