//! `branchline mappings`: wires the ports, reads, prints.

use std::error::Error;
use std::io::{self, Write};

use crate::aws::{Aws, CodePipelines, DynamoStore};
use crate::cli::mappings::{History, List, MappingsCommand, Show};
use crate::cli::output::explanation::Colour;
use crate::cli::output::mapping::{Live, Shown, lines};
use crate::cli::output::streaming_table::{Column, Rows, age};
use crate::config::{self, Hidden, Overrides, Process};
use crate::domain::fault::Fault;
use crate::domain::ids::DeliveryId;
use crate::domain::outcome::audit_entry::Audited;
use crate::domain::state::mapping::State;
use crate::inspect::listing::Listing;
use crate::inspect::mappings::{Filter, Row, console, subject};
use crate::ports::{Clock, Ledger, Pipelines, Store};

use crate::cli::terminal::{
    Done, code, colours, fault, format, glob, is_human, moment, print, screen, stopped,
};
use crate::commands::system_clock::SystemClock;

mod export;

/// The table and CodePipeline, without any secret.
struct Desk {
    ledger: DynamoStore,
    pipelines: CodePipelines,
}

async fn open(overrides: &Overrides) -> Result<Desk, Box<dyn Error>> {
    let hidden = Hidden {
        process: &Process,
        config: overrides.config.as_deref(),
    };
    let config = config::load(overrides, &hidden)?;
    let aws = Aws::connect(config.region.as_deref(), config.endpoint_url.as_deref()).await?;
    Ok(Desk {
        ledger: aws.store(config.table),
        pipelines: aws.pipelines(config.codepipeline_rate),
    })
}

pub(crate) async fn run(command: &MappingsCommand) -> Done {
    match command {
        MappingsCommand::List(asked) => list(asked).await,
        MappingsCommand::Show(asked) => show(asked).await,
        MappingsCommand::History(asked) => history(asked).await,
        MappingsCommand::Export(asked) => export::export(asked).await,
    }
}

async fn list(asked: &List) -> Done {
    let filter = Filter {
        repository: glob("repository", asked.repository.as_deref())?,
        branch: glob("branch", asked.branch.as_deref())?,
        pipeline: glob("pipeline", asked.pipeline.as_deref())?,
        pull_request: asked.pull_request,
        states: states(&asked.state)?,
        failed: asked.error,
        unchanged_since: moment("older", asked.older.as_deref(), SystemClock.now())?,
    };
    let desk = open(&asked.overrides).await?;
    let stdout = io::stdout().lock();
    let mut rows = Rows::new(format(asked.output), columns(), screen(), stdout).fields(Row::FIELDS);
    let mut listing = Listing::of(&desk.ledger, filter);
    let (mut listed, mut unreadable) = (0_usize, 0);
    while let Some(batch) = listing.next().await.map_err(fault)? {
        unreadable += told(&batch.unreadable)?;
        for mapping in batch.rows {
            listed += 1;
            if stopped(rows.write(&Row::of(&mapping, SystemClock.now())))? {
                return Ok(code(unreadable > 0));
            }
        }
    }
    stopped(rows.end())?;
    let hidden = match asked.state.is_empty() {
        true => ", those that are gone left out (--state gone)",
        false => "",
    };
    writeln!(io::stderr(), "{listed} mappings{hidden}")?;
    Ok(code(unreadable > 0))
}

/// Says which rows cannot be read, and counts them.
fn told(unreadable: &[Fault]) -> io::Result<usize> {
    for fault in unreadable {
        writeln!(io::stderr(), "{fault}")?;
    }
    Ok(unreadable.len())
}

fn states(words: &[String]) -> Result<Vec<State>, String> {
    if words.is_empty() {
        return Ok(State::ALL
            .into_iter()
            .filter(|state| *state != State::Gone)
            .collect());
    }
    let read = |word: &String| {
        let found = State::ALL.into_iter().find(|state| state.word() == word);
        let known = State::ALL.map(State::word).join(", ");
        found.ok_or_else(|| format!("--state: '{word}' is none: want {known}"))
    };
    words.iter().map(read).collect()
}

