//! The contract of the records of commits: [`CommitLog`](branchline::ports::CommitLog).

use branchline::domain::fault::Reason;
use branchline::domain::ids::{
    CheckRunId, CommitId, ExecutionId, InstallationId, RepositoryName, Timestamp,
};
use branchline::domain::report::execution::{ActionProgress, ExecutionEvent, Progress, StepState};
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::domain::report::idle_note::IdleNote;
use branchline::domain::report::record::{
    Attempt, CommitKey, CommitRecord, CommitUpdate, FailedReport, Phase, Reported, ReportedHead,
    Sending,
};
use branchline::domain::report::target::{CommentPolicy, ReportTarget};
use branchline::domain::report::{ReportForm, ReportState};
use branchline::domain::rules::placeholder::FormatString;
use branchline::domain::state::claim::Transition;
use branchline::domain::state::desired::AbsenceReason;
use branchline::ports::{CommitList, CommitLog, Store};

use super::store::{StoreStage, recorded, row, won};
use crate::world::samples::{at, created, entry, first, pipeline, pull};

/// Makes every test of this contract for a stage: `commits_contract!(Stage::new().await)`.
macro_rules! commits_contract {
    ($stage:expr) => {
        crate::contract::contract_tests!(commits, $stage;
            every_part_of_a_record_reads_back_equal,
            updates_are_written_with_the_row_or_not_at_all,
            an_update_keeps_what_it_does_not_name,
            a_started_commit_is_not_updated_by_a_failure,
            only_the_next_version_replaces_a_record,
            lists_have_what_was_written_before,
        );
    };
}
pub(crate) use commits_contract;

fn commit(digit: char) -> CommitId {
    CommitId::parse(digit.to_string().repeat(40)).unwrap()
}

fn key(digit: char) -> CommitKey {
    CommitKey {
        subject: pull(7),
        commit: commit(digit),
    }
}

fn execution(id: &str) -> ExecutionId {
    ExecutionId::parse(id).unwrap()
}

fn building() -> Phase {
    Phase::Building {
        pipeline: pipeline("api-pr-7"),
        left_out_stages: vec!["Production".to_owned()],
    }
}

fn update(digit: char, phase: Phase, started: Option<&str>) -> CommitUpdate {
    CommitUpdate::Head {
        head: ReportedHead {
            key: key(digit),
            repository: RepositoryName::parse("acme/api").unwrap(),
            target: ReportTarget {
                form: ReportForm::Check,
                context: "branchline/api".to_owned(),
                installation: Some(InstallationId(5)),
                comment: CommentPolicy::Failures,
                deployment: FormatString::parse("preview/pr-{number}").ok(),
            },
            event_time: at(900),
        },
        phase,
        execution: started.map(execution),
        outdated: started.map(|id| Attempt {
            execution: execution(id),
            attempt: 2,
        }),
    }
}

/// Writes an update, and returns the record.
async fn written<S: StoreStage>(stage: &S, update: &CommitUpdate) -> CommitRecord {
    let applied = stage.store().update_unstarted(update, at(1_000)).await;
    applied.unwrap();
    read(stage, update.key()).await
}

async fn read<S: StoreStage>(stage: &S, key: &CommitKey) -> CommitRecord {
    stage.store().commit(key).await.unwrap().unwrap()
}

