//! Letters that transfer: looked at first, then seen to one by one. Told to stop, the rest is handed back.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use crate::aws::SqsQueue;
use crate::domain::fault::Fault;
use crate::domain::intake::envelope::{Envelope, Receipt};
use crate::domain::outcome::disposition::Grave;
use crate::inspect::dlq::letter::DeadLetter;
use crate::inspect::dlq::replay::{ExportedMessage, Sent, remove, send_back};
use crate::inspect::dlq::scan::Scan;
use crate::inspect::dlq::select::DeadLetterFilter;
use crate::inspect::dlq::survey::{PreviewQuery, ReplayPreview, preview};
use crate::inspect::explain::AccountReader;
use crate::ports::{Clock, Queue};
use indicatif::ProgressBar;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::cli::terminal::{Done, code, counter, fault as told, spinner};
use crate::commands::dlq::export::{Export, letters};
use crate::commands::dlq::filters::missing;
use crate::commands::dlq::halt::{INTERRUPTED, Interrupt};
use crate::commands::dlq::session::DlqSession;
use crate::commands::dlq::trail::Trail;
use crate::commands::system_clock::SystemClock;

/// Where letters come from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// The queue.
    Grave,
    /// A file that was written from one.
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

/// Everything is meant only where somebody said so.
pub(super) fn chosen(selection: DeadLetterFilter, all: bool) -> Result<DeadLetterFilter, String> {
    match (selection.is_everything(), all) {
        (true, false) => Err("which messages? give ids, filters, or --all".to_owned()),
        (false, true) => {
            Err("--all means every message: transfer the ids and filters out".to_owned())
        }
        (true, true) | (false, false) => Ok(selection),
    }
}

/// Looks at what is there, hands it back, and says what is meant.
pub(super) async fn look<S: AccountReader>(
    desk: &DlqSession,
    source: Source<'_>,
    asked: &PreviewQuery<'_, S>,
    halt: &Interrupt,
) -> Result<Found, Box<dyn Error>> {
    let spinner = spinner("looking at messages:");
    let goes_on = || {
        spinner.inc(1);
        !halt.told()
    };
    let (preview, lines, partial) = match source {
        Source::File(file) => {
            let (preview, lines) = in_file(file, asked, goes_on).await?;
            (preview, lines, false)
        }
        Source::Grave => {
            let mut scan = Scan::of(&desk.grave);
            let found = preview(&mut scan, asked, goes_on).await;
            let closed = desk.close(scan).await;
            let found = found.map_err(told)?;
            (found, BTreeSet::new(), closed?.partial)
        }
    };
    drop(spinner);
    if halt.told() {
        return Err(format!("{INTERRUPTED}, and nothing was done").into());
    }
    for line in preview.lines() {
        writeln!(io::stderr(), "{line}")?;
    }
    let ids = preview.letters.iter().map(|letter| letter.id.as_str());
    let missing = missing(asked.selection, ids)?;
    Ok(Found {
        preview,
        lines,
        partial: partial || missing,
    })
}

async fn in_file<S: AccountReader>(
    file: &str,
    asked: &PreviewQuery<'_, S>,
    goes_on: impl Fn() -> bool,
) -> Result<(ReplayPreview, BTreeSet<usize>), String> {
    let (mut preview, mut lines) = (ReplayPreview::default(), BTreeSet::new());
    for (line, letter) in letters(file)?.enumerate() {
        if preview.add(letter?.into_envelope(asked.now), asked).await {
            lines.insert(line);
        }
        if !goes_on() {
            break;
        }
    }
    Ok((preview, lines))
}

/// What becomes of the letters.
pub(super) enum TransferMode<'a> {
    /// Written into a file; they stay.
    Copy(Export),
    /// Sent back.
    Back { trail: Trail<'a>, rate: u32 },
    /// Deleted, written into a file before.
    ForGood {
        trail: Trail<'a>,
        export: Option<Export>,
    },
}

