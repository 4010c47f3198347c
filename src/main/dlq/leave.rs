//! `branchline dlq replay` and `drop`: letters that leave.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::process::ExitCode;
use std::time::Duration;

use branchline::aws::DynamoStore;
use branchline::cli::dlq::{Drop, Replay};
use branchline::line::audit::Audited;
use branchline::line::envelope::Envelope;
use branchline::line::verdict::Grave;
use branchline::operate::dlq::letter::Letter;
use branchline::operate::dlq::replay::{Exported, remove, send_back};
use branchline::operate::dlq::scan::Scan;
use branchline::operate::dlq::select::Selection;
use branchline::operate::dlq::survey::{Survey, survey};
use branchline::operate::explain::Today;
use branchline::ports::{Clock, Ledger, Queue};
use tokio::time::{MissedTickBehavior, interval};

use super::{Desk, selection};
use crate::SystemClock;
use crate::terminal::{Done, code, fault as told, operator, person_says, spinner};

pub(super) async fn replay(asked: &Replay) -> Done {
    let desk = Desk::open(&asked.place).await?;
    let who = operator(asked.by.as_deref());
    if let Some(file) = &asked.from {
        return import(&desk, file, &who, asked).await;
    }
    let selection = chosen(selection(&asked.filters, &asked.ids)?, asked.all)?;
    let account = desk.account();
    let today = desk.today(&account);
    let found = survey(
        &desk.grave,
        &selection,
        &desk.config.secrets,
        SystemClock.now(),
        Some(&today),
    );
    let found = found.await.map_err(told)?;
    say(&found)?;
    if found.letters.is_empty() || asked.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(file) = &asked.to {
        let written = leave(
            &desk,
            &found,
            Leave::Copy(File::create_new(file).map_err(|why| unwritable(file, &why))?),
        )
        .await?;
        writeln!(io::stderr(), "{written} written to {file}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let question = format!("replay {} messages? (yes)", found.letters.len());
    if !asked.yes && !person_says(&question, "yes")? {
        return Err("nothing was done".into());
    }
    let back = Leave::Back {
        who: &who,
        ledger: &account.ledger,
        rate: asked.rate,
    };
    let sent = leave(&desk, &found, back).await?;
    let left = found.letters.len().saturating_sub(sent);
    writeln!(io::stderr(), "{sent} replayed, {left} left")?;
    Ok(code(left > 0))
}

pub(super) async fn drop(asked: &Drop) -> Done {
    let desk = Desk::open(&asked.place).await?;
    let selection = chosen(selection(&asked.filters, &asked.ids)?, asked.all)?;
    let nobody: Option<&Today<'_, branchline::operate::Unseen>> = None;
    let found = survey(
        &desk.grave,
        &selection,
        &desk.config.secrets,
        SystemClock.now(),
        nobody,
    );
    let found = found.await.map_err(told)?;
    say(&found)?;
    if found.letters.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let count = found.letters.len().to_string();
    let question = format!("delete {count} messages for good? type their number:");
    if !asked.yes && !person_says(&question, &count)? {
        return Err("nothing was done".into());
    }
    let file = match asked.no_export {
        true => None,
        false => {
            let now = SystemClock.now().to_string().replace(':', "");
            let name = asked
                .to
                .clone()
                .unwrap_or_else(|| format!("branchline-dropped-{now}.jsonl"));
            let file = File::create_new(&name).map_err(|why| unwritable(&name, &why))?;
            writeln!(io::stderr(), "writing them to {name}")?;
            Some(file)
        }
    };
    let dropped = leave(&desk, &found, Leave::ForGood(file)).await?;
    let left = found.letters.len().saturating_sub(dropped);
    writeln!(io::stderr(), "{dropped} dropped, {left} left")?;
    Ok(code(left > 0))
}

/// Everything is meant only where somebody said so.
fn chosen(selection: Selection, all: bool) -> Result<Selection, String> {
    match (selection.is_everything(), all) {
        (true, false) => Err("which messages? give ids, filters, or --all".to_owned()),
        (false, true) => Err("--all means every message: leave the ids and filters out".to_owned()),
        (true, true) | (false, false) => Ok(selection),
    }
}

fn say(found: &Survey) -> io::Result<()> {
    let mut talk = io::stderr();
    found
        .lines()
        .iter()
        .try_for_each(|line| writeln!(talk, "{line}"))
}

fn unwritable(file: &str, why: &io::Error) -> String {
    format!("{file} cannot be written: {why}")
}

/// What becomes of the letters.
enum Leave<'a> {
    /// Written into a file; they stay.
    Copy(File),
    /// Sent back.
    Back {
        who: &'a str,
        ledger: &'a DynamoStore,
        rate: u32,
    },
    /// Deleted, written into a file before.
    ForGood(Option<File>),
}

/// Goes through the grave again and sees to the letters of the survey, one by one. Told to stop, it hands back the rest.
async fn leave(desk: &Desk, found: &Survey, mut how: Leave<'_>) -> Result<usize, Box<dyn Error>> {
    let mut meant: BTreeSet<&str> = found
        .letters
        .iter()
        .map(|letter| letter.id.as_str())
        .collect();
    let rate = match &how {
        Leave::Back { rate, .. } => *rate,
        Leave::Copy(_) | Leave::ForGood(_) => 1_000,
    };
    let mut pace = interval(Duration::from_secs(1) / rate);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let spinner = spinner("done");
    let mut scan = Scan::of(&desk.grave);
    let mut done = 0;
    let mut failed = None;
    'scan: while !meant.is_empty() {
        let mut batch = scan.next().await.map_err(told)?.into_iter();
        if batch.len() == 0 {
            break;
        }
        while let Some(envelope) = batch.next() {
            if !meant.remove(envelope.message_id.as_str()) {
                scan.keep(envelope.receipt.clone());
                continue;
            }
            let receipt = envelope.receipt.clone();
            let seen_to = tokio::select! {
                biased;
                _ = tokio::signal::ctrl_c() => Err("interrupted: the rest is where it was; run it again".into()),
                seen_to = async { pace.tick().await; one(desk, envelope, &mut how).await } => seen_to,
            };
            if let Err(why) = seen_to {
                failed = Some(why);
                scan.keep(receipt);
                batch.for_each(|rest| scan.keep(rest.receipt));
                break 'scan;
            }
            if matches!(how, Leave::Copy(_)) {
                scan.keep(receipt);
            }
            done += 1;
            spinner.inc(1);
        }
    }
    spinner.finish_and_clear();
    scan.finish().await.map_err(told)?;
    if let Some(why) = failed {
        writeln!(io::stderr(), "{done} done")?;
        return Err(why);
    }
    Ok(done)
}

