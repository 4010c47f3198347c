//! The metrics of the daemon: where they are exported to, and the gauges that are polled.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::aws::{Aws, DynamoStore};
use crate::cli::run::{Health, MetricsFormat, Run};
use crate::config::Config;
use crate::domain::fault::Fault;
use crate::domain::ids::Owner;
use crate::domain::rules::rule::Rules;
use crate::domain::state::mapping::State;
use crate::domain::state::slots::PipelineQuota;
use crate::http::health_client;
use crate::http::serve::{Pages, serve};
use crate::inspect::quota::Quota;
use crate::jobs::JobStatus;
use crate::ports::{Clock, MappingPages};
use crate::telemetry::emf::Emf;
use crate::telemetry::exporters::{cloudwatch, prometheus};
use crate::telemetry::metrics::{self, DEAD_LETTERS, INTERNAL, QUARANTINE, WEBHOOKS};
use crate::worker::Readiness;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::cli::terminal::{Done, code, print};
use crate::commands::system_clock::SystemClock;

/// How often metrics are written for CloudWatch: the resolution of its metrics is one minute.
const EMF_INTERVAL: Duration = Duration::from_secs(60);
/// How often the depth of the queues is polled: SQS updates its counts about once a minute.
const POLL_INTERVAL: Duration = Duration::from_secs(60);
/// The polls of the queues per poll of the table, which reads every active mapping.
const POLLS_PER_TABLE_POLL: u32 = 5;
/// How often the samples for Prometheus are moved into their buckets, so that they do not pile up
/// between scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The exporter of the metrics.
pub(crate) enum Metrics {
    None,
    Prometheus(PrometheusHandle),
    CloudWatch(Emf),
}

impl Metrics {
    /// Starts recording for the exporter that the flags select. CloudWatch's namespace is the name
    /// of the installation.
    pub(crate) fn start(run: &Run, owner: &Owner) -> Result<Self, String> {
        match (run.metrics, run.metrics_addr) {
            (Some(MetricsFormat::Emf), _) => cloudwatch(owner.to_string()).map(Self::CloudWatch),
            (Some(MetricsFormat::Prometheus) | None, Some(_)) => {
                prometheus().map(Self::Prometheus)
            }
            (Some(MetricsFormat::Prometheus), None) => {
                Err("--metrics prometheus: needs an address: set --metrics-addr or BRANCHLINE_METRICS_ADDR, for instance to 127.0.0.1:9090".to_owned())
            }
            (Some(MetricsFormat::None), _) | (None, None) => Ok(Self::None),
        }
    }

    /// Binds the address of the HTTP pages.
    pub(crate) async fn listen(
        &self,
        address: Option<SocketAddr>,
    ) -> Result<Option<TcpListener>, String> {
        let Some(address) = address else {
            return Ok(None);
        };
        let error = |why: std::io::Error| {
            format!("--metrics-addr / BRANCHLINE_METRICS_ADDR: cannot listen on {address}: {why}")
        };
        let bound = TcpListener::bind(address).await.map_err(error)?;
        let at = bound.local_addr().map_err(error)?;
        tracing::info!(address = %at, "Serving /metrics, /healthz and /readyz");
        Ok(Some(bound))
    }

    /// Returns the HTTP pages.
    pub(crate) fn pages(&self, ready: Readiness, jobs: JobStatus) -> Pages {
        let prometheus = match self {
            Self::Prometheus(handle) => Some(handle.clone()),
            Self::None | Self::CloudWatch(_) => None,
        };
        Pages {
            not_ready_reason: Arc::new(move || ready.not_ready_reason()),
            details: Arc::new(move || jobs.lines()),
            prometheus,
        }
    }

    /// Serves, polls and exports until the returned value is dropped.
    pub(crate) fn observe(
        self,
        gauges: PolledGauges,
        listener: Option<TcpListener>,
        pages: Pages,
    ) -> Observers {
        let mut tasks = JoinSet::new();
        if let Some(listener) = listener {
            tasks.spawn(async move { match serve(listener, pages).await {} });
        }
        let emf = match self {
            Self::None => return Observers { tasks, emf: None },
            Self::Prometheus(handle) => {
                tasks.spawn(every(UPKEEP_INTERVAL, move || handle.run_upkeep()));
                None
            }
            Self::CloudWatch(emf) => {
                let writer = emf.clone();
                tasks.spawn(every(EMF_INTERVAL, move || write(&writer)));
                Some(emf)
            }
        };
        tasks.spawn(gauges.poll());
        Observers { tasks, emf }
    }
}

