//! `branchline dlq`: wires the ports, asks, prints.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};

use crate::aws::{Aws, CodePipelines, DynamoStore, QueueUrls, SqsQueue};
use crate::cli::dlq::{DlqCommand, Filters, List, Place, Which};
use crate::cli::output::streaming_table::{Column, Rows, age};
use crate::config::{self, Config, Process};
use crate::inspect::dlq::letter::Letter;
use crate::inspect::dlq::scan::{End, HOLD, Scan};
use crate::inspect::dlq::select::Selection;
use crate::inspect::explain::{Account, Today};
use crate::ports::Clock;
use halt::{Halt, INTERRUPTED};

use crate::cli::terminal::{
    Done, code, fault as told, format, glob, moment, screen, spinner, stopped,
};
use crate::commands::system_clock::SystemClock;

mod drop;
mod export;
mod halt;
mod leave;
mod replay;
mod show;
mod trail;

/// A grave, and the way back from it.
struct Desk {
    config: Config,
    aws: Aws,
    grave: SqsQueue,
    url: String,
}

impl Desk {
    async fn open(place: &Place) -> Result<Self, Box<dyn Error>> {
        let config = config::load(&place.overrides, &Process)?;
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
            grave: aws.queue(urls, HOLD),
            url,
            aws,
            config,
        })
    }

    fn account(&self) -> Account<DynamoStore, CodePipelines> {
        let ledger = self.aws.store(self.config.table.clone());
        Account::new(ledger, self.aws.pipelines(self.config.codepipeline_rate))
    }

    fn today<'a, S>(&'a self, sight: &'a S) -> Today<'a, S> {
        Today {
            rules: &self.config.rules,
            table: &self.config.table,
            sight,
            now: SystemClock.now(),
        }
    }

    /// Hands back what a scan holds, and says what it could not see.
    async fn close(&self, scan: Scan<'_, SqsQueue>) -> Result<Closed, Box<dyn Error>> {
        let ours = u64::try_from(scan.holds()).unwrap_or(u64::MAX);
        // Before ours are handed back: the number lags, and would take them for somebody else's a moment later. Who
        // stopped early has seen what he wanted.
        let in_flight = match scan.ended() {
            true => Some(self.aws.queue_in_flight(&self.url).await),
            false => None,
        };
        let seen = scan.finish().await.map_err(|fault| {
            format!("what was held is visible again within {HOLD:?}: it could not be handed back: {fault}")
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
                let (others, wait) = (all - ours, age(visibility.max(HOLD).as_secs()));
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
                "{} could not be handed back at once: they are visible again within {HOLD:?}",
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
struct Closed {
    /// Messages that came by.
    seen: usize,
    /// Whether there are others, as far as is known.
    partial: bool,
}

pub(crate) async fn run(command: &DlqCommand) -> Done {
    let halt = Halt::listen()?;
    let work = async {
        match command {
            DlqCommand::List(asked) => list(asked, &halt).await,
            DlqCommand::Show(asked) => show::show(asked, &halt).await,
            DlqCommand::Replay(asked) => replay::replay(asked, &halt).await,
            DlqCommand::Drop(asked) => drop::drop(asked, &halt).await,
        }
    };
    tokio::select! {
        biased;
        () = halt.heard(2) => {
            Err(format!("ended at once: what was held is visible again within {HOLD:?}").into())
        }
        done = work => done,
    }
}

/// What a list showed.
#[derive(Default)]
struct Shown {
    count: usize,
    /// Those that were asked for by id.
    asked: BTreeSet<String>,
    /// Whether whoever reads it has read enough.
    read_enough: bool,
}

async fn list(asked: &List, halt: &Halt) -> Done {
    let selection = selection(&asked.filters, &[])?;
    let desk = Desk::open(&asked.place).await?;
    let mut scan = Scan::of(&desk.grave);
    let shown = rows(asked, &desk, &selection, &mut scan, halt).await;
    let closed = desk.close(scan).await;
    let (shown, closed) = (shown?, closed?);
    let mut talk = io::stderr();
    writeln!(talk, "{} of {} messages", shown.count, closed.seen)?;
    if halt.told() {
        return Err(INTERRUPTED.into());
    }
    if shown.read_enough {
        writeln!(talk, "partial: whoever read this stopped reading")?;
        return Ok(code(true));
    }
    let missing = missing(&selection, shown.asked.iter().map(String::as_str))?;
    Ok(code(shown.count > 0 || closed.partial || missing))
}

/// Writes the rows as they come.
async fn rows(
    asked: &List,
    desk: &Desk,
    selection: &Selection,
    scan: &mut Scan<'_, SqsQueue>,
    halt: &Halt,
) -> Result<Shown, Box<dyn Error>> {
    let stdout = io::stdout();
    let mut rows =
        Rows::new(format(asked.output), columns(), screen(), stdout.lock()).fields(Letter::FIELDS);
    let spinner = spinner("looking");
    let mut shown = Shown::default();
    while !halt.told() {
        let batch = scan.next().await.map_err(told)?;
        if batch.is_empty() {
            break;
        }
        for envelope in batch {
            let sent_at = envelope.sent_at;
            let (letter, _) = Letter::read(envelope, &desk.config.secrets, SystemClock.now());
            if !selection.admits(&letter, sent_at) {
                continue;
            }
            spinner.inc(1);
            if spinner.suspend(|| stopped(rows.write(&letter)))? {
                shown.read_enough = true;
                return Ok(shown);
            }
            shown.count += 1;
            if selection.ids.contains(&letter.id) {
                shown.asked.insert(letter.id);
            }
        }
    }
    shown.read_enough = stopped(rows.end())?;
    Ok(shown)
}

fn columns() -> Vec<Column<Letter>> {
    fn word(text: Option<&String>) -> String {
        text.cloned().unwrap_or_else(|| "-".to_owned())
    }
    vec![
        Column::new("ID", 36, |letter: &Letter| letter.id.clone()),
        Column::new("AGE", 5, |letter: &Letter| age(letter.age_seconds)).rank(1),
        Column::new("EVENT", 12, |letter: &Letter| word(letter.event.as_ref()))
            .flexible(6)
            .rank(4),
        Column::new("REPOSITORY", 16, |letter: &Letter| {
            word(letter.repository.as_ref())
        })
        .flexible(8)
        .rank(5),
        Column::new("SUBJECT", 18, |letter: &Letter| {
            word(letter.subject.as_ref())
        })
        .flexible(8)
        .rank(2),
        Column::new("REASON", 20, |letter: &Letter| {
            let moved = || "(moved by SQS)".to_owned();
            letter.reason.clone().unwrap_or_else(moved)
        })
        .flexible(10),
        Column::new("TRIES", 5, |letter: &Letter| {
            let tries = letter.attempts.map(|tries| tries.to_string());
            tries.unwrap_or_else(|| "-".to_owned())
        })
        .rank(3),
        // To the second: what SQS moved was seen when it was sent.
        Column::new("FIRST SEEN", 19, |letter: &Letter| {
            let first_seen = letter.first_seen.as_ref().unwrap_or(&letter.since);
            first_seen.chars().take(19).collect()
        })
        .rank(6),
    ]
}

/// What the filters mean.
fn selection(filters: &Filters, ids: &[String]) -> Result<Selection, String> {
    let now = SystemClock.now();
    let set = |words: &[String]| words.iter().cloned().collect::<BTreeSet<_>>();
    let mut all = set(&filters.id);
    all.extend(ids.iter().cloned());
    let selection = Selection {
        ids: all,
        reasons: set(&filters.reason),
        rooms: set(&filters.room),
        events: set(&filters.event),
        repository: glob("repository", filters.repository.as_deref())?,
        since: moment("since", filters.since.as_deref(), now)?,
        until: moment("until", filters.until.as_deref(), now)?,
    };
    selection.check()?;
    Ok(selection)
}

/// Names the ids that were asked for and are not there. Whether there are such.
fn missing<'a>(
    selection: &Selection,
    found: impl IntoIterator<Item = &'a str>,
) -> io::Result<bool> {
    let missing = selection.missing(found);
    for id in &missing {
        let id = crate::domain::text::one_line(id, 100);
        writeln!(io::stderr(), "no message {id} is among them")?;
    }
    Ok(!missing.is_empty())
}
