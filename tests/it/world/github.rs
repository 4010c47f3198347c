//! A fake GitHub behind the port: what each commit shows, and what branchline asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::domain::ids::{CheckRunId, CommentId, DeploymentId, Timestamp};
use branchline::domain::report::deployment::DeploymentStatus;
use branchline::domain::report::fault::{GitHubFault, GitHubFaultKind};
use branchline::domain::report::{CONTEXT_LIMIT, Report, ReportForm, TITLE_LIMIT};
use branchline::ports::{Earlier, GitHub, Place, WantedDeployment};

use tokio::time::sleep;

use super::comments::Conversations;
use super::deliveries::Deliveries;
use super::deployments::Deployments;
use super::lock;
use super::repositories::Repositories;
use crate::world::fault_injection::{FaultInjection, Op};

/// The most text that GitHub takes in a summary.
const SUMMARY_LIMIT: usize = 65_535;

/// A handle to GitHub. Clones are handles to the same one.
#[derive(Clone)]
pub(crate) struct FakeGitHub {
    state: Arc<Mutex<State>>,
    deliveries: Arc<Mutex<Deliveries>>,
    faults: FaultInjection,
}

#[derive(Default)]
struct State {
    checks: BTreeMap<CheckRunId, Check>,
    /// The statuses of each commit, the newest last.
    statuses: BTreeMap<String, Vec<Report>>,
    /// Posts that create something, and updates.
    created: usize,
    updated: usize,
    conversations: Conversations,
    deployments: Deployments,
    repositories: Repositories,
    /// The kind of fault of every call.
    down: Option<GitHubFaultKind>,
    /// How long a call takes that fails.
    hangs: Duration,
    /// Until when GitHub says that a limit stands, if it is down for that.
    limited_until: Option<Timestamp>,
    /// The kind of fault of every call of an operation.
    refused: BTreeMap<Op, GitHubFaultKind>,
}

#[derive(Clone)]
struct Check {
    repository: u64,
    report: Report,
}

/// What GitHub shows of one name on one commit.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// The newest report, which counts.
    pub(crate) report: Report,
    /// Its check run; `None` for a status.
    pub(crate) check_run: Option<CheckRunId>,
    /// The titles of older check runs that have not ended.
    pub(crate) abandoned: Vec<String>,
}

impl FakeGitHub {
    /// Makes a GitHub that shows nothing.
    pub(crate) fn new(faults: &FaultInjection) -> Self {
        Self {
            state: Arc::default(),
            deliveries: Arc::default(),
            faults: faults.clone(),
        }
    }

    /// Returns the same GitHub with another worker's faults.
    pub(crate) fn under(&self, faults: &FaultInjection) -> Self {
        Self {
            faults: faults.clone(),
            ..self.clone()
        }
    }

    /// Lets every call fail in this way, or none.
    pub(crate) fn goes(&self, down: Option<GitHubFaultKind>) {
        let mut state = lock(&self.state);
        (state.down, state.hangs) = (down, Duration::ZERO);
    }

    /// Lets every call fail after this time, without an answer.
    pub(crate) fn hangs(&self, time: Duration) {
        let mut state = lock(&self.state);
        (state.down, state.hangs) = (Some(GitHubFaultKind::Unavailable), time);
    }

    /// Lets every call fail for a limit that stands until this time.
    pub(crate) fn limits(&self, until: Timestamp) {
        let mut state = lock(&self.state);
        state.down = Some(GitHubFaultKind::Limited);
        state.limited_until = Some(until);
    }

    /// Lets every call of an operation fail in this way, or none.
    pub(crate) fn refuses(&self, op: Op, kind: Option<GitHubFaultKind>) {
        let refused = &mut lock(&self.state).refused;
        refused.remove(&op);
        refused.extend(kind.map(|kind| (op, kind)));
    }

    /// Reads or changes what GitHub delivered.
    pub(super) fn deliveries<T>(&self, act: impl FnOnce(&mut Deliveries) -> T) -> T {
        act(&mut lock(&self.deliveries))
    }

    /// Passes a call about deliveries through the faults.
    pub(super) async fn on_deliveries<T>(
        &self,
        op: Op,
        call: impl FnOnce(&mut Deliveries, Timestamp) -> Result<T, GitHubFault>,
    ) -> Result<T, GitHubFault> {
        let now = self.faults.now();
        let effect = |state: &mut State| {
            state.fault(op)?;
            self.deliveries(|all| call(all, now))
        };
        self.call(op, effect).await
    }

