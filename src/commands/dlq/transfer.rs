//! Messages that leave a dead-letter queue: previewed first, then transferred one by one. An interrupt returns the rest.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::ProgressBar;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::aws::{DynamoStore, SqsQueue};
use crate::cli::terminal::{Done, code, counter, fault as error, spinner};
use crate::commands::dlq::export::{Export, messages};
use crate::commands::dlq::filters::missing;
use crate::commands::dlq::session::DlqSession;
use crate::commands::interrupt::{INTERRUPTED, Interrupt};
use crate::commands::system_clock::SystemClock;
use crate::domain::intake::envelope::{Envelope, Receipt};
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::inspect::dlq::exported_message::ExportedMessage;
use crate::inspect::dlq::filter::DeadLetterFilter;
use crate::inspect::dlq::operator_log::{Begun, OperatorLog};
use crate::inspect::dlq::preview::{PreviewQuery, ReplayPreview, preview};
use crate::inspect::dlq::scan::Scan;
use crate::inspect::dlq::transfer::{Sent, remove, send_back};
use crate::ports::{Clock, PipelineReader, StoreReader};

/// The operator's log of one command.
pub(super) type Log<'a> = OperatorLog<'a, DynamoStore, SystemClock>;

/// Where messages come from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// The queue.
    Queue,
    /// A file that was written from a queue.
    File(&'a str),
}

/// What was found.
pub(super) struct Found {
    pub(super) preview: ReplayPreview,
    /// In a file: which lines are meant.
    lines: BTreeSet<usize>,
    /// Whether there are others, or not all that were asked for.
    pub(super) partial: bool,
}

/// Accepts a filter that matches everything only with `--all`.
pub(super) fn chosen(filter: DeadLetterFilter, all: bool) -> Result<DeadLetterFilter, String> {
    match (filter.is_everything(), all) {
        (true, false) => Err("no message is selected: give ids, filters, or --all".to_owned()),
        (false, true) => {
            Err("--all selects every message: leave out the ids and filters".to_owned())
        }
        (true, true) | (false, false) => Ok(filter),
    }
}

/// Looks at what is there, hands it back, and says what is meant.
pub(super) async fn look<S: StoreReader, P: PipelineReader, C: Clock>(
    session: &DlqSession,
    source: Source<'_>,
    query: &PreviewQuery<'_, S, P, C>,
    interrupt: &Interrupt,
) -> Result<Found, Box<dyn Error>> {
    let spinner = spinner("looking at messages:");
    let goes_on = || {
        spinner.inc(1);
        !interrupt.is_requested()
    };
    let (preview, lines, partial) = match source {
        Source::File(file) => {
            let (preview, lines) = in_file(file, query, goes_on).await?;
            (preview, lines, false)
        }
        Source::Queue => {
            let mut scan = Scan::new(&session.queue);
            let found = preview(&mut scan, query, goes_on).await;
            let closed = session.close(scan).await;
            let found = found.map_err(error)?;
            (found, BTreeSet::new(), closed?.partial)
        }
    };
    drop(spinner);
    if interrupt.is_requested() {
        return Err(format!("{INTERRUPTED}, and nothing was done").into());
    }
    for line in preview.lines() {
        writeln!(io::stderr(), "{line}")?;
    }
    let ids = preview.messages.iter().map(|letter| letter.id.as_str());
    let missing = missing(query.filter, ids)?;
    Ok(Found {
        preview,
        lines,
        partial: partial || missing,
    })
}

async fn in_file<S: StoreReader, P: PipelineReader, C: Clock>(
    file: &str,
    query: &PreviewQuery<'_, S, P, C>,
    goes_on: impl Fn() -> bool,
) -> Result<(ReplayPreview, BTreeSet<usize>), String> {
    let (mut preview, mut lines) = (ReplayPreview::default(), BTreeSet::new());
    for (line, message) in messages(file)?.enumerate() {
        if preview.add(message?.into_envelope(query.now), query).await {
            lines.insert(line);
        }
        if !goes_on() {
            break;
        }
    }
    Ok((preview, lines))
}

/// What becomes of the messages.
pub(super) enum TransferMode<'a> {
    /// Written into a file; they stay.
    Copy(Export),
    /// Sent back.
    Back { log: Log<'a>, rate: u32 },
    /// Deleted, written into a file before.
    ForGood {
        log: Log<'a>,
        export: Option<Export>,
    },
}

/// How far it came.
#[derive(Default)]
pub(super) struct TransferReport {
    /// Messages that were transferred.
    pub(super) done: usize,
    /// Why it ended before all of them were.
    pub(super) why: Option<String>,
}

impl TransferReport {
    /// How the command ends that had so many to see to.
    pub(super) fn code(self, count: usize, found: &Found) -> Done {
        match self.why {
            Some(why) => Err(why.into()),
            None => Ok(code(self.done < count || found.partial)),
        }
    }
}

/// A transfer under way.
struct Transfer<'a, 'b> {
    session: &'a DlqSession,
    interrupt: &'a Interrupt,
    mode: TransferMode<'b>,
    pace: Interval,
    bar: ProgressBar,
    report: TransferReport,
}

