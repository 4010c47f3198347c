//! `branchline audit`: wires the ports, prints the findings, and sends repairs.

mod trail;

use std::error::Error;
use std::io;

use crate::aws::Aws;
use crate::cli::audit::Audit;
use crate::cli::output::colour::Colour;
use crate::cli::output::streaming_table::{Column, StreamingTable, cell};
use crate::cli::terminal::{
    Done, YES, code, confirms, fault, format, note, spinner, stopped, terminal,
};
use crate::commands::connect::{connect_account, urls};
use crate::commands::system_clock::SystemClock;
use crate::config::{self, AccountConfig, Queues, RedactedEnvironment};
use crate::domain::ids::Owner;
use crate::domain::outcome::outgoing::Destination;
use crate::domain::text::plural;
use crate::inspect::account::Account;
use crate::inspect::audit::Auditor;
use crate::inspect::audit_report::{AuditReport, Finding};
use crate::inspect::mappings::lookup;
use crate::ports::Queue;
use crate::reconcile::lease::VISIBILITY;

pub(crate) async fn run(args: &Audit) -> Done {
    if let Some(scope) = &args.trail {
        return trail::run(args, scope).await;
    }
    let overrides = args.options.overrides();
    // Clones are compared without their secrets, which therefore cannot be printed.
    let redacted = RedactedEnvironment::of_process(&overrides);
    let config = config::load_account(&overrides, &redacted)?;
    let queues = match args.repair {
        true => Some(config::load(&overrides, &redacted)?.queues),
        false => None,
    };
    let aws = connect_account(&config).await?;
    let report = audit(args, &aws, &config).await?;
    let findings = &report.findings;
    let stdout = io::stdout().lock();
    let mut rows = StreamingTable::new(format(args.output), columns(), terminal(), stdout)
        .fields(Finding::FIELDS);
    let mut reads = true;
    for finding in findings {
        reads = !stopped(rows.write(finding))?;
        if !reads {
            break;
        }
    }
    if reads {
        stopped(rows.end())?;
    }
    note(&report.totals())?;
    if let Some(queues) = queues {
        repair(args, &aws, &config.owner, &queues, findings).await?;
    }
    Ok(code(!findings.is_empty()))
}

async fn audit(
    args: &Audit,
    aws: &Aws,
    config: &AccountConfig,
) -> Result<AuditReport, Box<dyn Error>> {
    let store = aws.store(config.table.clone());
    let account = Account::new(store, aws.pipelines(config.codepipeline_rate));
    let auditor = Auditor {
        account: &account,
        rules: &config.rules,
        owner: &config.owner,
        clock: &SystemClock,
    };
    let spinner = spinner("checking mappings and pipelines:");
    let report = match &args.subject {
        None => auditor.audit(|| spinner.inc(1)).await.map_err(fault)?,
        Some(text) => {
            let subject = lookup::subject(text, &account.store).await?;
            let report = auditor.audit_subject(&subject).await.map_err(fault)?;
            report.ok_or_else(|| {
                format!("the table has no mapping of {text}: see `branchline why {text}`")
            })?
        }
    };
    spinner.finish_and_clear();
    let mut report = report;
    report
        .findings
        .retain(|finding| args.only.is_empty() || args.only.contains(&finding.kind));
    Ok(report)
}

/// Sends a message for each finding that a repair can fix.
async fn repair(
    args: &Audit,
    aws: &Aws,
    owner: &Owner,
    queues: &Queues,
    findings: &[Finding],
) -> Result<(), Box<dyn Error>> {
    let repairs: Vec<_> = findings
        .iter()
        .filter_map(|finding| finding.repair.as_ref())
        .collect();
    if repairs.is_empty() {
        return Ok(());
    }
    let deletes = |finding: &&Finding| finding.deletes && finding.repair.is_some();
    let warning = match findings.iter().filter(deletes).count() {
        0 => "deletes no pipeline".to_owned(),
        count => format!("deletes {}", plural(count, "pipeline")),
    };
    let count = plural(repairs.len(), "repair");
    if args.yes {
        note(&format!("{count}: {warning}"))?;
    }
    let question = format!("Send {count} to {} ({warning})? [y/N]", queues.internal);
    if !args.yes && !confirms(&question, YES)? {
        return Err("not confirmed: nothing was sent".into());
    }
    let queue = aws.queue(urls(queues), Destination::Internal, VISIBILITY);
    for (sent, (repair, repository)) in repairs.iter().enumerate() {
        let message = repair.to_message(repository, owner);
        queue
            .send(Destination::Internal, message)
            .await
            .map_err(|why| format!("only {sent} of {count} sent; run the command again: {why}"))?;
    }
    note(&format!(
        "{count} sent to the internal queue; for the results see `branchline mappings history SUBJECT`"
    ))?;
    Ok(())
}

fn columns() -> Vec<Column<Finding>> {
    vec![
        Column::new("KIND", 10, |finding: &Finding| {
            finding.kind.as_str().to_owned()
        })
        .colour(|_| Some(Colour::Red)),
        Column::new("SUBJECT", 28, |finding: &Finding| {
            cell(finding.subject.as_deref())
        })
        .flexible(11),
        Column::new("PIPELINE", 28, |finding: &Finding| {
            cell(finding.pipeline.as_deref())
        })
        .flexible(11)
        .rank(2),
        Column::new("REPAIR", 6, |finding: &Finding| {
            if finding.repairable { "yes" } else { "no" }.to_owned()
        })
        .rank(1),
        Column::new("DETAIL", 60, |finding: &Finding| finding.detail.clone()).flexible(10),
    ]
}
