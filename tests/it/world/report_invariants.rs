//! The invariants of the reports of a world at rest.

use std::collections::BTreeMap;

use branchline::domain::ids::SubjectKind;
use branchline::domain::report::deployment::has_deployment;
use branchline::domain::report::deployment::record::DeploymentRecord;
use branchline::domain::report::execution::ExecutionState;
use branchline::domain::report::record::{CommitKey, CommitRecord};
use branchline::domain::report::render::Due;
use branchline::domain::report::{Conclusion, ReportState};
use branchline::domain::state::mapping::{Mapping, State};
use branchline::ports::Clock;

use super::executions::Started;
use super::github::Shown;
use super::story::{REGION, World, display, pipeline_of};

/// What GitHub shows, by commit and by the id of the report.
type AllShown = BTreeMap<(String, String), Shown>;

impl World {
    /// Returns what is wrong with the reports, in sentences. The world is at rest: its queues are
    /// empty, lost events were made up for, and everything that was due was told to GitHub.
    pub(crate) fn reports_left(&self) -> Vec<String> {
        let shown = self.github.shown();
        let records = self.store.all_commits();
        let mut left: Vec<String> = records
            .iter()
            .filter_map(|record| self.is_unlike(record, &shown))
            .collect();
        for ((commit, id), one) in &shown {
            let abandoned = one.abandoned.iter();
            left.extend(abandoned.map(|title| format!("{id} at {commit} also shows '{title}'")));
            if !one.report.state.is_final() && !self.may_be_running(id, commit) {
                let title = &one.report.title;
                let is_it = |one: &&CommitRecord| name(one) == (commit.clone(), id.clone());
                let record = records.iter().find(is_it);
                left.push(format!(
                    "{id} at {commit} shows '{title}' for ever: {record:#?}"
                ));
            }
        }
        let rows = self.store.rows();
        left.extend(
            rows.iter()
                .filter_map(|row| self.is_unreported(row, &shown)),
        );
        left.extend(rows.iter().filter_map(|row| self.is_undeployed(row)));
        left
    }

    /// Checks that the deployments of a subject are those of its environment, and that GitHub shows
    /// what the table knows.
    pub(crate) fn is_undeployed(&self, row: &Mapping) -> Option<String> {
        let environment = match &row.subject.kind {
            SubjectKind::PullRequest(number) => format!("preview/pr-{number}"),
            SubjectKind::Branch(branch) => format!("preview/{branch}"),
        };
        let has_deployments = row
            .report
            .as_ref()
            .is_some_and(|to| to.deployment.is_some());
        let is_there = State::WITH_CLONE.contains(&row.state) || row.state == State::Retiring;
        let exists = is_there && has_deployments && row.order.head.is_some();
        let repository = row.subject.repository.0;
        let known = self.store.deployment_record(&row.subject);
        let commit = known.as_ref().map(|known| known.commit.as_str());
        let current = commit.filter(|_| exists).or(exists.then_some("none"));
        let (state, wrong) = self.github.deployments(|all| {
            let state = all.state(repository, &environment, commit.unwrap_or_default());
            (state, all.wrong(repository, &environment, current))
        });
        let records = self.store.all_commits();
        let record = |key: &CommitKey| records.iter().find(|record| record.key == *key);
        let key = known.as_ref().map(DeploymentRecord::key);
        let right = key.as_ref().and_then(record);
        let right = right.and_then(CommitRecord::deployment_state);
        let head = row.order.head.clone().map(|commit| CommitKey {
            subject: row.subject.clone(),
            commit,
        });
        let is_built = head.as_ref().and_then(record).is_some_and(has_deployment);
        let why = if wrong.is_some() {
            wrong?
        } else if exists && right.is_some() && right != state {
            format!("{environment} shows {state:?}, not {right:?}")
        } else if exists && is_built && head != key {
            format!("{environment} does not show its head {head:?}")
        } else {
            return None;
        };
        Some(format!(
            "{} is {:?}: {why}: {known:#?}",
            display(row),
            row.state
        ))
    }

