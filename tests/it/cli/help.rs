//! The help text of every command.

use branchline::cli::Cli;
use clap::{Command, CommandFactory};

use super::binary::{branchline, output, text};

/// Collects the path of every command, parents first.
fn commands(command: &Command, path: &[String], all: &mut Vec<Vec<String>>) {
    all.push(path.to_vec());
    for below in command.get_subcommands() {
        let mut path = path.to_vec();
        path.push(below.get_name().to_owned());
        commands(below, &path, all);
    }
}

#[test]
fn every_help_text_was_reviewed() {
    let mut all = Vec::new();
    commands(&Cli::command(), &[], &mut all);
    let mut all_help = String::new();
    for path in all {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let output = output(&mut branchline(&arguments));
        assert_eq!(output.status.code(), Some(0), "{path:?}");
        assert!(output.stderr.is_empty(), "{path:?}");
        let help = text(output.stdout);
        assert!(
            help.lines().all(|line| line.chars().count() <= 120),
            "{path:?}: a line is wider than most terminals"
        );
        all_help.push_str(&format!("$ branchline {}\n\n{help}\n", arguments.join(" ")));
    }
    insta::assert_snapshot!("help", all_help);
}
