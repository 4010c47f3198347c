//! The text of an explanation.

use std::fmt::Write;

use crate::cli::output::OutputFormat;
use crate::cli::output::colour::Colour;
use crate::cli::output::notes::notes;
use crate::domain::clone::diff::lines;
use crate::domain::text::one_line;
use crate::inspect::explain::Explanation;
use crate::inspect::predicted_report::PredictedReport;

/// The longest line of the text, in characters. The JSON has the whole values.
const LINE: usize = 400;

/// Renders an explanation. Only the table has colours.
#[must_use]
pub fn explanation(explanation: &Explanation, format: OutputFormat, colours: bool) -> String {
    match format {
        OutputFormat::Table => table(explanation, colours),
        OutputFormat::Json | OutputFormat::Csv => {
            serde_json::to_string(explanation).unwrap_or_default() + "\n"
        }
    }
}

fn table(explanation: &Explanation, colours: bool) -> String {
    let mut text = facts(explanation);
    if let Some(place) = &explanation.whereabouts {
        let place = format!("{} ({}): {}", place.state, place.source, place.detail);
        line(
            &mut text,
            &format!("{:<10} {}", "delivery", one_line(&place, LINE)),
        );
    }
    for entry in &explanation.recorded {
        let from = entry.from.as_deref().unwrap_or("unseen");
        let actor = entry.actor.as_deref().unwrap_or("unknown");
        let entry = format!(
            "recorded   {} {}: {from} to {} ({actor})",
            entry.processed_at, entry.outcome, entry.to
        );
        line(&mut text, &one_line(&entry, LINE));
    }
    if let Some(compared) = &explanation.clone {
        let version = compared
            .template_version
            .map_or_else(String::new, |version| format!(" (version {version})"));
        let template = one_line(&compared.template, LINE);
        line(
            &mut text,
            &format!(
                "\n{template}{version} -> {}",
                one_line(&compared.pipeline, LINE)
            ),
        );
        if !compared.left_out_stages.is_empty() {
            let stages = compared.left_out_stages.join(", ");
            line(
                &mut text,
                &one_line(&format!("without stages {stages}"), LINE),
            );
        }
        for note in notes(&compared.dangers, &compared.warnings, LINE, colours) {
            line(&mut text, &note);
        }
        for difference in lines(&compared.differences) {
            let shown = one_line(&difference, LINE);
            line(&mut text, &coloured(&shown, colours));
        }
    }
    text
}

fn facts(explanation: &Explanation) -> String {
    let journal = &explanation.journal;
    let repository = journal.repository.as_ref().map(ToString::to_string);
    let report = explanation.report.as_ref();
    let facts = [
        ("event", journal.event.as_ref().map(ToString::to_string)),
        (
            "delivery",
            journal.delivery.as_ref().map(ToString::to_string),
        ),
        ("subject", journal.subject().or(repository)),
        ("rule", journal.rule.clone()),
        (
            "mapping",
            journal.from.map(|state| state.as_str().to_owned()),
        ),
        (
            "pipeline",
            journal.pipeline.as_ref().map(ToString::to_string),
        ),
        ("prediction", Some(explanation.prediction.clone())),
        ("codebuild", projects(explanation)),
        ("report", report.map(reported)),
        (
            "comment",
            report
                .and_then(|report| report.comment.as_deref())
                .and_then(|text| text.lines().nth(1))
                .map(|title| title.trim_matches('*').to_owned()),
        ),
    ];
    let mut text = String::new();
    for (name, value) in facts {
        if let Some(value) = value {
            line(
                &mut text,
                &format!("{name:<10} {}", one_line(&value, usize::MAX)),
            );
        }
    }
    text
}

/// Returns what would happen to CodeBuild projects: `create api-pr-7-api-1a2b3c4d`.
fn projects(explanation: &Explanation) -> Option<String> {
    let calls = explanation.projects.iter();
    let calls: Vec<String> = calls
        .map(|one| format!("{} {}", one.kind.as_str(), one.project))
        .collect();
    (!calls.is_empty()).then(|| calls.join(", "))
}

fn reported(report: &PredictedReport) -> String {
    let PredictedReport {
        form,
        context,
        state,
        title,
        ..
    } = report;
    format!("{form} {context}: {state}: {title}")
}

fn line(text: &mut String, line: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{line}");
}

/// Colours a line of a difference: red if it is removed, green if it is added.
fn coloured(line: &str, colours: bool) -> String {
    match line.chars().next() {
        Some('-') if colours => Colour::Red.paint(line),
        Some('+') if colours => Colour::Green.paint(line),
        Some(_) | None => line.to_owned(),
    }
}
