//! The arguments of `branchline setup`.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use crate::cli::output::{OBJECT, OutputFormat, one_of};
use crate::domain::github::api_url::{ApiUrl, GITHUB_COM};

/// `branchline setup`
#[derive(Debug, Subcommand)]
pub enum SetupCommand {
    /// Print how to create the GitHub App, with each permission and its reason
    GithubApp(GithubApp),
}

/// `branchline setup github-app`
#[derive(Debug, Args)]
#[command(after_help = GITHUB_APP_HELP)]
pub struct GithubApp {
    /// Organization that will own the App [default: your personal account]
    #[arg(long, value_name = "NAME", value_parser = organization)]
    pub organization: Option<String>,
    /// URL of GitHub's REST API (github.api_url)
    #[arg(long, value_name = "URL", default_value = GITHUB_COM, value_parser = ApiUrl::parse)]
    pub api_url: ApiUrl,
    /// Name of the App, which no other App at GitHub has
    #[arg(
        long,
        value_name = "NAME",
        default_value = "branchline",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub name: String,
    /// Output format: the steps, or the App's manifest [default: table on a terminal, otherwise
    /// json]
    #[arg(long, value_name = "FORMAT", value_parser = one_of(OBJECT))]
    pub output: Option<OutputFormat>,
}

const GITHUB_APP_HELP: &str = "\
Calls nobody, and needs no configuration. The URL of the webhook and its secret are secrets, so they
are not in the output.

Examples:
  branchline setup github-app --organization acme
  branchline setup github-app --api-url https://git.acme.com/api/v3
  branchline setup github-app --output json > manifest.json

Exit codes: 0 success, 2 error";

/// Accepts the name of an organization (GitHub Docs, "Creating a new organization").
fn organization(text: &str) -> Result<String, &'static str> {
    let is_legal = (1..=39).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    match is_legal {
        true => Ok(text.to_owned()),
        false => Err("expected the organization's name in URLs: letters, digits and hyphens"),
    }
}
