//! Reading repositories, pull requests and branches, against the fake GitHub.

use branchline::domain::ids::{Branch, CommitId, InstallationId, RepositoryName, Timestamp};
use branchline::domain::intake::event::{Action, PullRequest};
use branchline::domain::report::fault::GitHubFaultKind;
use branchline::ports::{Clock, ListedRepository, Listing, Place};
use serde_json::{Value, json};

use super::COMMIT;
use super::fake::{World, place};

/// The only installation.
const INSTALLATION: Option<InstallationId> = Some(InstallationId(1001));

fn commit() -> CommitId {
    CommitId::parse(COMMIT).unwrap()
}

fn branch(name: &str) -> Branch {
    Branch::parse(name).unwrap()
}

/// Changes a pull request of the repository, or creates it.
async fn pull_request(world: &World, number: u64, fields: Value) {
    let mut pull = json!({
        "repository": "acme/api", "number": number, "head_ref": "feature/x", "head_sha": COMMIT,
    });
    let all = pull.as_object_mut().unwrap();
    all.extend(fields.as_object().unwrap().clone());
    world.control("PUT pull_requests", &pull).await;
}

#[tokio::test]
async fn an_app_lists_the_repositories_of_its_installations() {
    let world = World::new("client-repositories").await;
    let client = world.app();
    assert_eq!(client.installations().await.unwrap(), [INSTALLATION]);
    let web = json!({ "id": 730_002, "full_name": "acme/web", "archived": true });
    world.control("PUT repositories", &web).await;
    let other = json!({ "id": 730_003, "full_name": "umbrella/web" });
    world.control("PUT repositories", &other).await;
    let listed = client.repositories(INSTALLATION, 1).await.unwrap();
    let shown = |one: &ListedRepository| {
        let place = &one.place;
        let name = place.name.to_string();
        (place.id.0, name, place.installation, one.is_archived)
    };
    let all: Vec<_> = listed.items.iter().map(shown).collect();
    assert_eq!(
        all,
        [
            (730_001, "acme/api".to_owned(), INSTALLATION, false),
            (730_002, "acme/web".to_owned(), INSTALLATION, true),
        ]
    );
    assert!(!listed.has_next);
    assert_eq!(
        client.repositories(INSTALLATION, 2).await.unwrap().items,
        []
    );
    let suspended = json!({ "id": 1001, "suspended": true });
    world.control("PUT installations", &suspended).await;
    assert_eq!(client.installations().await.unwrap(), []);
    world.no_violations().await;
}

