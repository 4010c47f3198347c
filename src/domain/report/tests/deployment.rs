use std::time::Duration;

use super::*;
use crate::domain::ids::DeploymentId;
use crate::domain::report::deployment::record::{
    DeploymentRecord, DeploymentState, ShownDeployment,
};
use crate::domain::report::deployment::{DeploymentDue, DeploymentStep, Environment, Situation};
use crate::domain::report::fault::GitHubFaultKind;
use crate::domain::report::record::{FailedReport, Sending};

const NAME: &str = "preview/pr-7";

fn open() -> Environment {
    Environment::Open(Some(NAME.to_owned()))
}

/// Returns the next step in words.
fn step(deployments: &DeploymentRecord, environment: Environment, head: &CommitRecord) -> String {
    let situation = Situation {
        environment,
        head: Some(head),
        region: REGION,
    };
    match deployments.step(&situation) {
        None => "nothing".to_owned(),
        Some(DeploymentStep::Find { commit, .. }) => format!("find {}", &commit.as_str()[..1]),
        Some(DeploymentStep::Create {
            commit,
            environment,
        }) => {
            format!("create {} in {environment}", &commit.as_str()[..1])
        }
        Some(DeploymentStep::Show { id, status }) => {
            let state = status.shown.state.as_str();
            format!("{id} {state}: {}", status.description)
        }
    }
}

fn shown(state: DeploymentState) -> ShownDeployment {
    ShownDeployment { state, page: None }
}

/// Returns the record of deployments of the commit `a`, which has this one in this state.
fn deployed(id: u64, state: DeploymentState) -> DeploymentRecord {
    let mut deployments = DeploymentRecord::about(None, &heard(&[]), NOW);
    deployments.created(&commit('a'), NAME, DeploymentId(id));
    deployments.showed(DeploymentId(id), &shown(state));
    deployments
}

/// Returns the record of the commit `b`, and the deployments about it that followed.
fn pushed(
    deployments: DeploymentRecord,
    events: &[ExecutionEvent],
) -> (CommitRecord, DeploymentRecord) {
    let mut head = heard(events);
    head.key.commit = commit('b');
    let deployments = DeploymentRecord::about(Some(deployments), &head, NOW);
    (head, deployments)
}

#[test]
fn a_deployment_follows_its_execution() {
    let running = heard(&[pipeline(0, ExecutionState::Started)]);
    let mut deployments = DeploymentRecord::about(None, &running, NOW);
    assert_eq!(
        step(&deployments, open(), &running),
        "create a in preview/pr-7"
    );
    deployments.creating(&commit('a'), NAME);
    assert_eq!(
        step(&deployments, open(), &running),
        "find a",
        "it may be there"
    );
    deployments.created(&commit('a'), NAME, DeploymentId(1));
    assert_eq!(
        step(&deployments, open(), &running),
        "1 in_progress: Running in CodePipeline"
    );
    deployments.showed(DeploymentId(1), &shown(DeploymentState::InProgress));
    assert_eq!(step(&deployments, open(), &running), "nothing");
    let green = [
        pipeline(0, ExecutionState::Started),
        pipeline(65, ExecutionState::Succeeded),
    ];
    assert_eq!(
        step(&deployments, open(), &heard(&green)),
        "1 success: Succeeded in 1 min 5 s"
    );
    let failed = step(&deployments, open(), &heard(&red()));
    assert!(
        failed.starts_with("1 failure: Failed in Build/Test"),
        "{failed}"
    );
    let source = action(9, "Source/App", "Source", StepState::Failed);
    let source = [source, pipeline(10, ExecutionState::Failed)];
    assert!(step(&deployments, open(), &heard(&source)).starts_with("1 error: "));
    let stopped = [pipeline(9, ExecutionState::Stopped)];
    assert_eq!(
        step(&deployments, open(), &heard(&stopped)),
        "1 error: Stopped in CodePipeline"
    );
}

#[test]
fn all_deployments_are_inactive_once_the_environment_is_gone_and_not_before() {
    let closed = record(Phase::Absent(AbsenceReason::Closed), None);
    for state in DeploymentState::ALL {
        if state == DeploymentState::Inactive {
            continue;
        }
        let deployments = deployed(1, state);
        assert_eq!(step(&deployments, Environment::Closing, &closed), "nothing");
        assert_eq!(
            step(&deployments, Environment::Unreachable, &closed),
            "nothing"
        );
        let end = step(&deployments, Environment::Gone, &closed);
        assert_eq!(
            end,
            "1 inactive: The pipeline of this environment was removed"
        );
        let forgotten = record(Phase::Absent(AbsenceReason::Forgotten), None);
        let end = step(&deployments, Environment::Gone, &forgotten);
        assert_eq!(
            end,
            "1 inactive: What is left of the environment is not managed any more"
        );
    }
    let mut deployments = deployed(1, DeploymentState::Success);
    deployments.showed(DeploymentId(1), &shown(DeploymentState::Inactive));
    assert_eq!(step(&deployments, Environment::Gone, &closed), "nothing");
    assert!(deployments.deployments.is_empty());
}

