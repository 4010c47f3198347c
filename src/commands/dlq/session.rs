//! One use of a dead-letter queue: the ports, and what is said at the end.

use std::error::Error;
use std::io::{self, Write};

use crate::aws::{Aws, CodePipelines, DynamoStore, QueueUrls, SqsQueue};
use crate::cli::dlq::{Place, Which};
use crate::cli::output::streaming_table::age;
use crate::commands::system_clock::SystemClock;
use crate::config::{self, Config, ProcessEnvironment};
use crate::inspect::dlq::scan::{End, Scan, VISIBILITY};
use crate::inspect::explain::{Account, ExplainContext};
use crate::ports::Clock;

/// A grave, and the way back from it.
pub(super) struct DlqSession {
    pub(super) config: Config,
    pub(super) aws: Aws,
    pub(super) grave: SqsQueue,
    pub(super) url: String,
}

impl DlqSession {
    pub(super) async fn open(place: &Place) -> Result<Self, Box<dyn Error>> {
        let config = config::load(&place.overrides, &ProcessEnvironment)?;
        let aws = Aws::connect(config.region.as_deref(), config.endpoint_url.as_deref()).await?;
        let url = match place.queue {
            Which::DeadLetters => config.queues.dead_letters.clone(),
            Which::Quarantine => config.queues.quarantine.clone(),
        };
        let urls = QueueUrls {
            source: url.clone(),
            dead_letters: config.queues.source.clone(),
            quarantine: config.queues.source.clone(),
        };
        Ok(Self {
            grave: aws.queue(urls, VISIBILITY),
            url,
            aws,
            config,
        })
    }

    pub(super) fn account(&self) -> Account<DynamoStore, CodePipelines> {
        let ledger = self.aws.store(self.config.table.clone());
        Account::new(ledger, self.aws.pipelines(self.config.codepipeline_rate))
    }

    pub(super) fn today<'a, S>(&'a self, sight: &'a S) -> ExplainContext<'a, S> {
        ExplainContext {
            rules: &self.config.rules,
            table: &self.config.table,
            sight,
            now: SystemClock.now(),
        }
    }

    /// Hands back what a scan holds, and says what it could not see.
    pub(super) async fn close(&self, scan: Scan<'_, SqsQueue>) -> Result<Closed, Box<dyn Error>> {
        let ours = u64::try_from(scan.holds()).unwrap_or(u64::MAX);
        // Before ours are handed back: the number lags, and would take them for somebody else's a moment later. Who
        // stopped early has seen what he wanted.
        let in_flight = match scan.ended() {
            true => Some(self.aws.queue_in_flight(&self.url).await),
            false => None,
        };
        let seen = scan.finish().await.map_err(|fault| {
            format!("what was held is visible again within {VISIBILITY:?}: it could not be handed back: {fault}")
        })?;
        let mut talk = io::stderr();
        let mut partial = seen.end == Some(End::Restless);
        if partial {
            let why = "the same messages came back again and again";
            writeln!(talk, "partial: {why}; there may be others")?;
        }
        match in_flight {
            Some(Ok((all, visibility))) if all > ours => {
                partial = true;
                let (others, wait) = (all - ours, age(visibility.max(VISIBILITY).as_secs()));
                writeln!(
                    talk,
                    "partial: {others} are held by somebody else, as a rule for up to {wait}: look again then"
                )?;
            }
            Some(Ok(_)) | None => {}
            Some(Err(fault)) => writeln!(
                talk,
                "whether somebody else holds messages cannot be told: {fault}"
            )?,
        }
        if seen.held > 0 {
            writeln!(
                talk,
                "{} could not be handed back at once: they are visible again within {VISIBILITY:?}",
                seen.held
            )?;
        }
        Ok(Closed {
            seen: seen.letters,
            partial,
        })
    }
}

/// What a look came to.
pub(super) struct Closed {
    /// Messages that came by.
    pub(super) seen: usize,
    /// Whether there are others, as far as is known.
    pub(super) partial: bool,
}
