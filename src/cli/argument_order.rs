//! Lets options stand before the subcommand: `branchline --config rules.toml mappings list`.

use clap::{Arg, Command};

/// Moves the options that stand before a subcommand behind it, where clap expects them. Arguments
/// of any other form are returned as they are, and clap reports them.
#[must_use]
pub fn options_last(arguments: Vec<String>, root: &Command) -> Vec<String> {
    let mut command = root;
    let mut path: Vec<String> = arguments.first().cloned().into_iter().collect();
    let mut moved = Vec::new();
    let mut rest = arguments.iter().skip(1);
    while command.has_subcommands() {
        let Some(argument) = rest.next() else {
            return arguments;
        };
        if let Some(below) = command.find_subcommand(argument) {
            path.push(argument.clone());
            command = below;
            continue;
        }
        let Some(option) = option_of(argument).and_then(|name| find(command, name)) else {
            return arguments;
        };
        moved.push(argument.clone());
        if needs_value(option) && !argument.contains('=') {
            moved.extend(rest.next().cloned());
        }
    }
    path.into_iter().chain(moved).chain(rest.cloned()).collect()
}

/// Returns the name of a long option.
fn option_of(argument: &str) -> Option<&str> {
    let name = argument.strip_prefix("--")?;
    name.split('=').next().filter(|name| !name.is_empty())
}

/// Finds an option of a command or of any command below it.
fn find<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    let mut own = command.get_arguments();
    own.find(|argument| argument.get_long() == Some(name))
        .or_else(|| {
            command
                .get_subcommands()
                .find_map(|below| find(below, name))
        })
}

fn needs_value(option: &Arg) -> bool {
    let least = option.get_num_args().map_or(1, |range| range.min_values());
    option.get_action().takes_values() && least > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;

    fn ordered(line: &str) -> String {
        let arguments = line.split(' ').map(str::to_owned).collect();
        options_last(arguments, &Cli::command()).join(" ")
    }

    #[test]
    fn options_before_a_subcommand_are_moved_behind_it() {
        assert_eq!(
            ordered("branchline --config a.toml --table=t mappings list --state gone"),
            "branchline mappings list --config a.toml --table=t --state gone"
        );
        assert_eq!(
            ordered("branchline --region eu-west-1 dlq --queue quarantine list"),
            "branchline dlq list --region eu-west-1 --queue quarantine"
        );
        // A flag takes no value, and neither does an option whose value may be missing.
        assert_eq!(
            ordered("branchline --repair --yes audit"),
            "branchline audit --repair --yes"
        );
        assert_eq!(
            ordered("branchline --trail audit"),
            "branchline audit --trail"
        );
    }

    #[test]
    fn other_arguments_stay_as_they_are() {
        for line in [
            "branchline",
            "branchline --help",
            "branchline --version",
            "branchline --unknown mappings list",
            "branchline --config a.toml",
            "branchline mappings list --config a.toml",
            "branchline what --config a.toml",
        ] {
            assert_eq!(ordered(line), line);
        }
    }
}
