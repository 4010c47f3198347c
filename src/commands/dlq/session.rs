//! A session with a dead-letter or quarantine queue: its ports, and the notes at its end.

use std::error::Error;
use std::sync::Arc;

use crate::aws::{Aws, CodePipelines, DynamoStore, SqsQueue};
use crate::cli::dlq::{QueueChoice, Which};
use crate::cli::options::QueueOptions;
use crate::cli::output::streaming_table::age;
use crate::cli::terminal::note;
use crate::commands::connect::{connect, urls};
use crate::commands::system_clock::SystemClock;
use crate::config::{self, Config, ProcessEnvironment, RedactedEnvironment};
use crate::domain::intake::authenticated::Authenticator;
use crate::domain::outcome::outgoing::Destination;
use crate::domain::text::plural;
use crate::inspect::dlq::scan::{End, Scan, VISIBILITY};
use crate::inspect::explain::{Rehearsal, RehearsalConfig};
use crate::inspect::given_file::GivenFiles;

/// The predictions of one command.
pub(crate) type DlqRehearsal = Rehearsal<DynamoStore, CodePipelines, SystemClock>;

/// A dead-letter or quarantine queue, and what belongs to it.
pub(crate) struct DlqSession {
    pub(crate) config: Config,
    pub(crate) aws: Aws,
    pub(super) queue: SqsQueue,
    pub(super) url: String,
    which: Which,
    /// Authenticates the messages of this queue.
    pub(super) authenticator: Authenticator,
}

impl DlqSession {
    /// Connects to the account. No webhook secret is needed.
    pub(super) async fn open(choice: &QueueChoice) -> Result<Self, Box<dyn Error>> {
        Self::open_queue(&choice.options, choice.queue).await
    }

    /// The same, with the options of a command that chooses the queue itself.
    pub(crate) async fn open_queue(
        options: &QueueOptions,
        which: Which,
    ) -> Result<Self, Box<dyn Error>> {
        let overrides = options.overrides();
        let redacted = RedactedEnvironment::of_process(&overrides);
        let config = config::load(&overrides, &redacted)?;
        // Only the check of signatures needs the webhook secrets. Without them it is skipped.
        let (secrets, unreadable) = config::webhook_secrets(&overrides, &ProcessEnvironment);
        if secrets.is_some() {
            for why in unreadable {
                note(&format!(
                    "webhook {why}: a signature under it cannot be checked here"
                ))?;
            }
        }
        let aws = connect(&config).await?;
        let (destination, authenticator) = match which {
            Which::DeadLetters => (
                Destination::DeadLetters,
                Authenticator::dead_letters(secrets),
            ),
            // Only a signature authenticates a quarantined message.
            Which::Quarantine => (
                Destination::Quarantine,
                Authenticator::quarantine(secrets).with_origin(config.event_origin()),
            ),
        };
        let urls = urls(&config.queues);
        Ok(Self {
            url: urls.url(destination).to_owned(),
            which,
            queue: aws.queue(urls, destination, VISIBILITY),
            authenticator,
            aws,
            config,
        })
    }

    /// Returns a hint that the other queue has messages, where a message was not found in this one.
    pub(super) async fn hint(&self) -> Option<String> {
        let queues = &self.config.queues;
        let (other, url) = match self.which {
            Which::DeadLetters => (Which::Quarantine, &queues.quarantine),
            Which::Quarantine => (Which::DeadLetters, &queues.dead_letters),
        };
        // It is only a hint: if the number cannot be read, there is none.
        let counts = self.aws.queue_counts(url).await.ok()?;
        let count = usize::try_from(counts.waiting + counts.in_flight).unwrap_or(usize::MAX);
        let (messages, other) = (plural(count, "message"), other.as_str());
        (count > 0).then(|| format!("the other queue has {messages}: try --queue {other}"))
    }

    /// Prints the hint.
    pub(super) async fn print_hint(&self) -> std::io::Result<()> {
        match self.hint().await {
            Some(hint) => note(&hint),
            None => Ok(()),
        }
    }

    /// Returns the table.
    pub(crate) fn store(&self) -> DynamoStore {
        self.aws.store(self.config.table.clone())
    }

    /// Returns the daemon's own code over ports that write nothing.
    pub(crate) fn rehearsal(&self) -> DlqRehearsal {
        let secrets = self.authenticator.secrets().cloned();
        let config = RehearsalConfig {
            rules: self.config.rules.clone(),
            owner: self.config.owner.clone(),
            authenticator: Authenticator::replay(secrets).with_origin(self.config.event_origin()),
            max_attempts: self.config.max_attempts,
            region: self.aws.region().to_owned(),
            files: GivenFiles::default(),
            projects: Arc::new(self.aws.projects()),
            stacks: Arc::new(self.aws.stacks()),
        };
        let pipelines = self.aws.pipelines(self.config.codepipeline_rate);
        Rehearsal::new(self.store(), pipelines, SystemClock, config)
    }

    /// Returns the messages in hand to the queue, and reports what the scan could not see.
    pub(super) async fn close(&self, scan: Scan<'_, SqsQueue>) -> Result<Closed, Box<dyn Error>> {
        let ours = u64::try_from(scan.held_messages()).unwrap_or(u64::MAX);
        // Read before ours are returned: the number lags, and would later count them as held by
        // others. A scan that stopped early does not need it.
        let in_flight = match scan.ended() {
            true => Some(self.aws.queue_in_flight(&self.url).await),
            false => None,
        };
        let summary = scan.finish().await.map_err(|fault| {
            format!("messages in hand could not be returned and are visible again within {VISIBILITY:?}: {}", fault.for_operator())
        })?;
        let mut partial = summary.end == Some(End::Restless);
        if partial {
            note(
                "partial: the same messages were received again and again, so there may be others",
            )?;
        }
        match in_flight {
            Some(Ok((all, visibility))) if all > ours => {
                partial = true;
                let others = usize::try_from(all - ours).unwrap_or(usize::MAX);
                let wait = age(visibility.max(VISIBILITY).as_secs());
                note(&format!(
                    "partial: {} held by another consumer, usually for up to {wait}: run the command again then",
                    plural(others, "message")
                ))?;
            }
            Some(Ok(_)) | None => {}
            Some(Err(fault)) => note(&format!(
                "another consumer may hold messages, which could not be checked: {fault}"
            ))?,
        }
        if summary.held > 0 {
            note(&format!(
                "{} could not be returned, and will be visible again within {VISIBILITY:?}",
                plural(summary.held, "message")
            ))?;
        }
        Ok(Closed {
            seen: summary.messages,
            partial,
        })
    }
}

/// The result of a scan.
pub(super) struct Closed {
    /// The messages that were seen.
    pub(super) seen: usize,
    /// True if the queue may have others.
    pub(super) partial: bool,
}
