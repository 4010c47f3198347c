//! The command line.

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::cli::output::explanation::Form;
use crate::config::Overrides;

pub mod audit;
pub mod dlq;
pub mod mappings;
pub mod output;
pub mod run;
pub mod terminal;

/// Gives every pull request its own AWS CodePipeline, from GitHub webhooks in SQS.
#[derive(Debug, Parser)]
#[command(name = "branchline", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What clap says of words that it cannot read, in one line, and whose help to ask for.
#[must_use]
pub fn complaint(error: &clap::Error, words: impl IntoIterator<Item = String>) -> String {
    let text = error.to_string();
    let told: Vec<_> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let told = told.join(" ");
    let told = told.strip_prefix("error: ").unwrap_or(&told);
    let tip = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("tip: "));
    let tip = tip.map_or_else(String::new, |tip| format!("; {tip}"));
    let mut command = Cli::command();
    let mut path = command.get_name().to_owned();
    for word in words.into_iter().skip(1) {
        let Some(below) = command.find_subcommand(&word) else {
            break;
        };
        path = format!("{path} {word}");
        command = below.clone();
    }
    format!("{told}{tip}; try `{path} --help`")
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Consume webhooks until told to stop
    Run(run::Run),
    /// Ask a running daemon on this machine how it is, for containers' health checks
    Health(run::Health),
    /// Say what would become of a webhook, and how the clone would differ from its template, touching nothing
    Explain(Explain),
    /// Check the configuration, and what the daemon needs in the account
    Check(Check),
    /// Print what is known of the configuration file
    Config {
        /// What to print.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Look at dead letters, replay them, drop them
    Dlq(dlq::Dlq),
    /// Read which subject has which pipeline, and how that came to be
    Mappings(mappings::Mappings),
    /// Compare mappings, pipelines, templates and rules, and repair what is wrong
    Audit(audit::Audit),
    /// Print completions for a shell: `branchline completions bash > /etc/bash_completion.d/branchline`
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder: `branchline man /usr/local/share/man/man1`
    Man {
        /// The folder, which must exist
        folder: std::path::PathBuf,
    },
}

/// `branchline config`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the JSON Schema of branchline.toml, which editors complete and check by
    #[command(after_help = SCHEMA_HELP)]
    Schema,
}

const SCHEMA_HELP: &str = "\
Example, for editors with Taplo (VS Code's Even Better TOML):
  branchline config schema > branchline.schema.json
  sed -i '1i #:schema ./branchline.schema.json' branchline.toml

`branchline check --offline` tells more: duplicate names, placeholders, globs, secrets.";

/// `branchline check`
#[derive(Debug, Args)]
#[command(after_help = CHECK_HELP)]
pub struct Check {
    /// The configuration alone, with its secrets, asking no AWS
    #[arg(long)]
    pub offline: bool,
    /// The daemon's role: ask IAM whether it may pass the clones' roles
    #[arg(long, env = "BRANCHLINE_DAEMON_ROLE", value_name = "ARN")]
    pub daemon_role: Option<String>,
    /// table for people, or json [default: table on a terminal, json otherwise]
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub output: Option<Form>,
    /// The same as --output json.
    #[arg(long, hide = true, conflicts_with = "output")]
    pub json: bool,
    /// What wins over the file.
    #[command(flatten)]
    pub overrides: Overrides,
}

const CHECK_HELP: &str = "\
Needs sqs:GetQueueAttributes, dynamodb:DescribeTable, dynamodb:DescribeTimeToLive and
codepipeline:GetPipeline, and for --daemon-role iam:SimulatePrincipalPolicy on that role.

Examples:
  branchline check
  branchline check --daemon-role arn:aws:iam::123456789012:role/branchline-daemon
  branchline check --offline --config branchline.toml     in a pull request that changes it
  branchline check --output json | jq -r 'select(.ok == false) | .mend'

Exit codes: 0 all is as it should be, 1 something is not, 2 the configuration is wrong. What was not
looked at has a - (in JSON \"ok\": null), and is no finding.";

impl Check {
    /// As asked for, by whichever flag.
    #[must_use]
    pub fn form(&self) -> Option<Form> {
        self.output.or(self.json.then_some(Form::Json))
    }
}

/// `branchline explain`
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_HELP)]
pub struct Explain {
    /// The payload as GitHub sent it, or - for standard input
    #[arg(
        value_name = "PAYLOAD",
        required_unless_present = "delivery",
        conflicts_with = "delivery"
    )]
    pub payload: Option<String>,
    /// GitHub's event [default: the beginning of the file's name, as in pull_request.opened.json]
    #[arg(long, value_name = "NAME", conflicts_with = "delivery")]
    pub event: Option<String>,
    /// A delivery that was processed, by the GUID that GitHub shows
    #[arg(long, value_name = "GUID")]
    pub delivery: Option<String>,
    /// Ask no AWS: take the template from this file, the output of `aws codepipeline get-pipeline`, and no subject as seen
    #[arg(long, value_name = "FILE", conflicts_with = "delivery")]
    pub template: Option<String>,
    /// table for people, or json [default: table on a terminal, json otherwise]
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub output: Option<Form>,
    /// The same as --output json.
    #[arg(long, hide = true, conflicts_with_all = ["output", "human"])]
    pub json: bool,
    /// The same as --output table.
    #[arg(long, hide = true, conflicts_with = "output")]
    pub human: bool,
    /// What wins over the file.
    #[command(flatten)]
    pub overrides: Overrides,
}

impl Explain {
    /// As asked for, by whichever flag.
    #[must_use]
    pub fn form(&self) -> Option<Form> {
        let json = self.json.then_some(Form::Json);
        let human = self.human.then_some(Form::Table);
        self.output.or(json).or(human)
    }
}

const EXPLAIN_HELP: &str = "\
Examples:
  branchline explain pull_request.opened.json     with the account's table and template
  branchline explain --template template.json payload.json --event pull_request     without AWS
  branchline explain --delivery 72d3162e-cc78-11e3-81ab-4c9367dc0958
  gh api repos/OWNER/REPO/hooks/ID/deliveries/ID --jq .request.payload > payload.json

Exit codes: 0 it would be processed, 1 it would be buried or is not known, 2 something is wrong with
what explain was given or needs.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_cannot_be_read_is_told_in_one_line() {
        let said = |line: &str| {
            let words = || line.split(' ').map(str::to_owned);
            complaint(&Cli::try_parse_from(words()).unwrap_err(), words())
        };
        assert_eq!(
            said("branchline mappings list --output xml"),
            "invalid value 'xml' for '--output <FORMAT>' [possible values: table, json, csv]; try `branchline mappings list --help`"
        );
        assert_eq!(
            said("branchline mappings show"),
            "the following required arguments were not provided: <SUBJECT>; try `branchline mappings show --help`"
        );
        assert_eq!(
            said("branchline audit --repare"),
            "unexpected argument '--repare' found; a similar argument exists: '--repair'; try `branchline audit --help`"
        );
    }
}
