//! The arguments of `branchline audit`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args};

use crate::cli::options::QueueOptions;
use crate::cli::output::OutputFormat;
use crate::domain::intake::repair_request::FindingKind;

/// `branchline audit`
#[derive(Debug, Args)]
#[command(after_help = HELP, group(ArgGroup::new("sends").args(["repair", "adopt"])))]
pub struct Audit {
    /// Check only the mapping of this subject: acme/api#7, acme/api@feature/x, the URL of either,
    /// or the name of a pipeline
    pub subject: Option<String>,
    /// Only these kinds of findings
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kinds())]
    pub only: Vec<FindingKind>,
    /// Send a repair for each repairable finding to the internal queue
    #[arg(long)]
    pub repair: bool,
    /// With --repair: delete orphans even if they outnumber the mappings with a pipeline
    #[arg(long, requires = "repair")]
    pub delete_orphans: bool,
    /// Send a request for each orphan to write its mapping from its tags to the internal queue
    #[arg(long, conflicts_with_all = ["only", "repair", "delete_orphans"])]
    pub adopt: bool,
    /// Skip the confirmation prompt
    #[arg(long, requires = "sends")]
    pub yes: bool,
    /// Verify the audit trail instead: all of it, or that of one subject (acme/api#7) or repository
    /// (acme/api)
    #[arg(
        long,
        value_name = "SCOPE",
        num_args = 0..=1,
        default_missing_value = "",
        conflicts_with_all = ["subject", "only", "repair", "adopt"]
    )]
    pub trail: Option<String>,
    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
    /// The shared options.
    #[command(flatten)]
    pub options: QueueOptions,
}

/// Parses a kind of findings, and completes it.
fn kinds() -> impl TypedValueParser<Value = FindingKind> {
    let words = PossibleValuesParser::new(FindingKind::ALL.map(FindingKind::as_str));
    words.try_map(|word| {
        let mut kinds = FindingKind::ALL.into_iter();
        kinds
            .find(|kind| kind.as_str() == word)
            .ok_or("unknown kind")
    })
}

const HELP: &str = "\
Kinds of findings, and what a repair does:
  orphan              a pipeline has our tags, and no mapping     deletes the pipeline; or --adopt
  missing             the pipeline of a mapping does not exist    creates the pipeline
  half-way            a change of a mapping was not finished      finishes the change
  drifted             a clone differs from its template and rule  updates and starts the clone
  rule-gone           no rule matches the subject any more        deletes the pipeline
  not-ours            the pipeline of a mapping lost our tags     nothing: correct it by hand
  unreadable          the row of a mapping cannot be read         nothing: correct it by hand
  left-behind         an environment could not be removed         nothing: remove it by hand
  stack-left          a stack outlived its subject                nothing: delete it by hand
  stack-missing       the stack of an environment was deleted     nothing: deploy it again
  deployment-missing  GitHub shows no deployment of an            nothing: see the detail
                      environment

A mapping that waits is not a finding. The last line counts those that are in work, wait for a slot
of their rule (rule-full), are tried again (backing-off), or whose message is in the dead-letter
queue as far as the audit trail tells (dead-lettered). Where such a message has left the queue by
hand, audit the subject by name: then its mapping is a finding, which a repair finishes.

--adopt is for a table that was lost, or restored from a backup: docs/RESTORE.md. It shows the orphans
alone, and asks the daemon to write a mapping for each from its tags. The clone stays as it is, and
the next event of its subject brings both up to date. With --repair, orphans are not deleted if there
are more of them than mappings with a pipeline, since then the table is the likelier fault:
--delete-orphans deletes them all the same.

A repair is a message about one subject on the internal queue. IAM decides who may send it, and the
SQS sender ID is the actor in the audit trail. The daemon checks the subject again by its own rules,
and does nothing if the mapping has changed since the audit. Templates, and pipelines that were not
created by branchline, are never changed.

An audit reads the pipelines and their tags in pages, and makes two to four calls to CodePipeline for
each clone that these do not show to be in order, at the rate of aws.codepipeline_rate. Beside the
daemon's permissions it needs codepipeline:ListPipelines, tag:GetResources, and sqs:SendMessage on
the internal queue for --repair and --adopt. Without tag:GetResources, each clone costs a call.

--trail verifies the audit trail, with the permissions dynamodb:Scan and dynamodb:Query on its table.
Each entry has the hash of the one before it in its chain, and a mapping has the hash of the last
change. Kinds of findings:
  altered       the content of an entry does not match its hash
  replaced      an entry is not the one that the next one follows
  missing       entries are missing in a chain
  truncated     a chain ends before the entry that its mapping names
  differs       a chain does not end with the entry that its mapping names
  mapping-gone  the mapping of a chain was removed
  unreadable    an entry or a mapping cannot be read
For a repository it reads the whole trail as well; for one subject, only that subject's chains.

Examples:
  branchline audit
  branchline audit --only drifted --output json | jq -r .differences
  branchline audit --only missing,half-way --repair
  branchline audit --adopt
  branchline audit acme/api#7 --adopt
  branchline audit acme/api#7
  branchline audit --trail
  branchline audit --trail acme/api#7

Exit codes: 0 no findings, 1 findings, repaired or not, 2 error or interrupted";
