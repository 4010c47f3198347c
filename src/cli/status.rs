//! The arguments of `branchline status` and `branchline why`.

use clap::Args;

use crate::cli::options::QueueOptions;
use crate::cli::output::{OBJECT, OutputFormat, one_of};

/// `branchline status`
#[derive(Debug, Args)]
#[command(after_help = STATUS_HELP)]
pub struct Status {
    /// Do not receive dead letters: print their number, and no reasons
    #[arg(long)]
    pub no_reasons: bool,
    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_name = "FORMAT", value_parser = one_of(OBJECT))]
    pub output: Option<OutputFormat>,
    /// The shared options.
    #[command(flatten)]
    pub options: QueueOptions,
}

const STATUS_HELP: &str = "\
Prints the daemons that were seen within a day, the messages in each queue, the dead letters by
reason, the mappings in the middle of a change by what they wait for, the slots of rules with
max_active, and the last change.

A daemon writes a heartbeat once a minute, and counts as running for three minutes after it. SQS
counts messages approximately, and up to a minute late. It does not tell the age of messages in the
webhook queue; CloudWatch has it as ApproximateAgeOfOldestMessage.

The dead-letter queue and quarantine are read as by `branchline dlq list`: each message is received
once, and is visible again at the end.

Examples:
  branchline status
  branchline status --no-reasons --output json | jq -r '.problems[]'

Exit codes: 0 all is well, 1 something needs a person, 2 error or interrupted";

/// `branchline why`
#[derive(Debug, Args)]
#[command(after_help = WHY_HELP)]
pub struct Why {
    /// Pull request (acme/api#7 or its URL), branch (acme/api@feature/x), name of a pipeline, or
    /// GitHub's GUID of a delivery
    #[arg(value_name = "SUBJECT")]
    pub question: String,
    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_name = "FORMAT", value_parser = one_of(OBJECT))]
    pub output: Option<OutputFormat>,
    /// The shared options.
    #[command(flatten)]
    pub options: QueueOptions,
}

const WHY_HELP: &str = "\
Looks for the subject everywhere: in the mappings, the audit trail, the dead-letter queue,
quarantine and CodePipeline; compares it with each condition of each rule; and looks at the webhook
queue and the daemons. The first line is the answer, and the lines after it say what to do.

The dead-letter queue and quarantine are read as by `branchline dlq list`: each message is received
once, and is visible again at the end. A quarantined message is found only by the delivery in its
header, because nobody has verified it.

Examples:
  branchline why acme/api#7
  branchline why https://github.com/acme/api/pull/7
  branchline why acme/api@feature/x --output json | jq .rules
  branchline why 72d3162e-cc78-11e3-81ab-4c9367dc0958

Exit codes: 0 the subject has its pipeline, 1 it has none, 2 error or interrupted";
