//! Reads files of repositories (GitHub Docs, "REST API endpoints for repository contents").

use std::pin::Pin;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use crate::domain::clone::file::{FILE_LIMIT, FileContent};
use crate::domain::ids::CommitId;
use crate::domain::report::fault::{GitHubFault, GitHubFaultKind};
use crate::ports::{Clock, FileAnswer, Place, RepositoryFiles, Revision};

use crate::github::call::{Call, in_repository};
use crate::github::client::GitHubClient;
use crate::github::listing::branch_call;
use crate::github::tokens::Scope;

/// An entry of a repository.
#[derive(Deserialize)]
struct Entry {
    /// `file`, `symlink` or `submodule`. GitHub follows a link to a file of the repository.
    #[serde(rename = "type")]
    kind: String,
    size: u64,
    encoding: Option<String>,
    content: Option<String>,
}

impl<C: Clock> RepositoryFiles for GitHubClient<C> {
    fn file<'a>(
        &'a self,
        place: &'a Place,
        path: &'a str,
        revision: Revision<'a>,
    ) -> Pin<Box<dyn Future<Output = FileAnswer> + Send + 'a>> {
        Box::pin(async move {
            let commit = match revision {
                Revision::Commit(commit) => commit.clone(),
                Revision::Branch(branch) => {
                    let call = branch_call(place, branch);
                    let head = self.head_of(place, branch, Scope::ReadFiles, &call);
                    head.await?.ok_or_else(|| {
                        let what = format!("{} has no branch {branch} for {path}", place.name);
                        GitHubFault::new(GitHubFaultKind::Missing, what)
                    })?
                }
            };
            let key = (place.id, commit.clone(), path.to_owned());
            if let Some(content) = self.files.get(&key) {
                return Ok((Some(commit), content));
            }
            let content = self.read_file(place, path, &commit).await?;
            self.files.keep(key, content.clone());
            Ok((Some(commit), content))
        })
    }
}

impl<C: Clock> GitHubClient<C> {
    async fn read_file(
        &self,
        place: &Place,
        path: &str,
        commit: &CommitId,
    ) -> Result<FileContent, GitHubFault> {
        let path = format!("contents/{}?ref={commit}", encoded(path));
        let call = Call::get("GetContents", in_repository(&place.name, &path)).without_etag();
        match self.at(place, Scope::ReadFiles, &call).await {
            Ok(answer) => content(call.read(&answer)?).ok_or_else(|| call.unreadable()),
            Err(failed) if failed.status == Some(404) => {
                self.find_commit(place, commit).await?;
                Ok(FileContent::Missing)
            }
            Err(failed) => Err(failed.fault),
        }
    }

    /// Fails unless the commit can be read. GitHub answers 404 for a file that is not there, for a
    /// commit that it does not know, and for a repository that the caller may not read.
    async fn find_commit(&self, place: &Place, commit: &CommitId) -> Result<(), GitHubFault> {
        let path = in_repository(&place.name, &format!("git/commits/{commit}"));
        let call = Call::get("GetCommit", path).without_etag();
        self.at(place, Scope::ReadFiles, &call).await?;
        Ok(())
    }
}

/// Returns the content of an answer; `None` if it is not what GitHub documents.
fn content(answer: Value) -> Option<FileContent> {
    // A folder is a list of entries.
    if answer.is_array() {
        return Some(FileContent::NotAFile);
    }
    let entry: Entry = serde_json::from_value(answer).ok()?;
    match entry.kind.as_str() {
        "file" if entry.size > FILE_LIMIT => return Some(FileContent::TooLong),
        "file" => {}
        _ => return Some(FileContent::NotAFile),
    }
    // GitHub breaks the lines of the text.
    let text = entry
        .content
        .filter(|_| entry.encoding.as_deref() == Some("base64"))?;
    let text: String = text.split_whitespace().collect();
    STANDARD.decode(text).ok().map(FileContent::Bytes)
}

/// Encodes the parts of a path in a repository.
fn encoded(path: &str) -> String {
    let encode = || {
        let mut url = Url::parse("https://example.com").ok()?;
        url.path_segments_mut().ok()?.extend(path.split('/'));
        Some(url.path().trim_start_matches('/').to_owned())
    };
    encode().unwrap_or_default()
}
