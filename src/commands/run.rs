//! `branchline run`: wires the worker and runs it until it is told to stop.

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use tokio::signal::unix::{SignalKind, signal};

use crate::aws::{Aws, QueueUrls};
use crate::cli::run::Run;
use crate::commands::exit_code::TROUBLE;
use crate::commands::observe::{Metrics, Watched};
use crate::commands::system_clock::SystemClock;
use crate::config::{self, Config};
use crate::domain::fault::{Blame, Fault, Reason};
use crate::ports::{Clock, Pipelines, Queue, Store};
use crate::reconcile::lease::VISIBILITY;
use crate::reconcile::{Reconciler, ReconcilerConfig};
use crate::telemetry;
use crate::worker::{RunMode, Shutdown, Worker, WorkerConfig};

pub(super) fn start(run: &Run, started: Instant) -> Result<ExitCode, Box<dyn Error>> {
    let _traces = telemetry::start(run.log_format.human(), &run.log)?;
    let config = config::load(&run.overrides, &config::ProcessEnvironment)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(daemon(run, config, started))
}

async fn daemon(run: &Run, config: Config, started: Instant) -> Result<ExitCode, Box<dyn Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut heard = async || {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    };

    let aws = Aws::connect(config.region.as_deref(), config.endpoint_url.as_deref()).await?;
    let until = if run.until_empty {
        RunMode::UntilEmpty
    } else {
        RunMode::Daemon
    };
    let watched = Watched::of(&aws, &config);
    let metrics = Metrics::start(run, &config.table)?;
    let worker = worker(&aws, config);
    let listener = metrics.listen(run.metrics_addr).await?;
    let pages = metrics.pages(worker.readiness());
    let _observed = metrics.observe(watched, listener, pages);
    let (stop, stopped) = Shutdown::channel();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        startup_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "Polling for webhooks"
    );

    // On the runtime's own threads, where its calls to AWS are: from this one, each would wake another thread and back.
    let mut work = tokio::spawn(async move { worker.run(until, stopped).await });
    tokio::select! {
        ended = &mut work => {
            ended?.map_err(told)?;
            return Ok(ExitCode::SUCCESS);
        }
        signal = heard() => {
            tracing::info!(signal, "Stopping: what is in work is finished first; a second signal stops at once");
            stop.tell();
        }
    }
    tokio::select! {
        ended = &mut work => {
            ended?.map_err(told)?;
            tracing::info!("Stopped");
            Ok(ExitCode::SUCCESS)
        }
        signal = heard() => {
            tracing::warn!(signal, "Stopped at once; messages in work come back when their visibility ends");
            Ok(ExitCode::from(TROUBLE))
        }
    }
}

/// What ended the run, and what to do about it.
fn told(fault: Fault) -> String {
    let remedy = match fault.blame() {
        Blame::Setup if fault.reason == Reason::AwsMissing => {
            ": make it in this account and Region, or correct the configuration"
        }
        Blame::Setup => {
            ": check the credentials, what they are allowed to do, and this machine's clock"
        }
        Blame::Weather | Blame::Message => "",
    };
    format!("branchline cannot work: {fault}{remedy}")
}

fn worker(aws: &Aws, config: Config) -> Worker<impl Queue, impl Store, impl Pipelines, impl Clock> {
    let setup = ReconcilerConfig {
        rules: config.rules,
        secrets: config.secrets,
        // Unique among all workers: nothing else tells two containers of one service apart.
        worker: format!("{:016x}", fastrand::u64(..)),
        table: config.table.clone(),
        max_attempts: config.max_attempts,
    };
    let settings = WorkerConfig {
        concurrency: config.concurrency,
        drain_timeout: config.drain_timeout,
        seed: fastrand::u64(..),
    };
    let urls = QueueUrls {
        source: config.queues.source,
        dead_letters: config.queues.dead_letters,
        quarantine: config.queues.quarantine,
    };
    let pipelines = aws.pipelines(config.codepipeline_rate);
    let walker = Reconciler::new(aws.store(config.table), pipelines, SystemClock, setup);
    Worker::new(aws.queue(urls, VISIBILITY), walker, settings)
}
