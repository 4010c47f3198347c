//! When a report is due, and what later events change.

use super::*;
use crate::domain::ids::CheckRunId;
use crate::domain::report::fault::GitHubFaultKind;
use crate::domain::report::record::{FailedReport, Reported, Sending};
use crate::domain::report::render::{Due, REFRESH};

pub(super) fn reported(record: &mut CommitRecord) {
    let report = record.report(REGION).unwrap();
    record.reported = Some(Reported {
        check_run: Some(CheckRunId(9)),
        digest: report.digest(),
        state: report.state,
        title: report.title,
        at: NOW,
    });
}

/// Applies an update to a record.
pub(super) fn after(record: CommitRecord, update: &CommitUpdate) -> CommitRecord {
    CommitRecord::updated(Some(record), update, NOW).unwrap()
}

pub(super) fn superseded() -> CommitUpdate {
    CommitUpdate::Superseded {
        key: update(building(), None).key().clone(),
        by: commit('b'),
    }
}

#[test]
fn an_older_head_ends_with_its_execution_or_at_once() {
    let waiting = record(waiting(Some(3)), None);
    assert_eq!(
        line(&after(waiting, &superseded())),
        "cancelled: Not built: bbbbbbb is the head now"
    );
    let running = heard(&[pipeline(0, ExecutionState::Started)]);
    assert_eq!(
        line(&after(running, &superseded())),
        "in-progress: Running in CodePipeline"
    );
    let mut green = after(
        heard(&[pipeline(9, ExecutionState::Succeeded)]),
        &superseded(),
    );
    assert_eq!(line(&green), "success: Succeeded in 9 s");
    reported(&mut green);
    assert_eq!(green.due(REGION, NOW), Due::Nothing);
}

#[test]
fn a_closed_pull_request_keeps_its_result_and_cancels_what_runs() {
    let closed = update(Phase::Absent(AbsenceReason::Closed), None);
    let green = after(heard(&[pipeline(9, ExecutionState::Succeeded)]), &closed);
    assert_eq!(line(&green), "success: Succeeded in 9 s");
    let all = "https://eu-west-1.console.aws.amazon.com/codesuite/codepipeline/pipelines?region=eu-west-1";
    let link = green.report(REGION).unwrap().url;
    assert_eq!(link.as_deref(), Some(all), "no link to what was removed");
    let running = after(heard(&[pipeline(0, ExecutionState::Started)]), &closed);
    assert!(line(&running).starts_with("cancelled: The pull request was closed"));
    let mut stopped = heard(&[pipeline(9, ExecutionState::Stopped)]);
    reported(&mut stopped);
    assert_eq!(
        line(&after(stopped, &closed)),
        line(&running),
        "whichever is heard first"
    );
    let mut draft = record(Phase::Absent(AbsenceReason::Draft), None);
    reported(&mut draft);
    assert_eq!(
        shown(&after(draft, &closed)),
        "nothing",
        "what GitHub shows stays right"
    );
    // It is opened again, at the same commit: the old execution says nothing about the new
    // pipeline.
    let reopened = after(green, &update(building(), None));
    assert_eq!(line(&reopened), "in-progress: Running in CodePipeline");
    let accepts = |id: &str, at| reopened.accepts(&ExecutionId::parse(id).unwrap(), Some(at));
    let second = Duration::from_secs(1);
    assert!(!accepts("e-1", NOW));
    assert!(accepts("e-2", NOW.plus(second)));
    assert!(
        !accepts("e-0", NOW.minus(second)),
        "it was before the old one"
    );
}

#[test]
fn executions_of_a_deleted_pipeline_count_no_more_even_if_none_was_heard() {
    let closed = update(Phase::Absent(AbsenceReason::Closed), None);
    let deleted = after(record(building(), Some("e-2")), &closed);
    let reopened = after(deleted, &update(building(), None));
    let accepts = |id: &str, at| reopened.accepts(&ExecutionId::parse(id).unwrap(), at);
    let second = Duration::from_secs(1);
    assert!(!accepts("e-2", Some(NOW.minus(second))), "the last one");
    assert!(!accepts("e-1", Some(NOW.minus(second))), "one before it");
    assert!(!accepts("e-3", None), "nobody knows when it began");
    assert!(accepts("e-3", Some(NOW)), "the first of the new pipeline");
}

