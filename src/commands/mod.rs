//! The subcommands, one file or folder each. They wire configuration, ports and output.

mod audit;
mod check;
mod connect;
mod deliveries;
mod dlq;
mod evidence;
mod exit_code;
mod explain;
mod interrupt;
mod jobs;
mod mappings;
mod observe;
mod quota;
mod reconcile;
mod run;
mod setup;
mod status;
mod system_clock;
mod why;

use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Instant;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::cli::argument_order::options_last;
use crate::cli::terminal::note;
use crate::cli::{Cli, Command, ConfigCommand, complaint, terminal};
use crate::commands::exit_code::ERROR;
use crate::config::{self, Problems};
use crate::domain::clone::file::FILE_SCHEMA;

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let started = Instant::now();
    let arguments = arguments();
    let command = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli.command,
        Err(error) => return invalid_arguments(&error, arguments),
    };
    let result = match command {
        Command::Run(args) => run::start(&args, started),
        Command::Health(args) => block_on(observe::health(&args)),
        Command::Status(args) => block_on(status::run(&args)),
        Command::Quota(args) => block_on(quota::run(&args)),
        Command::Why(args) => block_on(why::run(&args)),
        Command::Explain(args) => block_on(explain::run(&args)),
        Command::Check(args) => block_on(check::run(&args)),
        Command::Dlq(args) => block_on(dlq::run(&args.command)),
        Command::Mappings(args) => block_on(mappings::run(&args.command)),
        Command::Setup { command } => setup::run(&command),
        Command::Config {
            command: ConfigCommand::Schema { repository_file },
        } => {
            let schema = match repository_file {
                true => FILE_SCHEMA,
                false => config::SCHEMA,
            };
            terminal::print(schema.as_bytes())
        }
        Command::Audit(args) => block_on(audit::run(&args)),
        Command::Deliveries(args) => block_on(deliveries::run(&args.command)),
        Command::Reconcile(args) => block_on(reconcile::run(&args)),
        Command::Jobs(args) => block_on(jobs::run(&args.command)),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "branchline", &mut text);
            terminal::print(&text)
        }
        Command::Man { folder } => clap_mangen::generate_to(Cli::command(), &folder)
            .map(|()| ExitCode::SUCCESS)
            .map_err(|why| {
                let folder = folder.display();
                format!("cannot write to {folder}: {why}: give an existing folder").into()
            }),
    };
    result.unwrap_or_else(|error| report(error.as_ref()))
}

/// Returns the arguments of the process, with the options behind the subcommand.
fn arguments() -> Vec<OsString> {
    let all: Vec<OsString> = std::env::args_os().collect();
    let texts = all.iter().map(|arg| arg.to_str().map(str::to_owned));
    match texts.collect::<Option<Vec<String>>>() {
        Some(texts) => {
            let ordered = options_last(texts, &Cli::command());
            ordered.into_iter().map(OsString::from).collect()
        }
        // clap reports an argument that is not UTF-8.
        None => all,
    }
}

/// Writes an error to standard error in one line, or one line per mistake of the configuration.
fn report(error: &(dyn Error + 'static)) -> ExitCode {
    let lines = match error.downcast_ref::<Problems>() {
        Some(problems) => problems.all().iter().map(ToString::to_string).collect(),
        None => vec![error.to_string().trim_end().replace('\n', " ")],
    };
    for line in lines {
        // If standard error is closed, the exit code is all that is left.
        let _ = note(&format!("error: {line}"));
    }
    ExitCode::from(ERROR)
}

/// Prints the help that was asked for, or reports the arguments that are not valid.
fn invalid_arguments(error: &clap::Error, arguments: Vec<OsString>) -> ExitCode {
    let help = [
        ErrorKind::DisplayHelp,
        ErrorKind::DisplayVersion,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
    ];
    if help.contains(&error.kind()) {
        error.exit();
    }
    let args = arguments.into_iter();
    let args = args.map(|arg| arg.to_string_lossy().into_owned());
    // If standard error is closed, the exit code is all that is left.
    let _ = note(&complaint(error, args));
    ExitCode::from(ERROR)
}

/// Runs a command to its end, on this thread.
fn block_on(
    command: impl Future<Output = Result<ExitCode, Box<dyn Error>>>,
) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(command)
}
