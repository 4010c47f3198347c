//! `branchline check`: asks piece by piece, prints what it finds.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::aws::Aws;
use crate::cli::Check;
use crate::cli::output::explanation::Colour;
use crate::commands::connect::connect;
use crate::config::{self, Config, ProcessEnvironment};
use crate::domain::clone::NewPipeline;
use crate::domain::text::one_line;
use crate::inspect::preflight::{self, Finding, Role};
use crate::ports::PipelineReader;

use crate::cli::terminal::{Done, code, colours, is_human, stopped};

pub(crate) async fn run(asked: &Check) -> Done {
    let config = config::load(&asked.overrides, &ProcessEnvironment)?;
    let detail = format!("{} rules, every secret is there", config.rules.0.len());
    let mut found = vec![Finding::good("configuration", detail)];
    if !asked.offline {
        let aws = connect(&config).await?;
        found.extend(account(&aws, &config, asked.daemon_role.as_deref()).await);
    }
    let human = is_human(asked.form());
    let mut text = String::new();
    for finding in &found {
        text.push_str(&if human {
            line(finding, colours())
        } else {
            serde_json::to_string(finding)?
        });
        text.push('\n');
    }
    stopped(io::stdout().write_all(text.as_bytes()))?;
    Ok(code(found.iter().any(|finding| finding.ok == Some(false))))
}

async fn account(aws: &Aws, config: &Config, daemon: Option<&str>) -> Vec<Finding> {
    let mut found = queues(aws, config).await;
    match aws.describe_table(&config.table).await {
        Ok(facts) => found.extend(preflight::table(&facts)),
        Err(fault) => found.push(Finding::from_fault(
            "table",
            &fault,
            "dynamodb:DescribeTable and dynamodb:DescribeTimeToLive",
        )),
    }
    let (told, clones) = templates(aws, config).await;
    found.extend(told);
    let roles = preflight::roles(&clones);
    match daemon {
        None => found.extend(preflight::without_daemon_role(&roles)),
        Some(daemon) => {
            for role in &roles {
                found.push(passing(aws, daemon, role).await);
            }
        }
    }
    found
}

async fn queues(aws: &Aws, config: &Config) -> Vec<Finding> {
    let urls = &config.queues;
    let webhooks = aws.queue_attributes(&urls.webhooks).await;
    let internal = aws.queue_attributes(&urls.internal).await;
    let dead_letters = aws.queue_attributes(&urls.dead_letters).await;
    let quarantine = aws.queue_attributes(&urls.quarantine).await;
    preflight::queues(&preflight::Queues {
        webhooks: webhooks.as_ref(),
        internal: internal.as_ref(),
        dead_letters: dead_letters.as_ref(),
        quarantine: quarantine.as_ref(),
    })
}

/// What is said of each rule's template, and the clones that could be made.
async fn templates(aws: &Aws, config: &Config) -> (Vec<Finding>, Vec<NewPipeline>) {
    let pipelines = aws.pipelines(config.codepipeline_rate);
    let mut known = BTreeMap::new();
    let (mut found, mut clones) = (Vec::new(), Vec::new());
    for rule in &config.rules.0 {
        if !known.contains_key(&rule.template) {
            let said = pipelines.template(&rule.template).await;
            known.insert(rule.template.clone(), said);
        }
        match known.get(&rule.template) {
            Some(Ok(template)) => {
                let checked = preflight::template(rule, template, &config.table);
                found.push(checked.finding);
                clones.extend(checked.clone);
            }
            Some(Err(fault)) => {
                let what = format!("template {}", rule.template);
                found.push(Finding::from_fault(
                    &what,
                    fault,
                    "codepipeline:GetPipeline",
                ));
            }
            None => {}
        }
    }
    (found, clones)
}

async fn passing(aws: &Aws, daemon: &str, role: &Role) -> Finding {
    match preflight::in_other_account(role) {
        Some(told) => told,
        None => preflight::pass_role(role, daemon, aws.roles().passing(daemon, &role.arn).await),
    }
}

fn line(finding: &Finding, colours: bool) -> String {
    let (mark, colour) = match finding.ok {
        Some(true) => ("✓", Colour::Green),
        Some(false) => ("✗", Colour::Red),
        None => ("-", Colour::Yellow),
    };
    let mark = match colours {
        true => colour.paint(mark),
        false => mark.to_owned(),
    };
    let detail = one_line(&finding.detail, 1_000);
    let fix = finding.fix.as_ref();
    let fix = fix.map_or_else(String::new, |fix| format!("\n    {fix}"));
    format!("{mark} {}: {detail}{fix}", finding.what)
}
