//! docs/GITHUB.md has every permission, event and fault, and no other.

#![expect(
    clippy::unwrap_used,
    reason = "a file that is not there fails the test"
)]

use std::collections::BTreeSet;
use std::fs;

use branchline::domain::github::needs::Uses;
use branchline::domain::report::fault::GitHubFaultKind;

/// Returns the rows of the tables whose header begins with this cell.
fn rows(header: &str) -> BTreeSet<String> {
    let path = format!("{}/docs/GITHUB.md", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    let (_, table) = text.split_once(&format!("\n| {header} |")).unwrap();
    let rows = table.lines().skip(2);
    rows.take_while(|line| line.starts_with("| "))
        .map(str::to_owned)
        .collect()
}

/// Returns what is needed with comments and without.
fn uses() -> [Uses; 2] {
    [true, false].map(|comments| Uses {
        checks: true,
        statuses: true,
        comments,
        deployments: true,
        merge_groups: true,
    })
}

#[test]
fn every_permission_is_documented_with_its_reason() {
    let permissions = uses().into_iter().flat_map(Uses::permissions);
    let wanted = permissions.map(|one| {
        let level = one.level.as_str();
        format!("| {} | {level} | {} |", one.name, one.reason)
    });
    assert_eq!(rows("permission"), wanted.collect());
}

#[test]
fn every_event_is_documented_with_its_reason() {
    let events = uses().into_iter().flat_map(Uses::events);
    let wanted = events.map(|event| format!("| `{}` | {} |", event.name, event.reason));
    assert_eq!(rows("event"), wanted.collect());
}

#[test]
fn every_fault_is_documented() {
    let documented: Vec<String> = rows("outcome")
        .iter()
        .map(|row| row.split('`').nth(1).unwrap().to_owned())
        .collect();
    let mut wanted = GitHubFaultKind::ALL.map(GitHubFaultKind::as_str);
    wanted.sort_unstable();
    assert_eq!(documented, wanted);
}
