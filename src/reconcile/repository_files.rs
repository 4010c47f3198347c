//! Reads the files of a repository with which its clone is made, before the claim: a claim lasts
//! for calls to AWS, and not for GitHub as well.

use crate::domain::clone::file::{FileContent, RepositoryFile};
use crate::domain::clone::files::CloneFiles;
use crate::domain::clone::template_file::TemplateFile;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::CommitId;
use crate::domain::report::fault::{GitHubFault, GitHubFaultKind};
use crate::domain::rules::repository_file::FileFrom;
use crate::domain::rules::rule::Rule;
use crate::domain::state::desired::Spec;
use crate::domain::state::effect::Effect;
use crate::domain::state::intent::Intent;
use crate::domain::state::mapping::Mapping;
use crate::domain::state::plan::rule_of;
use crate::ports::{Clock, Pipelines, Place, RepositoryFiles, Revision, Store};

use crate::reconcile::Reconciler;
use crate::reconcile::execute::Executor;

/// Where the files of a clone are.
struct Source<'a> {
    files: &'a dyn RepositoryFiles,
    place: Place,
    row: &'a Mapping,
    spec: &'a Spec,
    /// The head of the base branch, once it is known: files of one clone are of one commit.
    base: Option<CommitId>,
}

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Returns the files for the clone that an effect creates or starts. No other effect needs one,
    /// and GitHub is not asked for a file that the rule does not read.
    ///
    /// # Errors
    /// `repository-file-invalid`, and the faults of GitHub: without a file, nothing is built.
    pub(super) async fn repository_files(
        &self,
        row: &Mapping,
        effect: &Effect,
    ) -> Result<CloneFiles, Fault> {
        let mut read = CloneFiles::default();
        let spec = match effect {
            Effect::Create(spec) | Effect::Start(spec) => spec,
            Effect::Adopt(_) | Effect::Delete(_) => return Ok(read),
        };
        let rule = rule_of(row, spec, &self.rules);
        let Some(rule) = rule.filter(|rule| rule.reads_files()) else {
            return Ok(read);
        };
        let mut source = self.source(rule, row, spec)?;
        if let Some(file) = &rule.template_file {
            let (commit, content) = source.read(&file.path, file.from).await?;
            read.template = TemplateFile::read(&content, commit.as_ref(), file)?;
        }
        if let Some(file) = &rule.repository_file {
            let (commit, content) = source.read(&file.path, file.from).await?;
            read.changes = Some(RepositoryFile::read(&content, commit.as_ref(), rule, file)?);
        }
        Ok(read)
    }

    fn source<'a>(
        &'a self,
        rule: &Rule,
        row: &'a Mapping,
        spec: &'a Spec,
    ) -> Result<Source<'a>, Fault> {
        let Some(files) = &self.files else {
            let detail = format!(
                "rule '{}' reads files from GitHub, for which [github] has no credentials",
                rule.name
            );
            return Err(Fault::new(Reason::GitHubDenied, detail));
        };
        let place = Place {
            id: row.subject.repository,
            name: row.repository.clone(),
            installation: row.report.as_ref().and_then(|target| target.installation),
        };
        Ok(Source {
            files: files.as_ref(),
            place,
            row,
            spec,
            base: None,
        })
    }
}

impl Source<'_> {
    /// Reads a file.
    async fn read(
        &mut self,
        path: &str,
        from: FileFrom,
    ) -> Result<(Option<CommitId>, FileContent), Fault> {
        let revision = match (from, &self.base) {
            (FileFrom::Base, Some(commit)) => Revision::Commit(commit),
            (FileFrom::Base, None) => {
                let base = self.spec.base.as_ref().ok_or_else(|| no_base(path))?;
                Revision::Branch(base)
            }
            (FileFrom::Head, _) => head(self.row, self.spec),
        };
        let answer = self.files.file(&self.place, path, revision);
        let (commit, content) = answer.await.map_err(unread)?;
        if from == FileFrom::Base {
            self.base.clone_from(&commit);
        }
        Ok((commit, content))
    }
}

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Returns true if the rule of an intent reads a file. Then its row is read even if its event
    /// begins a subject: an event that is delivered again must not ask GitHub.
    pub(super) fn reads_file(&self, intent: &Intent) -> bool {
        let rule = intent.wanted.rule().filter(|_| intent.wanted.builds());
        let rule = rule.and_then(|name| self.rules().named(name));
        rule.is_some_and(Rule::reads_files)
    }
}

/// Returns the head that a file is read from. Subjects whose head is in a fork have no pipeline, so
/// the head is always a commit of people who may push to the repository.
fn head<'a>(row: &'a Mapping, spec: &'a Spec) -> Revision<'a> {
    match &row.order.head {
        Some(commit) => Revision::Commit(commit),
        None => Revision::Branch(&spec.branch),
    }
}

/// Returns the fault of a subject whose base no event has named since its mapping was adopted. The
/// file of the head must not take its place.
fn no_base(path: &str) -> Fault {
    let detail = format!(
        "{path} of the base: the base is not known since the mapping was adopted: push a commit, or edit the pull request"
    );
    Fault::new(Reason::RepositoryFileInvalid, detail)
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