/// Returns a record in which every part has a value.
fn full(record: &CommitRecord) -> CommitRecord {
    let action = |state, category: &str, second: i64| ExecutionEvent {
        pipeline: pipeline("api-pr-7"),
        execution: execution("e-1"),
        attempt: 2,
        time: at(second * 1_000),
        started_at: Some(at(1_000)),
        progress: Progress::Action(ActionProgress {
            stage: "Build".to_owned(),
            action: "Test".to_owned(),
            category: category.to_owned(),
            state,
            url: Some("https://logs.example/1".to_owned()),
            summary: Some("it failed".to_owned()),
            error_code: Some("JobFailed".to_owned()),
            external_id: Some("build:1".to_owned()),
        }),
    };
    let stage = |state, second| ExecutionEvent {
        progress: Progress::Stage {
            stage: "Build".to_owned(),
            state,
        },
        ..action(state, "Build", second)
    };
    let mut next = CommitRecord {
        superseded_by: Some(commit('b')),
        ended_execution: Some(execution("e-0")),
        ended_at: Some(at(500)),
        idle: Some(IdleNote::RemovalAt {
            at: at(9_000),
            with_environment: true,
        }),
        outdated: Some(Attempt {
            execution: execution("e-0"),
            attempt: 4_000_000_000,
        }),
        reported: Some(Reported {
            check_run: Some(CheckRunId(u64::MAX >> 1)),
            digest: "d".to_owned(),
            state: ReportState::InProgress,
            title: "Running".to_owned(),
            at: at(4_000),
        }),
        sender: Some(Sending {
            owner: "w1".to_owned(),
            until: at(5_000),
        }),
        failed: Some(FailedReport {
            attempts: 3,
            kind: GitHubFaultKind::Limited,
            detail: "wait".to_owned(),
            retry_at: Some(at(6_000)),
            since: at(2_000),
        }),
        ..record.next(at(3_000))
    };
    for event in [
        stage(StepState::Started, 1),
        action(StepState::Failed, "Build", 2),
        action(StepState::Started, "Approval", 2),
        stage(StepState::Failed, 3),
    ] {
        assert!(next.hear(&event));
    }
    next
}

fn waiting(ahead: Option<usize>) -> Phase {
    Phase::Waiting {
        reason: Reason::RuleFull,
        ahead,
    }
}

/// "Returns a record as it is now."
pub(crate) async fn every_part_of_a_record_reads_back_equal<S: StoreStage>(stage: &S) {
    assert_eq!(stage.store().commit(&key('a')).await, Ok(None));
    let phases = [
        building(),
        waiting(None),
        waiting(Some(3)),
        Phase::Absent(AbsenceReason::Draft),
        Phase::Refused(Reason::TemplateMissing),
        Phase::InvalidFile("line 1, column 1: unknown field `image`".to_owned()),
        Phase::PipelineLost(pipeline("api-pr-7")),
    ];
    for (digit, phase) in ('1'..).zip(phases) {
        let update = update(digit, phase.clone(), None);
        let record = written(stage, &update).await;
        assert_eq!(record.phase, phase);
        let expected = CommitRecord::updated(None, &update, at(1_000)).unwrap();
        assert_eq!(record, expected);
        let full = full(&record);
        assert_eq!(stage.store().replace(&full).await, Ok(true));
        assert_eq!(read(stage, &key(digit)).await, full);
    }
    let all = stage.store().commits(&pull(7)).await.unwrap();
    assert_eq!(all.len(), 7);
    assert!(stage.store().commits(&pull(8)).await.unwrap().is_empty());
}

/// "Writes a settled row with ... the updates of its commits, all or nothing."
pub(crate) async fn updates_are_written_with_the_row_or_not_at_all<S: StoreStage>(stage: &S) {
    let claimed = Transition {
        commits: vec![update('a', waiting(None), None)],
        ..first(pull(7), "api-pr-7", "w1")
    };
    let claim = won(stage, claimed.clone()).await;
    assert_eq!(read(stage, &key('a')).await.version, 1);
    // Another worker's claim loses, and updates nothing.
    let mut other = claimed.clone();
    other.next.claim.as_mut().unwrap().owner = "w2".to_owned();
    let lost = stage.store().claim(other).await.unwrap();
    assert!(matches!(
        lost,
        branchline::ports::ClaimResult::Lost(Some(_))
    ));
    assert_eq!(read(stage, &key('a')).await.version, 1);
    let mut settled = claim.settle(created("api-pr-7"), at(2_000));
    settled.commits = vec![
        update('b', building(), Some("e-1")),
        CommitUpdate::Superseded {
            key: key('a'),
            by: commit('b'),
        },
    ];
    recorded(stage, &settled, &entry("d-1", "active")).await;
    assert!(row(stage, &pull(7)).await.is_some());
    let (older, newer) = (read(stage, &key('a')).await, read(stage, &key('b')).await);
    assert_eq!(older.superseded_by, Some(commit('b')));
    assert_eq!(newer.execution, Some(execution("e-1")));
}

