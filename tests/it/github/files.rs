//! Reading files of repositories, against the fake GitHub.

use branchline::domain::clone::file::FileContent;
use branchline::domain::github::Credentials;
use branchline::domain::ids::{Branch, CommitId};
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::domain::secret::Secret;
use branchline::ports::{RepositoryFiles, Revision};
use serde_json::{Value, json};

use super::COMMIT;
use super::fake::{World, place};

const PATH: &str = ".github/branch line.toml";

/// Puts something under the path at the head of the pull request.
async fn put(world: &World, fields: Value) {
    let mut file = json!({ "repository": "acme/api", "sha": COMMIT, "path": PATH });
    let all = file.as_object_mut().unwrap();
    all.extend(fields.as_object().unwrap().clone());
    world.control("PUT files", &file).await;
}

fn commit() -> CommitId {
    CommitId::parse(COMMIT).unwrap()
}

#[tokio::test]
async fn a_file_is_read_by_its_commit_and_only_once() {
    let world = World::new("client-files").await;
    let client = world.app();
    let text = "buildspec = \"ci/ü.yml\"\n".repeat(20);
    put(&world, json!({ "text": text })).await;
    let content = FileContent::Bytes(text.into_bytes());
    let (commit, feature) = (commit(), Branch::parse("feature/x").unwrap());
    let branch = json!({ "repository": "acme/api", "name": "feature/x", "sha": COMMIT });
    world.control("PUT branches", &branch).await;
    for revision in [
        Revision::Commit(&commit),
        Revision::Branch(&feature),
        Revision::Commit(&commit),
    ] {
        let answer = client.file(&place(), PATH, revision).await.unwrap();
        assert_eq!(answer, (Some(commit.clone()), content.clone()));
    }
    let operations = world.operations().await;
    let reads = operations
        .iter()
        .filter(|name| *name == "repos/get-content");
    assert_eq!(reads.count(), 1, "{operations:?}");
    world.no_violations().await;
}

#[tokio::test]
async fn a_commit_without_the_file_and_what_is_not_a_file_are_told_apart() {
    let world = World::new("client-files-kinds").await;
    let commit = commit();
    let read = async || {
        let client = world.app();
        let answer = client.file(&place(), PATH, Revision::Commit(&commit)).await;
        answer.unwrap().1
    };
    assert_eq!(read().await, FileContent::Missing);
    for kind in ["dir", "symlink", "submodule"] {
        put(&world, json!({ "type": kind })).await;
        assert_eq!(read().await, FileContent::NotAFile, "{kind}");
    }
    put(&world, json!({ "text": "x".repeat(65_536) })).await;
    assert_eq!(read().await, FileContent::Bytes(vec![b'x'; 65_536]));
    for size in [65_537, 2 * 1024 * 1024] {
        put(&world, json!({ "size": size })).await;
        assert_eq!(read().await, FileContent::TooLong, "{size}");
    }
    put(&world, json!({ "text": "" })).await;
    assert_eq!(read().await, FileContent::Bytes(Vec::new()));
    world.no_violations().await;
}

#[tokio::test]
async fn a_file_is_missing_only_if_the_commit_can_be_read() {
    let world = World::new("client-files-denied").await;
    let (commit, unknown) = (commit(), CommitId::parse("e".repeat(40)).unwrap());
    let gone = Branch::parse("gone").unwrap();
    let client = world.app();
    for revision in [Revision::Commit(&unknown), Revision::Branch(&gone)] {
        let fault = client.file(&place(), PATH, revision).await.unwrap_err();
        assert_eq!(fault.kind, GitHubFaultKind::Missing, "{fault}");
    }
    // A token that sees the repository, and not its files.
    let token = json!({
        "token": "github_pat_hunter2", "permissions": { "statuses": "write" }, "login": "ada",
    });
    world.control("PUT tokens", &token).await;
    let token = Credentials::Token(Secret::new("github_pat_hunter2".to_owned()));
    let client = world.client(token);
    let answer = client.file(&place(), PATH, Revision::Commit(&commit)).await;
    assert_eq!(answer.unwrap_err().kind, GitHubFaultKind::Denied);
    for (status, kind) in [
        (500, GitHubFaultKind::Unavailable),
        (403, GitHubFaultKind::Denied),
    ] {
        let body = json!({ "message": "as the test ordered" });
        let fault = json!({ "operation": "repos/get-content", "status": status, "body": body });
        world.control("POST faults", &fault).await;
        let answer = world
            .app()
            .file(&place(), PATH, Revision::Commit(&commit))
            .await;
        assert_eq!(answer.unwrap_err().kind, kind);
    }
}
