//! Check runs and commit statuses.

use branchline::domain::ids::{CheckRunId, Timestamp};
use branchline::domain::report::fault::GitHubFault;
use branchline::domain::report::{ReportForm, TITLE_LIMIT};
use branchline::ports::Earlier;
use serde_json::{Value, json};

use super::*;

const STATUS: &str = "POST /repos/acme/api/statuses/0f8a39421b2c4d5e8f90a1b2c3d4e5f60718293a";
const UPDATE: &str = "PATCH /repos/acme/api/check-runs/9";
const LIST: &str =
    "GET /repos/acme/api/commits/0f8a39421b2c4d5e8f90a1b2c3d4e5f60718293a/check-runs";

const STATES: [ReportState; 7] = [
    ReportState::Queued,
    ReportState::InProgress,
    ReportState::Completed(Conclusion::Success),
    ReportState::Completed(Conclusion::Failure),
    ReportState::Completed(Conclusion::Error),
    ReportState::Completed(Conclusion::Cancelled),
    ReportState::Completed(Conclusion::Skipped),
];

async fn show_check(
    server: &Server,
    report: &Report,
    earlier: Earlier<CheckRunId>,
) -> Result<Option<CheckRunId>, GitHubFault> {
    let client = client(server, app("7"), FAST);
    show(&client, ReportForm::Check, report, earlier).await
}

/// Returns a page of check runs with these numbers and external ids.
fn runs(runs: &[(u64, &str)]) -> server::Reply {
    let list: Vec<Value> = runs
        .iter()
        .map(|(id, external)| json!({ "id": id, "external_id": external }))
        .collect();
    reply(
        200,
        &json!({ "total_count": list.len(), "check_runs": list }),
    )
}

#[tokio::test]
async fn a_new_check_run_has_everything_and_an_update_has_no_commit() {
    let server = server_with_tokens().await;
    server
        .on(RUNS, created(9))
        .on(UPDATE, reply(200, &json!({ "id": 9 })));
    let full = Report {
        started_at: Some(Timestamp(1_767_225_600_000)),
        completed_at: Some(Timestamp(1_767_225_661_500)),
        ..done()
    };
    let shown = show_check(&server, &full, Earlier::Nothing).await;
    assert_eq!(shown, Ok(Some(CheckRunId(9))));
    let mut expected = json!({
        "name": "branchline/api",
        "head_sha": COMMIT,
        "external_id": "R#42/PR#7@3",
        "status": "completed",
        "conclusion": "success",
        "details_url": "https://console.aws.amazon.com/x",
        "started_at": "2026-01-01T00:00:00.000Z",
        "completed_at": "2026-01-01T00:01:01.500Z",
        "output": { "title": "Build failed", "summary": "| stage | state |" },
    });
    assert_eq!(server.last(RUNS).json, expected);
    let shown = show_check(&server, &full, Earlier::Created(CheckRunId(9))).await;
    assert_eq!(shown, Ok(Some(CheckRunId(9))));
    expected.as_object_mut().unwrap().remove("head_sha");
    assert_eq!(server.last(UPDATE).json, expected);
}

#[tokio::test]
async fn every_state_has_its_words() {
    let server = server_with_tokens().await;
    server.on(RUNS, created(9)).on(STATUS, created(1));
    let client = client(&server, app("7"), FAST);
    let mut words = Vec::new();
    for state in STATES {
        for form in ReportForm::ALL {
            show(&client, form, &report(state), Earlier::Nothing)
                .await
                .unwrap();
        }
        let (run, status) = (server.last(RUNS).json, server.last(STATUS).json);
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        words.push(format!(
            "{} {} {}",
            text(&run["status"]),
            text(&run["conclusion"]),
            text(&status["state"])
        ));
    }
    assert_eq!(
        words,
        [
            "queued - pending",
            "in_progress - pending",
            "completed success success",
            "completed failure failure",
            "completed failure error",
            "completed cancelled error",
            "completed skipped success",
        ]
    );
}