/// A head of which nothing is known but its successor is no record, and an update that makes one
/// keeps its execution and what was reported. An execution that is named counts, also one that
/// ended.
pub(crate) async fn an_update_keeps_what_it_does_not_name<S: StoreStage>(stage: &S) {
    let superseded = CommitUpdate::Superseded {
        key: key('a'),
        by: commit('b'),
    };
    let applied = stage.store().update_unstarted(&superseded, at(500)).await;
    applied.unwrap();
    assert_eq!(stage.store().commit(&key('a')).await, Ok(None));
    let record = written(stage, &update('a', building(), Some("e-1"))).await;
    assert_eq!(record.superseded_by, None);
    let full = full(&record);
    assert_eq!(stage.store().replace(&full).await, Ok(true));
    let lost = CommitRecord {
        phase: Phase::PipelineLost(pipeline("api-pr-7")),
        ..full.next(at(4_000))
    };
    assert_eq!(stage.store().replace(&lost).await, Ok(true));
    let closed = update('a', Phase::Absent(AbsenceReason::Closed), None);
    let after = written(stage, &closed).await;
    let expected = CommitRecord::updated(Some(lost), &closed, at(1_000));
    assert_eq!(Some(&after), expected.as_ref());
    assert_eq!(after.ended_execution, Some(execution("e-1")));
    assert_eq!(after.ended_at, Some(at(1_000)));
    let named = written(stage, &update('a', building(), Some("e-1"))).await;
    assert_eq!(named.execution, Some(execution("e-1")));
    let ended = (named.ended_execution, named.ended_at);
    assert_eq!(ended, (None, None), "its pipeline is still there");
}

/// "Applies an update, unless an execution of the commit was started already."
pub(crate) async fn a_started_commit_is_not_updated_by_a_failure<S: StoreStage>(stage: &S) {
    let building = written(stage, &update('a', building(), Some("e-1"))).await;
    let failed = update('a', Phase::Refused(Reason::TemplateMissing), None);
    assert_eq!(written(stage, &failed).await, building);
}

/// "Replaces a record ... if its version is one less than that of `record`."
pub(crate) async fn only_the_next_version_replaces_a_record<S: StoreStage>(stage: &S) {
    let record = written(stage, &update('a', building(), None)).await;
    let next = record.next(at(2_000));
    assert_eq!(stage.store().replace(&next).await, Ok(true));
    assert_eq!(stage.store().replace(&next).await, Ok(false));
    let unknown = CommitRecord {
        key: key('c'),
        ..record.next(at(2_000))
    };
    assert_eq!(stage.store().replace(&unknown).await, Ok(false));
    assert_eq!(stage.store().commit(&key('c')).await, Ok(None));
}

async fn listed<S: StoreStage>(stage: &S, list: CommitList, before: Timestamp) -> Vec<CommitKey> {
    let mut keys = Vec::new();
    let mut after = None;
    loop {
        let page = stage.store().listed(list, before, after).await.unwrap();
        keys.extend(page.keys);
        after = page.next;
        if after.is_none() {
            return keys;
        }
    }
}

/// "Returns a page of a list: the records that were written last before this time."
pub(crate) async fn lists_have_what_was_written_before<S: StoreStage>(stage: &S) {
    let digits = ['a', 'b', 'c', 'd'];
    for (digit, millis) in digits.into_iter().zip([1_000, 2_000, 3_000, 4_000]) {
        let update = update(digit, building(), None);
        let applied = stage.store().update_unstarted(&update, at(millis)).await;
        applied.unwrap();
    }
    let unreported = CommitList::Unreported;
    let ended = Phase::Absent(AbsenceReason::Closed);
    let all = digits.map(key);
    assert_eq!(listed(stage, unreported, at(4_001)).await, all);
    assert_eq!(listed(stage, unreported, at(4_000)).await, all[..3]);
    for (digit, phase) in [('a', building()), ('b', ended)] {
        let told = CommitRecord {
            phase,
            is_unreported: false,
            ..read(stage, &key(digit)).await.next(at(5_000))
        };
        assert_eq!(stage.store().replace(&told).await, Ok(true));
        assert_eq!(read(stage, &key(digit)).await, told);
    }
    assert_eq!(listed(stage, unreported, at(9_000)).await, all[2..]);
    let running = listed(stage, CommitList::Running, at(9_000)).await;
    assert_eq!(running, [key('a')]);
}