    /// Looks at the comments, or changes them.
    pub(super) fn conversations<T>(&self, look: impl FnOnce(&mut Conversations) -> T) -> T {
        look(&mut lock(&self.state).conversations)
    }

    async fn on_deployments<T>(
        &self,
        op: Op,
        call: impl FnOnce(&mut Deployments) -> T,
    ) -> Result<T, GitHubFault> {
        let call = |state: &mut State| state.fault(op).map(|()| call(&mut state.deployments));
        self.call(op, call).await
    }

    /// Looks at the deployments, or changes them.
    pub(crate) fn deployments<T>(&self, look: impl FnOnce(&mut Deployments) -> T) -> T {
        look(&mut lock(&self.state).deployments)
    }

    /// Passes a call through the faults.
    async fn call<T>(
        &self,
        op: Op,
        call: impl FnOnce(&mut State) -> Result<T, GitHubFault>,
    ) -> Result<T, GitHubFault> {
        let mut answer = None;
        let effect = || {
            answer = Some(call(&mut lock(&self.state)));
            Ok(())
        };
        let passed = self.faults.pass(op, effect).await;
        match (passed, answer) {
            (Ok(()), Some(answer)) => answer,
            (Ok(()), None) | (Err(_), _) => {
                let kind = GitHubFaultKind::Unavailable;
                Err(GitHubFault::new(kind, Reason::AwsUnavailable.as_str()))
            }
        }
    }

    /// Looks at the repositories, or changes them.
    pub(super) fn repositories<T>(&self, look: impl FnOnce(&mut Repositories) -> T) -> T {
        look(&mut lock(&self.state).repositories)
    }

    /// Reads the repositories in a call that may fail.
    pub(super) async fn look_up<T>(
        &self,
        op: Op,
        read: impl FnOnce(&mut Repositories) -> Result<T, GitHubFault>,
    ) -> Result<T, GitHubFault> {
        let read = |state: &mut State| {
            state.fault(op)?;
            read(&mut state.repositories)
        };
        self.call(op, read).await
    }

    /// Returns how many check runs and statuses were created, and how many updated.
    pub(crate) fn posts(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.created, state.updated)
    }

    /// Returns what a commit shows, one line for each name: of check runs of one name the newest
    /// counts, as for branch protection.
    pub(crate) fn page(&self, commit: &str) -> Vec<String> {
        let state = lock(&self.state);
        let of_commit = |report: &&Report| report.commit.as_str() == commit;
        let checks = state.checks.values().map(|check| &check.report);
        let statuses = state.statuses.values().flatten();
        let mut newest: BTreeMap<&str, &Report> = BTreeMap::new();
        for report in checks.filter(of_commit).chain(statuses.filter(of_commit)) {
            newest.insert(&report.context, report);
        }
        let line = |report: &Report| format!("{}: {}", report.state.as_str(), report.title);
        newest.into_values().map(line).collect()
    }

    /// Returns what GitHub shows, by commit and by the id of the report. Two subjects may have one
    /// head.
    pub(crate) fn shown(&self) -> BTreeMap<(String, String), Shown> {
        let state = lock(&self.state);
        let checks = state.checks.iter();
        let checks = checks.map(|(id, check)| (Some(*id), &check.report));
        let statuses = state.statuses.values().flatten();
        let mut shown: BTreeMap<(String, String), Shown> = BTreeMap::new();
        for (check_run, report) in checks.chain(statuses.map(|report| (None, report))) {
            let name = (report.commit.to_string(), report.external_id.clone());
            let older = shown.remove(&name);
            let mut abandoned = Vec::new();
            if let Some(older) = older {
                abandoned = older.abandoned;
                let is_open = older.check_run.is_some() && !older.report.state.is_final();
                abandoned.extend(is_open.then_some(older.report.title));
            }
            let newest = Shown {
                report: report.clone(),
                check_run,
                abandoned,
            };
            shown.insert(name, newest);
        }
        shown
    }

    /// Returns the check run that counts for a commit, which has one report.
    pub(crate) fn check(&self, commit: &str) -> (CheckRunId, Report) {
        let state = lock(&self.state);
        let is_of_commit =
            |(_, check): &(&CheckRunId, &Check)| check.report.commit.as_str() == commit;
        let mut newest_first = state.checks.iter().rev();
        let (id, check) = newest_first.find(is_of_commit).expect("a check run");
        (*id, check.report.clone())
    }

    /// Returns the check runs that will never end, because another one of their name came later.
    pub(crate) fn abandoned_checks(&self) -> Vec<String> {
        let shown = self.shown().into_values();
        shown.flat_map(|shown| shown.abandoned).collect()
    }
}