    /// Checks that GitHub shows what the table knows.
    fn is_unlike(&self, record: &CommitRecord, shown: &AllShown) -> Option<String> {
        let (commit, id) = name(record);
        let due = record.due(REGION, self.clock.now());
        if due != Due::Nothing {
            return Some(format!("{id} at {commit} is still to be reported: {due:?}"));
        }
        let failed = record.failed.as_ref();
        if let Some(failed) = failed.filter(|failed| failed.retry_at.is_none()) {
            return Some(format!("{id} at {commit} was given up: {failed:?}"));
        }
        let shown = shown.get(&(commit.clone(), id.clone()));
        let shows = shown.map(|one| (one.check_run, one.report.digest()));
        let reported = record.reported.as_ref();
        let reported = reported.map(|one| (one.check_run, one.digest.clone()));
        (shows != reported).then(|| {
            let title = shown.map(|one| &one.report.title);
            let known = record.reported.as_ref().map(|one| &one.title);
            format!("{id} at {commit} shows {title:?}, and the table has {known:?}")
        })
    }

    /// Checks that the head of a subject shows how its newest execution ended.
    fn is_unreported(&self, row: &Mapping, shown: &AllShown) -> Option<String> {
        let target = row.report.as_ref()?;
        let head = row.order.head.as_ref()?.to_string();
        let id = format!("{}/{}", row.subject.table_key(), target.context);
        let is_over = row.absence().is_some_and(|reason| reason.is_ending());
        let run = self.newest_run(&id, &head);
        let Some(shown) = shown.get(&(head.clone(), id)) else {
            return (!is_over)
                .then(|| format!("{} shows nothing at its head {head}", display(row)));
        };
        // The first event about an execution that a person started may be on its way.
        let run = run.filter(|run| row.absence().is_none() && run.is_known())?;
        let state = shown.report.state;
        (!is_right(run.state, state)).then(|| {
            let records = self.store.all_commits();
            let of_head = |one: &&CommitRecord| {
                one.key.subject == row.subject && one.key.commit.as_str() == head
            };
            format!(
                "{} shows '{}' at its head {head}, whose execution is {run:?}: {:#?}",
                display(row),
                shown.report.title,
                records.iter().find(of_head),
            )
        })
    }

    /// Returns true if an execution of a commit runs, or one of which no commit is known.
    fn may_be_running(&self, id: &str, commit: &str) -> bool {
        self.runs(id).iter().any(|run| {
            let may_be_it = run.commit.as_deref().is_none_or(|other| other == commit);
            may_be_it && !run.state.is_final()
        })
    }

    /// Returns the newest execution of a commit.
    fn newest_run(&self, id: &str, commit: &str) -> Option<Started> {
        let mut newest_first = self.runs(id).into_iter().rev();
        newest_first.find(|run| run.commit.as_deref() == Some(commit))
    }

    /// Returns the executions in the pipeline that a subject has now.
    fn runs(&self, id: &str) -> Vec<Started> {
        let rows = self.store.rows();
        let is_it = |row: &&Mapping| id.starts_with(&format!("{}/", row.subject.table_key()));
        let row = rows.iter().find(is_it);
        let pipeline = row.and_then(|row| self.account.all().remove(pipeline_of(row)));
        pipeline.map_or_else(Vec::new, |pipeline| pipeline.runs)
    }
}

/// Returns the commit and the id of its report.
fn name(record: &CommitRecord) -> (String, String) {
    let (subject, context) = (record.key.subject.table_key(), &record.target.context);
    (
        record.key.commit.to_string(),
        format!("{subject}/{context}"),
    )
}

/// Returns true if this is the state to show of an execution. Without the event about the failed
/// action, a source that could not be fetched is a failure like any other.
fn is_right(run: ExecutionState, shown: ReportState) -> bool {
    let ended = |conclusions: &[Conclusion]| match shown {
        ReportState::Completed(conclusion) => conclusions.contains(&conclusion),
        ReportState::Queued | ReportState::InProgress => false,
    };
    match run {
        ExecutionState::Started | ExecutionState::Resumed | ExecutionState::Stopping => {
            shown == ReportState::InProgress
        }
        ExecutionState::Succeeded => ended(&[Conclusion::Success]),
        ExecutionState::Failed => ended(&[Conclusion::Failure, Conclusion::Error]),
        ExecutionState::Stopped | ExecutionState::Canceled | ExecutionState::Superseded => {
            ended(&[Conclusion::Cancelled])
        }
    }
}
