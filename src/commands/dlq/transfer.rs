//! Transfers messages out of a dead-letter queue: a preview first, then one message at a time. An
//! interrupt returns the rest.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use indicatif::ProgressBar;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::aws::{DynamoStore, SqsQueue};
use crate::cli::terminal::{Done, code, counter, fault as error, note, spinner};
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
use crate::inspect::dlq::preview::{PreviewQuery, ReplayPreview, preview as preview_queue};
use crate::inspect::dlq::scan::Scan;
use crate::inspect::dlq::transfer::{Sent, remove, send_back};
use crate::ports::{Clock, PipelineReader, StoreReader};

/// The operator's log of one command.
pub(super) type Log<'a> = OperatorLog<'a, DynamoStore, SystemClock>;

/// The source of the messages.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// The queue.
    Queue,
    /// An export file.
    File(&'a str),
}

/// The messages that a command will transfer.
pub(super) struct Selection {
    preview: ReplayPreview,
    /// The selected lines of a file.
    lines: BTreeSet<usize>,
    /// True if there may be others, or if a given id was not found.
    pub(super) partial: bool,
}

impl Selection {
    /// Returns the number of messages.
    pub(super) fn count(&self) -> usize {
        self.preview.messages.len()
    }

    /// Returns the messages.
    pub(super) fn messages(&self) -> &[DeadLetter] {
        &self.preview.messages
    }

    /// Returns the number of messages that stay, because the daemon would not believe them.
    fn left_out(&self) -> usize {
        self.preview.left_out.len()
    }

    fn ids(&self) -> impl Iterator<Item = &str> {
        self.preview
            .messages
            .iter()
            .map(|message| message.id.as_str())
    }
}

/// Accepts a filter that matches everything only with `--all`.
pub(super) fn chosen(filter: DeadLetterFilter, all: bool) -> Result<DeadLetterFilter, String> {
    match (filter.is_everything(), all) {
        (true, false) => Err("no message is selected: give IDs, filters, or --all".to_owned()),
        (false, true) => {
            Err("--all selects every message: remove it, or the IDs and filters".to_owned())
        }
        (true, true) | (false, false) => Ok(filter),
    }
}

/// Previews the source, returns its messages, and prints what is selected.
pub(super) async fn preview<S: StoreReader, P: PipelineReader, C: Clock>(
    session: &DlqSession,
    source: Source<'_>,
    query: &PreviewQuery<'_, S, P, C>,
    interrupt: &Interrupt,
) -> Result<Selection, Box<dyn Error>> {
    let spinner = spinner("reading messages:");
    let goes_on = || {
        spinner.inc(1);
        !interrupt.is_requested()
    };
    let (preview, lines, partial) = match source {
        Source::File(file) => {
            let (preview, lines) = preview_file(file, query, goes_on).await?;
            (preview, lines, false)
        }
        Source::Queue => {
            let mut scan = Scan::new(&session.queue);
            let preview = preview_queue(&mut scan, query, goes_on).await;
            let closed = session.close(scan).await;
            let preview = preview.map_err(error)?;
            (preview, BTreeSet::new(), closed?.partial)
        }
    };
    drop(spinner);
    if interrupt.is_requested() {
        return Err(format!("{INTERRUPTED}, and nothing was done").into());
    }
    let ids: Vec<&str> = preview.messages.iter().map(|one| one.id.as_str()).collect();
    query.filter.check_unambiguous(&ids)?;
    for line in preview.lines() {
        note(&line)?;
    }
    let mut selection = Selection {
        preview,
        lines,
        partial,
    };
    let left_out = selection.preview.left_out.iter();
    let found = selection
        .ids()
        .chain(left_out.map(|message| message.id.as_str()));
    let is_missing = missing(query.filter, found)?;
    selection.partial |= is_missing || selection.left_out() > 0;
    if selection.count() + selection.left_out() == 0 && matches!(source, Source::Queue) {
        session.print_hint().await?;
    }
    Ok(selection)
}

