//! docs/REASONS.md explains every reason, and no other.

#![expect(
    clippy::unwrap_used,
    reason = "a file that is not there fails the test"
)]

use std::fs;

use branchline::domain::fault::Reason;
use branchline::domain::state::desired::AbsenceReason;

/// The cells of each row of the tables whose first cell is a word in backquotes.
fn rows(section: &str) -> Vec<Vec<String>> {
    let path = format!("{}/docs/REASONS.md", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once(&format!("\n## {section}\n")).unwrap();
    let lines = section.lines().take_while(|line| !line.starts_with("## "));
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split(" | ");
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    lines
        .filter(|line| line.starts_with("| `"))
        .map(cells)
        .collect()
}

#[test]
fn every_fault_has_its_class_its_scope_a_cause_and_a_remedy() {
    let rows = rows("Faults");
    let found: Vec<Vec<&str>> = rows
        .iter()
        .map(|row| row.iter().take(3).map(String::as_str).collect())
        .collect();
    let wanted: Vec<Vec<String>> = Reason::ALL
        .iter()
        .map(|reason| {
            vec![
                format!("`{}`", reason.as_str()),
                reason.class().as_str().to_owned(),
                format!("{:?}", reason.scope()).to_lowercase(),
            ]
        })
        .collect();
    assert_eq!(found, wanted);
    let incomplete = rows.iter().find(|row| row.len() != 5);
    assert_eq!(incomplete, None, "a row has a cause and a remedy");
}

#[test]
fn every_reason_for_no_pipeline_has_a_cause() {
    let rows = rows("Subjects without a pipeline");
    let found: Vec<&str> = rows
        .iter()
        .filter_map(|row| row.first())
        .map(String::as_str)
        .collect();
    let wanted = AbsenceReason::ALL.map(|reason| format!("`{}`", reason.as_str()));
    assert_eq!(found, wanted);
    assert!(rows.iter().all(|row| row.len() == 2), "{rows:?}");
}
