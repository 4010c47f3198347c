//! `branchline mappings`: wires the ports, reads, prints.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use branchline::aws::{Aws, CodePipelines, DynamoStore};
use branchline::cli::mappings::{Export, History, List, MappingsCommand, Show};
use branchline::config::{self, Hidden, Overrides, Process};
use branchline::line::audit::Audited;
use branchline::line::ids::DeliveryId;
use branchline::line::mapping::State;
use branchline::line::text::one_line;
use branchline::operate::mappings::{Filter, Row, console, subject};
use branchline::operate::rows::{Column, Output, Rows, age};
use branchline::ports::{Clock, Ledger, Pipelines, Store};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::SystemClock;
use crate::terminal::{Done, fault, format, glob, moment, stopped, width};

/// The table and CodePipeline, without any secret.
struct Desk {
    ledger: DynamoStore,
    pipelines: CodePipelines,
}

async fn open(overrides: &Overrides) -> Result<Desk, Box<dyn std::error::Error>> {
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
        MappingsCommand::Export(asked) => export(asked).await,
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
        unchanged_since: moment("older", asked.older.as_deref())?,
    };
    let desk = open(&asked.overrides).await?;
    let mut rows = Rows::new(
        format(asked.output),
        columns(),
        width(),
        io::stdout().lock(),
    );
    each(&desk, &filter, |row| stopped(rows.write(row))).await?;
    Ok(ExitCode::SUCCESS)
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

/// Every mapping that is meant, page by page, until nobody reads any more. Answers with how many could not be read.
async fn each(
    desk: &Desk,
    filter: &Filter,
    mut show: impl FnMut(&Row) -> io::Result<bool>,
) -> Result<(), Box<dyn std::error::Error>> {
    for state in filter.states() {
        let mut after = None;
        loop {
            let page = desk.ledger.in_state(state, after).await.map_err(fault)?;
            for mapping in page.rows {
                match mapping {
                    Ok(mapping) if filter.admits(&mapping) => {
                        if show(&Row::of(&mapping, SystemClock.now()))? {
                            return Ok(());
                        }
                    }
                    Ok(_) => {}
                    Err(unreadable) => writeln!(io::stderr(), "{unreadable}")?,
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(())
}

fn columns() -> Vec<Column<Row>> {
    fn column(head: &'static str, width: usize, cell: fn(&Row) -> String) -> Column<Row> {
        Column { head, width, cell }
    }
    fn short(sha: Option<&String>) -> String {
        sha.map_or_else(|| "-".to_owned(), |sha| sha.chars().take(8).collect())
    }
    vec![
        column("SUBJECT", 28, |row| row.subject.clone()),
        column("STATE", 8, |row| row.state.to_owned()),
        column("PIPELINE", 28, |row| {
            row.pipeline.clone().unwrap_or_else(|| "-".to_owned())
        }),
        column("BRANCH", 20, |row| {
            row.branch.clone().unwrap_or_else(|| "-".to_owned())
        }),
        column("BUILT", 8, |row| short(row.built.as_ref())),
        column("AGE", 5, |row| age(row.age_seconds)),
        column("NOTE", 0, |row| {
            let why = row.absence.map(str::to_owned);
            row.last_error.clone().or(why).unwrap_or_default()
        }),
    ]
}

/// A mapping beside its pipeline.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    row: Row,
    /// `None` where there should be none.
    live: Option<Live>,
}

/// The pipeline as it is.
#[derive(Serialize)]
struct Live {
    exists: bool,
    stages: Vec<branchline::line::execution::Stage>,
    executions: Vec<branchline::line::execution::Execution>,
    console: Option<String>,
    /// What could not be asked.
    unknown: Vec<String>,
}

async fn show(asked: &Show) -> Done {
    let desk = open(&asked.overrides).await?;
    let whom = subject(&asked.subject, &desk.ledger).await?;
    let mapping = desk.ledger.mapping(&whom).await.map_err(fault)?;
    let mapping =
        mapping.ok_or_else(|| format!("the table has no mapping of {}", asked.subject))?;
    let row = Row::of(&mapping, SystemClock.now());
    let mut live = None;
    if let (Some(spec), Some(arn)) = (&mapping.spec, &mapping.arn) {
        let mut unknown = Vec::new();
        let found = desk
            .pipelines
            .find(&spec.pipeline, Some(arn))
            .await
            .map_err(fault)?;
        let stages = desk.pipelines.stages(&spec.pipeline).await;
        let executions = desk.pipelines.executions(&spec.pipeline).await;
        live = Some(Live {
            exists: found.is_some(),
            stages: stages.unwrap_or_else(|why| {
                unknown.push(why.to_string());
                Vec::new()
            }),
            executions: executions.unwrap_or_else(|why| {
                unknown.push(why.to_string());
                Vec::new()
            }),
            console: console(arn.as_str()),
            unknown,
        });
    }
    let shown = serde_json::to_value(Shown { row, live })?;
    let text = if io::stdout().is_terminal() {
        let fields = shown.as_object().into_iter().flatten();
        fields
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| {
                let value = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                format!("{name:<16} {}\n", one_line(&value, 2_000))
            })
            .collect()
    } else {
        format!("{shown}\n")
    };
    stopped(io::stdout().write_all(text.as_bytes()))?;
    Ok(ExitCode::SUCCESS)
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
    let mut rows = Rows::new(format(asked.output), trail(), width(), io::stdout().lock());
    for entry in entries {
        let of = delivery
            .as_ref()
            .is_none_or(|id| entry.cause.rsplit(':').next() == Some(id.as_str()));
        if of && stopped(rows.write(&entry))? {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn trail() -> Vec<Column<Audited>> {
    fn column(head: &'static str, width: usize, cell: fn(&Audited) -> String) -> Column<Audited> {
        Column { head, width, cell }
    }
    vec![
        column("EVENT TIME", 24, |entry| entry.time.clone()),
        column("DONE AT", 24, |entry| entry.processed_at.clone()),
        column("OUTCOME", 15, |entry| entry.outcome.clone()),
        column("STATE", 17, |entry| {
            format!("{}>{}", entry.from.as_deref().unwrap_or("-"), entry.to)
        }),
        column("BY", 16, |entry| {
            entry.actor.clone().unwrap_or_else(|| "-".to_owned())
        }),
        column("CAUSE", 0, |entry| entry.cause.clone()),
    ]
}

/// What is written is counted and hashed on its way, so that whoever gets the file can prove that it is whole.
struct Sealed<W> {
    to: W,
    hash: Sha256,
}

impl<W: Write> Write for Sealed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

async fn export(asked: &Export) -> Done {
    let desk = open(&asked.overrides).await?;
    let mut sealed = Sealed {
        to: io::stdout().lock(),
        hash: Sha256::new(),
    };
    let (mut count, mut cut) = (0_u64, false);
    let output = match asked.output {
        Output::Table => return Err("an export is json or csv".into()),
        output @ (Output::Json | Output::Csv) => output,
    };
    {
        let mut rows = Rows::new(output, Vec::new(), 0, &mut sealed);
        each(&desk, &Filter::default(), |row| {
            count += 1;
            cut = stopped(rows.write(row))?;
            Ok(cut)
        })
        .await?;
    }
    let hash = hex::encode(sealed.hash.finalize());
    let whole = if cut {
        ", and whoever read this stopped reading"
    } else {
        ""
    };
    writeln!(io::stderr(), "{count} mappings, sha256 {hash}{whole}")?;
    Ok(ExitCode::SUCCESS)
}
