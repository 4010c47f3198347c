//! `branchline check`: asks piece by piece, prints what it finds.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use branchline::aws::Aws;
use branchline::cli::Check;
use branchline::config::{self, Config, Process};
use branchline::line::text::one_line;
use branchline::operate::check::{self, Finding};
use branchline::ports::Pipelines;

use crate::terminal::{Done, stopped};

/// Something is not as it should be.
const FINDINGS: u8 = 1;

pub(crate) async fn run(asked: &Check) -> Done {
    let config = config::load(&asked.overrides, &Process)?;
    let mut found = vec![Finding {
        what: "configuration".to_owned(),
        ok: true,
        detail: format!("{} rules, every secret is there", config.rules.0.len()),
        mend: None,
    }];
    if !asked.offline {
        let aws = Aws::connect(config.region.as_deref(), config.endpoint_url.as_deref()).await?;
        found.extend(queues(&aws, &config).await);
        match aws.table_facts(&config.table).await {
            Ok(facts) => found.extend(check::table(&facts)),
            Err(fault) => found.push(Finding::of_fault(
                "table",
                &fault,
                "dynamodb:DescribeTable and dynamodb:DescribeTimeToLive",
            )),
        }
        found.extend(templates(&aws, &config).await);
    }
    let human = io::stdout().is_terminal() && !asked.json;
    let mut text = String::new();
    for finding in &found {
        text.push_str(&if human {
            line(finding)
        } else {
            serde_json::to_string(finding)?
        });
        text.push('\n');
    }
    stopped(io::stdout().write_all(text.as_bytes()))?;
    Ok(match found.iter().all(|finding| finding.ok) {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FINDINGS),
    })
}

async fn queues(aws: &Aws, config: &Config) -> Vec<Finding> {
    let urls = [
        &config.queues.source,
        &config.queues.dead_letters,
        &config.queues.quarantine,
    ];
    let mut facts = Vec::new();
    let mut missing = Vec::new();
    for (what, url) in ["queue of webhooks", "dead-letter queue", "quarantine"]
        .iter()
        .zip(urls)
    {
        match aws.queue_facts(url).await {
            Ok(found) => facts.push(found),
            Err(fault) => missing.push(Finding::of_fault(what, &fault, "sqs:GetQueueAttributes")),
        }
    }
    match facts.as_slice() {
        [webhooks, dead_letters, quarantine] => check::queues(webhooks, dead_letters, quarantine),
        _ => missing,
    }
}

async fn templates(aws: &Aws, config: &Config) -> Vec<Finding> {
    let pipelines = aws.pipelines(config.codepipeline_rate);
    let mut known = BTreeMap::new();
    let mut found = Vec::new();
    for rule in &config.rules.0 {
        if !known.contains_key(&rule.template) {
            known.insert(
                rule.template.clone(),
                pipelines.template(&rule.template).await,
            );
        }
        found.extend(known.get(&rule.template).map(|template| match template {
            Ok(template) => check::template(rule, template, &config.table),
            Err(fault) => Finding::of_fault(
                &format!("template {}", rule.template),
                fault,
                "codepipeline:GetPipeline",
            ),
        }));
    }
    found
}

fn line(finding: &Finding) -> String {
    let mark = if finding.ok { "✓" } else { "✗" };
    let mut line = format!(
        "{mark} {}: {}",
        finding.what,
        one_line(&finding.detail, 1_000)
    );
    if let Some(mend) = &finding.mend {
        line.push_str(&format!("\n    {mend}"));
    }
    line
}
