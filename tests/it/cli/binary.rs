//! Runs the built binary, without the AWS configuration of this machine and with a time limit.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A webhook secret that must never be printed.
pub(crate) const SECRET: &str = crate::world::webhook::SECRET;

/// The time limit of every wait: far more than a busy machine needs, and less than a person waits.
pub(crate) const LIMIT: Duration = Duration::from_secs(180);

/// Returns `branchline` with these arguments, the variable of the webhook secret, and credentials.
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

/// Runs a command to its end. A command that exceeds the limit is killed and fails the test.
pub(crate) fn output(command: &mut Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let id = child.id();
    let (sender, receiver) = channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    receiver.recv_timeout(LIMIT).map_or_else(
        |_| {
            send_signal(id, "-KILL");
            let arguments: Vec<_> = command.get_args().collect();
            panic!("{arguments:?} did not end within {LIMIT:?}")
        },
        Result::unwrap,
    )
}

/// Runs a command that must print nothing to standard output. Returns its exit code and its
/// standard error.
pub(crate) fn failure(command: &mut Command) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = output(command);
    assert_eq!(text(stdout), "");
    (status.code(), text(stderr))
}

pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// Parses JSON lines.
pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

/// Waits for a future, within the limit.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(LIMIT, future).await;
    result.unwrap_or_else(|_| panic!("{what} did not happen within {LIMIT:?}"))
}

/// Sends a signal to a process.
fn send_signal(id: u32, signal: &str) {
    let mut kill = Command::new("kill");
    let status = kill.arg(signal).arg(id.to_string()).status().unwrap();
    assert!(status.success(), "kill {signal} {id}");
}

/// The lines of a stream, read by a thread of its own so that each wait has a limit.
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    pub(crate) fn new(stream: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(stream).lines().map_while(Result::ok);
            lines.for_each(|line| {
                // The test may have ended.
                let _ = sender.send(line);
            });
        });
        Self(receiver)
    }

    /// Returns the next line; `None` at the end of the stream.
    pub(crate) fn next(&self) -> Option<String> {
        match self.0.recv_timeout(LIMIT) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no further line within {LIMIT:?}"),
        }
    }
}

/// A command that runs in the background. It is killed with its test.
pub(crate) struct Process {
    child: Child,
    stderr: Lines,
    seen: Vec<String>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr: ChildStderr = child.stderr.take().unwrap();
        Self {
            child,
            stderr: Lines::new(stderr),
            seen: Vec::new(),
        }
    }

    /// Returns the lines of standard output, which must be piped.
    pub(crate) fn stdout(&mut self) -> Lines {
        let stdout: ChildStdout = self.child.stdout.take().unwrap();
        Lines::new(stdout)
    }

    pub(crate) fn signal(&self, signal: &str) {
        send_signal(self.child.id(), signal);
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Reads standard error until a line contains `sentence`, and returns that line.
    pub(crate) fn wait_for(&mut self, sentence: &str) -> String {
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            let Some(line) = self.stderr.next() else {
                panic!("it ended without '{sentence}': {:#?}", self.seen);
            };
            self.seen.push(line.clone());
            if line.contains(sentence) {
                return line;
            }
        }
        panic!("no '{sentence}' within {LIMIT:?}: {:#?}", self.seen);
    }

    /// Waits for its end. Returns its exit code and the whole standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        // Standard error is closed when the process ends.
        while let Some(line) = self.stderr.next() {
            self.seen.push(line);
        }
        let status = self.child.wait().unwrap();
        (status.code(), self.seen.join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
