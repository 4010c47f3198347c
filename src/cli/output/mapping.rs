//! The text of one mapping with its pipeline.

use serde::Serialize;

use crate::domain::clone::execution::{Execution, Stage};
use crate::domain::text::one_line;

use crate::cli::output::colour::Colour;
use crate::cli::output::fields::{LINE, line};
use crate::cli::output::reports::reports;
use crate::inspect::mappings::reports::Reports;
use crate::inspect::mappings::row::Row;
use crate::inspect::waiting::Place;

/// A mapping with its pipeline.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// The mapping.
    #[serde(flatten)]
    pub row: Row,
    /// Its place in the line for a slot; `None` if it does not wait for one.
    pub place: Option<Place>,
    /// The pipeline; `None` if the mapping has none.
    pub live: Option<Live>,
    /// What GitHub was shown.
    pub github: Reports,
}

/// The pipeline in CodePipeline.
#[derive(Debug, Serialize)]
pub struct Live {
    /// True if it exists.
    pub exists: bool,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
    /// Its last executions, the newest first.
    pub executions: Vec<Execution>,
    /// The URL of its page in the AWS console.
    pub console: Option<String>,
    /// The calls that failed, and why.
    pub unknown: Vec<String>,
}

/// Renders the mapping, one field per line, and its pipeline, one stage or execution per line.
#[must_use]
pub fn lines(shown: &Shown, colours: bool) -> String {
    let mut text = String::new();
    let row = serde_json::to_value(&shown.row).unwrap_or_default();
    for name in Row::FIELDS {
        let value = row.get(name).filter(|value| !value.is_null());
        if let Some(value) = value {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            line(&mut text, name, &one_line(&value, LINE));
        }
    }
    if let Some(place) = &shown.place {
        line(&mut text, "waiting", &place.to_string());
    }
    if let Some(live) = &shown.live {
        pipeline(&mut text, live, colours);
    }
    reports(&mut text, &shown.github);
    text
}

fn pipeline(text: &mut String, live: &Live, colours: bool) {
    text.push('\n');
    line(text, "exists", if live.exists { "yes" } else { "no" });
    for stage in &live.stages {
        let state = stage.state.as_deref().unwrap_or("-");
        let status = format!(
            "{:<24} {} {}",
            one_line(&stage.name, 100),
            painted(state, 12, colours),
            one_line(stage.execution.as_deref().unwrap_or(""), LINE)
        );
        line(text, "stage", status.trim_end());
        if let Some(failure) = &stage.failure {
            line(text, "", &one_line(failure, LINE));
        }
    }
    for execution in &live.executions {
        let status = format!(
            "{} {} {} {}",
            one_line(&execution.id, LINE),
            painted(&execution.state, 12, colours),
            one_line(execution.started.as_deref().unwrap_or("-"), LINE),
            one_line(execution.commit.as_deref().unwrap_or("-"), LINE)
        );
        line(text, "execution", &status);
    }
    for unknown in &live.unknown {
        line(text, "unknown", &one_line(unknown, LINE));
    }
    if let Some(console) = &live.console {
        line(text, "console", &one_line(console, LINE));
    }
}

/// Pads a state to this width, and colours it.
fn painted(state: &str, width: usize, colours: bool) -> String {
    let state = &one_line(state, LINE);
    let padding = " ".repeat(width.saturating_sub(state.chars().count()));
    let colour = match state.as_str() {
        "Succeeded" => Colour::Green,
        "Failed" | "Stopped" | "Cancelled" => Colour::Red,
        "InProgress" | "Stopping" => Colour::Yellow,
        _ => return format!("{state}{padding}"),
    };
    match colours {
        true => format!("{}{padding}", colour.paint(state)),
        false => format!("{state}{padding}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_one_line_and_the_link_is_not_cut() {
        let stage = |name: &str, state: &str, failure: Option<&str>| Stage {
            name: name.to_owned(),
            state: Some(state.to_owned()),
            execution: Some("e-1".to_owned()),
            failure: failure.map(str::to_owned),
        };
        let console = format!("https://console/{}", "long/".repeat(60));
        let live = Live {
            exists: true,
            stages: vec![
                stage("Source", "Succeeded", None),
                stage("Build", "Failed", Some("Build: exit status 1")),
            ],
            executions: Vec::new(),
            console: Some(console.clone()),
            unknown: Vec::new(),
        };
        let mut text = String::new();
        pipeline(&mut text, &live, false);
        let expected = format!(
            "\nexists           yes
stage            Source                   Succeeded    e-1
stage            Build                    Failed       e-1
                 Build: exit status 1
console          {console}\n"
        );
        assert_eq!(text, expected);
        let mut text = String::new();
        pipeline(&mut text, &live, true);
        assert!(text.contains("\u{1b}[31mFailed\u{1b}[0m"), "{text}");
    }
}
