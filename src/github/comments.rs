//! The comment of a pull request.

use serde::Deserialize;
use serde_json::json;

use crate::domain::github::Credentials;
use crate::domain::ids::CommentId;
use crate::domain::report::fault::GitHubFault;
use crate::ports::{Clock, Place};

use crate::github::call::{Call, in_repository};
use crate::github::client::GitHubClient;
use crate::github::tokens::Scope;

/// Comments on a page of a list. Each may have 65,536 characters.
const PAGE: usize = 30;
/// The most pages that are read. An issue has at most 2,500 comments (GitHub Docs, "Limits").
const PAGES: usize = 84;

#[derive(Deserialize)]
struct Comment {
    id: u64,
    body: Option<String>,
    user: Option<Author>,
    performed_via_github_app: Option<Author>,
}

#[derive(Deserialize)]
struct Author {
    id: Option<u64>,
}

impl<C: Clock> GitHubClient<C> {
    pub(super) async fn create_comment(
        &self,
        place: &Place,
        pull_request: u64,
        text: &str,
    ) -> Result<CommentId, GitHubFault> {
        let path = in_repository(&place.name, &format!("issues/{pull_request}/comments"));
        let call = Call::post("CreateComment", path, json!({ "body": text }));
        let answer = self.at(place, Scope::PullRequests, &call).await?;
        let comment: Comment = call.read(&answer)?;
        Ok(CommentId(comment.id))
    }

    /// Replaces the text. Returns `None` if the comment was deleted.
    pub(super) async fn edit_comment(
        &self,
        place: &Place,
        id: CommentId,
        text: &str,
    ) -> Result<Option<CommentId>, GitHubFault> {
        let path = in_repository(&place.name, &format!("issues/comments/{}", id.0));
        let call = Call::patch("UpdateComment", path, json!({ "body": text }));
        match self.at(place, Scope::PullRequests, &call).await {
            Ok(_) => Ok(Some(id)),
            Err(failed) if failed.status == Some(404) => Ok(None),
            Err(failed) => Err(failed.fault),
        }
    }

    /// Looks for our comment by its marker. Anybody can write the marker, so the author counts as
    /// well. Of several, the oldest stays and the others are deleted.
    pub(super) async fn find_comment(
        &self,
        place: &Place,
        pull_request: u64,
        marker: &str,
    ) -> Result<Option<CommentId>, GitHubFault> {
        let own = self.own_id().await?;
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let path = format!("issues/{pull_request}/comments?per_page={PAGE}&page={page}");
            let call = Call::get("ListComments", in_repository(&place.name, &path));
            let answer = self.at(place, Scope::PullRequests, &call).await?;
            let comments: Vec<Comment> = call.read(&answer)?;
            let ours = comments.iter().filter(|comment| {
                self.wrote(own, comment)
                    && comment
                        .body
                        .as_ref()
                        .is_some_and(|body| body.contains(marker))
            });
            found.extend(ours.map(|comment| CommentId(comment.id)));
            if comments.len() < PAGE {
                break;
            }
        }
        found.sort_unstable();
        let mut found = found.into_iter();
        let oldest = found.next();
        for duplicate in found {
            self.delete_comment(place, duplicate).await?;
        }
        Ok(oldest)
    }

    /// Deletes a comment. One that is gone counts as deleted.
    async fn delete_comment(&self, place: &Place, id: CommentId) -> Result<(), GitHubFault> {
        let path = in_repository(&place.name, &format!("issues/comments/{}", id.0));
        let call = Call::delete("DeleteComment", path);
        match self.at(place, Scope::PullRequests, &call).await {
            Ok(_) => Ok(()),
            Err(failed) if failed.status == Some(404) => Ok(()),
            Err(failed) => Err(failed.fault),
        }
    }

    /// Returns true if a comment is by our App, or by the owner of our token.
    fn wrote(&self, own: u64, comment: &Comment) -> bool {
        let author = match &self.credentials {
            Credentials::App { .. } => &comment.performed_via_github_app,
            Credentials::Token(_) => &comment.user,
        };
        author.as_ref().and_then(|author| author.id) == Some(own)
    }
}
