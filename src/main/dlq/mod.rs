//! `branchline dlq`: wires the ports, asks, prints.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use branchline::aws::{Aws, CodePipelines, DynamoStore, QueueUrls, SqsQueue};
use branchline::cli::dlq::{DlqCommand, Filters, List, Place, Show, Which};
use branchline::config::{self, Config, Process};
use branchline::operate::dlq::letter::Letter;
use branchline::operate::dlq::scan::{HOLD, Scan};
use branchline::operate::dlq::select::Selection;
use branchline::operate::explain::{Account, Today, explain};
use branchline::operate::rows::{Column, Rows, age};
use branchline::operate::{Look, explanation};
use branchline::ports::Clock;

use crate::SystemClock;
use crate::terminal::{Done, code, fault as told, format, glob, moment, spinner, stopped, width};

mod leave;

/// A grave, and the way back from it.
struct Desk {
    config: Config,
    aws: Aws,
    grave: SqsQueue,
}

impl Desk {
    async fn open(place: &Place) -> Result<Self, Box<dyn Error>> {
        let config = config::load(&place.overrides, &Process)?;
        let aws = Aws::connect(config.region.as_deref(), config.endpoint_url.as_deref()).await?;
        let grave = match place.queue {
            Which::DeadLetters => &config.queues.dead_letters,
            Which::Quarantine => &config.queues.quarantine,
        };
        let urls = QueueUrls {
            source: grave.clone(),
            dead_letters: config.queues.source.clone(),
            quarantine: config.queues.source.clone(),
        };
        Ok(Self {
            grave: aws.queue(urls, HOLD),
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
}

pub(crate) async fn run(command: &DlqCommand) -> Done {
    match command {
        DlqCommand::List(asked) => list(asked).await,
        DlqCommand::Show(asked) => show(asked).await,
        DlqCommand::Replay(asked) => leave::replay(asked).await,
        DlqCommand::Drop(asked) => leave::drop(asked).await,
    }
}

async fn list(asked: &List) -> Done {
    let selection = selection(&asked.filters, &[])?;
    let desk = Desk::open(&asked.place).await?;
    let stdout = io::stdout();
    let mut rows = Rows::new(format(asked.output), columns(), width(), stdout.lock());
    let spinner = spinner("looking");
    let mut scan = Scan::of(&desk.grave);
    let (mut shown, mut read_enough) = (0_usize, false);
    while !read_enough {
        let batch = scan.next().await.map_err(told)?;
        if batch.is_empty() {
            break;
        }
        for envelope in batch {
            let sent_at = envelope.sent_at;
            scan.keep(envelope.receipt.clone());
            let (letter, _) = Letter::read(envelope, &desk.config.secrets, SystemClock.now());
            if !read_enough && selection.admits(&letter, sent_at) {
                shown += 1;
                spinner.inc(1);
                read_enough = spinner.suspend(|| stopped(rows.write(&letter)))?;
            }
        }
    }
    spinner.finish_and_clear();
    let seen = scan.finish().await.map_err(told)?;
    let mut talk = io::stderr();
    writeln!(talk, "{shown} of {} messages", seen.letters)?;
    if read_enough {
        writeln!(talk, "partial: whoever read this stopped reading")?;
    }
    if seen.held > 0 {
        writeln!(
            talk,
            "{} could not be handed back at once: they are visible again within {HOLD:?}",
            seen.held
        )?;
    }
    Ok(code(shown > 0))
}

fn columns() -> Vec<Column<Letter>> {
    fn word(text: Option<&String>) -> String {
        text.cloned().unwrap_or_else(|| "-".to_owned())
    }
    fn column(head: &'static str, width: usize, cell: fn(&Letter) -> String) -> Column<Letter> {
        Column { head, width, cell }
    }
    vec![
        column("ID", 36, |letter| letter.id.clone()),
        column("AGE", 5, |letter| age(letter.age_seconds)),
        column("EVENT", 12, |letter| word(letter.event.as_ref())),
        column("SUBJECT", 24, |letter| {
            word(letter.subject.as_ref().or(letter.repository.as_ref()))
        }),
        column("REASON", 22, |letter| {
            letter
                .reason
                .clone()
                .unwrap_or_else(|| "(moved by SQS)".to_owned())
        }),
        column("TRIES", 5, |letter| {
            letter
                .attempts
                .map_or_else(|| "-".to_owned(), |tries| tries.to_string())
        }),
        column("DETAIL", 0, |letter| word(letter.detail.as_ref())),
    ]
}

async fn show(asked: &Show) -> Done {
    let desk = Desk::open(&asked.place).await?;
    let spinner = spinner("looking");
    let mut scan = Scan::of(&desk.grave);
    let mut found = None;
    while found.is_none() {
        let batch = scan.next().await.map_err(told)?;
        if batch.is_empty() {
            break;
        }
        for envelope in batch {
            scan.keep(envelope.receipt.clone());
            spinner.inc(1);
            if envelope.message_id == asked.id {
                found = Some(envelope);
            }
        }
    }
    spinner.finish_and_clear();
    let seen = scan.finish().await.map_err(told)?;
    let Some(envelope) = found else {
        return Err(format!(
            "no message {} among {}: see `branchline dlq list`",
            asked.id, seen.letters
        )
        .into());
    };
    let attributes = envelope.attributes.clone();
    let (letter, envelope) = Letter::read(envelope, &desk.config.secrets, SystemClock.now());
    let copy = branchline::operate::dlq::replay::Exported::of_parts(&envelope);
    let account = desk.account();
    let said = explain(envelope, &desk.config.secrets, &desk.today(&account))
        .await
        .map_err(told)?;
    let text = if asked.json || !io::stdout().is_terminal() {
        let mut whole = serde_json::json!({"letter": letter, "attributes": copy.attributes, "explanation": said});
        if let (true, Some(fields)) = (asked.body, whole.as_object_mut()) {
            fields.insert("body".to_owned(), copy.body.into());
        }
        format!("{whole}\n")
    } else {
        let mut text = String::new();
        for (name, attribute) in &attributes {
            let value = attribute.as_text().unwrap_or("(binary)");
            text.push_str(&format!(
                "{name}: {}\n",
                branchline::line::text::one_line(value, usize::MAX)
            ));
        }
        let verified = if letter.verified {
            "verifies"
        } else {
            "does not verify"
        };
        text.push_str(&format!(
            "\nthe signature {verified} today; in this queue for {}\n\n",
            age(letter.age_seconds)
        ));
        text.push_str(&explanation(&said, Look::Human { colours: false }));
        if asked.body {
            text.push_str(&format!("\n{}\n", copy.body));
        }
        text
    };
    stopped(io::stdout().write_all(text.as_bytes()))?;
    Ok(ExitCode::SUCCESS)
}

/// What the filters mean.
fn selection(filters: &Filters, ids: &[String]) -> Result<Selection, String> {
    let set = |words: &[String]| words.iter().cloned().collect::<BTreeSet<_>>();
    let mut all = set(&filters.id);
    all.extend(ids.iter().cloned());
    Ok(Selection {
        ids: all,
        reasons: set(&filters.reason),
        rooms: set(&filters.room),
        events: set(&filters.event),
        repository: glob("repository", filters.repository.as_deref())?,
        since: moment("since", filters.since.as_deref())?,
        until: moment("until", filters.until.as_deref())?,
    })
}
