//! `branchline audit`: wires the ports, looks, prints, and sends repairs.

use std::error::Error;
use std::io::{self, Write};

use crate::aws::Aws;
use crate::cli::audit::Audit;
use crate::cli::output::explanation::Colour;
use crate::cli::output::streaming_table::{Column, StreamingTable};
use crate::commands::connect::{connect, urls};
use crate::config::{self, Config, ProcessEnvironment, RedactedEnvironment};
use crate::domain::outcome::outgoing::Destination;
use crate::domain::text::plural;
use crate::inspect::account::Account;
use crate::inspect::audit::{Auditor, Finding};
use crate::ports::Queue;
use crate::reconcile::lease::VISIBILITY;

use crate::cli::terminal::{
    Done, YES, code, confirms, fault as error, format, screen, spinner, stopped,
};
use crate::commands::system_clock::SystemClock;

pub(crate) async fn run(args: &Audit) -> Done {
    let hidden = RedactedEnvironment {
        process: &ProcessEnvironment,
        config: args.overrides.config.as_deref(),
    };
    // Clones are compared without their secrets, which then cannot be printed.
    let config = config::load(&args.overrides, &hidden)?;
    let aws = connect(&config).await?;
    let found = findings(args, &aws, &config).await?;
    let stdout = io::stdout().lock();
    let mut rows = StreamingTable::new(format(args.output), columns(), screen(), stdout)
        .fields(Finding::FIELDS);
    let mut read = true;
    for finding in &found {
        read = !stopped(rows.write(finding))?;
        if !read {
            break;
        }
    }
    if read {
        stopped(rows.end())?;
    }
    writeln!(io::stderr(), "{}", plural(found.len(), "finding"))?;
    if args.repair {
        repair(args, &aws, &config, &found).await?;
    }
    Ok(code(!found.is_empty()))
}

async fn findings(
    args: &Audit,
    aws: &Aws,
    config: &Config,
) -> Result<Vec<Finding>, Box<dyn Error>> {
    let store = aws.store(config.table.clone());
    let account = Account::new(store, aws.pipelines(config.codepipeline_rate));
    let auditor = Auditor {
        account: &account,
        rules: &config.rules,
        table: &config.table,
        clock: &SystemClock,
    };
    let spinner = spinner("looking at mappings and pipelines:");
    let found = auditor.audit(|| spinner.inc(1)).await;
    spinner.finish_and_clear();
    let mut found = found.map_err(error)?;
    found.retain(|finding| args.only.is_empty() || args.only.contains(&finding.kind));
    Ok(found)
}

/// Sends a message for each finding that a repair can fix.
async fn repair(
    args: &Audit,
    aws: &Aws,
    config: &Config,
    found: &[Finding],
) -> Result<(), Box<dyn Error>> {
    let repairs: Vec<_> = found.iter().filter_map(|one| one.repair.as_ref()).collect();
    if repairs.is_empty() {
        return Ok(());
    }
    let deletes = |one: &&Finding| one.deletes && one.repair.is_some();
    let warning = match found.iter().filter(deletes).count() {
        0 => "no pipeline is deleted".to_owned(),
        count => format!("{} deleted", plural(count, "pipeline")),
    };
    let count = plural(repairs.len(), "repair");
    if args.yes {
        writeln!(io::stderr(), "{count}, {warning}")?;
    }
    let question = format!(
        "Send {count} to {} ({warning})? [y/N]",
        config.queues.internal
    );
    if !args.yes && !confirms(&question, YES)? {
        return Err("nothing was sent".into());
    }
    let queue = aws.queue(urls(&config.queues), Destination::Internal, VISIBILITY);
    for (sent, (repair, repository)) in repairs.iter().enumerate() {
        let message = repair.to_message(repository, &config.table);
        queue
            .send(Destination::Internal, message)
            .await
            .map_err(|why| format!("{sent} of {count} sent, then: {why}"))?;
    }
    writeln!(
        io::stderr(),
        "{count} sent. The daemon looks again and does them; see `branchline mappings history SUBJECT`"
    )?;
    Ok(())
}

fn columns() -> Vec<Column<Finding>> {
    fn word(text: Option<&String>) -> String {
        text.cloned().unwrap_or_else(|| "-".to_owned())
    }
    vec![
        Column::new("KIND", 10, |finding: &Finding| {
            finding.kind.as_str().to_owned()
        })
        .colour(|_| Some(Colour::Red)),
        Column::new("SUBJECT", 28, |finding: &Finding| {
            word(finding.subject.as_ref())
        })
        .flexible(11),
        Column::new("PIPELINE", 28, |finding: &Finding| {
            word(finding.pipeline.as_ref())
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
