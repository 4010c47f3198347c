//! `branchline run`: wires the worker and runs it until a shutdown is requested.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinError;
use tokio::time::sleep;

use crate::aws::{Aws, CodePipelines, DynamoStore};
use crate::cli::run::Run;
use crate::cli::terminal::fault;
use crate::commands::connect::{connect, urls};
use crate::commands::exit_code::ERROR;
use crate::commands::interrupt::Interrupt;
use crate::commands::observe::{Metrics, PolledGauges};
use crate::commands::system_clock::SystemClock;
use crate::config::{self, Config, Queues};
use crate::domain::fault::Reason;
use crate::domain::intake::authenticated::Authenticator;
use crate::domain::jobs::Job;
use crate::domain::outcome::outgoing::Destination;
use crate::github;
use crate::jobs::{Driver, Jobs};
use crate::ports::{GitHub, Queue, RepositoryFiles};
use crate::reconcile::lease::VISIBILITY;
use crate::reconcile::{Reconciler, ReconcilerConfig};
use crate::reports::{Outbox, Reporter, ReporterConfig};
use crate::telemetry;
use crate::worker::{Heartbeats, RunMode, Shutdown, Worker, WorkerConfig};

/// How long the last reports of a daemon may take after its last acknowledgements.
const LAST_REPORTS: Duration = Duration::from_secs(5);
/// The same for a run that ends when the queues are empty. GitHub takes one report a second.
const LAST_REPORTS_UNTIL_EMPTY: Duration = Duration::from_secs(300);

pub(super) fn start(run: &Run, started: Instant) -> Result<ExitCode, Box<dyn Error>> {
    let _traces = telemetry::start(run.log_format.human(), &run.log)?;
    let config = config::load(&run.overrides(), &config::ProcessEnvironment)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(daemon(run, config, started))
}

async fn daemon(run: &Run, config: Config, started: Instant) -> Result<ExitCode, Box<dyn Error>> {
    let signals = Interrupt::listen()?;
    let aws = connect(&config).await?;
    refuse_missing_queues(&aws, &config.queues).await?;
    let mode = if run.until_empty {
        RunMode::UntilEmpty
    } else {
        RunMode::Daemon
    };
    let gauges = PolledGauges::new(&aws, &config);
    let metrics = Metrics::start(run, &config.owner)?;
    // Unique among all workers, since two containers of one service may share everything else.
    let name = format!("{:016x}", fastrand::u64(..));
    let store = aws.store(config.table.clone());
    let pipelines = aws.pipelines(config.codepipeline_rate);
    let rate = pipelines.clone();
    let heartbeats = Heartbeats::new(
        store,
        SystemClock,
        name.clone(),
        env!("CARGO_PKG_VERSION"),
        move |daemons| rate.share_rate(daemons),
    );
    let outbox = Outbox::default();
    let access = config.github.clone();
    let github = access.map(|access| github::connect(access, SystemClock));
    let github = github.transpose()?.map(Arc::new);
    let reporter = github.as_ref().map(|github| {
        let github = Arc::clone(github);
        let pipelines = pipelines.clone();
        Arc::new(reporter(
            &aws,
            &config,
            &name,
            pipelines,
            github,
            outbox.clone(),
        ))
    });
    let log = aws.store(config.table.clone());
    let queue = aws.queue(urls(&config.queues), Destination::Internal, VISIBILITY);
    let periods = config.periods;
    let files = github
        .clone()
        .map(|github| github as Arc<dyn RepositoryFiles>);
    let worker = worker(&aws, config, name.clone(), pipelines, outbox, files);
    let jobs = Jobs {
        reconciler: worker.reconciler(),
        reporter: reporter.clone(),
        github,
        queue,
    };
    let driver = Arc::new(Driver::new(log, SystemClock, name, periods, jobs));
    let listener = metrics.listen(run.metrics_addr).await?;
    let pages = metrics.pages(worker.readiness(), driver.status());
    let _observers = metrics.observe(gauges, listener, pages);
    let (stop, stopped) = Shutdown::channel();
    let heartbeats = tokio::spawn(heartbeats.run(stopped.clone()));
    let stop_jobs = stopped.clone();
    let jobs = tokio::spawn(async move {
        match mode {
            RunMode::Daemon => {
                driver.run(stop_jobs.requested()).await;
                Vec::new()
            }
            RunMode::UntilEmpty => driver.run_due().await,
        }
    });
    let last_reports = match mode {
        RunMode::Daemon => LAST_REPORTS,
        RunMode::UntilEmpty => LAST_REPORTS_UNTIL_EMPTY,
    };
    let (stop_reports, no_reports) = Shutdown::channel();
    let reports = tokio::spawn(async move {
        let Some(reporter) = reporter else { return };
        let report = async {
            reporter.run(|| no_reports.requested()).await;
            reporter.drain().await;
        };
        // What is left then is found by the next daemon.
        let end = async {
            no_reports.requested().await;
            sleep(last_reports).await;
        };
        tokio::select! {
            () = report => {}
            () = end => {}
        }
    });
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        startup_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "Polling for webhooks"
    );

    // On a thread of the runtime, where the calls to AWS are: from this thread, each call would
    // wake another one and return.
    let mut work = tokio::spawn(async move {
        let ended = worker.run(mode, stopped.clone()).await;
        if mode == RunMode::Daemon || ended.is_err() {
            return Ok(ended);
        }
        // What is due runs to its end, and may have sent messages.
        let has_sent = tokio::select! {
            begun = jobs => begun?.contains(&Job::Reconcile),
            () = stopped.requested() => false,
        };
        Ok::<_, JoinError>(match has_sent {
            true => worker.run(mode, stopped).await,
            false => ended,
        })
    });
    tokio::select! {
        ended = &mut work => {
            stop.request();
            stop_reports.request();
            heartbeats.await?;
            reports.await?;
            ended??.map_err(fault)?;
            return Ok(ExitCode::SUCCESS);
        }
        () = signals.first.requested() => {
            tracing::info!("Shutting down: messages in work are finished first; a second signal exits immediately");
            stop.request();
        }
    }
    tokio::select! {
        ended = &mut work => {
            stop_reports.request();
            heartbeats.await?;
            reports.await?;
            ended??.map_err(fault)?;
            tracing::info!("Stopped");
            Ok(ExitCode::SUCCESS)
        }
        () = signals.second.requested() => {
            tracing::warn!("Exiting immediately; messages in work return to their queue when their visibility timeout ends");
            Ok(ExitCode::from(ERROR))
        }
    }
}