#[tokio::test]
async fn a_token_lists_what_it_can_see() {
    let world = World::new("client-token-repositories").await;
    let client = world.token().await;
    assert_eq!(client.installations().await.unwrap(), [None]);
    let listed = client.repositories(None, 1).await.unwrap();
    let names: Vec<_> = listed
        .items
        .iter()
        .map(|one| one.place.name.as_str())
        .collect();
    assert_eq!(names, ["acme/api"]);
    assert_eq!(
        client
            .open_pull_requests(&place(), 1)
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    world.no_violations().await;
}

#[tokio::test]
async fn open_pull_requests_come_in_pages_and_a_closed_one_is_read_by_itself() {
    let world = World::new("client-pull-requests").await;
    let client = world.app();
    let updated = Timestamp::from_rfc3339("2026-01-01T00:00:05Z").unwrap();
    let seconds = updated.seconds();
    pull_request(
        &world,
        7,
        json!({
            "draft": true,
            "title": "A [skip ci]",
            "updated_at": seconds,
            "labels": ["keep"],
        }),
    )
    .await;
    for number in 8..=107 {
        pull_request(&world, number, json!({ "head_repository": "octo/api" })).await;
    }
    let first = client.open_pull_requests(&place(), 1).await.unwrap();
    let second = client.open_pull_requests(&place(), 2).await.unwrap();
    assert_eq!((first.items.len(), first.has_next), (100, true));
    assert_eq!((second.items.len(), second.has_next), (1, false));
    let oldest = &first.items[0];
    assert_eq!(oldest.updated_at, updated);
    assert_eq!(oldest.repository, place().id);
    assert_eq!(
        oldest.pull_request,
        PullRequest {
            number: 7,
            action: Action::Seen,
            open: true,
            draft: true,
            fork: false,
            head: branch("feature/x"),
            sha: commit(),
            before: None,
            base: branch("main"),
            title: "A [skip ci]".to_owned(),
            author: Some("ada".to_owned()),
            skip: true,
            labels: vec!["keep".to_owned()],
            label: None,
        }
    );
    assert!(
        first.items[1].pull_request.fork,
        "it is in another repository"
    );
    pull_request(&world, 7, json!({ "state": "closed" })).await;
    let closed = client.pull_request(&place(), 7).await.unwrap().unwrap();
    assert!(!closed.pull_request.open);
    assert_eq!(client.pull_request(&place(), 999).await, Ok(None));
    world.no_violations().await;
}

#[tokio::test]
async fn branches_are_listed_and_found_by_their_whole_name() {
    let world = World::new("client-branches").await;
    let client = world.app();
    let listed = client.branches(&place(), 1).await.unwrap();
    let names: Vec<_> = listed.items.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["feature/x", "main"]);
    let odd = json!({ "repository": "acme/api", "name": "50% #1?", "sha": COMMIT });
    world.control("PUT branches", &odd).await;
    for name in ["feature/x", "50% #1?"] {
        assert_eq!(
            client.branch(&place(), &branch(name)).await,
            Ok(Some(commit()))
        );
    }
    assert_eq!(client.branch(&place(), &branch("feature")).await, Ok(None));
    world.no_violations().await;
}

#[tokio::test]
async fn a_renamed_repository_is_found_and_another_one_is_not() {
    let world = World::new("client-renamed-repository").await;
    let client = world.app();
    let renamed = json!({ "id": 730_001, "full_name": "acme/core" });
    world.control("PUT repositories", &renamed).await;
    let found = client.repository(&place()).await.unwrap().unwrap();
    assert_eq!(found.place.name.as_str(), "acme/core");
    let unknown = Place {
        name: RepositoryName::parse("acme/nothing").unwrap(),
        ..place()
    };
    assert_eq!(client.repository(&unknown).await, Ok(None));
}

#[tokio::test]
async fn a_list_that_has_not_changed_costs_nothing_of_the_limit() {
    let world = World::new("client-etags").await;
    let client = world.app();
    let place = place();
    let list = || client.open_pull_requests(&place, 1);
    let first = list().await.unwrap();
    let remaining = async || {
        world
            .read("requests")
            .await
            .as_array()
            .unwrap()
            .last()
            .cloned()
    };
    let asked = remaining().await.unwrap();
    assert_eq!(list().await.unwrap(), first);
    let again = remaining().await.unwrap();
    assert_eq!(
        (&asked["status"], &again["status"]),
        (&json!(200), &json!(304))
    );
    pull_request(&world, 8, json!({})).await;
    assert_eq!(list().await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn the_last_fifth_of_the_limit_is_left_for_reports() {
    let world = World::new("client-reserve").await;
    let client = world.app();
    client.open_pull_requests(&place(), 1).await.unwrap();
    let scarce = json!({
        "owner": "installation 1001", "limit": 5_000, "remaining": 1_000, "reset_in": 600,
    });
    world.control("POST limits", &scarce).await;
    client.pull_request(&place(), 7).await.unwrap();
    let fault = client.pull_request(&place(), 7).await.unwrap_err();
    assert_eq!(fault.kind, GitHubFaultKind::Limited);
    assert!(
        fault
            .detail
            .contains("the last fifth of GitHub's rate limit is kept for reports"),
        "{}",
        fault.detail
    );
    assert!(fault.retry_at > Some(world.clock.now()));
}