/// The tasks that serve, poll and export. Dropping it ends them, and writes the last metrics for
/// CloudWatch.
pub(crate) struct Observers {
    tasks: JoinSet<()>,
    emf: Option<Emf>,
}

impl Drop for Observers {
    fn drop(&mut self) {
        self.tasks.abort_all();
        if let Some(emf) = &self.emf {
            write(emf);
        }
    }
}

async fn every(pause: Duration, act: impl Fn() + Send) {
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is immediate.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        act();
    }
}

/// Writes metrics for CloudWatch. If standard output is closed, the daemon's work goes on.
fn write(emf: &Emf) {
    if let Err(error) = emf.flush(SystemClock.now(), &mut io::stdout().lock()) {
        tracing::debug!(%error, "Metrics could not be written");
    }
}

/// The gauges whose values are polled: the depths of the queues and the active pipelines of each
/// rule.
pub(crate) struct PolledGauges {
    aws: Aws,
    queues: [(&'static str, String); 4],
    store: DynamoStore,
    rules: Rules,
    quota: PipelineQuota,
}

impl PolledGauges {
    pub(crate) fn new(aws: &Aws, config: &Config) -> Self {
        let queues = &config.queues;
        Self {
            aws: aws.clone(),
            queues: [
                (WEBHOOKS, queues.webhooks.clone()),
                (INTERNAL, queues.internal.clone()),
                (DEAD_LETTERS, queues.dead_letters.clone()),
                (QUARANTINE, queues.quarantine.clone()),
            ],
            store: aws.store(config.table.clone()),
            rules: config.rules.clone(),
            quota: config.quota,
        }
    }

    /// Polls forever. After a call that failed, a gauge keeps its last value.
    async fn poll(self) {
        let mut ticks = interval(POLL_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for poll in 0_u32.. {
            ticks.tick().await;
            for (queue, url) in &self.queues {
                match self.aws.queue_depth(url).await {
                    Ok(messages) => metrics::waiting(queue, messages),
                    Err(fault) => poll_failed(&fault),
                }
            }
            if poll % POLLS_PER_TABLE_POLL == 0 {
                let polled = self.count_active().await;
                let polled = polled.and(self.count_waiting().await);
                if let Err(fault) = polled {
                    poll_failed(&fault);
                }
            }
        }
    }

    async fn count_waiting(&self) -> Result<(), Fault> {
        let now = SystemClock.now();
        let quota = Quota::read(&self.store, &self.rules, self.quota, now).await?;
        if let Some(pipelines) = quota.account.pipelines {
            metrics::region_pipelines(pipelines);
        }
        for (line, waiting) in quota.lines() {
            metrics::waiting_subjects(line.rule().unwrap_or("account"), waiting.len());
        }
        Ok(())
    }

    async fn count_active(&self) -> Result<(), Fault> {
        let rules = self
            .rules
            .all()
            .iter()
            .map(|rule| (rule.name.clone(), 0_u32));
        let mut active: BTreeMap<String, u32> = rules.collect();
        let mut pages = MappingPages::new(&self.store, State::Active);
        while let Some(rows) = pages.next().await? {
            for row in rows.into_iter().flatten() {
                if let Some(spec) = row.spec() {
                    *active.entry(spec.rule.clone()).or_default() += 1;
                }
            }
        }
        for (rule, pipelines) in active {
            metrics::active(&rule, pipelines);
        }
        Ok(())
    }
}

fn poll_failed(fault: &Fault) {
    tracing::debug!(%fault, "A gauge could not be polled; it keeps its last value");
}

/// `branchline health`
pub(crate) async fn health(args: &Health) -> Done {
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let (answer, healthy) = match health_client::ask(args.metrics_addr, path).await {
        Ok(answer) => (answer, true),
        Err(why) => (why, false),
    };
    print(format!("{answer}\n").as_bytes())?;
    Ok(code(!healthy))
}
