//! `branchline mappings list`: prints the mappings that match the filters.

use std::io;

use crate::cli::mappings::List;
use crate::cli::output::colour::Colour;
use crate::cli::output::streaming_table::{Column, StreamingTable, age, cell};
use crate::cli::terminal::{
    Done, code, fault, format, glob, note, stopped, terminal, time_argument,
};
use crate::commands::mappings::account::{open, report_unreadable};
use crate::commands::system_clock::SystemClock;
use crate::domain::ids::RepositoryName;
use crate::domain::state::mapping::State;
use crate::domain::text::plural;
use crate::inspect::mappings::filter::Filter;
use crate::inspect::mappings::listing::Listing;
use crate::inspect::mappings::row::Row;
use crate::ports::{Clock, StoreReader};

pub(super) async fn list(args: &List) -> Done {
    let filter = Filter {
        repository: glob("repository", args.repository.as_deref())?,
        branch: glob("branch", args.branch.as_deref())?,
        pipeline: glob("pipeline", args.pipeline.as_deref())?,
        pull_request: args.pull_request,
        states: states(&args.state)?,
        failed: args.error,
        unchanged_since: time_argument("older", args.older.as_deref(), SystemClock.now())?,
    };
    let account = open(&args.options).await?;
    let stdout = io::stdout().lock();
    let mut rows =
        StreamingTable::new(format(args.output), columns(), terminal(), stdout).fields(Row::FIELDS);
    let mut listing = listing(&account.store, filter, args.repository.as_deref()).await?;
    let (mut listed, mut unreadable) = (0_usize, 0);
    while let Some(batch) = listing.next().await.map_err(fault)? {
        unreadable += report_unreadable(&batch.unreadable)?;
        for mapping in batch.rows {
            listed += 1;
            if stopped(rows.write(&Row::new(&mapping, SystemClock.now())))? {
                return Ok(code(unreadable > 0));
            }
        }
    }
    stopped(rows.end())?;
    let hidden = match args.state.is_empty() {
        true => "; deleted ones are not listed (--state gone)",
        false => "",
    };
    note(&format!("{}{hidden}", plural(listed, "mapping")))?;
    Ok(code(unreadable > 0))
}

/// Starts the listing. A name without wildcards is that of one repository, whose mappings are read
/// alone, if a mapping had this name.
async fn listing<'a, S: StoreReader>(
    store: &'a S,
    filter: Filter,
    repository: Option<&str>,
) -> Result<Listing<'a, S>, String> {
    let name = repository.and_then(|text| RepositoryName::parse(text).ok());
    let found = match &name {
        Some(name) => store.repository(name).await.map_err(fault)?,
        None => None,
    };
    Ok(match found {
        Some(repository) => Listing::of_repository(store, repository, filter),
        None => Listing::new(store, filter),
    })
}

fn states(words: &[String]) -> Result<Vec<State>, String> {
    if words.is_empty() {
        return Ok(State::ALL
            .into_iter()
            .filter(|state| *state != State::Gone)
            .collect());
    }
    let read = |word: &String| {
        let found = State::ALL.into_iter().find(|state| state.as_str() == word);
        let known = State::ALL.map(State::as_str).join(", ");
        found.ok_or_else(|| format!("--state: invalid state '{word}': expected {known}"))
    };
    words.iter().map(read).collect()
}

fn columns() -> Vec<Column<Row>> {
    fn short(sha: Option<&String>) -> String {
        sha.map_or_else(|| cell(None), |sha| sha.chars().take(8).collect())
    }
    fn colour(row: &Row) -> Option<Colour> {
        match row.state {
            "active" => Some(Colour::Green),
            "gone" | "asleep" => None,
            _ if row.last_error.is_some() => Some(Colour::Red),
            _ => Some(Colour::Yellow),
        }
    }
    vec![
        Column::new("SUBJECT", 28, |row: &Row| row.subject.clone()).flexible(11),
        Column::new("STATE", 8, |row: &Row| row.state.to_owned()).colour(colour),
        Column::new("PIPELINE", 28, |row: &Row| cell(row.pipeline.as_deref()))
            .flexible(11)
            .rank(2),
        Column::new("BRANCH", 20, |row: &Row| cell(row.branch.as_deref()))
            .flexible(8)
            .rank(3),
        Column::new("BUILT", 8, |row: &Row| short(row.built.as_ref())).rank(4),
        Column::new("AGE", 5, |row: &Row| {
            age(row.age_seconds.unwrap_or_default())
        })
        .rank(1),
        Column::new("NOTE", 40, |row: &Row| {
            let why = row.absence.or(row.asleep).map(str::to_owned);
            let note = row.last_error.clone().or(why);
            let parts: Vec<String> = row.teardown.clone().into_iter().chain(note).collect();
            parts.join(": ")
        })
        .flexible(8),
    ]
}
