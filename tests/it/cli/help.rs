//! What every command says of itself.

use branchline::cli::Cli;
use clap::{Command, CommandFactory};

use super::binary::branchline;

/// Every command with its words, the commands above it first.
fn commands(command: &Command, above: &[String], all: &mut Vec<Vec<String>>) {
    all.push(above.to_vec());
    for below in command.get_subcommands() {
        let mut path = above.to_vec();
        path.push(below.get_name().to_owned());
        commands(below, &path, all);
    }
}

#[test]
fn help_is_as_it_was_read() {
    let mut all = Vec::new();
    commands(&Cli::command(), &[], &mut all);
    let mut text = String::new();
    for path in all {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let output = branchline(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{path:?}");
        assert!(output.stderr.is_empty(), "{path:?}");
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(
            help.lines().all(|line| line.chars().count() <= 120),
            "{path:?}: a line is wider than most terminals"
        );
        text.push_str(&format!("$ branchline {}\n\n{help}\n", arguments.join(" ")));
    }
    insta::assert_snapshot!("help", text);
}
