//! `branchline setup`: prints how to set up what branchline needs outside AWS.

use crate::cli::output::OutputFormat;
use crate::cli::output::github_app::NewApp;
use crate::cli::setup::{GithubApp, SetupCommand};
use crate::cli::terminal::{Done, format, print};
use crate::domain::github::needs::Uses;

pub(crate) fn run(command: &SetupCommand) -> Done {
    let SetupCommand::GithubApp(args) = command;
    print(github_app(args)?.as_bytes())
}

fn github_app(args: &GithubApp) -> Result<String, serde_json::Error> {
    let app = NewApp {
        name: &args.name,
        organization: args.organization.as_deref(),
        api: &args.api_url,
        // An App shows check runs, so it needs no commit statuses.
        uses: Uses {
            checks: true,
            statuses: false,
            comments: true,
            deployments: true,
            merge_groups: true,
        },
    };
    match format(args.output) {
        OutputFormat::Table => Ok(app.steps()),
        OutputFormat::Json | OutputFormat::Csv => {
            Ok(serde_json::to_string(&app.manifest())? + "\n")
        }
    }
}
