//! `branchline audit`: its words.

use clap::Args;

use crate::cli::output::streaming_table::OutputFormat;
use crate::config::Overrides;
use crate::domain::intake::repair_request::FindingKind;

/// `branchline audit`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Audit {
    /// Only these kinds: orphan, missing, half-way, drifted, rule-gone, not-ours, unreadable
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    pub only: Vec<FindingKind>,
    /// Send a repair of each finding to the internal queue, for the daemon
    #[arg(long)]
    pub repair: bool,
    /// Skip the confirmation prompt
    #[arg(long, requires = "repair")]
    pub yes: bool,
    /// How the list looks [default: table on a terminal, json otherwise]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
    /// What wins over the file.
    #[command(flatten)]
    pub overrides: Overrides,
}

fn kind(text: &str) -> Result<FindingKind, String> {
    let found = FindingKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == text);
    found.ok_or_else(|| {
        format!(
            "expected {}",
            FindingKind::ALL.map(FindingKind::as_str).join(", ")
        )
    })
}

const HELP: &str = "\
Kinds of findings:
  orphan     a pipeline carries our tags, and no mapping has it      a repair deletes it
  missing    a mapping's pipeline does not exist                     a repair creates it
  half-way   a mapping was left in the middle of a change            a repair finishes it
  drifted    a clone differs from what template and rule say         a repair updates and starts it
  rule-gone  no rule matches the subject any more                    a repair deletes the pipeline
  not-ours   a mapping's pipeline lost our tags                      by hand
  unreadable a mapping's row cannot be read                          by hand

A repair is a message about one subject on the internal queue. IAM decides who may send it, and SQS
tells the daemon who did. The daemon looks again, by its own rules, and does nothing where the mapping
has changed since. Templates, and pipelines that others made, are never changed.

Costs two calls to CodePipeline for each clone and one for each other pipeline, at
aws.codepipeline_rate. Needs codepipeline:ListPipelines beside what the daemon may do, and
sqs:SendMessage on the internal queue for --repair.

Examples:
  branchline audit
  branchline audit --only drifted --output json | jq -r .differences
  branchline audit --only missing,half-way --repair

Exit codes: 0 nothing is wrong, 1 findings, repaired or not, 2 error.";