impl State {
    fn fault(&self, op: Op) -> Result<(), GitHubFault> {
        match self.down.or(self.refused.get(&op).copied()) {
            None => Ok(()),
            Some(kind) => Err(GitHubFault {
                retry_at: self
                    .limited_until
                    .filter(|_| kind == GitHubFaultKind::Limited),
                ..GitHubFault::new(kind, "as the test ordered")
            }),
        }
    }

    fn show(
        &mut self,
        place: &Place,
        form: ReportForm,
        report: &Report,
        earlier: Earlier<CheckRunId>,
    ) -> Result<Option<CheckRunId>, GitHubFault> {
        self.fault(Op::Report)?;
        let repository = place.id.0;
        assert!(
            report.title.chars().count() <= TITLE_LIMIT,
            "{}",
            report.title
        );
        assert!(report.context.chars().count() <= CONTEXT_LIMIT);
        assert!(report.summary.chars().count() <= SUMMARY_LIMIT);
        if form == ReportForm::Status {
            assert_eq!(earlier, Earlier::Nothing, "a status replaces none");
            let commit = report.commit.to_string();
            self.statuses
                .entry(commit)
                .or_default()
                .push(report.clone());
            self.created += 1;
            return Ok(None);
        }
        let found = match earlier {
            Earlier::Nothing => None,
            Earlier::Created(id) => Some(id),
            Earlier::Uncertain => self.find(repository, report),
        };
        let check = Check {
            repository,
            report: report.clone(),
        };
        if let Some(id) = found {
            let known = self.checks.insert(id, check);
            let known = known.expect("a check run that GitHub knows");
            let reopens = known.report.state.is_final() && !report.state.is_final();
            assert!(
                !reopens,
                "a check run that ended runs again: {}",
                report.title
            );
            self.updated += 1;
            return Ok(Some(id));
        }
        let id = CheckRunId(u64::try_from(self.checks.len()).unwrap_or(0) + 1);
        self.checks.insert(id, check);
        self.created += 1;
        Ok(Some(id))
    }

    fn find(&self, repository: u64, report: &Report) -> Option<CheckRunId> {
        let is_it = |check: &Check| {
            let known = &check.report;
            let of_commit = check.repository == repository && known.commit == report.commit;
            of_commit && known.external_id == report.external_id && !known.state.is_final()
        };
        let mut newest_first = self.checks.iter().rev();
        newest_first
            .find(|(_, check)| is_it(check))
            .map(|(id, _)| *id)
    }
}

impl GitHub for FakeGitHub {
    async fn report(
        &self,
        place: &Place,
        form: ReportForm,
        report: &Report,
        earlier: Earlier<CheckRunId>,
    ) -> Result<Option<CheckRunId>, GitHubFault> {
        let hangs = lock(&self.state).hangs;
        if !hangs.is_zero() {
            sleep(hangs).await;
        }
        let effect = |state: &mut State| state.show(place, form, report, earlier);
        self.call(Op::Report, effect).await
    }

    async fn comment(
        &self,
        place: &Place,
        pull_request: u64,
        text: &str,
        marker: &str,
        earlier: Earlier<CommentId>,
    ) -> Result<CommentId, GitHubFault> {
        let place = (place.id.0, pull_request);
        let effect = |state: &mut State| {
            state.fault(Op::WriteComment)?;
            Ok(state.conversations.comment(place, text, marker, earlier))
        };
        self.call(Op::WriteComment, effect).await
    }

    async fn create_deployment(
        &self,
        place: &Place,
        wanted: &WantedDeployment,
    ) -> Result<DeploymentId, GitHubFault> {
        let effect = |all: &mut Deployments| all.create(place.id.0, wanted);
        self.on_deployments(Op::CreateDeployment, effect).await
    }

    async fn find_deployments(
        &self,
        place: &Place,
        wanted: &WantedDeployment,
    ) -> Result<Vec<DeploymentId>, GitHubFault> {
        let effect = |all: &mut Deployments| all.find(place.id.0, wanted);
        self.on_deployments(Op::FindDeployments, effect).await
    }

    async fn show_deployment(
        &self,
        place: &Place,
        id: DeploymentId,
        status: &DeploymentStatus,
    ) -> Result<bool, GitHubFault> {
        let effect = |all: &mut Deployments| all.show(place.id.0, id, status);
        self.on_deployments(Op::ShowDeployment, effect).await
    }
}
