//! One use of a dead-letter queue: the ports, and the notes at the end.

use std::error::Error;
use std::io::{self, Write};

use crate::aws::{Aws, CodePipelines, DynamoStore, SqsQueue};
use crate::cli::dlq::{Place, Which};
use crate::cli::output::streaming_table::age;
use crate::commands::connect::{connect, urls};
use crate::commands::system_clock::SystemClock;
use crate::config::{self, Config, ProcessEnvironment, RedactedEnvironment};
use crate::domain::intake::authenticated::Authenticator;
use crate::domain::outcome::outgoing::Destination;
use crate::domain::text::plural;
use crate::inspect::dlq::scan::{End, Scan, VISIBILITY};
use crate::inspect::explain::{Rehearsal, RehearsalConfig};

/// The predictions of one command.
pub(super) type DlqRehearsal = Rehearsal<DynamoStore, CodePipelines, SystemClock>;

/// A dead-letter or quarantine queue, and what belongs to it.
pub(super) struct DlqSession {
    pub(super) config: Config,
    pub(super) aws: Aws,
    pub(super) queue: SqsQueue,
    pub(super) url: String,
    /// What proves the messages of this queue.
    pub(super) authenticator: Authenticator,
}

impl DlqSession {
    pub(super) async fn open(place: &Place) -> Result<Self, Box<dyn Error>> {
        let redacted = RedactedEnvironment {
            process: &ProcessEnvironment,
            config: place.overrides.config.as_deref(),
        };
        let config = config::load(&place.overrides, &redacted)?;
        // Only the check of signatures needs the webhook secrets: where they are not readable here, it is left out.
        let with_secrets = config::load(&place.overrides, &ProcessEnvironment);
        let secrets = with_secrets.ok().map(|config| config.secrets);
        let aws = connect(&config).await?;
        let (destination, authenticator) = match place.queue {
            Which::DeadLetters => (
                Destination::DeadLetters,
                Authenticator::DeadLetters(secrets),
            ),
            // Nothing vouches for what is there but a signature.
            Which::Quarantine => (
                Destination::Quarantine,
                secrets.map_or(Authenticator::Nothing, Authenticator::SourceQueues),
            ),
        };
        let urls = urls(&config.queues);
        Ok(Self {
            url: urls.url(destination).to_owned(),
            queue: aws.queue(urls, destination, VISIBILITY),
            authenticator,
            aws,
            config,
        })
    }

    /// Returns the table.
    pub(super) fn store(&self) -> DynamoStore {
        self.aws.store(self.config.table.clone())
    }

    /// Returns the daemon's own path over rehearsal ports.
    pub(super) fn rehearsal(&self) -> DlqRehearsal {
        let config = RehearsalConfig {
            rules: self.config.rules.clone(),
            table: self.config.table.clone(),
            authenticator: self.authenticator.clone(),
        };
        let pipelines = self.aws.pipelines(self.config.codepipeline_rate);
        Rehearsal::new(self.store(), pipelines, SystemClock, config)
    }

    /// Returns what a scan holds to the queue, and notes what it could not see.
    pub(super) async fn close(&self, scan: Scan<'_, SqsQueue>) -> Result<Closed, Box<dyn Error>> {
        let ours = u64::try_from(scan.held_messages()).unwrap_or(u64::MAX);
        // Before ours are returned: the number lags, and a moment later would count them as held by others. A scan that
        // stopped early saw what it wanted.
        let in_flight = match scan.ended() {
            true => Some(self.aws.queue_in_flight(&self.url).await),
            false => None,
        };
        let summary = scan.finish().await.map_err(|fault| {
            format!("messages in hand could not be returned and are visible again within {VISIBILITY:?}: {fault}")
        })?;
        let mut stderr = io::stderr();
        let mut partial = summary.end == Some(End::Restless);
        if partial {
            let why = "the same messages were received again and again";
            writeln!(stderr, "partial: {why}; there may be others")?;
        }
        match in_flight {
            Some(Ok((all, visibility))) if all > ours => {
                partial = true;
                let others = usize::try_from(all - ours).unwrap_or(usize::MAX);
                let wait = age(visibility.max(VISIBILITY).as_secs());
                writeln!(
                    stderr,
                    "partial: {} held by another consumer, usually for up to {wait}: look again then",
                    plural(others, "message")
                )?;
            }
            Some(Ok(_)) | None => {}
            Some(Err(fault)) => writeln!(
                stderr,
                "it is not known whether another consumer holds messages: {fault}"
            )?,
        }
        if summary.held > 0 {
            writeln!(
                stderr,
                "{} could not be returned at once: visible again within {VISIBILITY:?}",
                plural(summary.held, "message")
            )?;
        }
        Ok(Closed {
            seen: summary.messages,
            partial,
        })
    }
}

/// The result of looking through a queue.
pub(super) struct Closed {
    /// Messages that were seen.
    pub(super) seen: usize,
    /// True if there are others, as far as is known.
    pub(super) partial: bool,
}
