//! What `scripts/bench` runs beside the release binary: a null AWS, which answers every call at
//! once or after a set latency, and two floors, which make the daemon's calls without the daemon.
//!
//! ```text
//! daemon null-aws                                      prints its address, serves until it is ended
//! daemon floor|floor+ --endpoint URL --concurrency N --samples FILE --action opened|synchronize
//! ```
//!
//! `cargo bench` starts it without a word, and it starts `scripts/bench`.

mod floor;
mod null;
#[path = "../support/payload.rs"]
mod payload;

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode};

/// The secret that scripts/bench configures.
const SECRET: &[u8] = b"It's a Secret to Everybody";

/// An error, which is printed and ends the program.
type Trouble = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["null-aws"] => null::serve(),
        [
            which @ ("floor" | "floor+"),
            "--endpoint",
            url,
            "--concurrency",
            most,
            "--samples",
            file,
            "--action",
            action,
        ] => floor::run(*which == "floor+", url, most, Path::new(file), action),
        _ => compare(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            // Standard error itself may be closed.
            let _ = writeln!(std::io::stderr(), "{trouble}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> Result<(), Trouble> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/bench");
    let ended = Command::new(script).status()?;
    if ended.success() {
        return Ok(());
    }
    Err(format!("scripts/bench: {ended}").into())
}