/// Creates what tells GitHub.
fn reporter<G: GitHub>(
    aws: &Aws,
    config: &Config,
    worker: &str,
    pipelines: CodePipelines,
    github: Arc<G>,
    outbox: Outbox,
) -> Reporter<DynamoStore, CodePipelines, G, SystemClock> {
    let store = aws.store(config.table.clone());
    let config = ReporterConfig {
        worker: worker.to_owned(),
        region: aws.region().to_owned(),
        owner: config.owner.clone(),
        rules: config.rules.clone(),
    };
    Reporter::new(store, pipelines, github, SystemClock, outbox, config)
}

/// Reports a queue that does not exist. A missing failure queue would otherwise be noticed with the
/// first message that has to go there. Any other fault is reported by the polling.
async fn refuse_missing_queues(aws: &Aws, queues: &Queues) -> Result<(), String> {
    let (webhooks, internal, dead_letters, quarantine) = tokio::join!(
        aws.queue_depth(&queues.webhooks),
        aws.queue_depth(&queues.internal),
        aws.queue_depth(&queues.dead_letters),
        aws.queue_depth(&queues.quarantine),
    );
    [webhooks, internal, dead_letters, quarantine]
        .into_iter()
        .filter_map(Result::err)
        .find(|fault| fault.reason == Reason::AwsMissing)
        .map_or(Ok(()), |fault| Err(fault.for_operator()))
}

fn worker(
    aws: &Aws,
    config: Config,
    name: String,
    pipelines: CodePipelines,
    outbox: Outbox,
    files: Option<Arc<dyn RepositoryFiles>>,
) -> Worker<impl Queue, DynamoStore, CodePipelines, SystemClock> {
    let urls = urls(&config.queues);
    let origin = config.event_origin();
    let reconciler_config = ReconcilerConfig {
        rules: config.rules,
        authenticator: Authenticator::source_queues(config.secrets).with_origin(origin),
        worker: name,
        owner: config.owner.clone(),
        max_attempts: config.max_attempts,
        region: aws.region().to_owned(),
        quota: config.quota,
        files,
        projects: Arc::new(aws.projects()),
        stacks: Arc::new(aws.stacks()),
    };
    let worker_config = WorkerConfig {
        concurrency: config.concurrency,
        drain_timeout: config.drain_timeout,
        seed: fastrand::u64(..),
    };
    let store = aws.store(config.table);
    let reconciler = Reconciler::new(store, pipelines, SystemClock, reconciler_config);
    let queue = |receives_from| aws.queue(urls.clone(), receives_from, VISIBILITY);
    Worker::new(
        queue(Destination::Webhooks),
        queue(Destination::Internal),
        reconciler,
        worker_config,
        outbox,
    )
}
