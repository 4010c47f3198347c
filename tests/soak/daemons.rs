//! Three daemons behind three proxies, which are killed, stopped and started again.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::time::sleep;

use super::account::Account;
use crate::github::app_key;
use crate::world::emulator;
use crate::world::lock;
use crate::world::proxy::{FAULTS, Fault, Proxy};
use crate::world::webhook::SECRET;

/// The number of daemons.
const DAEMONS: usize = 3;
/// A stop takes the drain timeout and the last acknowledgements, and no longer.
const STOP: Duration = Duration::from_secs(32);

pub(crate) struct Daemons {
    configuration: String,
    region: String,
    folder: TempDir,
    running: Vec<Running>,
    /// SIGKILLs so far.
    pub(crate) killed: usize,
    /// SIGTERMs so far.
    pub(crate) stopped: usize,
    /// The most memory of a daemon so far, in KiB (`VmHWM`).
    pub(crate) memory: usize,
    wrong: Vec<String>,
}

struct Running {
    number: usize,
    proxy: Proxy,
    child: Option<Child>,
    log: PathBuf,
}

impl Drop for Daemons {
    fn drop(&mut self) {
        for daemon in &mut self.running {
            daemon.kill();
        }
    }
}

impl Daemons {
    pub(crate) async fn start(account: &Account, seed: u64) -> Self {
        let upstream = emulator::endpoint();
        let upstream = upstream.trim_start_matches("http://").parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut running = Vec::new();
        for number in 0..DAEMONS {
            let seed = seed.wrapping_add(u64::try_from(number).unwrap());
            running.push(Running {
                number,
                proxy: Proxy::start(upstream, seed).await.unwrap(),
                child: None,
                log: folder.path().join(format!("daemon-{number}.log")),
            });
        }
        let mut daemons = Self {
            configuration: account.configuration(),
            region: account.region.clone(),
            folder,
            running,
            killed: 0,
            stopped: 0,
            memory: 0,
            wrong: Vec::new(),
        };
        daemons.all_up();
        daemons
    }

    /// Sets how many of a thousand requests meet a fault.
    pub(crate) fn faults(&self, thousandths: u32) {
        for daemon in &self.running {
            daemon
                .proxy
                .shared
                .rate
                .store(thousandths, Ordering::Relaxed);
        }
    }

    /// Returns the faults so far, by kind.
    pub(crate) fn done(&self) -> BTreeMap<&'static str, usize> {
        let mut done: BTreeMap<_, usize> = FAULTS.map(|fault| (label(fault), 0)).into();
        let counts = |daemon: &Running| lock(&daemon.proxy.shared.done).clone();
        for (fault, count) in self.running.iter().flat_map(counts) {
            *done.entry(label(fault)).or_default() += count;
        }
        done
    }

    /// Starts the daemons that are down.
    pub(crate) fn all_up(&mut self) {
        for daemon in &mut self.running {
            daemon.start(&self.configuration, &self.region);
        }
    }

    /// Kills, stops and starts daemons while another future runs; a pause is in milliseconds.
    pub(crate) async fn trouble(
        &mut self,
        beside: impl Future<Output = ()>,
        pause: &Range<u64>,
        rng: &mut fastrand::Rng,
    ) {
        tokio::pin!(beside);
        loop {
            let pause = sleep(Duration::from_millis(rng.u64(pause.clone())));
            tokio::select! {
                biased;
                () = &mut beside => return,
                () = pause => {}
            }
            // The other future goes on while a stop is waited for.
            let strike = self.strike(rng);
            tokio::pin!(strike);
            let over = tokio::select! {
                biased;
                () = &mut strike => false,
                () = &mut beside => true,
            };
            if over {
                return strike.await;
            }
        }
    }

    /// Kills, stops or starts one of the daemons.
    async fn strike(&mut self, rng: &mut fastrand::Rng) {
        let Some(daemon) = self.running.get_mut(rng.usize(0..DAEMONS)) else {
            return;
        };
        self.memory = self.memory.max(daemon.memory());
        if daemon.child.is_none() {
            daemon.start(&self.configuration, &self.region);
        } else if rng.u8(0..4) == 0 {
            self.stopped += 1;
            let end = daemon.stop().await;
            self.wrong.extend(end.err());
            daemon.start(&self.configuration, &self.region);
        } else {
            self.killed += 1;
            daemon.kill();
            if rng.bool() {
                daemon.start(&self.configuration, &self.region);
            }
        }
    }

    /// Stops all daemons. Returns the errors of all stops so far.
    pub(crate) async fn stop(&mut self) -> Vec<String> {
        for daemon in &mut self.running {
            self.memory = self.memory.max(daemon.memory());
            self.stopped += 1;
            let end = daemon.stop().await;
            self.wrong.extend(end.err());
        }
        std::mem::take(&mut self.wrong)
    }

    /// Returns log lines that must not occur.
    pub(crate) fn forbidden_log_lines(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for daemon in &self.running {
            let log = daemon.read();
            for word in ["panick", SECRET, "is not JSON", "branchline cannot work"] {
                let found = log.lines().find(|line| line.contains(word));
                wrong.extend(found.map(|line| format!("daemon {} logged: {line}", daemon.number)));
            }
        }
        wrong
    }

    /// Returns the ends of the logs, for the message of a failed test.
    pub(crate) fn tails(&self) -> String {
        let tail = |daemon: &Running| {
            let log = daemon.read();
            let lines: Vec<&str> = log.lines().collect();
            let from = lines.len().saturating_sub(15);
            let tail = lines.get(from..).unwrap_or_default().join("\n");
            format!(
                "== daemon {} in {}\n{tail}\n",
                daemon.number,
                self.folder.path().display()
            )
        };
        self.running.iter().map(tail).collect()
    }
}

impl Running {
    fn start(&mut self, configuration: &str, region: &str) {
        if self.child.is_some() {
            return;
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .unwrap();
        let child = branchline(configuration, region, &self.proxy.endpoint)
            .args(["run", "--log-format", "json"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.child = Some(child.unwrap());
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself, which its log then shows.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends SIGTERM, and waits for the end.
    async fn stop(&mut self) -> Result<(), String> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        let number = self.number;
        let id = child.id().to_string();
        let signal = Command::new("kill").args(["-TERM", &id]).status();
        let begun = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("daemon {number} ended with {status}")),
                Ok(None) if begun.elapsed() < STOP => sleep(Duration::from_millis(20)).await,
                Ok(None) | Err(_) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(format!(
                        "daemon {number} did not stop within {STOP:?}: {signal:?}"
                    ));
                }
            }
        }
    }

    /// Returns the most memory that it used, in KiB; 0 if the system does not tell.
    fn memory(&self) -> usize {
        let Some(child) = &self.child else { return 0 };
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    fn read(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// Returns the command without its subcommand.
pub(crate) fn branchline(configuration: &str, region: &str, endpoint: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_branchline"));
    command
        .env_clear()
        .env("BRANCHLINE_CONFIG", "env:RULES")
        .env("RULES", configuration)
        .env("WEBHOOK_SECRET", SECRET)
        .env("APP_KEY", app_key())
        .env("AWS_REGION", region)
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// Returns the label of a fault in the table of figures.
fn label(fault: Fault) -> &'static str {
    match fault {
        Fault::Late => "  late",
        Fault::ResetBefore => "  reset, nothing done",
        Fault::ResetAfter => "  reset, all done",
        Fault::ErrorBefore => "  error, nothing done",
        Fault::ErrorAfter => "  error, all done",
        Fault::Throttled => "  throttled",
        Fault::Truncated => "  response truncated",
    }
}
