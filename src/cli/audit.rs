//! `branchline audit`: its words.

use clap::Args;

use crate::cli::output::streaming_table::OutputFormat;
use crate::config::Overrides;
use crate::domain::intake::repair_request::FindingKind;

/// `branchline audit`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Audit {
    /// Only these flaws: orphan, missing, half-way, drifted, rule-gone, not-ours, unreadable
    #[arg(long, value_name = "FLAW", value_delimiter = ',', value_parser = flaw)]
    pub only: Vec<FindingKind>,
    /// Send a repair of each finding to the queue of webhooks, for the daemon
    #[arg(long)]
    pub repair: bool,
    /// Do not ask
    #[arg(long, requires = "repair")]
    pub yes: bool,
    /// Who repairs, for the audit trail [default: $USER]
    #[arg(long, value_name = "NAME", requires = "repair")]
    pub by: Option<String>,
    /// How the list looks [default: table on a terminal, json otherwise]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
    /// What wins over the file.
    #[command(flatten)]
    pub overrides: Overrides,
}

fn flaw(text: &str) -> Result<FindingKind, String> {
    let found = FindingKind::ALL
        .into_iter()
        .find(|flaw| flaw.as_str() == text);
    found.ok_or_else(|| {
        format!(
            "want {}",
            FindingKind::ALL.map(FindingKind::as_str).join(", ")
        )
    })
}

const HELP: &str = "\
Flaws:
  orphan     a pipeline carries our tags, and no mapping has it      a repair deletes it
  missing    a mapping's pipeline is not there                       a repair makes it
  half-way   a mapping was left in the middle of a change            a repair finishes it
  drifted    a clone is not what template and rule make of it        a repair updates and starts it
  rule-gone  no rule admits the subject any more                     a repair deletes the pipeline
  not-ours   a mapping's pipeline lost our tags                      by hand
  unreadable a mapping's row cannot be read                          by hand

A repair is a message of one subject, signed with the first webhook secret. The daemon looks again,
by its own rules, and does nothing where the mapping has changed since. Templates, and what others
made, are never touched.

Costs two calls to CodePipeline a clone and one any other pipeline, at aws.codepipeline_rate. Needs
codepipeline:ListPipelines beside what the daemon may do.

Examples:
  branchline audit
  branchline audit --only drifted --output json | jq -r .differences
  branchline audit --only missing,half-way --repair

Exit codes: 0 nothing is wrong, 1 findings, repaired or not, 2 something is wrong with what it was
given or needs.";
