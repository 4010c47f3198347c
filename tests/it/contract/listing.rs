//! The contract of [`Store`] for listings.

use branchline::domain::fault::Reason;
use branchline::domain::heartbeat::Heartbeat;
use branchline::domain::ids::{
    BodyDigest, Branch, CommitId, DeliveryId, RepositoryId, Subject, SubjectKind,
};
use branchline::domain::jobs::{Job, JobDone, JobRecord, JobResult, JobSuccess};
use branchline::domain::state::claim::Transition;
use branchline::domain::state::effect::EffectResult;
use branchline::domain::state::mapping::{Mapping, State};
use branchline::ports::{
    ClaimResult, HeartbeatLog, HeartbeatReader, JobLog, JobReader, PushedSubject, Store,
    StoreReader,
};

use super::store::{StoreStage, active, refused, row, won};
use crate::world::samples::{at, creating, entry, first, pipeline, pull};

/// Makes every test of this contract for a stage: `listing_contract!(Stage::new().await)`.
macro_rules! listing_contract {
    ($stage:expr) => {
        crate::contract::contract_tests!(listing, $stage;
            a_listing_holds_one_state_oldest_first_and_whole,
            a_listing_of_nothing_is_empty,
            a_long_listing_has_pages_and_each_row_once,
            a_repositorys_listing_holds_all_of_it_and_nothing_else,
            the_first_time_of_a_message_is_remembered,
            a_commit_that_asks_for_no_build_is_remembered_for_its_repository,
            a_row_and_a_commit_are_read_together,
            a_claim_for_a_commit_that_asks_for_no_build_is_refused,
            the_last_heartbeat_of_each_daemon_is_read,
            a_job_is_begun_once_and_its_end_is_recorded,
            a_given_up_delivery_is_found_and_a_lost_one_is_not,
        );
    };
}
pub(crate) use listing_contract;

pub(crate) async fn the_first_time_of_a_message_is_remembered<S: StoreStage>(stage: &S) {
    let (one, other) = (BodyDigest::of(b"one"), BodyDigest::of(b"other"));
    let store = stage.store();
    assert_eq!(store.first_received(&one).await.unwrap(), None);
    for (body, now, first) in [(&one, 5, 5), (&one, 9, 5), (&other, 7, 7), (&one, 1, 5)] {
        let remembered = store.remember_received(body, at(now)).await.unwrap();
        assert_eq!(remembered, at(first));
    }
    assert_eq!(store.first_received(&one).await.unwrap(), Some(at(5)));
}

/// `give_up`: "and which subject this delivery concerned; otherwise nothing".
pub(crate) async fn a_given_up_delivery_is_found_and_a_lost_one_is_not<S: StoreStage>(stage: &S) {
    let (store, refused) = (stage.store(), refused(Reason::AwsDenied));
    let delivery = |guid: &str| DeliveryId::parse(guid).unwrap();
    let old = won(stage, first(pull(7), "api-pr-7", "worker/1")).await;
    let next = Transition::new(
        old.mapping().as_seen(),
        creating(pull(7), "api-pr-7", "worker/2"),
    );
    let new = won(stage, next).await;
    for (claim, guid, subject) in [(old, "guid-1", None), (new, "guid-2", Some(pull(7)))] {
        let given_up = claim.give_up(&refused, at(2_000));
        let guid = delivery(guid);
        store.give_up(&given_up, Some(&guid)).await.unwrap();
        assert_eq!(store.delivered(&guid).await, Ok(subject));
    }
}

/// "Remembers for a year that a commit asks for no build."
pub(crate) async fn a_commit_that_asks_for_no_build_is_remembered_for_its_repository<
    S: StoreStage,
>(
    stage: &S,
) {
    let (one, other) = (RepositoryId(1), RepositoryId(11));
    let commit = |letter: &str| CommitId::parse(letter.repeat(40)).unwrap();
    let store = stage.store();
    assert!(!store.is_skipped(one, &commit("a")).await.unwrap());
    for _ in 0..2 {
        let remembered = store.remember_skipped(one, &commit("a"), at(0)).await;
        remembered.unwrap();
    }
    assert!(store.is_skipped(one, &commit("a")).await.unwrap());
    assert!(!store.is_skipped(one, &commit("b")).await.unwrap());
    assert!(!store.is_skipped(other, &commit("a")).await.unwrap());
}

