//! A fake of the files of repositories at GitHub.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use branchline::domain::clone::file::FileContent;
use branchline::domain::ids::CommitId;
use branchline::domain::report::fault::{GitHubFault, GitHubFaultKind};
use branchline::ports::{FileAnswer, Place, RepositoryFiles, Revision};

/// The files of each branch and commit: of one path, or the same under every path.
#[derive(Clone, Default)]
pub(crate) struct FakeFiles(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<String, FileContent>,
    /// By path and revision.
    at: BTreeMap<(String, String), String>,
    down: Option<GitHubFaultKind>,
    /// The revisions that were asked for.
    asked: Vec<String>,
}

impl FakeFiles {
    /// Sets the file of a branch or a commit.
    pub(crate) fn set(&self, revision: &str, text: &str) {
        self.set_content(revision, FileContent::Bytes(text.as_bytes().to_vec()));
    }

    /// Sets the file of a path in a branch or a commit.
    pub(crate) fn set_at(&self, path: &str, revision: &str, text: &str) {
        let key = (path.to_owned(), revision.to_owned());
        self.lock().at.insert(key, text.to_owned());
    }

    pub(crate) fn set_content(&self, revision: &str, content: FileContent) {
        self.lock().files.insert(revision.to_owned(), content);
    }

    /// Lets every call fail in this way, or none.
    pub(crate) fn goes(&self, down: Option<GitHubFaultKind>) {
        self.lock().down = down;
    }

    /// Returns the revisions that were asked for since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().asked)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn answer(&self, path: &str, revision: Revision<'_>) -> FileAnswer {
        let mut state = self.lock();
        let name = match revision {
            Revision::Commit(commit) => commit.to_string(),
            Revision::Branch(branch) => branch.to_string(),
        };
        state.asked.push(name.clone());
        if let Some(kind) = state.down {
            return Err(GitHubFault::new(kind, "as the test ordered"));
        }
        let commit = match revision {
            Revision::Commit(commit) => commit.clone(),
            Revision::Branch(_) => CommitId::parse("b".repeat(40)).unwrap(),
        };
        let at = state.at.get(&(path.to_owned(), name.clone()));
        let at = at.map(|text| FileContent::Bytes(text.as_bytes().to_vec()));
        let content = at.or_else(|| state.files.get(&name).cloned());
        Ok((Some(commit), content.unwrap_or(FileContent::Missing)))
    }
}

impl RepositoryFiles for FakeFiles {
    fn file<'a>(
        &'a self,
        _: &'a Place,
        path: &'a str,
        revision: Revision<'a>,
    ) -> Pin<Box<dyn Future<Output = FileAnswer> + Send + 'a>> {
        let answer = self.answer(path, revision);
        Box::pin(async move { answer })
    }
}
