//! Running the binary with nothing of this machine's AWS setup around it.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A webhook secret that must never be printed.
pub(crate) const SECRET: &str = crate::world::webhook::SECRET;

/// `branchline` with these arguments and an environment that says where the secret is and who we are.
pub(crate) fn branchline(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_branchline"));
    command
        .args(arguments)
        .env_clear()
        .env("WEBHOOK_SECRET", SECRET)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null());
    command
}

/// Its exit code and what it wrote to standard error; to standard output it writes nothing.
pub(crate) fn complaint(command: &mut Command) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&stdout), "");
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// JSON log lines.
pub(crate) fn lines(stderr: &str) -> Vec<Value> {
    stderr
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}
