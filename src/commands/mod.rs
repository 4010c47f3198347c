//! The subcommands, one file each: they wire configuration, ports and output.

mod audit;
mod check;
mod dlq;
mod exit_code;
mod explain;
mod mappings;
mod observe;
mod run;
mod system_clock;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command, ConfigCommand, complaint, terminal};
use crate::commands::exit_code::TROUBLE;
use crate::config;

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let started = Instant::now();
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return unread(&error),
    };
    let done = match command {
        Command::Run(asked) => run::start(&asked, started),
        Command::Health(asked) => at_once(observe::health(&asked)),
        Command::Explain(asked) => at_once(explain::run(&asked)),
        Command::Check(asked) => at_once(check::run(&asked)),
        Command::Dlq(asked) => at_once(dlq::run(&asked.command)),
        Command::Mappings(asked) => at_once(mappings::run(&asked.command)),
        Command::Config {
            command: ConfigCommand::Schema,
        } => terminal::print(config::SCHEMA.as_bytes()),
        Command::Audit(asked) => at_once(audit::run(&asked)),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "branchline", &mut text);
            terminal::print(&text)
        }
        Command::Man { folder } => clap_mangen::generate_to(Cli::command(), &folder)
            .map(|()| ExitCode::SUCCESS)
            .map_err(|why| format!("{} cannot be written: {why}", folder.display()).into()),
    };
    match done {
        Ok(code) => code,
        Err(trouble) => {
            // Nobody is left to tell when standard error itself is gone.
            let _ = writeln!(std::io::stderr(), "{trouble}");
            ExitCode::from(TROUBLE)
        }
    }
}

/// Words that cannot be read, or that ask for help.
fn unread(error: &clap::Error) -> ExitCode {
    let asked = [
        ErrorKind::DisplayHelp,
        ErrorKind::DisplayVersion,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
    ];
    if asked.contains(&error.kind()) {
        error.exit();
    }
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    // Nobody is left to tell when standard error itself is gone.
    let _ = writeln!(std::io::stderr(), "{}", complaint(error, words));
    ExitCode::from(TROUBLE)
}

/// Runs a command that does one thing.
fn at_once(
    command: impl Future<Output = Result<ExitCode, Box<dyn Error>>>,
) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(command)
}