/// "Returns a subject's row, and whether a commit of its repository is remembered."
pub(crate) async fn a_row_and_a_commit_are_read_together<S: StoreStage>(stage: &S) {
    let commit = |letter: &str| CommitId::parse(letter.repeat(40)).unwrap();
    let (store, subject, skipped) = (stage.store(), pull(7), commit("a"));
    let nothing = store.pushed(&subject, &skipped).await;
    assert_eq!(nothing, Ok(PushedSubject::default()));
    let remembered = store.remember_skipped(subject.repository, &skipped, at(0));
    remembered.await.unwrap();
    let mut expected = PushedSubject {
        mapping: None,
        is_skipped: true,
    };
    let found = store.pushed(&subject, &skipped).await;
    assert_eq!(found.as_ref(), Ok(&expected), "without a row");
    expected.mapping = Some(active(stage, 7, "api-pr-7").await);
    let found = store.pushed(&subject, &skipped).await;
    assert_eq!(found.as_ref(), Ok(&expected));
    expected.is_skipped = false;
    let found = store.pushed(&subject, &commit("b")).await;
    assert_eq!(found, Ok(expected), "another commit");
}

/// "The commit asks for no build, and nothing is written."
pub(crate) async fn a_claim_for_a_commit_that_asks_for_no_build_is_refused<S: StoreStage>(
    stage: &S,
) {
    let commit = |letter: &str| CommitId::parse(letter.repeat(40)).unwrap();
    let claim = |letter: &str| Transition {
        unless_skipped: Some(commit(letter)),
        ..first(pull(7), "api-pr-7", "worker/1")
    };
    let repository = pull(7).repository;
    let skipped = commit("a");
    let remembered = stage.store().remember_skipped(repository, &skipped, at(0));
    remembered.await.unwrap();
    let refused = stage.store().claim(claim("a")).await.unwrap();
    assert!(matches!(refused, ClaimResult::Skipped), "{refused:?}");
    assert_eq!(row(stage, &pull(7)).await, None);
    let name = pipeline("api-pr-7");
    assert_eq!(stage.store().owner(&name).await.unwrap(), None);
    won(stage, claim("b")).await;
    // The row that is there wins over the commit.
    let lost = stage.store().claim(claim("a")).await.unwrap();
    assert!(
        matches!(lost, ClaimResult::Lost(Some(_)) | ClaimResult::Won(_)),
        "{lost:?}"
    );
}

/// "Begins a run, and returns true, if the record is as `seen` and the run in progress, if there
/// was one, was cut off." "Records the end of a run, unless another one has begun since."
pub(crate) async fn a_job_is_begun_once_and_its_end_is_recorded<S: StoreStage>(stage: &S) {
    let store = stage.store();
    let job = Job::UnheardExecutions;
    let read = async || {
        let records = store.jobs().await.unwrap();
        assert_eq!(
            records.iter().map(|one| one.job).collect::<Vec<_>>(),
            Job::ALL
        );
        records.into_iter().find(|one| one.job == job).unwrap()
    };
    let fresh = read().await;
    assert_eq!(fresh, JobRecord::new(job));
    assert_eq!(store.begin_job(&fresh, "w1", at(1)).await, Ok(true));
    assert_eq!(
        stage.another().begin_job(&fresh, "w2", at(2)).await,
        Ok(false)
    );
    let running = read().await;
    assert_eq!(store.begin_job(&running, "w2", at(3)).await, Ok(false));
    store.request_job(job, at(4)).await.unwrap();
    let failed = JobResult::Failed("as the test ordered".to_owned());
    store.end_job(job, "w2", &failed, at(5)).await.unwrap();
    assert_eq!(read().await.result, None, "it is not the run of w2");
    let done = JobResult::Done(JobDone {
        detail: "nothing".to_owned(),
        open_since: Some(at(0)),
    });
    store.end_job(job, "w1", &done, at(6)).await.unwrap();
    let success = JobSuccess {
        began_at: at(1),
        open_since: Some(at(0)),
    };
    let ended = JobRecord {
        worker: Some("w1".to_owned()),
        started_at: Some(at(1)),
        ended_at: Some(at(6)),
        result: Some(done),
        success: Some(success),
        requested_at: Some(at(4)),
        ..fresh
    };
    assert_eq!(read().await, ended);
    assert_eq!(store.begin_job(&ended, "w2", at(7)).await, Ok(true));
    let cut_off = read().await;
    let later = at(7).plus(job.lease());
    assert_eq!(store.begin_job(&cut_off, "w1", later).await, Ok(true));
    store.end_job(job, "w2", &failed, later).await.unwrap();
    assert!(read().await.is_running(later), "the run of w1 goes on");
    store.end_job(job, "w1", &failed, later).await.unwrap();
    assert_eq!(read().await.success, Some(success), "a failed run is none");
    let again = later.plus(job.lease());
    assert_eq!(store.begin_job(&read().await, "w1", again).await, Ok(true));
    let done = JobResult::Done(JobDone::with("nothing"));
    store.end_job(job, "w1", &done, again).await.unwrap();
    let success = JobSuccess {
        began_at: again,
        open_since: None,
    };
    assert_eq!(read().await.success, Some(success));
}

