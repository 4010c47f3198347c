//! Reports commits to GitHub, and comments on pull requests. A report is derived from the record of
//! its commit, after the change that it is about was written, and never under a claim: a failing
//! report fails no webhook and delays none.

mod comment;
mod denied;
mod deployment;
mod outbox;
mod retry;
mod send;
mod unheard;
mod unsent;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::domain::fault::Fault;
use crate::domain::ids::{Owner, Timestamp};
use crate::domain::report::record::CommitKey;
use crate::domain::rules::rule::Rules;
use crate::ports::{Clock, GitHub, PipelineReader, Store};

use denied::Denied;
use outbox::Next;
pub use outbox::Outbox;
use outbox::Post;
use unsent::Unsent;

/// How often the table is asked for what was missed.
const SWEEP: Duration = Duration::from_secs(300);
/// The most that is added to [`SWEEP`] at random, so that daemons do not ask at the same time.
const SWEEP_JITTER_MILLIS: u64 = 60_000;

/// The configuration of a reporter.
#[derive(Clone, Debug)]
pub struct ReporterConfig {
    /// The worker's name, unique among all daemons.
    pub worker: String,
    /// The Region of the pipelines, for links.
    pub region: String,
    /// The name of this installation, by which its comments and deployments are found again.
    pub owner: Owner,
    /// The rules, which say where environments are found.
    pub rules: Rules,
}

/// Reports commits to GitHub, over its ports.
pub struct Reporter<S, P, G, C> {
    store: S,
    pipelines: P,
    github: Arc<G>,
    clock: C,
    outbox: Outbox,
    unsent: Unsent,
    denied: Denied,
    config: ReporterConfig,
}

impl<S: Store, P: PipelineReader, G: GitHub, C: Clock> Reporter<S, P, G, C> {
    /// Creates a reporter over these ports.
    pub fn new(
        store: S,
        pipelines: P,
        github: Arc<G>,
        clock: C,
        outbox: Outbox,
        config: ReporterConfig,
    ) -> Self {
        Self {
            store,
            pipelines,
            github,
            clock,
            outbox,
            unsent: Unsent::default(),
            denied: Denied::default(),
            config,
        }
    }

    /// Reports until a stop is requested. Reports in work are finished.
    ///
    /// If cancelled, a report may have reached GitHub that is not recorded. The next daemon looks
    /// for it.
    pub async fn run<F: Future<Output = ()>>(&self, stop: impl Fn() -> F) {
        // Calls for one installation wait for each other, so that few senders are enough.
        let senders = async {
            tokio::join!(
                self.send_until(stop()),
                self.send_until(stop()),
                self.send_until(stop()),
                self.send_until(stop())
            )
        };
        tokio::select! {
            biased;
            _ = senders => {}
            never = self.sweep() => match never {},
        }
    }

    /// Takes commits into the outbox.
    pub fn report(&self, commits: Vec<CommitKey>) {
        self.outbox.push(commits);
    }

    /// Reports everything that is due, and returns once nothing is left that can be done now.
    pub async fn drain(&self) {
        self.find_missed(self.clock.now()).await;
        while let Next::Post(post) = self.outbox.next(self.clock.now()) {
            self.send(post).await;
        }
    }

    async fn send_until(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let post = tokio::select! {
                biased;
                () = &mut stop => return,
                post = self.next() => post,
            };
            self.send(post).await;
        }
    }

    /// Waits for the next one that is due.
    async fn next(&self) -> Post {
        loop {
            let now = self.clock.now();
            match self.outbox.next(now) {
                Next::Post(post) => return post,
                Next::Wait(at) => tokio::select! {
                    biased;
                    () = self.outbox.changed() => {}
                    () = sleep(at.since(now)) => {}
                },
                Next::Empty => self.outbox.changed().await,
            }
        }
    }

    async fn sweep(&self) -> Infallible {
        loop {
            let now = self.clock.now();
            let found = self.find_unreported(now).await;
            self.swept(found, now);
            sleep(SWEEP + Duration::from_millis(fastrand::u64(..SWEEP_JITTER_MILLIS))).await;
        }
    }

    /// Looks for reports whose daemon ended, and asks CodePipeline about executions of which
    /// nothing was heard for long.
    pub async fn find_missed(&self, now: Timestamp) {
        let found = match self.find_unreported(now).await {
            Ok(()) => self.find_unheard().await.map(|_| ()),
            Err(fault) => Err(fault),
        };
        self.swept(found, now);
    }

    fn swept(&self, found: Result<(), Fault>, now: Timestamp) {
        self.unsent.measure(now);
        if let Err(fault) = found {
            tracing::warn!(%fault, "Missed reports could not be looked for; the next attempt is in some minutes");
        }
    }
}
