//! The contract of the records of comments: [`CommentLog`](branchline::ports::CommentLog).

use branchline::domain::ids::{CommentId, CommitId, Subject, Timestamp};
use branchline::domain::report::comment::record::{CommentRecord, ShownComment};
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::domain::report::record::{CommitKey, FailedReport, Sending};
use branchline::domain::report::{Conclusion, ReportState};
use branchline::ports::{CommentLog, CommitList, CommitLog};

use super::store::StoreStage;
use crate::world::samples::{at, pull};

/// Makes every test of this contract for a stage: `comments_contract!(Stage::new().await)`.
macro_rules! comments_contract {
    ($stage:expr) => {
        crate::contract::contract_tests!(comments, $stage;
            every_part_of_a_comment_reads_back_equal,
            only_the_next_version_replaces_a_comment,
            the_list_has_the_unsent_comments_written_before,
        );
    };
}
pub(crate) use comments_contract;

fn record(number: u64, version: u64, now: Timestamp) -> CommentRecord {
    CommentRecord {
        commit: CommitKey {
            subject: pull(number),
            commit: CommitId::parse("a".repeat(40)).unwrap(),
        },
        event_time: at(900),
        id: None,
        shown: None,
        sender: None,
        failed: None,
        is_unsent: true,
        version,
        updated_at: now,
    }
}

async fn replace<S: StoreStage>(stage: &S, record: &CommentRecord) -> bool {
    stage.store().replace_comment(record).await.unwrap()
}

async fn read<S: StoreStage>(stage: &S, number: u64) -> Option<CommentRecord> {
    stage.store().comment(&pull(number)).await.unwrap()
}

/// "Returns the record of a pull request's comment as it is now; `None` if there is none."
pub(crate) async fn every_part_of_a_comment_reads_back_equal<S: StoreStage>(stage: &S) {
    assert_eq!(read(stage, 7).await, None);
    let first = record(7, 1, at(1_000));
    assert!(replace(stage, &first).await);
    assert_eq!(read(stage, 7).await, Some(first.clone()));
    let full = CommentRecord {
        id: Some(CommentId(u64::MAX >> 1)),
        shown: Some(ShownComment {
            digest: "d".to_owned(),
            commit: CommitId::parse("b".repeat(40)).unwrap(),
            state: ReportState::Completed(Conclusion::Failure),
            is_last: true,
            at: at(2_000),
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
            since: at(1_000),
        }),
        is_unsent: false,
        ..first.next(at(3_000))
    };
    assert!(replace(stage, &full).await);
    assert_eq!(read(stage, 7).await, Some(full.clone()));
    let less = CommentRecord {
        version: 3,
        ..record(7, 3, at(4_000))
    };
    assert!(replace(stage, &less).await);
    assert_eq!(
        read(stage, 7).await,
        Some(less),
        "what is absent is removed"
    );
    assert_eq!(read(stage, 8).await, None);
    let commits = stage.store().commits(&pull(7)).await.unwrap();
    assert!(commits.is_empty(), "a comment is no commit");
}

/// "Replaces a record ... if its version is one less than that of `record`. The first version is
/// written only if there is no record."
pub(crate) async fn only_the_next_version_replaces_a_comment<S: StoreStage>(stage: &S) {
    assert!(!replace(stage, &record(7, 2, at(1_000))).await);
    assert!(replace(stage, &record(7, 1, at(1_000))).await);
    for version in [1, 3] {
        assert!(!replace(stage, &record(7, version, at(2_000))).await);
    }
    assert!(replace(stage, &record(7, 2, at(2_000))).await);
    assert_eq!(read(stage, 7).await, Some(record(7, 2, at(2_000))));
}

async fn unsent<S: StoreStage>(stage: &S, before: Timestamp) -> Vec<Subject> {
    let mut subjects = Vec::new();
    let mut after = None;
    loop {
        let page = stage.store().unsent_comments(before, after).await.unwrap();
        subjects.extend(page.subjects);
        after = page.next;
        if after.is_none() {
            return subjects;
        }
    }
}

/// "Returns a page of the list of unsent comments: of the records that were written last before
/// this time."
pub(crate) async fn the_list_has_the_unsent_comments_written_before<S: StoreStage>(stage: &S) {
    for number in 1..=4 {
        let time = at(i64::try_from(number).unwrap() * 1_000);
        assert!(replace(stage, &record(number, 1, time)).await);
    }
    let all = [1, 2, 3, 4].map(pull);
    assert_eq!(unsent(stage, at(4_001)).await, all);
    assert_eq!(unsent(stage, at(4_000)).await, all[..3]);
    let sent = CommentRecord {
        is_unsent: false,
        ..record(2, 2, at(5_000))
    };
    assert!(replace(stage, &sent).await);
    assert_eq!(unsent(stage, at(9_000)).await, [1, 3, 4].map(pull));
    let reports = stage
        .store()
        .listed(CommitList::Unreported, at(9_000), None)
        .await;
    assert!(reports.unwrap().keys.is_empty(), "lists of their own");
}
