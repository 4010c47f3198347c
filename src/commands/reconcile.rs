//! `branchline reconcile`: shows what differs between GitHub and the mappings, and sends it to the
//! internal queue.

use std::error::Error;
use std::io;

use serde::Serialize;

use crate::aws::Aws;
use crate::cli::output::streaming_table::{Column, StreamingTable};
use crate::cli::reconcile::Reconcile;
use crate::cli::terminal::{
    Done, YES, code, confirms, fault, format, note, spinner, stopped, terminal,
};
use crate::commands::connect::{connect, urls};
use crate::commands::system_clock::SystemClock;
use crate::config::{self, Config, ProcessEnvironment};
use crate::domain::outcome::outgoing::Destination;
use crate::domain::rules::glob::GlobFilter;
use crate::domain::text::plural;
use crate::github;
use crate::jobs::reconcile::{Comparison, Finding, LookFault, Unreadable};
use crate::ports::{Clock, Queue};
use crate::reconcile::lease::VISIBILITY;

/// A difference, as the command prints it.
#[derive(Serialize)]
struct Row {
    subject: String,
    repository_id: u64,
    change: &'static str,
    detail: String,
    would_send: bool,
}

impl Row {
    const FIELDS: &[&str] = &["subject", "repository_id", "change", "detail", "would_send"];

    fn new(finding: &Finding) -> Self {
        Self {
            subject: finding.what(),
            repository_id: finding.sighting.repository.0,
            change: finding.word(),
            detail: finding.detail(),
            would_send: finding.is_sent,
        }
    }
}

/// What the command found.
struct Compared {
    findings: Vec<Finding>,
    unreadable: Vec<Unreadable>,
}

pub(crate) async fn run(args: &Reconcile) -> Done {
    let config = config::load(&args.options.overrides(), &ProcessEnvironment)?;
    let globs = args.repository.iter().map(String::as_str);
    let only =
        GlobFilter::parse_repositories(globs).map_err(|(_, why)| format!("--repository: {why}"))?;
    let aws = connect(&config).await?;
    let Compared {
        findings,
        unreadable,
    } = compare(&aws, &config, &only).await?;
    print(args, &findings)?;
    for Unreadable { what, fault } in &unreadable {
        note(&format!(
            "{what} could not be compared, and nothing of it is changed: {fault}"
        ))?;
    }
    let sent: Vec<&Finding> = findings.iter().filter(|finding| finding.is_sent).collect();
    if args.dry_run || sent.is_empty() {
        note(&plural(findings.len(), "difference"))?;
    } else {
        send(args, &aws, &config, &sent).await?;
    }
    Ok(code(!findings.is_empty() || !unreadable.is_empty()))
}

async fn compare(
    aws: &Aws,
    config: &Config,
    only: &GlobFilter,
) -> Result<Compared, Box<dyn Error>> {
    let Some(access) = config.github.clone() else {
        return Err(
            "GitHub cannot be asked: set app and private_key, or token, in [github]".into(),
        );
    };
    let github = github::connect(access, SystemClock)?;
    let store = aws.store(config.table.clone());
    let begun = SystemClock.now();
    let spinner = spinner("comparing repositories:");
    let comparison = Comparison::begin(&store, &github, &config.rules, begun);
    let comparison = comparison.await.map_err(fault)?;
    let (repositories, unreadable) = comparison.repositories().await?;
    let mut compared = Compared {
        findings: Vec::new(),
        unreadable,
    };
    for repository in &repositories {
        let name = repository.place.name.as_str();
        if !only.is_match(name) {
            continue;
        }
        match comparison.look_at(repository).await {
            Ok(findings) => compared.findings.extend(findings),
            Err(LookFault::Table(why)) => return Err(fault(why).into()),
            Err(LookFault::GitHub(fault)) => compared.unreadable.push(Unreadable {
                what: name.to_owned(),
                fault,
            }),
        }
        spinner.inc(1);
    }
    spinner.finish_and_clear();
    Ok(compared)
}

fn print(args: &Reconcile, findings: &[Finding]) -> Result<(), Box<dyn Error>> {
    let columns = vec![
        Column::new("SUBJECT", 28, |row: &Row| row.subject.clone()).flexible(11),
        Column::new("CHANGE", 7, |row: &Row| row.change.to_owned()),
        Column::new("DETAIL", 60, |row: &Row| row.detail.clone()).flexible(10),
    ];
    let stdout = io::stdout().lock();
    let mut rows =
        StreamingTable::new(format(args.output), columns, terminal(), stdout).fields(Row::FIELDS);
    for finding in findings {
        if stopped(rows.write(&Row::new(finding)))? {
            return Ok(());
        }
    }
    stopped(rows.end())?;
    Ok(())
}

async fn send(
    args: &Reconcile,
    aws: &Aws,
    config: &Config,
    findings: &[&Finding],
) -> Result<(), Box<dyn Error>> {
    let count = plural(findings.len(), "difference");
    let of = |word| findings.iter().filter(|one| one.word() == word).count();
    let effect = format!("creates {}, deletes {}", of("create"), of("delete"));
    let internal = &config.queues.internal;
    let question = format!("Send {count} to {internal} ({effect})? [y/N]");
    if !args.yes && !confirms(&question, YES)? {
        return Err("not confirmed: nothing was sent".into());
    }
    let queue = aws.queue(urls(&config.queues), Destination::Internal, VISIBILITY);
    for (sent, finding) in findings.iter().enumerate() {
        let sending = queue.send(Destination::Internal, finding.sighting.to_message());
        sending
            .await
            .map_err(|why| format!("only {sent} of {count} sent; run the command again: {why}"))?;
    }
    note(&format!(
        "{count} sent to the internal queue ({effect}); for the results see `branchline mappings history SUBJECT`"
    ))?;
    Ok(())
}