/// How far it came.
#[derive(Default)]
pub(super) struct TransferReport {
    /// Letters that were seen to.
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

/// What a letter's turn needs beside the letter.
struct Transfer<'a, 'b> {
    desk: &'a DlqSession,
    halt: &'a Interrupt,
    how: TransferMode<'b>,
    pace: Interval,
    bar: ProgressBar,
    tally: TransferReport,
}

/// Goes through the source again and sees to the letters that were found, one by one.
pub(super) async fn transfer(
    desk: &DlqSession,
    source: Source<'_>,
    found: &Found,
    how: TransferMode<'_>,
    halt: &Interrupt,
) -> Result<TransferReport, Box<dyn Error>> {
    let rate = match &how {
        TransferMode::Back { rate, .. } => *rate,
        TransferMode::Copy(_) | TransferMode::ForGood { .. } => 1_000,
    };
    let mut pace = interval(Duration::from_secs(1) / rate);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut turn = Transfer {
        desk,
        halt,
        how,
        pace,
        bar: counter("done", found.preview.letters.len()),
        tally: TransferReport::default(),
    };
    let ended = match source {
        Source::Grave => {
            let mut scan = Scan::of(&desk.grave);
            let ended = of_grave(&mut turn, &mut scan, found).await;
            let back = scan.finish().await.map_err(told);
            ended.and(back.map(|_| ()))
        }
        Source::File(file) => of_file(&mut turn, file, found).await,
    };
    let mut tally = turn.tally;
    turn.bar.finish_and_clear();
    tally.why = ended.err();
    Ok(tally)
}

async fn of_grave(
    turn: &mut Transfer<'_, '_>,
    scan: &mut Scan<'_, SqsQueue>,
    found: &Found,
) -> Result<(), String> {
    let ids = found.preview.letters.iter();
    let mut meant: BTreeSet<&str> = ids.map(|letter| letter.id.as_str()).collect();
    while !meant.is_empty() {
        let batch = scan.next().await.map_err(told)?;
        if batch.is_empty() {
            break;
        }
        for envelope in batch {
            let id = envelope.message_id.clone();
            if !meant.remove(id.as_str()) {
                continue;
            }
            scan.renew().await.map_err(told)?;
            let Some(receipt) = scan.receipt(&id) else {
                // It was lost meanwhile: it is visible again, or somebody else's.
                continue;
            };
            if turn.take(envelope, Some(&receipt)).await? {
                scan.gone(&id);
            }
        }
    }
    Ok(())
}

async fn of_file(turn: &mut Transfer<'_, '_>, file: &str, found: &Found) -> Result<(), String> {
    for (line, letter) in letters(file)?.enumerate() {
        let letter = letter?;
        if found.lines.contains(&line) {
            let envelope = letter.into_envelope(SystemClock.now());
            turn.take(envelope, None).await?;
        }
    }
    Ok(())
}

impl Transfer<'_, '_> {
    /// Sees to a letter, in its time. Whether it left its queue.
    async fn take(
        &mut self,
        envelope: Envelope,
        receipt: Option<&Receipt>,
    ) -> Result<bool, String> {
        tokio::select! {
            biased;
            () = self.halt.heard(1) => {
                return Err("interrupted: the rest is where it was; run it again".to_owned());
            }
            _ = self.pace.tick() => {}
        }
        let left = self.one(envelope, receipt).await?;
        self.tally.done += 1;
        self.bar.inc(1);
        Ok(left)
    }

    /// Not interrupted in the middle: what is begun is done, or failed.
    async fn one(&mut self, envelope: Envelope, receipt: Option<&Receipt>) -> Result<bool, String> {
        let secrets = &self.desk.config.secrets;
        let (letter, envelope) = DeadLetter::read(envelope, secrets, SystemClock.now());
        match &mut self.how {
            TransferMode::Copy(export) => {
                export.write(&ExportedMessage::of(envelope))?;
                Ok(false)
            }
            TransferMode::ForGood { trail, export } => {
                let receipt = receipt.ok_or("a letter of a file cannot be dropped")?;
                if let Some(export) = export {
                    export.write(&ExportedMessage::of(envelope))?;
                }
                let begun = trail.begin(&letter).await?;
                remove(&self.desk.grave, receipt).await.map_err(told)?;
                trail.end(begun).await.map_err(|why| why.to_string())?;
                Ok(true)
            }
            TransferMode::Back { trail, .. } => {
                let begun = trail.begin(&letter).await?;
                let sent = send(&self.desk.grave, envelope, receipt, trail.who).await;
                let sent = sent.map_err(told)?;
                trail.end(begun).await.map_err(|why| why.to_string())?;
                let Sent::Copied(fault) = sent else {
                    return Ok(true);
                };
                self.tally.done += 1;
                let sent = "was sent, and is still in the queue that it came from";
                Err(format!(
                    "message {} {sent}; replayed again it changes nothing, and it can be dropped: {fault}",
                    letter.id
                ))
            }
        }
    }
}

async fn send(
    grave: &SqsQueue,
    envelope: Envelope,
    receipt: Option<&Receipt>,
    who: &str,
) -> Result<Sent, Fault> {
    let Some(receipt) = receipt else {
        let letter = ExportedMessage::of(envelope).replayed_by(who);
        grave.bury(Grave::DeadLetters, letter).await?;
        return Ok(Sent::Moved);
    };
    send_back(grave, envelope, receipt, who).await
}