async fn one(desk: &Desk, envelope: Envelope, how: &mut Leave<'_>) -> Result<(), Box<dyn Error>> {
    match how {
        Leave::Copy(file) => write_letter(file, Exported::of(envelope)),
        Leave::ForGood(file) => {
            let receipt = envelope.receipt.clone();
            if let Some(file) = file {
                write_letter(file, Exported::of(envelope))?;
            }
            remove(&desk.grave, receipt)
                .await
                .map_err(|fault| told(fault).into())
        }
        Leave::Back { who, ledger, .. } => {
            let (letter, envelope) =
                Letter::read(envelope, &desk.config.secrets, SystemClock.now());
            send_back(&desk.grave, envelope, who).await.map_err(told)?;
            note(ledger, &letter, who).await
        }
    }
}

/// On the disk before the letter goes.
fn write_letter(file: &mut File, letter: Exported) -> Result<(), Box<dyn Error>> {
    let mut line = serde_json::to_string(&letter)?;
    line.push('\n');
    file.write_all(line.as_bytes())?;
    Ok(file.sync_data()?)
}

/// An auditor finds who replayed it, beside what came of it.
async fn note(ledger: &DynamoStore, letter: &Letter, who: &str) -> Result<(), Box<dyn Error>> {
    let (Some(subject), Some(delivery)) = (&letter.of, &letter.delivery) else {
        return Ok(());
    };
    let now = SystemClock.now().to_string();
    let journal = serde_json::json!({"outcome": "replayed", "delivery": delivery, "actor": who,
        "message": letter.id, "reason": letter.reason, "replays": letter.replays + 1});
    let entry = Audited {
        time: now.clone(),
        cause: format!("replay:{delivery}"),
        processed_at: now,
        actor: Some(who.to_owned()),
        outcome: "replayed".to_owned(),
        to: "-".to_owned(),
        journal: journal.to_string(),
        ..Audited::default()
    };
    ledger
        .note(subject, &entry)
        .await
        .map_err(|fault| told(fault).into())
}

/// Sends the letters of a file to the queue of webhooks.
async fn import(desk: &Desk, file: &str, who: &str, asked: &Replay) -> Done {
    let unreadable = |why: io::Error| format!("--from: {file} cannot be read: {why}");
    let mut letters = Vec::new();
    for (number, line) in (1..).zip(BufReader::new(File::open(file).map_err(unreadable)?).lines()) {
        let line = line.map_err(unreadable)?;
        let letter: Exported = serde_json::from_str(&line).map_err(|why| {
            format!("--from: {file}:{number}: no letter that branchline wrote: {why}")
        })?;
        letters.push(letter);
    }
    writeln!(io::stderr(), "{} messages in {file}", letters.len())?;
    if letters.is_empty() || asked.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    let question = format!(
        "send {} messages to the queue of webhooks? (yes)",
        letters.len()
    );
    if !asked.yes && !person_says(&question, "yes")? {
        return Err("nothing was done".into());
    }
    let mut pace = interval(Duration::from_secs(1) / asked.rate);
    let count = letters.len();
    for (sent, letter) in letters.into_iter().enumerate() {
        pace.tick().await;
        let back = desk
            .grave
            .bury(Grave::DeadLetters, letter.replayed_by(who))
            .await;
        back.map_err(|fault| format!("{sent} of {count} sent, then: {fault}"))?;
    }
    writeln!(io::stderr(), "{count} sent")?;
    Ok(ExitCode::SUCCESS)
}
