//! What is seen of the daemon: the measures' way out, and those that are asked for instead of counted.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::aws::{Aws, DynamoStore};
use crate::cli::run::{Health, MetricsFormat, Run};
use crate::config::Config;
use crate::domain::fault::Fault;
use crate::domain::state::mapping::State;
use crate::http::health_client as probe;
use crate::http::serve::{Pages, serve};
use crate::ports::{Clock, StoreReader};
use crate::telemetry::emf::Emf;
use crate::telemetry::exporters::{cloudwatch, prometheus};
use crate::telemetry::metrics::{self, DEAD_LETTERS, INTERNAL, QUARANTINE, WEBHOOKS};
use crate::worker::Readiness;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::cli::terminal::{Done, code};
use crate::commands::system_clock::SystemClock;

/// How often CloudWatch is told: its own metrics come once a minute.
const FLUSH: Duration = Duration::from_secs(60);
/// How often the queues are asked how deep they are: SQS brings its counts up to date about once a minute.
const LOOK: Duration = Duration::from_secs(60);
/// How many looks at the queues there are to one at the table, which reads every active mapping.
const LOOKS: u32 = 5;
/// How often what was recorded for Prometheus is gathered into its buckets, so that it does not grow while nobody fetches.
const UPKEEP: Duration = Duration::from_secs(5);

/// Where metrics go.
pub(crate) enum Metrics {
    Nowhere,
    Prometheus(PrometheusHandle),
    CloudWatch(Emf),
}

impl Metrics {
    /// Records from now on, as the flags say. CloudWatch's namespace is the table's name.
    pub(crate) fn start(run: &Run, table: &str) -> Result<Self, String> {
        match (run.metrics, run.metrics_addr) {
            (Some(MetricsFormat::Emf), _) => cloudwatch(table.to_owned()).map(Self::CloudWatch),
            (Some(MetricsFormat::Prometheus) | None, Some(_)) => {
                prometheus().map(Self::Prometheus)
            }
            (Some(MetricsFormat::Prometheus), None) => {
                Err("--metrics prometheus: say where with --metrics-addr or BRANCHLINE_METRICS_ADDR, for instance 127.0.0.1:9090".to_owned())
            }
            (Some(MetricsFormat::None), _) | (None, None) => Ok(Self::Nowhere),
        }
    }

    pub(crate) async fn listen(
        &self,
        address: Option<SocketAddr>,
    ) -> Result<Option<TcpListener>, String> {
        let Some(address) = address else {
            return Ok(None);
        };
        let cannot = |why: std::io::Error| {
            format!("--metrics-addr / BRANCHLINE_METRICS_ADDR: cannot listen on {address}: {why}")
        };
        let bound = TcpListener::bind(address).await.map_err(cannot)?;
        let at = bound.local_addr().map_err(cannot)?;
        tracing::info!(address = %at, "Serving /metrics, /healthz and /readyz");
        Ok(Some(bound))
    }

    pub(crate) fn pages(&self, ready: Readiness) -> Pages {
        let prometheus = match self {
            Self::Prometheus(handle) => Some(handle.clone()),
            Self::Nowhere | Self::CloudWatch(_) => None,
        };
        Pages {
            not_ready_reason: Arc::new(move || ready.not_ready_reason()),
            prometheus,
        }
    }

    /// Serves, gathers and tells as long as what this returns exists.
    pub(crate) fn observe(
        self,
        watched: Watched,
        listener: Option<TcpListener>,
        pages: Pages,
    ) -> Observed {
        let mut tasks = JoinSet::new();
        if let Some(listener) = listener {
            tasks.spawn(async move { match serve(listener, pages).await {} });
        }
        let emf = match self {
            Self::Nowhere => return Observed { tasks, emf: None },
            Self::Prometheus(handle) => {
                tasks.spawn(every(UPKEEP, move || handle.run_upkeep()));
                None
            }
            Self::CloudWatch(emf) => {
                let told = emf.clone();
                tasks.spawn(every(FLUSH, move || tell(&told)));
                Some(emf)
            }
        };
        tasks.spawn(watched.watch());
        Observed { tasks, emf }
    }
}

/// Ends what observes, and tells CloudWatch the rest.
pub(crate) struct Observed {
    tasks: JoinSet<()>,
    emf: Option<Emf>,
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.tasks.abort_all();
        if let Some(emf) = &self.emf {
            tell(emf);
        }
    }
}

async fn every(pause: Duration, act: impl Fn() + Send) {
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first is at once.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        act();
    }
}

/// Nobody is left to tell where standard output is gone; the daemon's work goes on.
fn tell(emf: &Emf) {
    if let Err(error) = emf.flush(SystemClock.now(), &mut io::stdout().lock()) {
        tracing::debug!(%error, "Metrics could not be written");
    }
}

/// What is asked for instead of counted.
pub(crate) struct Watched {
    aws: Aws,
    queues: [(&'static str, String); 4],
    store: DynamoStore,
    rules: Vec<String>,
}

impl Watched {
    pub(crate) fn new(aws: &Aws, config: &Config) -> Self {
        let queues = &config.queues;
        let rules = config.rules.0.iter();
        Self {
            aws: aws.clone(),
            queues: [
                (WEBHOOKS, queues.webhooks.clone()),
                (INTERNAL, queues.internal.clone()),
                (DEAD_LETTERS, queues.dead_letters.clone()),
                (QUARANTINE, queues.quarantine.clone()),
            ],
            store: aws.store(config.table.clone()),
            rules: rules.map(|rule| rule.name.clone()).collect(),
        }
    }

    /// For ever. What does not answer keeps its last value, and is counted among the calls that failed.
    async fn watch(self) {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for look in 0_u32.. {
            ticks.tick().await;
            for (queue, url) in &self.queues {
                match self.aws.queue_depth(url).await {
                    Ok(messages) => metrics::waiting(queue, messages),
                    Err(fault) => unknown(&fault),
                }
            }
            if look % LOOKS == 0
                && let Err(fault) = self.count().await
            {
                unknown(&fault);
            }
        }
    }

    async fn count(&self) -> Result<(), Fault> {
        let rules = self.rules.iter().map(|rule| (rule.clone(), 0_u32));
        let mut active: BTreeMap<String, u32> = rules.collect();
        let mut after = None;
        loop {
            let page = self.store.in_state(State::Active, after).await?;
            for row in page.rows.into_iter().flatten() {
                if let Some(spec) = row.spec() {
                    *active.entry(spec.rule.clone()).or_default() += 1;
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        for (rule, pipelines) in active {
            metrics::active(&rule, pipelines);
        }
        Ok(())
    }
}

fn unknown(fault: &Fault) {
    tracing::debug!(%fault, "A measure could not be asked for; it keeps its last value");
}

/// `branchline health`
pub(crate) async fn health(asked: &Health) -> Done {
    let path = if asked.ready { "/readyz" } else { "/healthz" };
    let (said, well) = match probe::ask(asked.metrics_addr, path).await {
        Ok(said) => (said, true),
        Err(why) => (why, false),
    };
    crate::cli::terminal::print(format!("{said}\n").as_bytes())?;
    Ok(code(!well))
}
