//! The arguments of `branchline run` and `branchline health`.

use std::net::SocketAddr;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use crate::cli::options::QueueOptions;
use crate::config::Overrides;

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// human on a terminal, otherwise json
    Auto,
    /// One line of text per event
    Human,
    /// One JSON object per event
    Json,
}

impl LogFormat {
    /// Returns `Some(true)` for text, `Some(false)` for JSON, and `None` if the terminal decides.
    #[must_use]
    pub fn human(self) -> Option<bool> {
        match self {
            Self::Auto => None,
            Self::Human => Some(true),
            Self::Json => Some(false),
        }
    }
}

/// The format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MetricsFormat {
    /// Prometheus text at /metrics of --metrics-addr
    Prometheus,
    /// CloudWatch embedded metric format, on standard output once a minute
    Emf,
    /// No metrics: --metrics-addr serves only /healthz and /readyz
    None,
}

/// `branchline run`
#[derive(Debug, Args)]
#[command(after_help = RUN_HELP)]
pub struct Run {
    /// Process the messages in the queues, then exit with 0, for cron and for tests
    #[arg(long)]
    pub until_empty: bool,
    /// Log format
    #[arg(long, env = "BRANCHLINE_LOG_FORMAT", value_enum, value_name = "FORMAT", default_value_t = LogFormat::Auto)]
    pub log_format: LogFormat,
    /// Log level or filter, such as debug or branchline=debug
    #[arg(
        long,
        env = "BRANCHLINE_LOG",
        value_name = "FILTER",
        value_parser = NonEmptyStringValueParser::new(),
        default_value = "info"
    )]
    pub log: String,
    /// Address that serves /metrics, /healthz and /readyz, such as 127.0.0.1:9090 [default: none]
    #[arg(long, env = "BRANCHLINE_METRICS_ADDR", value_name = "ADDRESS")]
    pub metrics_addr: Option<SocketAddr>,
    /// Metrics format [default: prometheus with --metrics-addr, otherwise none]
    #[arg(long, env = "BRANCHLINE_METRICS", value_name = "FORMAT", value_enum)]
    pub metrics: Option<MetricsFormat>,
    /// Messages processed at the same time (queue.concurrency)
    #[arg(long, env = "BRANCHLINE_CONCURRENCY", value_name = "N")]
    pub concurrency: Option<String>,
    /// Seconds that messages in work have to finish at shutdown (queue.drain_timeout)
    #[arg(long, env = "BRANCHLINE_DRAIN_TIMEOUT", value_name = "SECONDS")]
    pub drain_timeout: Option<String>,
    /// The shared options.
    #[command(flatten)]
    pub options: QueueOptions,
}

impl Run {
    /// Returns the values that win over the file.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        Overrides {
            concurrency: self.concurrency.clone(),
            drain_timeout: self.drain_timeout.clone(),
            ..self.options.overrides()
        }
    }
}

const RUN_HELP: &str = "\
Flags win over environment variables, and variables over the configuration file.

On Ctrl-C or SIGTERM, messages in work are finished first. A second signal exits immediately, and
messages in work return to their queue when their visibility timeout ends.

Examples:
  branchline run                                 with ./branchline.toml
  branchline run --config /etc/branchline.toml
  BRANCHLINE_CONFIG=env:RULES branchline run     with the text of the configuration in $RULES
  branchline run --until-empty                   once, from cron
  branchline run --metrics-addr 0.0.0.0:9090     with metrics for Prometheus
  branchline run --metrics emf                   with metrics for CloudWatch

Exit codes: 0 stopped cleanly, 2 error or interrupted";

/// `branchline health`
#[derive(Debug, Args)]
#[command(after_help = HEALTH_HELP)]
pub struct Health {
    /// The daemon's --metrics-addr
    #[arg(long, env = "BRANCHLINE_METRICS_ADDR", value_name = "ADDRESS")]
    pub metrics_addr: SocketAddr,
    /// Check readiness (/readyz) instead of liveness (/healthz)
    #[arg(long)]
    pub ready: bool,
}

const HEALTH_HELP: &str = "\
A daemon that waits for AWS is alive, but not ready. A restart does not help it, so a health check
whose failure restarts the container should not use --ready.

Exit codes: 0 healthy, 1 not healthy, 2 error";