#[tokio::test]
async fn a_status_has_a_context_a_description_and_a_link() {
    let server = server_with_tokens().await;
    server.on(STATUS, created(1));
    let client = client(&server, app("7"), FAST);
    let long = Report {
        title: "é".repeat(TITLE_LIMIT + 1),
        url: None,
        ..done()
    };
    for report in [&done(), &long] {
        let shown = show(&client, ReportForm::Status, report, Earlier::Uncertain).await;
        assert_eq!(shown, Ok(None));
    }
    let received = server.received();
    let [_, first, second] = received.as_slice() else {
        panic!("{:?}", server.lines())
    };
    assert_eq!(
        first.json,
        json!({
            "state": "success",
            "context": "branchline/api",
            "description": "Build failed",
            "target_url": "https://console.aws.amazon.com/x",
        })
    );
    assert_eq!(second.json.get("target_url"), None);
    let description = second.json["description"].as_str().unwrap();
    assert_eq!(description.chars().count(), TITLE_LIMIT);
    assert!(description.ends_with("é…"), "{description}");
}

#[tokio::test]
async fn a_long_summary_is_cut_and_a_missing_one_is_the_title() {
    let server = server_with_tokens().await;
    server.on(RUNS, created(9));
    for (summary, length) in [(String::new(), 12), ("é".repeat(70_000), 65_535)] {
        let report = Report { summary, ..done() };
        show_check(&server, &report, Earlier::Nothing)
            .await
            .unwrap();
        let sent = server.last(RUNS).json;
        let sent = sent["output"]["summary"].as_str().unwrap();
        assert_eq!(sent.chars().count(), length);
    }
}

#[tokio::test]
async fn a_check_run_that_is_gone_is_created_again() {
    let server = server_with_tokens().await;
    server
        .on(UPDATE, error(404, "Not Found"))
        .on(RUNS, created(10));
    let shown = show_check(&server, &done(), Earlier::Created(CheckRunId(9))).await;
    assert_eq!(shown, Ok(Some(CheckRunId(10))));
}

#[tokio::test]
async fn a_check_run_whose_creation_is_uncertain_is_looked_for() {
    let server = server_with_tokens().await;
    server
        .on(
            LIST,
            runs(&[(8, "R#42/PR#7@3"), (9, "R#42/PR#7@3"), (10, "R#42/PR#7@4")]),
        )
        .on(UPDATE, reply(200, &json!({ "id": 9 })));
    let shown = show_check(&server, &done(), Earlier::Uncertain).await;
    assert_eq!(shown, Ok(Some(CheckRunId(9))));
    assert_eq!(
        server.last(LIST).line,
        format!("{LIST}?check_name=branchline%2Fapi&app_id=7&filter=all&per_page=100&page=1")
    );
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_check_run_that_is_on_no_page_is_created() {
    let server = server_with_tokens().await;
    let page: Vec<(u64, &str)> = (1..=100).map(|id| (id, "another")).collect();
    server
        .on(LIST, runs(&page))
        .on(LIST, runs(&[]))
        .on(RUNS, created(9));
    let shown = show_check(&server, &done(), Earlier::Uncertain).await;
    assert_eq!(shown, Ok(Some(CheckRunId(9))));
    assert_eq!(server.lines().len(), 4, "{:?}", server.lines());
}

#[tokio::test]
async fn an_app_that_is_known_by_its_client_id_asks_once_for_its_number() {
    let server = server_with_tokens().await;
    server
        .on(
            "GET /app",
            reply(200, &json!({ "id": 7, "slug": "branchline" })),
        )
        .on(LIST, runs(&[]))
        .on(RUNS, created(9));
    let client = client(&server, app("Iv23liAbCdEf"), FAST);
    for _ in 0..2 {
        show(&client, ReportForm::Check, &done(), Earlier::Uncertain)
            .await
            .unwrap();
    }
    assert!(server.last(LIST).line.contains("app_id=7"));
    let asked = server
        .lines()
        .iter()
        .filter(|line| *line == "GET /app")
        .count();
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_list_that_did_not_change_is_not_sent_again() {
    let server = server_with_tokens().await;
    server
        .on(LIST, runs(&[(9, "R#42/PR#7@3")]).with("etag", "W/\"1\""))
        .on(LIST, reply(304, &Value::Null).text(""))
        .on(UPDATE, reply(200, &json!({ "id": 9 })));
    let client = client(&server, app("7"), FAST);
    for _ in 0..2 {
        let shown = show(&client, ReportForm::Check, &done(), Earlier::Uncertain).await;
        assert_eq!(shown, Ok(Some(CheckRunId(9))));
    }
    assert_eq!(server.last(LIST).header("if-none-match"), "W/\"1\"");
}