#[test]
fn what_is_due_depends_on_the_last_report_and_on_other_senders() {
    let mut record = record(building(), Some("e-1"));
    let Due::Now(first) = record.due(REGION, NOW) else {
        panic!("nothing due")
    };
    assert_eq!((first.check_run, first.is_uncertain), (None, false));
    record.sender = Some(Sending {
        owner: "w".into(),
        until: NOW.plus(Duration::from_secs(9)),
    });
    assert_eq!(
        record.due(REGION, NOW),
        Due::Later(NOW.plus(Duration::from_secs(9)))
    );
    let Due::Now(taken_over) = record.due(REGION, NOW.plus(Duration::from_secs(9))) else {
        panic!("nothing due")
    };
    assert!(
        taken_over.is_uncertain,
        "the other sender may have created a check run"
    );
    record.sender = None;
    reported(&mut record);
    assert_eq!(record.due(REGION, NOW), Due::Nothing);
    let _ = record.hear(&stage(1, "Source", StepState::Started));
    assert_eq!(
        record.due(REGION, NOW),
        Due::Later(NOW.plus(REFRESH)),
        "stages are shown once a minute"
    );
    for event in red() {
        let _ = record.hear(&event);
    }
    let Due::Now(last) = record.due(REGION, NOW) else {
        panic!("nothing due")
    };
    assert_eq!(
        last.check_run,
        Some(CheckRunId(9)),
        "the result is shown at once"
    );
    record.failed = Some(FailedReport {
        attempts: 1,
        kind: GitHubFaultKind::Refused,
        detail: "x".into(),
        retry_at: None,
        since: NOW,
    });
    assert_eq!(
        record.due(REGION, NOW),
        Due::Nothing,
        "a repetition cannot help"
    );
}

#[test]
fn a_result_that_changes_gets_a_check_run_of_its_own() {
    let mut record = heard(&red());
    reported(&mut record);
    let retry = ExecutionEvent {
        attempt: 2,
        ..pipeline(200, ExecutionState::Resumed)
    };
    let _ = record.hear(&retry);
    let Due::Now(due) = record.due(REGION, NOW) else {
        panic!("nothing due")
    };
    assert_eq!(
        (due.report.state, due.check_run),
        (ReportState::InProgress, None)
    );
    let green = ExecutionEvent {
        attempt: 2,
        ..pipeline(300, ExecutionState::Succeeded)
    };
    let _ = record.hear(&green);
    assert_eq!(line(&record), "success: Succeeded in 5 min 0 s");
}

/// Every order and duplication of an execution's events leads to the same report.
#[test]
fn the_order_of_events_makes_no_difference() {
    let mut events = red();
    events.push(ExecutionEvent {
        attempt: 2,
        ..stage(150, "Build", StepState::Resumed)
    });
    events.push(ExecutionEvent {
        attempt: 2,
        ..action(151, "Build/Test", "Build", StepState::Started)
    });
    events.push(ExecutionEvent {
        attempt: 2,
        ..stage(180, "Build", StepState::Succeeded)
    });
    events.push(ExecutionEvent {
        attempt: 2,
        ..pipeline(181, ExecutionState::Succeeded)
    });
    let ordered = heard(&events);
    let mut rng = fastrand::Rng::new();
    for _ in 0..2_000 {
        let mut shuffled = events.clone();
        for _ in 0..rng.usize(0..4) {
            shuffled.push(rng.choice(&events).unwrap().clone());
        }
        rng.shuffle(&mut shuffled);
        assert_eq!(heard(&shuffled).run, ordered.run, "{shuffled:#?}");
    }
}
