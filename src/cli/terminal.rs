//! What every command shares: how it prints, and what its words mean.

use std::error::Error;
use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use crate::cli::output::explanation::Form;
use crate::cli::output::streaming_table::{OutputFormat, TerminalInfo};
use crate::domain::fault::Fault;
use crate::domain::ids::Timestamp;
use crate::domain::text::one_line;
use globset::{GlobBuilder, GlobMatcher};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// Something was found, or is left.
const FINDINGS: u8 = 1;
/// The width of a table where nobody looks.
const WIDTH: usize = 160;

/// Characters of a person's name.
const NAME: usize = 100;

/// How a command ends.
pub(crate) type Done = Result<ExitCode, Box<dyn Error>>;

/// A fault that ends a command.
pub(crate) fn fault(fault: Fault) -> String {
    format!("branchline cannot go on: {fault}")
}

/// `true` once nobody reads any more, which is no failure.
pub(crate) fn stopped(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(error),
    }
}

/// Prints what is whole already.
pub(crate) fn print(text: &[u8]) -> Done {
    stopped(io::stdout().write_all(text))?;
    Ok(ExitCode::SUCCESS)
}

/// A table for people, JSON lines for programs.
pub(crate) fn format(asked: Option<OutputFormat>) -> OutputFormat {
    asked.unwrap_or(match io::stdout().is_terminal() {
        true => OutputFormat::Table,
        false => OutputFormat::Json,
    })
}

/// Whether what is printed is for people.
pub(crate) fn is_human(asked: Option<Form>) -> bool {
    match asked {
        Some(Form::Table) => true,
        Some(Form::Json) => false,
        None => io::stdout().is_terminal(),
    }
}

/// Whether colours are welcome: on a terminal, unless NO_COLOR says otherwise (no-color.org).
pub(crate) fn colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// What tables are written for.
pub(crate) fn screen() -> TerminalInfo {
    TerminalInfo {
        width: width(),
        colours: colours(),
    }
}

/// Of the terminal, or as `COLUMNS` says.
pub(crate) fn width() -> usize {
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    let terminal = terminal_size::terminal_size().map(|(width, _)| width.0.into());
    let width = terminal.or_else(told).filter(|width| *width > 0);
    width.unwrap_or(WIDTH)
}

/// A glob over all of a text: `*` crosses slashes. GitHub does not tell case apart in repositories' names, but does in branches'.
pub(crate) fn glob(flag: &str, text: Option<&str>) -> Result<Option<GlobMatcher>, String> {
    let built = text.map(|text| {
        let mut builder = GlobBuilder::new(text);
        builder.case_insensitive(flag == "repository").build()
    });
    let built = built
        .transpose()
        .map_err(|why| format!("--{flag}: {why}"))?;
    Ok(built.map(|glob| glob.compile_matcher()))
}

/// A time, or an age before now.
pub(crate) fn time_argument(
    flag: &str,
    text: Option<&str>,
    now: Timestamp,
) -> Result<Option<Timestamp>, String> {
    let Some(text) = text else {
        return Ok(None);
    };
    let time = Timestamp::from_rfc3339(text).or_else(|| ago(text, now));
    time.map(Some).ok_or_else(|| {
        format!("--{flag}: '{text}' is no time: want 2026-11-23T20:00:00Z, or an age as 90s, 30m, 2h, 5d")
    })
}

fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    let unit = text.chars().last()?;
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => number,
        'm' => number.checked_mul(60)?,
        'h' => number.checked_mul(3_600)?,
        'd' => number.checked_mul(86_400)?,
        _ => return None,
    };
    let millis = i64::try_from(seconds.checked_mul(1_000)?).ok()?;
    Some(Timestamp(now.0.checked_sub(millis)?))
}

/// How long something has been looked at, for a person who waits.
pub(crate) fn spinner(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} {pos}");
    let spinner = ProgressBar::new_spinner()
        .with_message(what)
        .with_finish(ProgressFinish::AndClear);
    spinner.enable_steady_tick(Duration::from_millis(200));
    match style {
        Ok(style) => spinner.with_style(style),
        Err(_) => spinner,
    }
}

/// How much of a known number has been done.
pub(crate) fn counter(what: &'static str, total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} {pos}/{len}");
    let counter = spinner(what);
    counter.set_length(u64::try_from(total).unwrap_or(u64::MAX));
    match style {
        Ok(style) => counter.with_style(style),
        Err(_) => counter,
    }
}

/// `1` where something was found, or is left.
pub(crate) fn code(findings: bool) -> ExitCode {
    if findings {
        ExitCode::from(FINDINGS)
    } else {
        ExitCode::SUCCESS
    }
}

/// Whether the person says so. Where nobody can be asked, nothing is assumed.
pub(crate) fn person_says(question: &str, answer: &str) -> Result<bool, Box<dyn Error>> {
    if !io::stdin().is_terminal() {
        return Err("nobody can be asked here: give --yes".into());
    }
    let mut talk = io::stderr();
    write!(talk, "{question} ")?;
    talk.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim() == answer)
}

/// Who it is that asks, for the audit trail: as said, else as the machine says. A name of nothing, which SQS would refuse,
/// is none, and characters that no terminal should meet are left out.
pub(crate) fn operator(by: Option<&str>) -> String {
    let of_machine = ["USER", "LOGNAME"].map(|name| std::env::var(name).ok());
    let all = std::iter::once(by.map(str::to_owned)).chain(of_machine);
    let named = all.flatten().map(|name| {
        let kept: String = name.chars().filter(|c| !c.is_control()).collect();
        one_line(kept.trim(), NAME)
    });
    let mut named = named.filter(|name| !name.is_empty());
    named.next().unwrap_or_else(|| "unknown".to_owned())
}