#[test]
fn what_succeeded_last_stays_until_the_next_deployment_has() {
    for before in [
        DeploymentState::Success,
        DeploymentState::Failure,
        DeploymentState::InProgress,
    ] {
        let (running, mut deployments) = pushed(deployed(1, before), &[]);
        assert_eq!(
            step(&deployments, open(), &running),
            "create b in preview/pr-7"
        );
        deployments.created(&commit('b'), NAME, DeploymentId(2));
        deployments.showed(DeploymentId(2), &shown(DeploymentState::InProgress));
        let end = "1 inactive: A later commit was deployed";
        let stays = before == DeploymentState::Success;
        let expected = if stays { "nothing" } else { end };
        assert_eq!(step(&deployments, open(), &running), expected, "{before:?}");
        let (green, deployments) = pushed(deployments, &[pipeline(9, ExecutionState::Succeeded)]);
        assert_eq!(step(&deployments, open(), &green), end);
    }
}

#[test]
fn a_creation_without_an_answer_is_looked_for_and_again_in_the_end() {
    let running = heard(&[]);
    let mut deployments = DeploymentRecord::about(None, &running, NOW);
    deployments.creating(&commit('a'), NAME);
    deployments.found(&commit('a'), NAME, &[]);
    assert_eq!(
        step(&deployments, open(), &running),
        "create a in preview/pr-7"
    );
    deployments.creating(&commit('a'), NAME);
    deployments.created(&commit('a'), NAME, DeploymentId(2));
    deployments.showed(DeploymentId(2), &shown(DeploymentState::InProgress));
    assert_eq!(step(&deployments, open(), &running), "nothing");
    let closed = record(Phase::Absent(AbsenceReason::Closed), None);
    deployments.showed(DeploymentId(2), &shown(DeploymentState::Inactive));
    assert_eq!(step(&deployments, Environment::Gone, &closed), "find a");
    // The first one took effect late.
    deployments.found(&commit('a'), NAME, &[DeploymentId(1)]);
    let end = "1 inactive: The pipeline of this environment was removed";
    assert_eq!(step(&deployments, Environment::Gone, &closed), end);
    deployments.deleted(DeploymentId(1));
    assert_eq!(step(&deployments, Environment::Gone, &closed), "nothing");
}

#[test]
fn of_two_deployments_of_a_commit_the_later_one_counts() {
    let running = heard(&[]);
    let mut deployments = DeploymentRecord::about(None, &running, NOW);
    deployments.found(&commit('a'), NAME, &[DeploymentId(1), DeploymentId(2)]);
    assert_eq!(
        step(&deployments, open(), &running),
        "1 inactive: A later commit was deployed"
    );
    deployments.deleted(DeploymentId(1));
    assert_eq!(
        step(&deployments, open(), &running),
        "2 in_progress: Running in CodePipeline"
    );
}

#[test]
fn a_failed_attempt_and_another_worker_are_waited_for() {
    let running = heard(&[]);
    let situation = Situation {
        environment: open(),
        head: Some(&running),
        region: REGION,
    };
    let later = NOW.plus(Duration::from_secs(60));
    let mut deployments = DeploymentRecord::about(None, &running, NOW);
    let due = |deployments: &DeploymentRecord, now| deployments.due(&situation, now);
    assert!(matches!(due(&deployments, NOW), DeploymentDue::Now(_)));
    deployments.sender = Some(Sending {
        owner: "w2".to_owned(),
        until: later,
    });
    assert_eq!(due(&deployments, NOW), DeploymentDue::Busy(later));
    assert!(matches!(due(&deployments, later), DeploymentDue::Now(_)));
    let failed = |retry_at| {
        Some(FailedReport {
            attempts: 1,
            kind: GitHubFaultKind::Refused,
            detail: String::new(),
            retry_at,
            since: NOW,
        })
    };
    deployments.sender = None;
    deployments.failed = failed(Some(later));
    assert_eq!(due(&deployments, NOW), DeploymentDue::Later(later));
    assert!(matches!(due(&deployments, later), DeploymentDue::Now(_)));
    deployments.failed = failed(None);
    assert_eq!(due(&deployments, later), DeploymentDue::Nothing);
    let (head, deployments) = pushed(deployments, &[]);
    assert!(
        deployments.failed.is_none(),
        "{head:?}: another commit may be possible"
    );
}
