//! `branchline audit --trail`: verifies the audit trail and prints the findings.

use std::io;

use crate::aws::DynamoStore;
use crate::cli::audit::Audit;
use crate::cli::output::colour::Colour;
use crate::cli::output::streaming_table::{Column, StreamingTable, cell};
use crate::cli::terminal::{Done, code, fault, format, note, spinner, stopped, terminal};
use crate::commands::connect::open_account;
use crate::domain::ids::RepositoryName;
use crate::domain::text::plural;
use crate::inspect::mappings::lookup;
use crate::inspect::trail::{Scope, TrailFinding, TrailVerifier};
use crate::ports::StoreReader;

pub(super) async fn run(args: &Audit, scope: &str) -> Done {
    let (config, aws) = open_account(&args.options.overrides()).await?;
    let store = aws.store(config.table);
    let scope = parse(scope, &store).await?;
    let spinner = spinner("reading the audit trail:");
    let verifier = TrailVerifier { store: &store };
    let report = verifier.verify(&scope, || spinner.inc(1)).await;
    spinner.finish_and_clear();
    let report = report.map_err(fault)?;
    let stdout = io::stdout().lock();
    let mut rows = StreamingTable::new(format(args.output), columns(), terminal(), stdout)
        .fields(TrailFinding::FIELDS);
    let mut reads = true;
    for finding in &report.findings {
        reads = !stopped(rows.write(finding))?;
        if !reads {
            break;
        }
    }
    if reads {
        stopped(rows.end())?;
    }
    let entries = match report.entries {
        1 => "1 entry".to_owned(),
        entries => format!("{entries} entries"),
    };
    let chains = plural(report.chains, "chain");
    let findings = plural(report.findings.len(), "finding");
    note(&format!("{entries} in {chains}: {findings}"))?;
    Ok(code(!report.findings.is_empty()))
}

/// Parses a scope: a repository, or whatever else names a subject.
async fn parse(text: &str, store: &DynamoStore) -> Result<Scope, String> {
    if text.is_empty() {
        return Ok(Scope::Everything);
    }
    if let Ok(name) = RepositoryName::parse(text) {
        let id = store
            .repository(&name)
            .await
            .map_err(|why| why.to_string())?;
        let id = id.ok_or_else(|| format!("the table has no repository '{name}'"))?;
        return Ok(Scope::Repository(id));
    }
    lookup::subject(text, store).await.map(Scope::Subject)
}

fn columns() -> Vec<Column<TrailFinding>> {
    vec![
        Column::new("KIND", 12, |finding: &TrailFinding| {
            finding.kind.as_str().to_owned()
        })
        .colour(|_| Some(Colour::Red)),
        Column::new("SUBJECT", 24, |finding: &TrailFinding| {
            cell(finding.subject.as_deref())
        })
        .flexible(11),
        Column::new("ENTRY", 6, |finding: &TrailFinding| {
            let number = finding.sequence.map(|number| number.to_string());
            cell(number.as_deref())
        }),
        Column::new("CHAIN", 32, |finding: &TrailFinding| finding.chain.clone())
            .flexible(11)
            .rank(1),
        Column::new("DETAIL", 60, |finding: &TrailFinding| {
            finding.detail.clone()
        })
        .flexible(10),
    ]
}
