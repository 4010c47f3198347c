//! `branchline audit`: wires the ports, and prints the findings.

mod requests;
mod trail;

use std::error::Error;
use std::io;

use crate::aws::Aws;
use crate::cli::audit::Audit;
use crate::cli::output::colour::Colour;
use crate::cli::output::streaming_table::{Column, StreamingTable, cell};
use crate::cli::terminal::{Done, code, fault, format, note, spinner, stopped, terminal};
use crate::commands::audit::requests::Requests;
use crate::commands::connect::connect_account;
use crate::commands::system_clock::SystemClock;
use crate::config::{self, AccountConfig, RedactedEnvironment};
use crate::domain::intake::repair_request::FindingKind;
use crate::inspect::account::Account;
use crate::inspect::audit::Auditor;
use crate::inspect::audit_report::{AuditReport, Finding};
use crate::inspect::mappings::lookup;

pub(crate) async fn run(args: &Audit) -> Done {
    if let Some(scope) = &args.trail {
        return trail::run(args, scope).await;
    }
    let overrides = args.options.overrides();
    // Clones are compared without their secrets, which therefore cannot be printed.
    let redacted = RedactedEnvironment::of_process(&overrides);
    let config = config::load_account(&overrides, &redacted)?;
    let queues = match args.repair || args.adopt {
        true => Some(config::load(&overrides, &redacted)?.queues),
        false => None,
    };
    let aws = connect_account(&config).await?;
    let report = audit(args, &aws, &config).await?;
    let findings = &report.findings;
    let stdout = io::stdout().lock();
    let mut rows = StreamingTable::new(format(args.output), columns(args), terminal(), stdout)
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
    if let Some(fault) = &report.without_index {
        let done = match args.subject {
            None => "the tags of each clone were read by themselves",
            Some(_) => "pipelines without a mapping were not looked for",
        };
        note(&format!(
            "{done}, because tags could not be read together: {fault}"
        ))?;
    }
    if let Some(fault) = &report.without_stacks {
        note(&format!(
            "stacks that outlived their subjects were not looked for, because the stacks could not be listed: {fault}"
        ))?;
    }
    note(&report.totals())?;
    if let Some(queues) = queues {
        let requests = match args.adopt {
            true => Requests::adoptions(findings),
            false => Requests::repairs(args, &config, &report)?,
        };
        requests.send(args, &aws, &config.owner, &queues).await?;
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
        index: &aws.resource_tags(),
        projects: &aws.projects(),
        stacks: &aws.stacks(),
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
                format!("there is neither a mapping nor a pipeline of {text}: see `branchline why {text}`")
            })?
        }
    };
    spinner.finish_and_clear();
    let mut report = report;
    report.findings.retain(|finding| shows(args, finding.kind));
    Ok(report)
}

/// Returns true if findings of this kind are shown.
fn shows(args: &Audit, kind: FindingKind) -> bool {
    let is_asked_for = args.only.is_empty() || args.only.contains(&kind);
    is_asked_for && (!args.adopt || kind == FindingKind::Orphan)
}

fn columns(args: &Audit) -> Vec<Column<Finding>> {
    let can = match args.adopt {
        true => Column::new("ADOPT", 6, |finding: &Finding| yes_or_no(finding.adoptable)),
        false => Column::new("REPAIR", 6, |finding: &Finding| {
            yes_or_no(finding.repairable)
        }),
    };
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
        can.rank(1),
        Column::new("DETAIL", 60, |finding: &Finding| finding.detail.clone()).flexible(10),
    ]
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}