/// Goes through the source again and transfers the messages that were found, one by one.
pub(super) async fn transfer(
    session: &DlqSession,
    source: Source<'_>,
    found: &Found,
    mode: TransferMode<'_>,
    interrupt: &Interrupt,
) -> Result<TransferReport, Box<dyn Error>> {
    let rate = match &mode {
        TransferMode::Back { rate, .. } => *rate,
        TransferMode::Copy(_) | TransferMode::ForGood { .. } => 1_000,
    };
    let mut pace = interval(Duration::from_secs(1) / rate);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut transfer = Transfer {
        session,
        interrupt,
        mode,
        pace,
        bar: counter("done", found.preview.messages.len()),
        report: TransferReport::default(),
    };
    let ended = match source {
        Source::Queue => {
            let mut scan = Scan::new(&session.queue);
            let ended = from_queue(&mut transfer, &mut scan, found).await;
            let back = scan.finish().await.map_err(error);
            ended.and(back.map(|_| ()))
        }
        Source::File(file) => from_file(&mut transfer, file, found).await,
    };
    let mut report = transfer.report;
    transfer.bar.finish_and_clear();
    report.why = ended.err();
    Ok(report)
}

async fn from_queue(
    transfer: &mut Transfer<'_, '_>,
    scan: &mut Scan<'_, SqsQueue>,
    found: &Found,
) -> Result<(), String> {
    let ids = found.preview.messages.iter();
    let mut selected: BTreeSet<&str> = ids.map(|letter| letter.id.as_str()).collect();
    while !selected.is_empty() {
        let batch = scan.next().await.map_err(error)?;
        if batch.is_empty() {
            break;
        }
        for envelope in batch {
            let id = envelope.message_id.clone();
            if !selected.remove(id.as_str()) {
                continue;
            }
            scan.renew().await.map_err(error)?;
            let Some(receipt) = scan.receipt(&id) else {
                // It was lost meanwhile: it is visible again, or another consumer has it.
                continue;
            };
            if transfer.take(envelope, Some(&receipt)).await? {
                scan.remove(&id);
            }
        }
    }
    Ok(())
}

async fn from_file(
    transfer: &mut Transfer<'_, '_>,
    file: &str,
    found: &Found,
) -> Result<(), String> {
    for (line, message) in messages(file)?.enumerate() {
        let message = message?;
        if found.lines.contains(&line) {
            let envelope = message.into_envelope(SystemClock.now());
            transfer.take(envelope, None).await?;
        }
    }
    Ok(())
}

impl Transfer<'_, '_> {
    /// Transfers a message, at the rate. Returns true if it left its queue.
    async fn take(
        &mut self,
        envelope: Envelope,
        receipt: Option<&Receipt>,
    ) -> Result<bool, String> {
        tokio::select! {
            biased;
            () = self.interrupt.first.requested() => {
                return Err("interrupted: the rest is where it was; run the command again".to_owned());
            }
            _ = self.pace.tick() => {}
        }
        let left = self.one(envelope, receipt).await?;
        self.report.done += 1;
        self.bar.inc(1);
        Ok(left)
    }

    /// Transfers a message. It is not interrupted in the middle.
    async fn one(&mut self, envelope: Envelope, receipt: Option<&Receipt>) -> Result<bool, String> {
        let authenticator = &self.session.authenticator;
        let (letter, envelope) = DeadLetter::read(envelope, authenticator, SystemClock.now());
        match &mut self.mode {
            TransferMode::Copy(export) => {
                export.write(&ExportedMessage::new(envelope))?;
                Ok(false)
            }
            TransferMode::ForGood { log, export } => {
                let receipt = receipt.ok_or("a message of a file cannot be dropped")?;
                if let Some(export) = export {
                    export.write(&ExportedMessage::new(envelope))?;
                }
                let begun = begin(log, &letter).await?;
                remove(&self.session.queue, receipt).await.map_err(error)?;
                end(log, begun).await?;
                Ok(true)
            }
            TransferMode::Back { log, .. } => {
                let begun = begin(log, &letter).await?;
                let sent = send_back(&self.session.queue, envelope, receipt, log.operator).await;
                let sent = sent.map_err(error)?;
                end(log, begun).await?;
                let Sent::Copied(fault) = sent else {
                    return Ok(true);
                };
                self.report.done += 1;
                let sent = "was sent, and is still in the queue that it came from";
                Err(format!(
                    "message {} {sent}; replaying it again changes nothing, and it can be dropped: {fault}",
                    letter.id
                ))
            }
        }
    }
}

async fn begin(log: &Log<'_>, letter: &DeadLetter) -> Result<Begun, String> {
    log.begin(letter).await.map_err(|fault| {
        format!(
            "the audit trail cannot be written, so message {} stays: {fault}",
            letter.id
        )
    })
}

async fn end(log: &Log<'_>, begun: Begun) -> Result<(), String> {
    match log.end(begun).await {
        None => Ok(()),
        Some(warning) => writeln!(io::stderr(), "{warning}").map_err(|why| why.to_string()),
    }
}
