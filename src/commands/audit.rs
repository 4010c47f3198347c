//! `branchline audit`: wires the ports, looks, prints, and sends repairs.

use std::error::Error;
use std::io::{self, Write};

use crate::aws::{Aws, QueueUrls};
use crate::cli::audit::Audit;
use crate::cli::output::explanation::Colour;
use crate::cli::output::streaming_table::{Column, StreamingTable};
use crate::config::{self, Config, ProcessEnvironment, RedactedEnvironment};
use crate::domain::outcome::disposition::Grave;
use crate::inspect::audit::{Auditor, Finding};
use crate::inspect::explain::Account;
use crate::ports::Queue;
use crate::reconcile::lease::VISIBILITY;

use crate::cli::terminal::{
    Done, code, fault as told, format, operator, person_says, screen, spinner, stopped,
};
use crate::commands::system_clock::SystemClock;

pub(crate) async fn run(asked: &Audit) -> Done {
    let hidden = RedactedEnvironment {
        process: &ProcessEnvironment,
        config: asked.overrides.config.as_deref(),
    };
    // Clones are compared without their secrets, which then cannot be printed.
    let config = config::load(&asked.overrides, &hidden)?;
    let signing = match asked.repair {
        true => Some(config::load(&asked.overrides, &ProcessEnvironment)?),
        false => None,
    };
    let aws = Aws::connect(config.region.as_deref(), config.endpoint_url.as_deref()).await?;
    let found = findings(asked, &aws, &config).await?;
    let stdout = io::stdout().lock();
    let mut rows = StreamingTable::new(format(asked.output), columns(), screen(), stdout)
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
    writeln!(io::stderr(), "findings: {}", found.len())?;
    if let Some(signing) = signing {
        repair(asked, &aws, &signing, &found).await?;
    }
    Ok(code(!found.is_empty()))
}

async fn findings(
    asked: &Audit,
    aws: &Aws,
    config: &Config,
) -> Result<Vec<Finding>, Box<dyn Error>> {
    let ledger = aws.store(config.table.clone());
    let account = Account::new(ledger, aws.pipelines(config.codepipeline_rate));
    let auditor = Auditor {
        account: &account,
        rules: &config.rules,
        table: &config.table,
        clock: &SystemClock,
    };
    let spinner = spinner("looking at mappings and pipelines:");
    let found = auditor.audit(|| spinner.inc(1)).await;
    spinner.finish_and_clear();
    let mut found = found.map_err(told)?;
    found.retain(|finding| asked.only.is_empty() || asked.only.contains(&finding.flaw));
    Ok(found)
}

/// Sends a message for each finding that a repair can help.
async fn repair(
    asked: &Audit,
    aws: &Aws,
    config: &Config,
    found: &[Finding],
) -> Result<(), Box<dyn Error>> {
    let who = operator(asked.by.as_deref());
    let repairs: Vec<_> = found.iter().filter_map(|one| one.repair.as_ref()).collect();
    if repairs.is_empty() {
        return Ok(());
    }
    let deletes = |one: &&Finding| one.deletes && one.repair.is_some();
    let warning = match found.iter().filter(deletes).count() {
        0 => ", which delete nothing".to_owned(),
        count => format!(", of which {count} delete a pipeline"),
    };
    let question = format!(
        "send repairs to {}: {}{warning}? (yes)",
        config.queues.source,
        repairs.len()
    );
    if asked.yes {
        writeln!(io::stderr(), "repairs: {}{warning}", repairs.len())?;
    }
    if !asked.yes && !person_says(&question, "yes")? {
        return Err("nothing was sent".into());
    }
    let urls = QueueUrls {
        source: config.queues.dead_letters.clone(),
        // The daemon's queue, where messages of ours are delivered as if they were buried there.
        dead_letters: config.queues.source.clone(),
        quarantine: config.queues.source.clone(),
    };
    let queue = aws.queue(urls, VISIBILITY);
    for (sent, (repair, repository)) in repairs.iter().enumerate() {
        let message = repair
            .seal(repository, &who, &config.table, &config.secrets)
            .ok_or("no webhook secret to sign a repair with")?;
        queue
            .bury(Grave::DeadLetters, message)
            .await
            .map_err(|why| format!("{sent} of {} repairs sent, then: {why}", repairs.len()))?;
    }
    writeln!(
        io::stderr(),
        "repairs sent: {}. The daemon looks again and does them; `branchline mappings history SUBJECT` tells what came of one",
        repairs.len()
    )?;
    Ok(())
}

fn columns() -> Vec<Column<Finding>> {
    fn word(text: Option<&String>) -> String {
        text.cloned().unwrap_or_else(|| "-".to_owned())
    }
    vec![
        Column::new("FLAW", 10, |finding: &Finding| {
            finding.flaw.as_str().to_owned()
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
