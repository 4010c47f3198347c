//! The command line: arguments, help texts, output formats and the terminal.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::cli::options::QueueOptions;
use crate::cli::output::{OBJECT, OutputFormat, one_of};

pub mod argument_order;
pub mod audit;
pub mod deliveries;
pub mod dlq;
pub mod jobs;
pub mod mappings;
pub mod options;
pub mod output;
pub mod quota;
pub mod reconcile;
pub mod run;
pub mod setup;
pub mod status;
pub mod terminal;

/// Creates an AWS CodePipeline for every pull request, from GitHub webhooks in SQS
#[derive(Debug, Parser)]
#[command(name = "branchline", version, max_term_width = 100, after_help = HELP)]
pub struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

const HELP: &str = "\
The options of a subcommand may also stand before it:
  branchline --config /etc/branchline.toml mappings list";

/// Returns clap's error in one line, with the command whose help to read.
#[must_use]
pub fn complaint(error: &clap::Error, args: impl IntoIterator<Item = String>) -> String {
    let text = error.to_string();
    let message: Vec<_> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let message = message.join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let tip = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("tip: "));
    let tip = tip.map_or_else(String::new, |tip| format!("; {tip}"));
    let mut command = Cli::command();
    let mut path = command.get_name().to_owned();
    for arg in args.into_iter().skip(1) {
        let Some(below) = command.find_subcommand(&arg) else {
            break;
        };
        path = format!("{path} {arg}");
        command = below.clone();
    }
    format!("error: {message}{tip}; see `{path} --help`")
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon, which processes webhooks
    Run(run::Run),
    /// Check the health of a running daemon
    Health(run::Health),
    /// Show the daemons, the queues, dead letters and unfinished mappings
    Status(status::Status),
    /// Show the limits on the number of pipelines, their use, and who waits
    Quota(quota::Quota),
    /// Explain why a pull request or branch has no pipeline, and what to do
    Why(status::Why),
    /// Predict what the daemon would do with a webhook, and show the clone's differences
    Explain(Explain),
    /// Check the configuration, and what the daemon needs in the AWS account and at GitHub
    Check(Check),
    /// Print how to set up what branchline needs outside AWS
    Setup {
        /// The subcommand.
        #[command(subcommand)]
        command: setup::SetupCommand,
    },
    /// Print information about the configuration file
    Config {
        /// The subcommand.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Inspect, replay and drop dead letters and quarantined messages
    Dlq(Box<dlq::Dlq>),
    /// Show mappings between branches and pipelines, and their history
    Mappings(mappings::Mappings),
    /// Compare mappings, pipelines, templates and rules, and repair differences
    Audit(audit::Audit),
    /// List what GitHub delivered, and ask for events again
    Deliveries(deliveries::Deliveries),
    /// Compare what is open at GitHub with the mappings, and repair what lost webhooks left
    Reconcile(reconcile::Reconcile),
    /// Show the periodic jobs of the daemons, and ask for a run
    Jobs(jobs::Jobs),
    /// Print a shell completion script
    #[command(after_help = COMPLETIONS_HELP)]
    Completions {
        /// Shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages to a folder
    #[command(after_help = MAN_HELP)]
    Man {
        /// Existing folder
        folder: PathBuf,
    },
}

const COMPLETIONS_HELP: &str = "\
Example:
  branchline completions bash > /etc/bash_completion.d/branchline";

const MAN_HELP: &str = "\
Example:
  branchline man /usr/local/share/man/man1";

/// `branchline config`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the JSON Schema of branchline.toml, for completion and validation in editors
    #[command(after_help = SCHEMA_HELP)]
    Schema {
        /// Print that of the file in a repository (repository_file) instead
        #[arg(long)]
        repository_file: bool,
    },
}

const SCHEMA_HELP: &str = "\
Example, for editors with Taplo (VS Code: Even Better TOML):
  branchline config schema > branchline.schema.json
  sed -i '1i #:schema ./branchline.schema.json' branchline.toml
  branchline config schema --repository-file > .branchline.schema.json

`branchline check --offline` finds more mistakes: in names, placeholders, globs and secrets.";

/// `branchline check`
#[derive(Debug, Args)]
#[command(after_help = CHECK_HELP)]
pub struct Check {
    /// Check only the configuration and its secrets, without calling AWS and GitHub
    #[arg(long)]
    pub offline: bool,
    /// ARN of the daemon's role, to check that it may pass the roles of the clones
    #[arg(
        long,
        env = "BRANCHLINE_DAEMON_ROLE",
        value_name = "ARN",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub daemon_role: Option<String>,
    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_name = "FORMAT", value_parser = one_of(OBJECT))]
    pub output: Option<OutputFormat>,
    /// The shared options.
    #[command(flatten)]
    pub options: QueueOptions,
}

const CHECK_HELP: &str = "\
Needs sqs:GetQueueAttributes, dynamodb:DescribeTable, dynamodb:DescribeTimeToLive and
codepipeline:GetPipeline, and iam:SimulatePrincipalPolicy on the role of --daemon-role. With
github.app, the App's permissions and events, and its installations in the repositories of the
templates, are compared with what the rules need.

