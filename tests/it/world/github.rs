//! A fake GitHub behind the port: what each commit shows, and what branchline asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use branchline::domain::fault::Reason;
use branchline::domain::ids::{CheckRunId, CommentId};
use branchline::domain::report::fault::{GitHubFault, GitHubFaultKind};
use branchline::domain::report::{CONTEXT_LIMIT, Report, ReportForm, TITLE_LIMIT};
use branchline::ports::{Earlier, GitHub, Place};

use super::comments::Conversations;
use super::lock;
use crate::world::fault_injection::{FaultInjection, Op};

/// The most text that GitHub takes in a summary.
const SUMMARY_LIMIT: usize = 65_535;

/// A handle to GitHub. Clones are handles to the same one.
#[derive(Clone)]
pub(crate) struct FakeGitHub {
    state: Arc<Mutex<State>>,
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
    /// The kind of fault of every call.
    down: Option<GitHubFaultKind>,
    /// The kind of fault of every call of an operation.
    refused: BTreeMap<Op, GitHubFaultKind>,
}

#[derive(Clone)]
struct Check {
    repository: u64,
    report: Report,
}

impl FakeGitHub {
    /// Makes a GitHub that shows nothing.
    pub(crate) fn new(faults: &FaultInjection) -> Self {
        Self {
            state: Arc::default(),
            faults: faults.clone(),
        }
    }

    /// Lets every call fail in this way, or none.
    pub(crate) fn goes(&self, down: Option<GitHubFaultKind>) {
        lock(&self.state).down = down;
    }

    /// Lets every call of an operation fail in this way, or none.
    pub(crate) fn refuses(&self, op: Op, kind: Option<GitHubFaultKind>) {
        let refused = &mut lock(&self.state).refused;
        refused.remove(&op);
        refused.extend(kind.map(|kind| (op, kind)));
    }

    /// Deletes every comment, as people may.
    pub(crate) fn delete_comments(&self) {
        lock(&self.state).conversations.delete();
    }

    /// Returns the comments of a pull request, without their markers.
    pub(crate) fn comments(&self, repository: u64, pull_request: u64) -> Vec<String> {
        lock(&self.state)
            .conversations
            .of((repository, pull_request))
    }

    /// Returns how many comments were created, and how many edits were made.
    pub(crate) fn comment_counts(&self) -> (u64, u64) {
        lock(&self.state).conversations.counts()
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
        let state = lock(&self.state);
        let mut newest: BTreeMap<(u64, &str, &str), &Report> = BTreeMap::new();
        let mut abandoned = Vec::new();
        for Check { repository, report } in state.checks.values() {
            let name = (
                *repository,
                report.commit.as_str(),
                report.external_id.as_str(),
            );
            if let Some(older) = newest.insert(name, report)
                && !older.state.is_final()
            {
                abandoned.push(format!("{} {}", older.external_id, older.title));
            }
        }
        abandoned
    }
}

impl State {
    fn fault(&self, op: Op) -> Result<(), GitHubFault> {
        match self.down.or(self.refused.get(&op).copied()) {
            None => Ok(()),
            Some(kind) => Err(GitHubFault::new(kind, "as the test ordered")),
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
}
