//! The `branchline` command. Everything is in the library: see `branchline::commands`.

use std::process::ExitCode;

fn main() -> ExitCode {
    branchline::commands::main()
}