/// "Writes the last heartbeat of a daemon, in the place of the one before."
pub(crate) async fn the_last_heartbeat_of_each_daemon_is_read<S: StoreStage>(stage: &S) {
    let store = stage.store();
    assert_eq!(store.heartbeats().await.unwrap(), []);
    let heartbeat = |worker: &str, seen_at, stopped| Heartbeat {
        worker: worker.to_owned(),
        version: "0.1.0".to_owned(),
        started_at: at(1),
        seen_at: at(seen_at),
        stopped,
    };
    let beats = [("0f", 2, false), ("1f", 3, false), ("0f", 4, true)];
    for (worker, seen_at, stopped) in beats {
        let one = heartbeat(worker, seen_at, stopped);
        store.beat(&one).await.unwrap();
    }
    let mut last = store.heartbeats().await.unwrap();
    last.sort_by_key(|one| one.seen_at);
    assert_eq!(last, [heartbeat("1f", 3, false), heartbeat("0f", 4, true)]);
}

/// Returns every page, in order.
async fn pages<S: StoreStage>(stage: &S, state: State) -> Vec<Vec<Mapping>> {
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = stage.store().in_state(state, after).await.unwrap();
        pages.push(page.rows.into_iter().map(Result::unwrap).collect());
        after = page.next;
        if after.is_none() {
            return pages;
        }
    }
}

/// Returns a row about to be created that changed last this long after the start.
fn claim_of(number: u64, millis: i64) -> Transition {
    let mut claim = first(pull(number), &format!("api-pr-{number}"), "worker/1");
    claim.next.updated_at = at(millis);
    claim
}

async fn written<S: StoreStage>(stage: &S, number: u64, millis: i64) -> Mapping {
    let claim = claim_of(number, millis);
    won(stage, claim).await.mapping().clone()
}

pub(crate) async fn a_listing_holds_one_state_oldest_first_and_whole<S: StoreStage>(stage: &S) {
    let mut rows = Vec::new();
    for (number, millis) in [(1, 500), (2, 100), (3, 900), (4, 300), (5, 700)] {
        rows.push(written(stage, number, millis).await);
    }
    let mut other = first(pull(6), "api-pr-6", "worker/1");
    other.next = Mapping {
        state: State::Deleting,
        ..creating(pull(6), "api-pr-6", "worker/1")
    };
    won(stage, other).await;
    rows.sort_by_key(|row| row.updated_at);
    assert_eq!(pages(stage, State::Creating).await.concat(), rows);
}

pub(crate) async fn a_listing_of_nothing_is_empty<S: StoreStage>(stage: &S) {
    written(stage, 1, 0).await;
    assert_eq!(pages(stage, State::Deleting).await.concat(), []);
}

pub(crate) async fn a_long_listing_has_pages_and_each_row_once<S: StoreStage>(stage: &S) {
    // Half of them changed in one millisecond: a page may end between two of those. DynamoDB ends a
    // page at 1 MB.
    let mut rows = Vec::new();
    for number in 1..=230_u64 {
        let millis = if number % 2 == 0 {
            0
        } else {
            i64::try_from(number).unwrap()
        };
        let mut claim = claim_of(number, millis);
        claim.next.last_error = Some("a long story ".repeat(1_000));
        rows.push(won(stage, claim).await.mapping().subject.clone());
    }
    let pages = pages(stage, State::Creating).await;
    assert!(pages.len() >= 3, "{} pages", pages.len());
    let mut listed: Vec<_> = pages.concat().into_iter().map(|row| row.subject).collect();
    listed.sort();
    assert_eq!(listed, rows);
}

pub(crate) async fn a_repositorys_listing_holds_all_of_it_and_nothing_else<S: StoreStage>(
    stage: &S,
) {
    let branch = |name: &str| Subject {
        kind: SubjectKind::Branch(Branch::parse(name).unwrap()),
        ..pull(1)
    };
    let mut mine: Vec<Subject> = (1..=4).map(pull).collect();
    mine.extend([branch("a"), branch("PR#1"), branch("\u{10ffff}")]);
    let other = Subject {
        repository: RepositoryId(pull(1).repository.0 + 1),
        ..pull(1)
    };
    for (index, subject) in mine.iter().chain([&other]).enumerate() {
        let name = format!("pipeline-{index}");
        let claim = won(stage, first(subject.clone(), &name, "worker/1")).await;
        let gone = claim.settle(EffectResult::Absent, at(9_000));
        let entry = entry("guid-1", "gone");
        stage.store().record(&gone, &entry).await.unwrap();
    }
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let repository = pull(1).repository;
        let page = stage
            .store()
            .of_repository(repository, after)
            .await
            .unwrap();
        listed.extend(page.rows.into_iter().map(|row| row.unwrap().subject));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    mine.sort();
    listed.sort();
    assert_eq!(listed, mine);
}
