//! Reads the file of a repository that may change its clone, before the claim: a claim lasts for
//! calls to AWS, and not for GitHub as well.

use crate::domain::clone::file::RepositoryFile;
use crate::domain::fault::{Fault, Reason};
use crate::domain::report::fault::{GitHubFault, GitHubFaultKind};
use crate::domain::rules::repository_file::FileFrom;
use crate::domain::state::desired::Spec;
use crate::domain::state::effect::Effect;
use crate::domain::state::intent::Intent;
use crate::domain::state::mapping::Mapping;
use crate::domain::state::plan::rule_of;
use crate::ports::{Clock, Pipelines, Place, Revision, Store};

use crate::reconcile::Reconciler;
use crate::reconcile::execute::Executor;

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Returns the file for the clone that an effect creates or starts. `None` if its rule reads
    /// none; no other effect needs one, and GitHub is not asked.
    ///
    /// # Errors
    /// `repository-file-invalid`, and the faults of GitHub: without the file, nothing is built.
    pub(super) async fn repository_file(
        &self,
        row: &Mapping,
        effect: &Effect,
    ) -> Result<Option<RepositoryFile>, Fault> {
        let spec = match effect {
            Effect::Create(spec) | Effect::Start(spec) => spec,
            Effect::Adopt(_) | Effect::Delete(_) => return Ok(None),
        };
        let Some(rule) = rule_of(row, spec, &self.rules) else {
            return Ok(None);
        };
        let Some(file) = &rule.repository_file else {
            return Ok(None);
        };
        let Some(files) = &self.files else {
            let detail = format!(
                "rule '{}' reads {} from GitHub, for which [github] has no credentials",
                rule.name, file.path
            );
            return Err(Fault::new(Reason::GitHubDenied, detail));
        };
        let place = Place {
            id: row.subject.repository,
            name: row.repository.clone(),
            installation: row.report.as_ref().and_then(|target| target.installation),
        };
        let answer = files.file(&place, &file.path, revision(row, spec, file.from));
        let (commit, content) = answer.await.map_err(unread)?;
        RepositoryFile::read(&content, commit.as_ref(), rule, file).map(Some)
    }
}

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Returns true if the rule of an intent reads a file. Then its row is read even if its event
    /// begins a subject: an event that is delivered again must not ask GitHub.
    pub(super) fn reads_file(&self, intent: &Intent) -> bool {
        let rule = intent.wanted.rule().filter(|_| intent.wanted.builds());
        let rule = rule.and_then(|name| self.rules().named(name));
        rule.is_some_and(|rule| rule.repository_file.is_some())
    }
}

/// Returns the commit that the file is read from. Subjects whose head is in a fork have no
/// pipeline, so the head is always a commit of people who may push to the repository.
fn revision<'a>(row: &'a Mapping, spec: &'a Spec, from: FileFrom) -> Revision<'a> {
    let head = match &row.order.head {
        Some(commit) => Revision::Commit(commit),
        None => Revision::Branch(&spec.branch),
    };
    match from {
        FileFrom::Base => spec.base.as_ref().map_or(head, Revision::Branch),
        FileFrom::Head => head,
    }
}

/// Returns the fault of a message whose file could not be read.
fn unread(fault: GitHubFault) -> Fault {
    let reason = match fault.kind {
        GitHubFaultKind::Unavailable => Reason::GitHubUnavailable,
        GitHubFaultKind::Limited => Reason::GitHubLimited,
        GitHubFaultKind::Denied
        | GitHubFaultKind::Missing
        | GitHubFaultKind::Refused
        | GitHubFaultKind::Misconfigured => Reason::GitHubDenied,
    };
    Fault::new(reason, fault.detail)
}
