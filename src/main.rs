//! The `branchline` command: reads the configuration, wires the ports, runs.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use branchline::aws::{Aws, QueueUrls};
use branchline::cli::run::Run;
use branchline::cli::{Cli, Command, ConfigCommand, complaint};
use branchline::config::{self, Config};
use branchline::line::fault::{Blame, Fault, Reason};
use branchline::line::ids::Timestamp;
use branchline::ports::{Clock, Pipelines, Queue, Store};
use branchline::telemetry;
use branchline::worker::lease::VISIBILITY;
use branchline::worker::walk::{Setup, Walker};
use branchline::worker::{Settings, Stop, Until, Worker};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use observe::{Metrics, Watched};
use tokio::signal::unix::{SignalKind, signal};

#[path = "main/audit.rs"]
mod audit;
#[path = "main/check.rs"]
mod check;
#[path = "main/dlq/mod.rs"]
mod dlq;
#[path = "main/explain.rs"]
mod explain;
#[path = "main/mappings/mod.rs"]
mod mappings;
#[path = "main/observe.rs"]
mod observe;
#[path = "main/terminal.rs"]
mod terminal;

/// Something that branchline was given or needs is wrong: configuration, environment, or a queue that does not answer.
const TROUBLE: u8 = 2;

fn main() -> ExitCode {
    let started = Instant::now();
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return unread(&error),
    };
    let done = match command {
        Command::Run(run) => start(&run, started),
        Command::Health(asked) => at_once(observe::health(&asked)),
        Command::Explain(asked) => at_once(explain::run(&asked)),
        Command::Check(asked) => at_once(check::run(&asked)),
        Command::Dlq(asked) => at_once(dlq::run(&asked.command)),
        Command::Mappings(asked) => at_once(mappings::run(&asked.command)),
        Command::Config {
            command: ConfigCommand::Schema,
        } => terminal::print(config::SCHEMA.as_bytes()),
        Command::Audit(asked) => at_once(audit::run(&asked)),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "branchline", &mut text);
            terminal::print(&text)
        }
        Command::Man { folder } => clap_mangen::generate_to(Cli::command(), &folder)
            .map(|()| ExitCode::SUCCESS)
            .map_err(|why| format!("{} cannot be written: {why}", folder.display()).into()),
    };
    match done {
        Ok(code) => code,
        Err(trouble) => {
            // Nobody is left to tell when standard error itself is gone.
            let _ = writeln!(std::io::stderr(), "{trouble}");
            ExitCode::from(TROUBLE)
        }
    }
}

/// Words that cannot be read, or that ask for help.
fn unread(error: &clap::Error) -> ExitCode {
    let asked = [
        ErrorKind::DisplayHelp,
        ErrorKind::DisplayVersion,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
    ];
    if asked.contains(&error.kind()) {
        error.exit();
    }
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    // Nobody is left to tell when standard error itself is gone.
    let _ = writeln!(std::io::stderr(), "{}", complaint(error, words));
    ExitCode::from(TROUBLE)
}

/// Runs a command that does one thing.
fn at_once(
    command: impl Future<Output = Result<ExitCode, Box<dyn Error>>>,
) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(command)
}

fn start(run: &Run, started: Instant) -> Result<ExitCode, Box<dyn Error>> {
    let _traces = telemetry::start(run.log_format, &run.log)?;
    let config = config::load(&run.overrides, &config::Process)?;
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
        Until::Empty
    } else {
        Until::Stopped
    };
    let watched = Watched::of(&aws, &config);
    let metrics = Metrics::start(run, &config.table)?;
    let worker = worker(&aws, config);
    let listener = metrics.listen(run.metrics_addr).await?;
    let pages = metrics.pages(worker.readiness());
    let _observed = metrics.observe(watched, listener, pages);
    let (stop, stopped) = Stop::channel();
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
    let setup = Setup {
        rules: config.rules,
        secrets: config.secrets,
        // Unique among all workers: nothing else tells two containers of one service apart.
        worker: format!("{:016x}", fastrand::u64(..)),
        table: config.table.clone(),
        max_attempts: config.max_attempts,
    };
    let settings = Settings {
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
    let walker = Walker::new(aws.store(config.table), pipelines, SystemClock, setup);
    Worker::new(aws.queue(urls, VISIBILITY), walker, settings)
}

/// The machine's clock.
struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where time comes from"
    )]
    fn now(&self) -> Timestamp {
        // A clock before 1970 reads as 1970.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}
