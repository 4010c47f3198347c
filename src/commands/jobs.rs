//! `branchline jobs`: shows the periodic jobs, and asks the daemons for a run.

use std::error::Error;
use std::io;

use crate::aws::DynamoStore;
use crate::cli::jobs::{JobsCommand, List, RunJob};
use crate::cli::options::SharedOptions;
use crate::cli::output::streaming_table::{Column, StreamingTable, cell};
use crate::cli::terminal::{Done, code, fault, format, note, stopped, terminal};
use crate::commands::connect::open_account;
use crate::commands::system_clock::SystemClock;
use crate::domain::jobs::{Job, Periods};
use crate::inspect::jobs::JobRow;
use crate::ports::{Clock, JobLog, JobReader};

pub(crate) async fn run(command: &JobsCommand) -> Done {
    match command {
        JobsCommand::List(args) => list(args).await,
        JobsCommand::Run(args) => request(args).await,
    }
}

async fn open(options: &SharedOptions) -> Result<(DynamoStore, Periods), Box<dyn Error>> {
    let (config, aws) = open_account(&options.overrides()).await?;
    Ok((aws.store(config.table), config.periods))
}

async fn list(args: &List) -> Done {
    let (store, periods) = open(&args.options).await?;
    let records = store.jobs().await.map_err(fault)?;
    let row = |one| JobRow::new(one, periods, SystemClock.now());
    let rows: Vec<JobRow> = records.iter().map(row).collect();
    let stdout = io::stdout().lock();
    let mut table = StreamingTable::new(format(args.output), columns(), terminal(), stdout)
        .fields(JobRow::FIELDS);
    for row in &rows {
        if stopped(table.write(row))? {
            break;
        }
    }
    stopped(table.end())?;
    Ok(code(rows.iter().any(JobRow::has_failed)))
}

fn columns() -> Vec<Column<JobRow>> {
    vec![
        Column::new("JOB", 18, |row: &JobRow| row.job.to_owned()),
        Column::new("STATE", 7, |row: &JobRow| row.state.to_owned()),
        Column::new("STARTED", 24, |row: &JobRow| {
            cell(row.started_at.as_deref())
        }),
        Column::new("RESULT", 6, |row: &JobRow| cell(row.result)),
        Column::new("DETAIL", 30, |row: &JobRow| cell(row.detail.as_deref())),
    ]
}

async fn request(args: &RunJob) -> Done {
    let Some(job) = Job::parse(&args.job) else {
        let names = Job::ALL.map(Job::as_str).join(", ");
        return Err(format!("there is no job '{}': the jobs are {names}", args.job).into());
    };
    let (store, _) = open(&args.options).await?;
    let requested = store.request_job(job, SystemClock.now()).await;
    requested.map_err(fault)?;
    note(&format!(
        "A running daemon does {} within about a minute: see `branchline jobs list`",
        job.as_str()
    ))?;
    Ok(code(false))
}