Each problem comes with the command or the permission that fixes it. A skipped check is not a
problem: it has a - in the table, and \"ok\": null in JSON.

Examples:
  branchline check
  branchline check --daemon-role arn:aws:iam::123456789012:role/branchline-daemon
  branchline check --offline --config branchline.toml     in a pull request that changes the file
  branchline check --output json | jq -r 'select(.ok == false) | .fix'

Exit codes: 0 no problems, 1 problems, 2 error or interrupted";

/// `branchline explain`
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_HELP)]
pub struct Explain {
    /// File with the payload of the webhook, or - for standard input
    #[arg(
        value_name = "PAYLOAD",
        required_unless_present = "delivery",
        conflicts_with = "delivery"
    )]
    pub payload: Option<String>,
    /// GitHub event [default: the start of the file name, as in pull_request.opened.json]
    #[arg(long, value_name = "NAME", conflicts_with = "delivery")]
    pub event: Option<String>,
    /// Explain a delivery by GitHub's GUID: whether it was processed, waits, was
    /// dead-lettered or quarantined, or is unseen
    #[arg(long, value_name = "GUID")]
    pub delivery: Option<String>,
    /// Do not call AWS: use this template (output of `aws codepipeline get-pipeline`) and no
    /// mappings
    #[arg(long, value_name = "FILE", conflicts_with = "delivery")]
    pub template: Option<String>,
    /// The file that the rule reads from the repository (repository_file), as it would be there
    #[arg(long, value_name = "FILE", conflicts_with = "delivery")]
    pub repository_file: Option<String>,
    /// The file that the rule reads from the repository as its template, as it would be there
    #[arg(long, value_name = "FILE", conflicts_with = "delivery")]
    pub template_file: Option<String>,
    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_name = "FORMAT", value_parser = one_of(OBJECT))]
    pub output: Option<OutputFormat>,
    /// The shared options.
    #[command(flatten)]
    pub options: QueueOptions,
}

const EXPLAIN_HELP: &str = "\
The prediction runs the daemon's own code against the table and CodePipeline as they are now, and
changes nothing. It needs no webhook secret.

--delivery also reads the dead-letter queue and quarantine, as `branchline dlq list` does, and tells
which source has the delivery. SQS does not tell which messages wait in the webhook queue, and a
delivery that is ignored, or changes nothing, leaves no trace but the daemon's log line.

Examples:
  branchline explain pull_request.opened.json     with the account's table and template
  branchline explain --template template.json payload.json --event pull_request     without AWS
  branchline explain --delivery 72d3162e-cc78-11e3-81ab-4c9367dc0958
  gh api repos/OWNER/REPO/hooks/ID/deliveries/ID --jq .request.payload > payload.json

Exit codes: 0 the message would be processed, 1 it would be, or was, dead-lettered or quarantined,
or its repository's file cannot be used, 2 error or interrupted";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_argument_is_reported_in_one_line() {
        let message = |line: &str| {
            let args = || line.split(' ').map(str::to_owned);
            complaint(&Cli::try_parse_from(args()).unwrap_err(), args())
        };
        assert_eq!(
            message("branchline mappings list --output xml"),
            "error: invalid value 'xml' for '--output <FORMAT>' [possible values: table, json, csv]; see `branchline mappings list --help`"
        );
        assert_eq!(
            message("branchline mappings show"),
            "error: the following required arguments were not provided: <SUBJECT>; see `branchline mappings show --help`"
        );
        assert_eq!(
            message("branchline audit --repare"),
            "error: unexpected argument '--repare' found; a similar argument exists: '--repair'; see `branchline audit --help`"
        );
        assert_eq!(
            message("branchline mappings export --output table"),
            "error: invalid value 'table' for '--output <FORMAT>' [possible values: json, csv]; see `branchline mappings export --help`"
        );
    }

    #[test]
    fn a_command_has_only_the_options_that_it_uses() {
        let has = |path: &[&str], option: &str| {
            let mut command = Cli::command();
            for name in path {
                command = command.find_subcommand(name).unwrap().clone();
            }
            command.get_arguments().any(|arg| arg.get_id() == option)
        };
        let queues = [
            &["run"][..],
            &["check"],
            &["audit"],
            &["explain"],
            &["status"],
            &["why"],
            &["dlq", "list"],
        ];
        let others = [&["mappings", "list"][..], &["mappings", "show"]];
        for command in queues.iter().chain(&others) {
            for option in ["config", "region", "endpoint_url", "table"] {
                assert!(has(command, option), "{command:?} {option}");
            }
            for option in ["queue_url", "internal_queue_url", "quarantine_url"] {
                let expected = queues.contains(command);
                assert_eq!(has(command, option), expected, "{command:?} {option}");
            }
            for option in ["concurrency", "drain_timeout", "metrics"] {
                let expected = command == &["run"];
                assert_eq!(has(command, option), expected, "{command:?} {option}");
            }
        }
    }
}
