use std::time::Duration;

use super::*;
use crate::domain::fault::{Class, Reason};
use crate::domain::ids::{
    ExecutionId, InstallationId, PipelineName, RepositoryId, RepositoryName, Subject, SubjectKind,
};
use crate::domain::report::execution::ExecutionState;
use crate::domain::report::execution::{ActionProgress, ExecutionEvent, Progress, StepState};
use crate::domain::report::record::{CommitKey, CommitUpdate, ReportedHead};
use crate::domain::report::record::{CommitRecord, Phase};
use crate::domain::report::render::console;
use crate::domain::report::target::{CommentPolicy, ReportTarget};
use crate::domain::rules::placeholder::FormatString;
use crate::domain::state::desired::AbsenceReason;

const REGION: &str = "eu-west-1";
const NOW: Timestamp = Timestamp(1_767_225_600_000);

fn commit(digit: char) -> CommitId {
    CommitId::parse(digit.to_string().repeat(40)).unwrap()
}

fn waiting(ahead: Option<usize>) -> Phase {
    Phase::Waiting {
        reason: Reason::RuleFull,
        ahead,
    }
}

fn building() -> Phase {
    Phase::Building {
        pipeline: PipelineName::parse("api-pr-7").unwrap(),
        left_out_stages: vec!["Production".into()],
    }
}

fn update(phase: Phase, execution: Option<&str>) -> CommitUpdate {
    CommitUpdate::Head {
        head: ReportedHead {
            key: CommitKey {
                subject: Subject {
                    repository: RepositoryId(1),
                    kind: SubjectKind::PullRequest(7),
                },
                commit: commit('a'),
            },
            repository: RepositoryName::parse("acme/api").unwrap(),
            target: ReportTarget {
                form: ReportForm::Check,
                context: "branchline/api".into(),
                installation: Some(InstallationId(5)),
                comment: CommentPolicy::Always,
                deployment: FormatString::parse("preview/pr-{number}").ok(),
            },
            event_time: NOW,
        },
        phase,
        execution: execution.map(|id| ExecutionId::parse(id).unwrap()),
        outdated: None,
    }
}

fn record(phase: Phase, execution: Option<&str>) -> CommitRecord {
    CommitRecord::updated(None, &update(phase, execution), NOW).unwrap()
}

fn event(seconds: i64, progress: Progress) -> ExecutionEvent {
    ExecutionEvent {
        pipeline: PipelineName::parse("api-pr-7").unwrap(),
        execution: ExecutionId::parse("e-1").unwrap(),
        attempt: 1,
        time: NOW.plus(Duration::from_secs(u64::try_from(seconds).unwrap())),
        started_at: Some(NOW),
        progress,
    }
}

fn pipeline(seconds: i64, state: ExecutionState) -> ExecutionEvent {
    event(
        seconds,
        Progress::Pipeline {
            state,
            trigger: None,
        },
    )
}

fn stage(seconds: i64, name: &str, state: StepState) -> ExecutionEvent {
    event(
        seconds,
        Progress::Stage {
            stage: name.into(),
            state,
        },
    )
}

fn action(seconds: i64, place: &str, category: &str, state: StepState) -> ExecutionEvent {
    let (stage, action) = place.split_once('/').unwrap();
    let action = ActionProgress {
        stage: stage.into(),
        action: action.into(),
        category: category.into(),
        state,
        url: Some("https://logs.example/1".into()),
        summary: Some(
            "Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR"
                .into(),
        ),
        error_code: Some("JobFailed".into()),
        external_id: None,
    };
    event(seconds, Progress::Action(action))
}

fn heard(events: &[ExecutionEvent]) -> CommitRecord {
    let mut record = record(building(), Some("e-1"));
    for event in events {
        let _ = record.hear(event);
    }
    record
}

fn red() -> Vec<ExecutionEvent> {
    vec![
        pipeline(0, ExecutionState::Started),
        stage(1, "Source", StepState::Started),
        stage(9, "Source", StepState::Succeeded),
        stage(10, "Build", StepState::Started),
        action(100, "Build/Test", "Build", StepState::Failed),
        stage(101, "Build", StepState::Failed),
        pipeline(102, ExecutionState::Failed),
    ]
}

/// A report as a person sees it.
fn shown(record: &CommitRecord) -> String {
    match record.report(REGION) {
        None => "nothing".to_owned(),
        Some(report) => format!(
            "{}: {}\n{}\n{}",
            report.state.as_str(),
            report.title,
            report.url.unwrap_or_default(),
            report.summary
        ),
    }
}