fn columns() -> Vec<Column<Row>> {
    fn short(sha: Option<&String>) -> String {
        sha.map_or_else(|| "-".to_owned(), |sha| sha.chars().take(8).collect())
    }
    fn word(text: Option<&String>) -> String {
        text.cloned().unwrap_or_else(|| "-".to_owned())
    }
    fn colour(row: &Row) -> Option<Colour> {
        match row.state {
            "active" => Some(Colour::Green),
            "gone" => None,
            _ if row.last_error.is_some() => Some(Colour::Red),
            _ => Some(Colour::Yellow),
        }
    }
    vec![
        Column::new("SUBJECT", 28, |row: &Row| row.subject.clone()).flexible(11),
        Column::new("STATE", 8, |row: &Row| row.state.to_owned()).colour(colour),
        Column::new("PIPELINE", 28, |row: &Row| word(row.pipeline.as_ref()))
            .flexible(11)
            .rank(2),
        Column::new("BRANCH", 20, |row: &Row| word(row.branch.as_ref()))
            .flexible(8)
            .rank(3),
        Column::new("BUILT", 8, |row: &Row| short(row.built.as_ref())).rank(4),
        Column::new("AGE", 5, |row: &Row| {
            age(row.age_seconds.unwrap_or_default())
        })
        .rank(1),
        Column::new("NOTE", 40, |row: &Row| {
            let why = row.absence.map(str::to_owned);
            row.last_error.clone().or(why).unwrap_or_default()
        })
        .flexible(8),
    ]
}

async fn show(asked: &Show) -> Done {
    let desk = open(&asked.overrides).await?;
    let whom = subject(&asked.subject, &desk.ledger).await?;
    let mapping = desk.ledger.mapping(&whom).await.map_err(fault)?;
    let mapping =
        mapping.ok_or_else(|| format!("the table has no mapping of {}", asked.subject))?;
    let mut live = None;
    // What is gone has no pipeline: one of its name is somebody else's.
    let spec = mapping
        .spec
        .as_ref()
        .filter(|_| mapping.state != State::Gone);
    if let (Some(spec), Some(arn)) = (spec, &mapping.arn) {
        let found = desk.pipelines.find(&spec.pipeline, Some(arn)).await;
        let found = found.map_err(fault)?;
        let mut unknown = Vec::new();
        let mut said = |why: Fault| unknown.push(why.to_string());
        let stages = desk.pipelines.stages(&spec.pipeline).await;
        let stages = stages.map_err(&mut said).unwrap_or_default();
        let executions = desk.pipelines.executions(&spec.pipeline).await;
        let executions = executions.map_err(&mut said).unwrap_or_default();
        live = Some(Live {
            exists: found.is_some(),
            stages,
            executions,
            console: console(arn.as_str()),
            unknown,
        });
    }
    let row = Row::of(&mapping, SystemClock.now());
    let shown = Shown { row, live };
    let text = match is_human(asked.output) {
        true => lines(&shown, colours()),
        false => serde_json::to_string(&shown)? + "\n",
    };
    print(text.as_bytes())
}

async fn history(asked: &History) -> Done {
    let desk = open(&asked.overrides).await?;
    let (whom, delivery) = match (&asked.subject, &asked.delivery) {
        (Some(text), _) => (subject(text, &desk.ledger).await?, None),
        (None, Some(guid)) => {
            let id =
                DeliveryId::parse(guid.as_str()).map_err(|why| format!("--delivery: {why}"))?;
            let found = desk.ledger.delivered(&id).await.map_err(fault)?;
            let found =
                found.ok_or_else(|| format!("--delivery: the table knows no delivery {id}"))?;
            (found, Some(id))
        }
        (None, None) => return Err("name a subject, or give --delivery".into()),
    };
    let entries = desk.ledger.history(&whom).await.map_err(fault)?;
    let stdout = io::stdout().lock();
    let mut rows =
        Rows::new(format(asked.output), trail(), screen(), stdout).fields(Audited::FIELDS);
    for entry in entries {
        let of = delivery
            .as_ref()
            .is_none_or(|id| entry.cause.rsplit(':').next() == Some(id.as_str()));
        if of && stopped(rows.write(&entry))? {
            return Ok(code(false));
        }
    }
    stopped(rows.end())?;
    Ok(code(false))
}

/// A time without its milliseconds, which are in the JSON.
fn to_seconds(time: &str) -> String {
    time.split_once('.')
        .map_or_else(|| time.to_owned(), |(seconds, _)| format!("{seconds}Z"))
}

fn trail() -> Vec<Column<Audited>> {
    fn word(text: Option<&String>) -> String {
        text.cloned().unwrap_or_else(|| "-".to_owned())
    }
    vec![
        Column::new("EVENT TIME", 20, |entry: &Audited| to_seconds(&entry.time)).rank(3),
        Column::new("DONE AT", 20, |entry: &Audited| {
            to_seconds(&entry.processed_at)
        })
        .rank(1),
        Column::new("OUTCOME", 15, |entry: &Audited| entry.outcome.clone()).flexible(9),
        Column::new("STATE", 17, |entry: &Audited| {
            format!("{}>{}", entry.from.as_deref().unwrap_or("-"), entry.to)
        })
        .rank(4),
        Column::new("BY", 16, |entry: &Audited| word(entry.actor.as_ref()))
            .flexible(8)
            .rank(2),
        Column::new("CAUSE", 43, |entry: &Audited| entry.cause.clone()).flexible(12),
    ]
}
