//! The contract of the records and the names of repositories: [`Store`] and [`StoreReader`].

use branchline::domain::ids::RepositoryName;
use branchline::domain::state::claim::Transition;
use branchline::domain::state::desired::AbsenceReason;
use branchline::domain::state::repository::RepositoryTombstone;
use branchline::ports::{KnownSubject, Store, StoreReader};

use super::store::{StoreStage, active, recorded, won};
use crate::world::samples::{at, entry, first, pull};

/// Makes every test of this contract for a stage: `repositories_contract!(Stage::new().await)`.
macro_rules! repositories_contract {
    ($stage:expr) => {
        crate::contract::contract_tests!(repositories, $stage;
            a_claim_remembers_the_name_of_the_repository,
            record_follows_a_renamed_repository,
            a_subject_and_its_repository_are_read_together,
            the_latest_end_of_a_repository_is_remembered,
            people_find_a_repository_under_its_latest_name,
        );
    };
}
pub(crate) use repositories_contract;

/// The alias of a repository's name follows the repository, and is found in lower case too.
pub(crate) async fn record_follows_a_renamed_repository<S: StoreStage>(stage: &S) {
    let seen = active(stage, 7, "api-pr-7").await;
    let mut next = seen.clone();
    next.generation += 1;
    next.repository = name("Acme/Renamed");
    let renamed = Transition::new(seen.as_seen(), next);
    recorded(stage, &renamed, &entry("guid-2", "active")).await;
    for name in ["Acme/Renamed", "acme/renamed"] {
        assert_eq!(stage.repository(name).await, Some(1_001));
    }
}

/// Operators find a subject by its repository's name, even if nothing was ever settled.
pub(crate) async fn a_claim_remembers_the_name_of_the_repository<S: StoreStage>(stage: &S) {
    won(stage, first(pull(7), "api-pr-7", "worker/1")).await;
    assert_eq!(stage.repository("acme/api").await, Some(1_001));
    let record = stage.store().repository_record(pull(7).repository).await;
    let names = record.unwrap().unwrap().names;
    assert_eq!(names.into_iter().collect::<Vec<_>>(), [name("acme/api")]);
}

fn name(text: &str) -> RepositoryName {
    RepositoryName::parse(text).unwrap()
}

/// "Returns what the table knows of a subject, in one read."
pub(crate) async fn a_subject_and_its_repository_are_read_together<S: StoreStage>(stage: &S) {
    let unknown = stage.store().known(&pull(7)).await.unwrap();
    assert_eq!(unknown, KnownSubject::default());
    let claim = won(stage, first(pull(7), "api-pr-7", "worker/1")).await;
    let known = stage.store().known(&pull(7)).await.unwrap();
    assert_eq!(known.mapping.as_ref(), Some(claim.mapping()));
    let record = stage.store().repository_record(pull(7).repository).await;
    assert_eq!(known.repository, record.unwrap());
    let known = stage.store().known(&pull(8)).await.unwrap();
    assert_eq!(known.mapping, None);
    assert!(known.repository.is_some());
}

/// "Remembers the end of a repository for good, unless a later one is remembered."
pub(crate) async fn the_latest_end_of_a_repository_is_remembered<S: StoreStage>(stage: &S) {
    let end = |millis, reason| RepositoryTombstone {
        at: at(millis),
        reason,
    };
    let last = end(2_000, AbsenceReason::RepositoryDeleted);
    let repository = pull(7).repository;
    assert_eq!(stage.store().repository_record(repository).await, Ok(None));
    for end in [end(1_000, AbsenceReason::RepositoryArchived), last] {
        stage.store().remember_end(repository, end).await.unwrap();
        let record = stage.store().repository_record(repository).await.unwrap();
        assert_eq!(record.unwrap().end, Some(end));
    }
    for late in [last, end(1_500, AbsenceReason::RepositoryArchived)] {
        stage.store().remember_end(repository, late).await.unwrap();
    }
    let record = stage.store().repository_record(repository).await.unwrap();
    assert_eq!(record.unwrap().end, Some(last));
}

/// "People find it under the last one, unless it has had a later name."
pub(crate) async fn people_find_a_repository_under_its_latest_name<S: StoreStage>(stage: &S) {
    let repository = pull(7).repository;
    let remember = async |names: [&str; 2], millis| {
        let names = names.map(name);
        let remembered = stage.store().remember_names(repository, &names, at(millis));
        remembered.await.unwrap();
    };
    remember(["acme/second", "Acme/Third"], 2_000).await;
    remember(["acme/first", "acme/second"], 1_000).await;
    assert_eq!(stage.repository("acme/third").await, Some(1_001));
    assert_eq!(stage.repository("acme/second").await, None);
    let record = stage.store().repository_record(repository).await.unwrap();
    let names: Vec<_> = record.unwrap().names.into_iter().collect();
    let all = ["acme/first", "acme/second", "acme/third"].map(name);
    assert_eq!(names, all);
}
