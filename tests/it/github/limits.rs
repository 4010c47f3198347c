//! Rate limits, and the order of calls.

use std::time::Duration;

use branchline::domain::report::ReportForm;
use branchline::domain::report::fault::{GitHubFault, GitHubFaultKind};
use branchline::ports::{Earlier, GitHub};

use super::*;
use crate::world::clock::START;

/// Returns the seconds until the time that a fault names.
fn wait(fault: &GitHubFault) -> u64 {
    assert_eq!(fault.kind, GitHubFaultKind::Limited, "{fault}");
    fault.retry_at.unwrap().since(START).as_secs()
}

#[tokio::test]
async fn while_a_limit_stands_nothing_is_sent() {
    let server = server_with_tokens().await;
    let secondary = "You have exceeded a secondary rate limit";
    server
        .on(RUNS, error(403, secondary).with("retry-after", "17"))
        .on(RUNS, created(1));
    let clock = FakeClock::new();
    let client = client_at(&server, app("7"), FAST, clock.clone());
    let fault = check(&client).await.unwrap_err();
    assert_eq!(wait(&fault), 17);
    assert_eq!(
        fault.detail,
        "POST /repos/acme/api/check-runs: 403: You have exceeded a secondary rate limit: GitHub's rate limit is reached until 2026-01-01T00:00:17.000Z"
    );
    clock.advance(Duration::from_secs(16));
    assert_eq!(wait(&check(&client).await.unwrap_err()), 17);
    assert_eq!(server.lines(), [TOKENS, RUNS]);
    clock.advance(Duration::from_secs(1));
    check(&client).await.unwrap();
}

#[tokio::test]
async fn a_limit_without_a_time_waits_a_minute_and_then_twice_as_long() {
    let server = server_with_tokens().await;
    server
        .on(RUNS, error(429, "Slow down"))
        .on(RUNS, error(403, "You have exceeded a secondary rate limit"))
        .on(RUNS, created(1))
        .on(RUNS, error(429, "Slow down"));
    let clock = FakeClock::new();
    let client = client_at(&server, app("7"), FAST, clock.clone());
    assert_eq!(wait(&check(&client).await.unwrap_err()), 60);
    clock.advance(Duration::from_mins(1));
    assert_eq!(wait(&check(&client).await.unwrap_err()), 180);
    clock.advance(Duration::from_mins(2));
    check(&client).await.unwrap();
    assert_eq!(wait(&check(&client).await.unwrap_err()), 240);
}

#[tokio::test]
async fn the_last_call_of_the_hour_closes_the_queue() {
    let server = server_with_tokens().await;
    let last = created(1)
        .with("x-ratelimit-remaining", "0")
        .with("x-ratelimit-reset", (START.seconds() + 600).to_string())
        .with("date", "Thu, 01 Jan 2026 00:00:00 GMT");
    server.on(RUNS, last).on(RUNS, created(2));
    let client = client(&server, app("7"), FAST);
    check(&client).await.unwrap();
    assert_eq!(wait(&check(&client).await.unwrap_err()), 600);
    assert_eq!(server.lines(), [TOKENS, RUNS]);
}

#[tokio::test]
async fn a_limit_of_one_installation_is_none_of_another() {
    let server = server_with_tokens().await;
    let other = "POST /app/installations/6/access_tokens";
    server
        .on(other, token_reply("ghs_6"))
        .on(RUNS, error(429, "Slow down"))
        .on(RUNS, created(1));
    let client = client(&server, app("7"), FAST);
    check(&client).await.unwrap_err();
    let elsewhere = Place {
        id: RepositoryId(43),
        installation: Some(InstallationId(6)),
        ..place()
    };
    client
        .report(&elsewhere, ReportForm::Check, &done(), Earlier::Nothing)
        .await
        .unwrap();
}

#[tokio::test]
async fn calls_of_an_installation_are_made_one_by_one_and_mutations_are_apart() {
    let gap = Duration::from_millis(60);
    let server = server_with_tokens().await;
    server.on(RUNS, created(1).after(Duration::from_millis(5)));
    let timing = Timing {
        mutation_gap: gap,
        ..FAST
    };
    let client = client(&server, app("7"), timing);
    let all = tokio::join!(check(&client), check(&client), check(&client));
    assert_eq!(all, (Ok(()), Ok(()), Ok(())));
    assert_eq!(server.most_in_work(), 1);
    let received = server.received().into_iter();
    let times: Vec<_> = received
        .filter(|request| request.line == RUNS)
        .map(|request| request.at)
        .collect();
    let apart = times.windows(2).all(|two| two[1] - two[0] >= gap);
    assert!(apart && times.len() == 3, "{times:?}");
}
