//! What every command shares: output, prompts, progress, and the parsing of globs and times.

use std::error::Error;
use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use crate::cli::output::OutputFormat;
use crate::cli::output::streaming_table::TerminalInfo;
use crate::domain::fault::Fault;
use crate::domain::ids::Timestamp;
use crate::domain::text::one_line;
use crate::domain::time_range::start_of_day;
use globset::{GlobBuilder, GlobMatcher};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// The exit code of a command that found something, or left something undone.
const FINDINGS: u8 = 1;
/// The width of a table without a terminal, in characters.
const WIDTH: usize = 160;

/// The last moment of a day, in milliseconds from its beginning.
const LAST_MOMENT_OF_DAY: i64 = 24 * 60 * 60 * 1_000 - 1;

/// The longest operator's name, in characters.
const NAME: usize = 100;

/// The result of a command.
pub(crate) type Done = Result<ExitCode, Box<dyn Error>>;

/// Describes a fault that ends a command, and what to do about it.
pub(crate) fn fault(fault: Fault) -> String {
    fault.for_operator()
}

/// Returns true if standard output was closed (broken pipe), which is not an error.
pub(crate) fn stopped(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(error),
    }
}

/// Writes one line to standard error. Text from a queue, a file or a service cannot begin another
/// line or move the cursor.
pub(crate) fn note(line: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{}", one_line(line, usize::MAX))
}

/// Prints to standard output.
pub(crate) fn print(text: &[u8]) -> Done {
    stopped(io::stdout().write_all(text))?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the format that was chosen; otherwise a table on a terminal and JSON elsewhere.
pub(crate) fn format(chosen: Option<OutputFormat>) -> OutputFormat {
    chosen.unwrap_or(match io::stdout().is_terminal() {
        true => OutputFormat::Table,
        false => OutputFormat::Json,
    })
}

/// Returns true on a terminal, unless NO_COLOR is set (no-color.org).
pub(crate) fn colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Returns the terminal that tables are written for.
pub(crate) fn terminal() -> TerminalInfo {
    TerminalInfo {
        width: width(),
        colours: colours(),
    }
}

/// Returns the width of the terminal, or the value of `COLUMNS`.
pub(crate) fn width() -> usize {
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    let terminal = terminal_size::terminal_size().map(|(width, _)| width.0.into());
    let width = terminal.or_else(columns).filter(|width| *width > 0);
    width.unwrap_or(WIDTH)
}

/// Parses a glob over a whole text, in which `*` also matches slashes. GitHub ignores case in the
/// names of repositories, but not in those of branches.
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

/// Parses a time, or an age before now.
pub(crate) fn time_argument(
    flag: &str,
    text: Option<&str>,
    now: Timestamp,
) -> Result<Option<Timestamp>, String> {
    let Some(text) = text else {
        return Ok(None);
    };
    let time = Timestamp::from_rfc3339(text)
        .or_else(|| date(flag, text))
        .or_else(|| ago(text, now));
    time.map(Some).ok_or_else(|| {
        format!("--{flag}: invalid time '{text}': expected 2026-11-23T20:00:00Z, a date such as 2026-11-23, or an age such as 90s, 30m, 2h, 5d")
    })
}

/// Returns the beginning of a day (UTC), or its end for `--until`, so that the day is included.
fn date(flag: &str, text: &str) -> Option<Timestamp> {
    let start = start_of_day(text)?;
    Some(match flag {
        "until" => Timestamp(start.0 + LAST_MOMENT_OF_DAY),
        _ => start,
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

/// Shows progress towards an unknown total.
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

/// Shows progress towards a known total.
pub(crate) fn counter(what: &'static str, total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} {pos}/{len}");
    let counter = spinner(what);
    counter.set_length(u64::try_from(total).unwrap_or(u64::MAX));
    match style {
        Ok(style) => counter.with_style(style),
        Err(_) => counter,
    }
}

/// Returns 1 if something was found, or left undone.
pub(crate) fn code(findings: bool) -> ExitCode {
    if findings {
        ExitCode::from(FINDINGS)
    } else {
        ExitCode::SUCCESS
    }
}

/// The answers that confirm a `[y/N]` prompt.
pub(crate) const YES: &[&str] = &["y", "yes"];

/// Prompts on the terminal, and returns true for one of the answers, in upper or lower case.
///
/// # Errors
/// Standard input is not a terminal.
pub(crate) fn confirms<S: AsRef<str>>(
    question: &str,
    answers: &[S],
) -> Result<bool, Box<dyn Error>> {
    if !io::stdin().is_terminal() {
        return Err(
            "standard input is not a terminal, so you cannot be asked to confirm: add --yes".into(),
        );
    }
    let mut stderr = io::stderr();
    write!(stderr, "{} ", one_line(question, usize::MAX))?;
    stderr.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let typed = line.trim();
    Ok(answers
        .iter()
        .any(|answer| answer.as_ref().eq_ignore_ascii_case(typed)))
}

/// Returns the operator's name for the audit trail: the given name, otherwise `USER` or `LOGNAME`.
/// An empty name, which SQS would refuse, counts as missing. Control characters are left out.
pub(crate) fn operator(by: Option<&str>) -> String {
    let from_environment = ["USER", "LOGNAME"].map(|name| std::env::var(name).ok());
    let all = std::iter::once(by.map(str::to_owned)).chain(from_environment);
    let named = all.flatten().map(|name| {
        let printable: String = name.chars().filter(|c| !c.is_control()).collect();
        one_line(printable.trim(), NAME)
    });
    let mut named = named.filter(|name| !name.is_empty());
    named.next().unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_a_date_or_an_age() {
        let now = Timestamp::from_rfc3339("2026-11-26T12:00:00Z").unwrap();
        let time = |flag: &str, text: &str| {
            let time = time_argument(flag, Some(text), now).unwrap();
            time.unwrap().to_string()
        };
        assert_eq!(
            time("since", "2026-11-23T20:00:00Z"),
            "2026-11-23T20:00:00.000Z"
        );
        assert_eq!(time("since", "2026-11-23"), "2026-11-23T00:00:00.000Z");
        assert_eq!(time("until", "2026-11-23"), "2026-11-23T23:59:59.999Z");
        assert_eq!(time("since", "2h"), "2026-11-26T10:00:00.000Z");
        assert!(time_argument("since", Some("23.11.2026"), now).is_err());
    }
}
