//! The contract of the records of deployments: [`DeploymentLog`](branchline::ports::DeploymentLog).

use branchline::domain::ids::{
    CommitId, DeploymentId, InstallationId, RepositoryName, Subject, Timestamp,
};
use branchline::domain::report::deployment::record::{
    Deployment, DeploymentRecord, DeploymentState, ShownDeployment,
};
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::domain::report::record::{FailedReport, Sending};
use branchline::ports::{CommitLog, DeploymentLog};

use super::store::StoreStage;
use crate::world::samples::{at, pull};

/// Makes every test of this contract for a stage: `deployments_contract!(Stage::new().await)`.
macro_rules! deployments_contract {
    ($stage:expr) => {
        crate::contract::contract_tests!(deployments, $stage;
            every_part_of_the_deployments_reads_back_equal,
            only_the_next_version_replaces_deployments,
            the_list_has_the_unsent_deployments_written_before,
        );
    };
}
pub(crate) use deployments_contract;

fn record(number: u64, version: u64, now: Timestamp) -> DeploymentRecord {
    DeploymentRecord {
        subject: pull(number),
        repository: RepositoryName::parse("acme/api").unwrap(),
        installation: None,
        commit: CommitId::parse("a".repeat(40)).unwrap(),
        deployments: Vec::new(),
        sender: None,
        failed: None,
        is_unsent: true,
        version,
        updated_at: now,
    }
}

async fn replace<S: StoreStage>(stage: &S, record: &DeploymentRecord) -> bool {
    stage.store().replace_deployments(record).await.unwrap()
}

async fn read<S: StoreStage>(stage: &S, number: u64) -> Option<DeploymentRecord> {
    stage.store().deployments(&pull(number)).await.unwrap()
}

/// "Returns the record of a subject's deployments as it is now; `None` if there is none."
pub(crate) async fn every_part_of_the_deployments_reads_back_equal<S: StoreStage>(stage: &S) {
    assert_eq!(read(stage, 7).await, None);
    let first = record(7, 1, at(1_000));
    assert!(replace(stage, &first).await);
    assert_eq!(read(stage, 7).await, Some(first.clone()));
    let deployment = |id: Option<u64>, is_lost, shown| Deployment {
        commit: CommitId::parse("b".repeat(40)).unwrap(),
        environment: "preview/pr-7".to_owned(),
        id: id.map(DeploymentId),
        is_lost,
        is_ending: id == Some(9),
        shown,
    };
    let shown = |state, page: Option<&str>| {
        Some(ShownDeployment {
            state,
            page: page.map(str::to_owned),
        })
    };
    let full = DeploymentRecord {
        installation: Some(InstallationId(5)),
        deployments: vec![
            deployment(None, true, None),
            deployment(
                Some(u64::MAX >> 1),
                false,
                shown(DeploymentState::Success, Some("https://x.dev")),
            ),
            deployment(Some(9), false, shown(DeploymentState::InProgress, None)),
            deployment(None, false, None),
        ],
        sender: Some(Sending {
            owner: "w1".to_owned(),
            until: at(5_000),
        }),
        failed: Some(FailedReport {
            attempts: 3,
            kind: GitHubFaultKind::Denied,
            detail: "wait".to_owned(),
            retry_at: Some(at(6_000)),
            since: at(1_000),
        }),
        is_unsent: false,
        ..first.next(at(3_000))
    };
    assert!(replace(stage, &full).await);
    assert_eq!(read(stage, 7).await, Some(full));
    let less = record(7, 3, at(4_000));
    assert!(replace(stage, &less).await);
    assert_eq!(
        read(stage, 7).await,
        Some(less),
        "what is absent is removed"
    );
    assert_eq!(read(stage, 8).await, None);
    let commits = stage.store().commits(&pull(7)).await.unwrap();
    assert!(commits.is_empty(), "they are no commits");
}

/// "Replaces a record ... if its version is one less than that of `record`. The first version is
/// written only if there is no record."
pub(crate) async fn only_the_next_version_replaces_deployments<S: StoreStage>(stage: &S) {
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
        let page = stage.store().unsent_deployments(before, after).await;
        let page = page.unwrap();
        subjects.extend(page.subjects);
        after = page.next;
        if after.is_none() {
            return subjects;
        }
    }
}

/// "Returns a page of the list of unsent deployments: of the records that were written last before
/// this time."
pub(crate) async fn the_list_has_the_unsent_deployments_written_before<S: StoreStage>(stage: &S) {
    for number in 1..=4 {
        let time = at(i64::try_from(number).unwrap() * 1_000);
        assert!(replace(stage, &record(number, 1, time)).await);
    }
    let all = [1, 2, 3, 4].map(pull);
    assert_eq!(unsent(stage, at(4_001)).await, all);
    assert_eq!(unsent(stage, at(4_000)).await, all[..3]);
    let sent = DeploymentRecord {
        is_unsent: false,
        ..record(2, 2, at(5_000))
    };
    assert!(replace(stage, &sent).await);
    assert_eq!(unsent(stage, at(9_000)).await, [1, 3, 4].map(pull));
}