async fn preview_file<S: StoreReader, P: PipelineReader, C: Clock>(
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

/// What a transfer does with the messages.
pub(super) enum TransferMode<'a> {
    /// Writes them to a file, and leaves them in the queue.
    Copy(Export),
    /// Sends them back to the queue that they came from.
    Replay { log: Log<'a>, rate: u32 },
    /// Deletes them, after writing them to the file if there is one.
    Drop {
        log: Log<'a>,
        export: Option<Export>,
    },
}

/// The result of a transfer.
#[derive(Default)]
pub(super) struct TransferReport {
    /// The messages that were transferred.
    pub(super) done: usize,
    /// Why it ended early.
    why: Option<String>,
}

impl TransferReport {
    /// Returns true if it did not end early.
    pub(super) fn is_complete(&self) -> bool {
        self.why.is_none()
    }

    /// Returns the exit code, or the reason for an early end.
    pub(super) fn code(self, selection: &Selection) -> Done {
        match self.why {
            Some(why) => Err(why.into()),
            None => Ok(code(self.done < selection.count() || selection.partial)),
        }
    }
}

/// A transfer in progress.
struct Transfer<'a, 'b> {
    session: &'a DlqSession,
    interrupt: &'a Interrupt,
    mode: TransferMode<'b>,
    pace: Interval,
    bar: ProgressBar,
    report: TransferReport,
}

/// Reads the source again and transfers the selected messages, one by one.
pub(super) async fn transfer(
    session: &DlqSession,
    source: Source<'_>,
    selection: &Selection,
    mode: TransferMode<'_>,
    interrupt: &Interrupt,
) -> Result<TransferReport, Box<dyn Error>> {
    let rate = match &mode {
        TransferMode::Replay { rate, .. } => *rate,
        TransferMode::Copy(_) | TransferMode::Drop { .. } => 1_000,
    };
    let mut pace = interval(Duration::from_secs(1) / rate);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut transfer = Transfer {
        session,
        interrupt,
        mode,
        pace,
        bar: counter("messages:", selection.count()),
        report: TransferReport::default(),
    };
    let ended = match source {
        Source::Queue => {
            let mut scan = Scan::new(&session.queue);
            let ended = from_queue(&mut transfer, &mut scan, selection).await;
            let back = scan.finish().await.map_err(error);
            ended.and(back.map(|_| ()))
        }
        Source::File(file) => from_file(&mut transfer, file, selection).await,
    };
    let mut report = transfer.report;
    transfer.bar.finish_and_clear();
    report.why = ended.err();
    Ok(report)
}

async fn from_queue(
    transfer: &mut Transfer<'_, '_>,
    scan: &mut Scan<'_, SqsQueue>,
    selection: &Selection,
) -> Result<(), String> {
    let mut selected: BTreeSet<&str> = selection.ids().collect();
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
                // It was lost in the meantime: it is visible again, or another consumer has it.
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
    selection: &Selection,
) -> Result<(), String> {
    for (line, message) in messages(file)?.enumerate() {
        let message = message?;
        if selection.lines.contains(&line) {
            let envelope = message.into_envelope(SystemClock.now());
            transfer.take(envelope, None).await?;
        }
    }
    Ok(())
}

impl Transfer<'_, '_> {
    /// Waits for its turn at the rate, and transfers a message. Returns true if it left its queue.
    async fn take(
        &mut self,
        envelope: Envelope,
        receipt: Option<&Receipt>,
    ) -> Result<bool, String> {
        tokio::select! {
            biased;
            () = self.interrupt.first.requested() => {
                return Err("interrupted: the other messages are where they were; run the command again for them".to_owned());
            }
            _ = self.pace.tick() => {}
        }
        let left = self.one(envelope, receipt).await?;
        self.report.done += 1;
        self.bar.inc(1);
        Ok(left)
    }

    /// Transfers a message, without an interruption in the middle.
    async fn one(&mut self, envelope: Envelope, receipt: Option<&Receipt>) -> Result<bool, String> {
        let authenticator = &self.session.authenticator;
        let (message, envelope) = DeadLetter::read(envelope, authenticator, SystemClock.now());
        match &mut self.mode {
            TransferMode::Copy(export) => {
                export.write(&ExportedMessage::new(envelope))?;
                Ok(false)
            }
            TransferMode::Drop { log, export } => {
                let receipt =
                    receipt.ok_or("a message in a file cannot be dropped: delete its line")?;
                if let Some(export) = export {
                    export.write(&ExportedMessage::new(envelope))?;
                }
                let begun = begin(log, &message).await?;
                remove(&self.session.queue, receipt).await.map_err(error)?;
                end(log, begun).await?;
                Ok(true)
            }
            TransferMode::Replay { log, .. } => {
                let begun = begin(log, &message).await?;
                let sent = send_back(&self.session.queue, envelope, receipt, log.operator).await;
                let sent = sent.map_err(error)?;
                end(log, begun).await?;
                let Sent::Copied(fault) = sent else {
                    return Ok(true);
                };
                self.report.done += 1;
                Err(format!(
                    "message {} was sent, but could not be deleted from this queue: drop it, or replay it again, which changes nothing: {}",
                    message.id,
                    fault.for_operator()
                ))
            }
        }
    }
}

async fn begin(log: &Log<'_>, message: &DeadLetter) -> Result<Begun, String> {
    log.begin(message).await.map_err(|fault| {
        format!(
            "the audit trail cannot be written, so message {} stays in the queue: {}",
            message.id,
            fault.for_operator()
        )
    })
}

async fn end(log: &Log<'_>, begun: Begun) -> Result<(), String> {
    match log.end(begun).await {
        None => Ok(()),
        Some(warning) => note(&warning).map_err(|why| why.to_string()),
    }
}
