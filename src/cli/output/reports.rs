//! The text of what GitHub was shown.

use crate::cli::output::fields::{LINE, line};
use crate::domain::text::one_line;
use crate::inspect::mappings::reports::{
    CommentState, CommitReport, Deployments, Failure, Reports,
};

/// The characters of a commit in a line.
const SHORT_COMMIT: usize = 12;

/// Adds the reports, one commit per line, the comment, and the deployments.
pub(super) fn reports(text: &mut String, reports: &Reports) {
    if !reports.commits.is_empty() {
        text.push('\n');
    }
    for report in &reports.commits {
        commit(text, report);
    }
    if let Some(shown) = &reports.comment {
        comment(text, shown);
    }
    if let Some(shown) = &reports.deployments {
        deployments(text, shown);
    }
}

fn commit(text: &mut String, report: &CommitReport) {
    let shown = shown(
        report.state,
        Some(&report.commit),
        report.at.as_deref(),
        report.title.as_deref(),
    );
    line(text, "reported", &shown);
    if let Some(url) = &report.url {
        line(text, "", &one_line(url, LINE));
    }
    if let Some(unsent) = &report.unsent {
        let unsent = format!("not sent yet: {}: {}", unsent.state, unsent.title);
        line(text, "", &one_line(&unsent, LINE));
    }
    failure(text, report.failure.as_ref());
}

fn comment(text: &mut String, comment: &CommentState) {
    let url = comment.url.as_deref();
    let shown = shown(
        comment.state,
        comment.commit.as_deref(),
        comment.at.as_deref(),
        url,
    );
    line(text, "comment", &shown);
    if comment.is_unsent {
        line(text, "", "another text is not sent yet");
    }
    failure(text, comment.failure.as_ref());
}

fn deployments(text: &mut String, deployments: &Deployments) {
    for one in &deployments.shown {
        let shown = shown(
            one.state,
            Some(&one.commit),
            Some(&one.environment),
            one.url.as_deref(),
        );
        line(text, "deployment", &shown);
    }
    if deployments.is_unsent {
        line(text, "deployment", "another state is not sent yet");
    }
    failure(text, deployments.failure.as_ref());
}

fn shown(
    state: Option<&str>,
    commit: Option<&str>,
    at: Option<&str>,
    what: Option<&str>,
) -> String {
    let commit: String = commit.unwrap_or("-").chars().take(SHORT_COMMIT).collect();
    let (state, at, what) = (
        state.unwrap_or("nothing"),
        at.unwrap_or("-"),
        what.unwrap_or(""),
    );
    let text = format!("{state:<12} {commit:<SHORT_COMMIT$} {at} {what}");
    one_line(text.trim_end(), LINE)
}

fn failure(text: &mut String, failure: Option<&Failure>) {
    let Some(failure) = failure else {
        return;
    };
    let next = match &failure.retry_at {
        Some(at) => format!("the next attempt is at {at}"),
        None => "it is not sent again".to_owned(),
    };
    let why = format!("{}: {}", failure.kind, failure.detail);
    line(text, "", &one_line(&why, LINE));
    let since = format!("failing since {}; {next}", failure.since);
    line(text, "", &one_line(&since, LINE));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::mappings::reports::{DeploymentShown, Unsent};

    #[test]
    fn a_report_has_its_page_what_is_unsent_and_what_to_do() {
        let all = Reports {
            commits: vec![CommitReport {
                commit: "a".repeat(40),
                form: "check",
                context: "branchline/api".to_owned(),
                state: Some("in-progress"),
                title: Some("Running in CodePipeline".to_owned()),
                at: Some("2026-01-01T00:00:00.000Z".to_owned()),
                check_run: Some(5),
                url: Some("https://github.com/acme/api/runs/5".to_owned()),
                unsent: Some(Unsent {
                    state: "success",
                    title: "Succeeded in 9 s".to_owned(),
                }),
                failure: Some(Failure {
                    kind: "github-denied",
                    detail: "grant checks: write".to_owned(),
                    attempts: 1,
                    since: "2026-01-01T00:01:00.000Z".to_owned(),
                    retry_at: Some("2026-01-01T01:01:00.000Z".to_owned()),
                }),
            }],
            comment: Some(CommentState {
                comment: None,
                url: None,
                commit: None,
                state: None,
                at: None,
                is_unsent: true,
                failure: None,
            }),
            deployments: Some(Deployments {
                shown: vec![DeploymentShown {
                    environment: "preview/pr-7".to_owned(),
                    commit: "a".repeat(40),
                    deployment: Some(9),
                    state: Some("in_progress"),
                    url: Some("https://pr-7.example.com".to_owned()),
                }],
                is_unsent: true,
                failure: None,
            }),
        };
        let mut text = String::new();
        reports(&mut text, &all);
        insta::assert_snapshot!(text, @r#"
        
        reported         in-progress  aaaaaaaaaaaa 2026-01-01T00:00:00.000Z Running in CodePipeline
                         https://github.com/acme/api/runs/5
                         not sent yet: success: Succeeded in 9 s
                         github-denied: grant checks: write
                         failing since 2026-01-01T00:01:00.000Z; the next attempt is at 2026-01-01T01:01:00.000Z
        comment          nothing      -            -
                         another text is not sent yet
        deployment       in_progress  aaaaaaaaaaaa preview/pr-7 https://pr-7.example.com
        deployment       another state is not sent yet
        "#);
    }
}
