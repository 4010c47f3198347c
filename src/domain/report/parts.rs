//! The parts of a Markdown text about an execution: its stages, and the action that failed.

use std::fmt::Write as _;
use std::time::Duration;

use crate::domain::report::execution::StepState;
use crate::domain::report::markdown::{block, code, link};
use crate::domain::report::run::{ActionFailure, Run};

/// The most characters of a failed action's message.
const MESSAGE_LIMIT: usize = 2_000;

/// Adds the stages of the template that the pipeline lacks.
pub(super) fn left_out(summary: &mut String, stages: &[String]) {
    if !stages.is_empty() {
        let names: Vec<String> = stages.iter().map(|name| code(name)).collect();
        let names = names.join(", ");
        let _ = write!(
            summary,
            "\nStages of the template that are left out: {names}\n"
        );
    }
}

/// Adds the table of the stages.
pub(super) fn stages(summary: &mut String, run: &Run) {
    if run.stages.is_empty() {
        return;
    }
    summary.push_str("\n| Stage | State | Duration |\n|---|---|---|\n");
    for stage in &run.stages {
        let took = match (stage.started_at, stage.ended_at) {
            (Some(began), Some(ended)) => duration(ended.since(began)),
            (None, _) | (_, None) => String::new(),
        };
        let state = word(stage.state);
        let _ = writeln!(summary, "| {} | {state} | {took} |", code(&stage.name));
    }
}

/// Adds the action that failed, with its message and the link to its log.
pub(super) fn failed_action(summary: &mut String, failure: &ActionFailure) {
    let place = code(&format!("{}/{}", failure.stage, failure.action));
    let _ = write!(summary, "\nFailed action: {place}");
    if let Some(error) = &failure.error_code {
        let _ = write!(summary, " ({})", code(error));
    }
    if let Some(url) = &failure.url {
        let _ = write!(summary, ", {}", link("log", url));
    }
    summary.push('\n');
    if let Some(message) = &failure.summary {
        let _ = write!(summary, "\n{}", block(message, MESSAGE_LIMIT));
    }
}

fn word(state: StepState) -> &'static str {
    match state {
        StepState::Started | StepState::Resumed => "in progress",
        StepState::Succeeded => "succeeded",
        StepState::Failed => "**failed**",
        StepState::Stopping => "stopping",
        StepState::Stopped => "stopped",
        StepState::Canceled => "canceled",
        StepState::Abandoned => "abandoned",
    }
}

/// Returns a title, which may quote names and messages from the pipeline, so that nothing in it is
/// Markdown, a link or a mention.
pub(super) fn escaped(title: &str) -> String {
    let mut escaped = String::with_capacity(title.len());
    for (index, c) in title.char_indices() {
        if c.is_ascii_punctuation() && !matches!(c, '.' | ',' | ':' | '/' | '-' | '\'') {
            escaped.push('\\');
        }
        escaped.push(c);
        // GitHub looks for these after it has interpreted the Markdown: `@person`, `#12`,
        // `https://`, `www.` and `GH-12`.
        let (said, rest) = title.split_at(index + c.len_utf8());
        let begins_link = said.ends_with(':') && rest.starts_with('/')
            || ends_with_word(said, "www")
            || ends_with_word(said, "gh");
        if matches!(c, '@' | '#') || begins_link {
            escaped.push('\u{200B}');
        }
    }
    escaped
}

fn ends_with_word(text: &str, word: &str) -> bool {
    let at = text.len().checked_sub(word.len());
    let end = at.and_then(|at| text.get(at..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(word))
}

/// Returns a duration as people read it.
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_has_no_markdown_no_links_and_no_mentions() {
        let title = "*a* @octocat acme/api#12 GH-3 https://x.io www.x.io";
        assert_eq!(
            escaped(title),
            "\\*a\\* \\@\u{200B}octocat acme/api\\#\u{200B}12 GH\u{200B}-3 https:\u{200B}//x.io www\u{200B}.x.io"
        );
    }
}