/// The first line of a report.
fn line(record: &CommitRecord) -> String {
    shown(record).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_red_execution_shows_its_stages_the_failed_action_and_its_log() {
    insta::assert_snapshot!(shown(&heard(&red())), @r#"
    failure: Failed in Build/Test: Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR
    https://eu-west-1.console.aws.amazon.com/codesuite/codepipeline/pipelines/api-pr-7/executions/e-1/timeline?region=eu-west-1
    Failed in Build/Test: Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND\_EXECUTION\_ERROR
    
    Pipeline: [`api-pr-7`](https://eu-west-1.console.aws.amazon.com/codesuite/codepipeline/pipelines/api-pr-7/executions/e-1/timeline?region=eu-west-1)
    
    Stages of the template that are left out: `Production`
    
    | Stage | State | Duration |
    |---|---|---|
    | `Source` | succeeded | 8 s |
    | `Build` | **failed** | 1 min 31 s |
    
    Failed action: `Build/Test` (`JobFailed`), [log](https://logs.example/1)
    
    ```text
    Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR
    ```
    "#);
}

#[test]
fn a_commit_goes_from_running_to_its_result() {
    let mut lines = vec![
        line(&record(building(), None)),
        line(&record(building(), Some("e-1"))),
    ];
    let ends = [
        ExecutionState::Started,
        ExecutionState::Succeeded,
        ExecutionState::Failed,
        ExecutionState::Stopped,
        ExecutionState::Canceled,
        ExecutionState::Superseded,
    ];
    lines.extend(ends.map(|end| {
        line(&heard(&[
            pipeline(0, ExecutionState::Started),
            pipeline(192, end),
        ]))
    }));
    let approval = action(5, "Deploy/Approve", "Approval", StepState::Started);
    lines.push(line(&heard(std::slice::from_ref(&approval))));
    let rejected = action(9, "Deploy/Approve", "Approval", StepState::Failed);
    lines.push(line(&heard(&[
        approval,
        rejected,
        pipeline(10, ExecutionState::Failed),
    ])));
    let source = action(5, "Source/Checkout", "Source", StepState::Failed);
    lines.push(line(&heard(&[source, pipeline(6, ExecutionState::Failed)])));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    in-progress: Running in CodePipeline
    in-progress: Running in CodePipeline
    in-progress: Running in CodePipeline
    success: Succeeded in 3 min 12 s
    failure: Failed
    cancelled: Stopped in CodePipeline
    cancelled: Canceled, because the pipeline was updated
    cancelled: A newer execution took its place
    in-progress: Waiting for the approval of Deploy/Approve
    failure: Rejected in Deploy/Approve
    error: The source could not be fetched in Source/Checkout: Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR
    "#);
}

#[test]
fn every_reason_for_no_build_is_a_final_report() {
    for reason in AbsenceReason::ALL {
        let report = record(Phase::Absent(reason), None).report(REGION).unwrap();
        assert_eq!(
            report.state,
            ReportState::Completed(Conclusion::Skipped),
            "{reason:?}"
        );
    }
    for reason in Reason::ALL
        .iter()
        .filter(|reason| reason.class() == Class::Permanent)
    {
        let report = record(Phase::Refused(*reason), None)
            .report(REGION)
            .unwrap();
        assert_eq!(
            report.state,
            ReportState::Completed(Conclusion::Error),
            "{reason:?}"
        );
    }
    let waiting = record(waiting(Some(3)), None);
    assert_eq!(waiting.report(REGION).unwrap().state, ReportState::Queued);
    let titles = [None, Some(0), Some(1_000)].map(|ahead| {
        let report = record(self::waiting(ahead), None).report(REGION).unwrap();
        assert!(report.title.chars().count() <= TITLE_LIMIT);
        report.title
    });
    insta::assert_snapshot!(titles.join("\n"), @"
    Waiting: all pipelines that the rule may have are in use. Close a pull request
    Waiting: next in line, all pipelines that the rule may have are in use. Close a pull request
    Waiting: 1000 ahead, all pipelines that the rule may have are in use. Close a pull request
    ");
}

#[test]
fn a_status_has_no_summary_and_a_title_that_fits() {
    let mut record = heard(&red());
    record.target.form = ReportForm::Status;
    let report = record.report(REGION).unwrap();
    assert_eq!(report.summary, "");
    assert!(report.title.chars().count() <= TITLE_LIMIT);
}

#[test]
fn the_console_is_that_of_the_regions_partition() {
    let name = "api-pr-7";
    insta::assert_snapshot!(
        ["eu-west-1", "cn-north-1", "us-gov-west-1"].map(|region| console(region, name, Some("e-1"))).join("\n"),
        @r#"
    https://eu-west-1.console.aws.amazon.com/codesuite/codepipeline/pipelines/api-pr-7/executions/e-1/timeline?region=eu-west-1
    https://cn-north-1.console.amazonaws.cn/codesuite/codepipeline/pipelines/api-pr-7/executions/e-1/timeline?region=cn-north-1
    https://us-gov-west-1.console.amazonaws-us-gov.com/codesuite/codepipeline/pipelines/api-pr-7/executions/e-1/timeline?region=us-gov-west-1
    "#
    );
}

mod comment;
mod deployment;
mod due;
