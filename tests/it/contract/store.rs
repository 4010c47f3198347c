//! The contract of [`Store`].

use std::time::Duration;

use branchline::domain::fault::{Fault, Reason};
use branchline::domain::ids::{PipelineName, Subject};
use branchline::domain::outcome::audit_entry::{AuditEntry, NewAuditEntry};
use branchline::domain::outcome::chain::Chain;
use branchline::domain::state::claim::{Claim, Transition};
use branchline::domain::state::effect::EffectResult;
use branchline::domain::state::mapping::{ClaimInfo, Expect, Mapping, State};
use branchline::domain::state::resources::Resources;
use branchline::ports::{
    ClaimResult, HeartbeatLog, HeartbeatReader, JobLog, RecordResult, Store, StoreReader,
};

use crate::world::samples::{at, claim, created, entry, first, pipeline, pull, shapes};

/// An empty table, and access to it past the port. Rows need none: a lost claim shows them.
pub(crate) trait StoreStage {
    type Port: Store + HeartbeatReader + HeartbeatLog + JobLog;

    /// Returns the port.
    fn store(&self) -> &Self::Port;
    /// Returns the deliveries in a subject's audit trail, each with its outcome.
    async fn audit(&self, subject: &Subject) -> Vec<(String, String)>;
    /// Returns the journal that is kept with this delivery.
    async fn journal(&self, subject: &Subject, entry: &NewAuditEntry) -> Option<String>;
    /// Returns the outcome in a delivery's own record, by which it can be found without its
    /// subject.
    async fn delivery(&self, entry: &NewAuditEntry) -> Option<String>;
    /// Returns the id of the repository that is known under this name.
    async fn repository(&self, name: &str) -> Option<u64>;
    /// Returns a second port over the same table, as another process has it.
    fn another(&self) -> Self::Port;
    /// Removes a subject's row by hand.
    async fn remove_row(&self, subject: &Subject);
}

/// Makes every test of this contract for a stage: `store_contract!(Stage::new().await)`.
macro_rules! store_contract {
    ($stage:expr) => {
        crate::contract::contract_tests!(store, $stage;
            a_first_claim_wins_and_the_second_loses_to_its_row,
            a_claim_on_a_missing_row_loses_without_a_row,
            the_same_claim_wins_again,
            every_field_reads_back_equal,
            a_row_is_read_as_it_is_now,
            a_claim_on_an_outdated_row_loses,
            an_expired_claim_is_taken_over,
            of_many_claims_at_once_one_wins,
            a_name_belongs_to_one_subject,
            a_name_is_free_again_after_its_release,
            a_subject_keeps_its_name_when_it_claims_again,
            record_writes_everything,
            record_on_another_row_writes_nothing,
            the_same_record_succeeds_again,
            record_of_a_first_row_needs_no_claim,
            give_up_leaves_the_row_half_way_and_free,
            give_up_after_a_takeover_writes_nothing,
            give_up_releases_the_name_of_a_foreign_pipeline,
            a_probe_changes_nothing,
            a_claim_records_the_name_of_the_repository,
        );
        crate::contract::contract_tests!(stack_names, $stage;
            a_stack_belongs_to_one_subject,
            a_stack_is_known_by_its_account_and_region,
            a_stack_is_released_by_the_claim_that_was_read,
        );
    };
}
pub(crate) use store_contract;

pub(crate) async fn won<S: StoreStage>(stage: &S, transition: Transition) -> Claim {
    let answer = stage.store().claim(transition).await.unwrap();
    let ClaimResult::Won(claim) = answer else {
        panic!("not won: {answer:?}")
    };
    *claim
}

async fn lost<S: StoreStage>(stage: &S, transition: Transition) -> Option<Mapping> {
    let answer = stage.store().claim(transition).await.unwrap();
    let ClaimResult::Lost(row) = answer else {
        panic!("not lost: {answer:?}")
    };
    row.map(|row| *row)
}

/// Returns the key of the subject that has the name.
async fn taken<S: StoreStage>(stage: &S, transition: Transition) -> String {
    let answer = stage.store().claim(transition).await.unwrap();
    let ClaimResult::NameTaken(other) = answer else {
        panic!("not taken: {answer:?}")
    };
    other
}

/// Returns the subject's row, by a claim that expects what no row is.
pub(crate) async fn row<S: StoreStage>(stage: &S, subject: &Subject) -> Option<Mapping> {
    let mut probe = first(subject.clone(), "probe", "probe");
    probe.expect = Expect::Seen {
        generation: 0,
        state: State::Gone,
        claim: Some(claim("nobody")),
    };
    lost(stage, probe).await
}

/// Records a transition. Returns the row as it is then: with the link of its entry.
pub(crate) async fn recorded<S: StoreStage>(
    stage: &S,
    transition: &Transition,
    entry: &NewAuditEntry,
) -> Mapping {
    let answer = stage.store().record(transition, entry).await.unwrap();
    assert!(matches!(answer, RecordResult::Done), "{answer:?}");
    let mut next = transition.next.clone();
    let chain = Chain::Changes(next.subject.clone());
    let linked = AuditEntry::link(entry, &chain, next.trail.as_ref());
    next.trail = Some(linked.head());
    next
}

async fn not_recorded<S: StoreStage>(
    stage: &S,
    transition: &Transition,
    entry: &NewAuditEntry,
) -> Option<Mapping> {
    match stage.store().record(transition, entry).await.unwrap() {
        RecordResult::Lost(row) => row.map(|row| *row),
        RecordResult::Done => panic!("recorded"),
    }
}

/// Returns a new claim on the row, by another owner.
fn again(seen: &Mapping, owner: &str) -> Transition {
    let next = Mapping {
        claim: Some(ClaimInfo {
            owner: owner.to_owned(),
            until: at(600_000),
        }),
        ..seen.clone()
    };
    Transition::new(seen.as_seen(), next)
}

/// Writes a subject with an existing pipeline.
pub(crate) async fn active<S: StoreStage>(stage: &S, number: u64, name: &str) -> Mapping {
    let claim = won(stage, first(pull(number), name, "worker/1")).await;
    let settled = claim.settle(created(name), at(2_000));
    let entry = entry(&format!("guid-{number}-created"), "active");
    recorded(stage, &settled, &entry).await
}

/// "The row was as expected and is now written"; the second call gets the row.
pub(crate) async fn a_first_claim_wins_and_the_second_loses_to_its_row<S: StoreStage>(stage: &S) {
    let transition = first(pull(7), "api-pr-7", "worker/1");
    let claim = won(stage, transition.clone()).await;
    assert_eq!(claim.mapping(), &transition.next);
    let found = lost(stage, first(pull(7), "api-pr-7", "worker/2")).await;
    assert_eq!(found, Some(transition.next));
}

/// The expected row never existed: there is no row to return.
pub(crate) async fn a_claim_on_a_missing_row_loses_without_a_row<S: StoreStage>(stage: &S) {
    assert_eq!(row(stage, &pull(7)).await, None);
    assert_eq!(row(stage, &pull(7)).await, None, "reading wrote nothing");
}

/// "A second call with the same transition wins again."
pub(crate) async fn the_same_claim_wins_again<S: StoreStage>(stage: &S) {
    let transition = first(pull(7), "api-pr-7", "worker/1");
    won(stage, transition.clone()).await;
    let claim = won(stage, transition.clone()).await;
    assert_eq!(claim.mapping(), &transition.next);
}

/// A row reads back as it was written, whatever it holds.
pub(crate) async fn every_field_reads_back_equal<S: StoreStage>(stage: &S) {
    for shape in shapes() {
        won(stage, Transition::new(Expect::Unseen, shape.clone())).await;
        let found = row(stage, &shape.subject).await;
        assert_eq!(found, Some(shape));
    }
}

/// Generation, state and claim must all be as expected; otherwise "nothing is written".
pub(crate) async fn a_claim_on_an_outdated_row_loses<S: StoreStage>(stage: &S) {
    let seen = won(stage, first(pull(7), "api-pr-7", "worker/1")).await;
    let seen = seen.mapping().clone();
    let until = |millis| ClaimInfo {
        until: at(millis),
        ..claim("worker/1")
    };
    let expect = |generation, state, claim| Expect::Seen {
        generation,
        state,
        claim,
    };
    let outdated = [
        Expect::Unseen,
        expect(2, State::Creating, seen.claim.clone()),
        expect(1, State::Deleting, seen.claim.clone()),
        expect(1, State::Creating, None),
        expect(1, State::Creating, Some(claim("worker/2"))),
        expect(1, State::Creating, Some(until(120_001))),
    ];
    for expect in outdated {
        let transition = Transition {
            expect: expect.clone(),
            ..again(&seen, "worker/3")
        };
        let found = lost(stage, transition).await;
        assert_eq!(found.as_ref(), Some(&seen), "{expect:?}");
    }
}

/// A store has no clock: a caller that expects the old claim overwrites it, and the old one stands
/// no more.
pub(crate) async fn an_expired_claim_is_taken_over<S: StoreStage>(stage: &S) {
    let old = won(stage, first(pull(7), "api-pr-7", "worker/1")).await;
    let new = won(stage, again(old.mapping(), "worker/2")).await;
    let row = new.mapping().clone();
    let late = old.settle(created("api-pr-7"), at(200_000));
    let found = not_recorded(stage, &late, &entry("guid-1", "active")).await;
    assert_eq!(found.as_ref(), Some(&row));
    let settled = new.settle(created("api-pr-7"), at(201_000));
    recorded(stage, &settled, &entry("guid-2", "active")).await;
}

/// The write is conditional in the table, not in the adapter. A caller that meets another write
/// half-way may get a fault that is retried; no second caller wins.
pub(crate) async fn of_many_claims_at_once_one_wins<S: StoreStage>(stage: &S) {
    let claim = |owner: &str| stage.store().claim(first(pull(7), "api-pr-7", owner));
    let (a, b, c, d) = tokio::join!(claim("a"), claim("b"), claim("c"), claim("d"));
    let mut winners = 0;
    for answer in [a, b, c, d] {
        match answer {
            Ok(ClaimResult::Won(_)) => winners += 1,
            Ok(ClaimResult::Lost(_)) => {}
            Ok(ClaimResult::Skipped) => panic!("no commit was skipped"),
            Ok(ClaimResult::StackTaken(stack)) => panic!("it has no stack, such as {stack}"),
            Ok(ClaimResult::NameTaken(other)) => panic!("its own name is taken by {other}"),
            Err(fault) => assert_eq!(fault.reason, Reason::AwsConflict, "{fault}"),
        }
    }
    assert!(winners <= 1, "{winners} won");
    assert_eq!(row(stage, &pull(7)).await.is_some(), winners == 1);
}

/// "Another subject has the pipeline's name, and nothing is written. This is its key."
pub(crate) async fn a_name_belongs_to_one_subject<S: StoreStage>(stage: &S) {
    won(stage, first(pull(7), "shared", "worker/1")).await;
    let other = taken(stage, first(pull(8), "shared", "worker/2")).await;
    assert!(other.contains(&pull(7).key()), "{other}");
    assert_eq!(row(stage, &pull(8)).await, None);
}

/// A transition may release the pipeline's name.
pub(crate) async fn a_name_is_free_again_after_its_release<S: StoreStage>(stage: &S) {
    let seen = active(stage, 7, "shared").await;
    let mut deleting = again(&seen, "worker/2");
    deleting.next.state = State::Deleting;
    let claim = won(stage, deleting).await;
    taken(stage, first(pull(8), "shared", "worker/3")).await;
    let gone = claim.settle(EffectResult::Absent, at(9_000));
    assert_eq!(gone.releases, Some(pipeline("shared")));
    recorded(stage, &gone, &entry("guid-gone", "gone")).await;
    won(stage, first(pull(8), "shared", "worker/3")).await;
}

/// A name that the subject has is not in the way of its own claim.
pub(crate) async fn a_subject_keeps_its_name_when_it_claims_again<S: StoreStage>(stage: &S) {
    let claim = won(stage, first(pull(7), "shared", "worker/1")).await;
    won(stage, again(claim.mapping(), "worker/2")).await;
    taken(stage, first(pull(8), "shared", "worker/3")).await;
}

/// "Writes a settled row with its audit entry and delivery record."
pub(crate) async fn record_writes_everything<S: StoreStage>(stage: &S) {
    let claim = won(stage, first(pull(7), "api-pr-7", "worker/1")).await;
    let settled = claim.settle(created("api-pr-7"), at(2_000));
    let entry = entry("guid-1", "active");
    let written = recorded(stage, &settled, &entry).await;
    assert_eq!(row(stage, &pull(7)).await, Some(written));
    let created = ("guid-1".to_owned(), "created".to_owned());
    assert_eq!(stage.audit(&pull(7)).await, [created]);
    let journal = stage.journal(&pull(7), &entry).await;
    assert_eq!(journal, Some(entry.journal.clone()));
    let kept = stage.delivery(&entry).await;
    assert_eq!(kept.as_deref(), Some("created"));
    assert_eq!(stage.repository("acme/api").await, Some(1_001));
}

/// "All or nothing, if the table holds what the transition expects."
pub(crate) async fn record_on_another_row_writes_nothing<S: StoreStage>(stage: &S) {
    let old = won(stage, first(pull(7), "api-pr-7", "worker/1")).await;
    let new = won(stage, again(old.mapping(), "worker/2")).await;
    let late = old.settle(created("api-pr-7"), at(2_000));
    let entry = entry("guid-1", "active");
    let found = not_recorded(stage, &late, &entry).await;
    assert_eq!(found.as_ref(), Some(new.mapping()));
    assert_eq!(stage.audit(&pull(7)).await, []);
    assert_eq!(stage.delivery(&entry).await, None);
}

/// "A second call with the same arguments succeeds as well", and leaves one entry.
pub(crate) async fn the_same_record_succeeds_again<S: StoreStage>(stage: &S) {
    let claim = won(stage, first(pull(7), "api-pr-7", "worker/1")).await;
    let settled = claim.settle(created("api-pr-7"), at(2_000));
    let entry = entry("guid-1", "active");
    recorded(stage, &settled, &entry).await;
    let written = recorded(stage, &settled, &entry).await;
    assert_eq!(stage.audit(&pull(7)).await.len(), 1);
    assert_eq!(row(stage, &pull(7)).await, Some(written));
}

/// If no pipeline is concerned (`closed` of what was never seen), the row is settled at once.
pub(crate) async fn record_of_a_first_row_needs_no_claim<S: StoreStage>(stage: &S) {
    let mut transition = first(pull(7), "unused", "worker/1");
    transition.next.state = State::Gone;
    transition.next.claim = None;
    transition.next.desired = None;
    transition.next.resources = Resources::default();
    let written = recorded(stage, &transition, &entry("guid-1", "gone")).await;
    assert_eq!(row(stage, &pull(7)).await, Some(written));
    transition.next.updated_at = transition.next.updated_at.plus(Duration::from_secs(1));
    let found = not_recorded(stage, &transition, &entry("guid-2", "gone")).await;
    assert!(found.is_some());
}

pub(crate) fn refused(reason: Reason) -> Fault {
    Fault::new(reason, "as the test says")
}

/// "Writes a given-up row if the claim still stands ... Leaves no audit entry."
pub(crate) async fn give_up_leaves_the_row_half_way_and_free<S: StoreStage>(stage: &S) {
    let claim = won(stage, first(pull(7), "api-pr-7", "worker/1")).await;
    let given_up = claim.give_up(&refused(Reason::DeclarationRefused), at(2_000));
    stage.store().give_up(&given_up, None).await.unwrap();
    let left = row(stage, &pull(7)).await.unwrap();
    assert_eq!(left, given_up.next);
    assert_eq!((left.state, left.claim.is_none()), (State::Creating, true));
    assert_eq!(stage.audit(&pull(7)).await, []);
    // The name stays with the subject, and the next event takes over.
    taken(stage, first(pull(8), "api-pr-7", "worker/2")).await;
    won(stage, again(&left, "worker/2")).await;
}

/// "Returns a subject's row as it is now; `None` where the subject was never seen."
pub(crate) async fn a_row_is_read_as_it_is_now<S: StoreStage>(stage: &S) {
    assert_eq!(stage.store().mapping(&pull(7)).await, Ok(None));
    let claim = won(stage, first(pull(7), "api-pr-7", "worker/1")).await;
    let read = stage.store().mapping(&pull(7)).await.unwrap();
    assert_eq!(read.as_ref(), Some(claim.mapping()));
    assert_eq!(stage.store().mapping(&pull(8)).await, Ok(None));
}

/// "Otherwise nothing."
pub(crate) async fn give_up_after_a_takeover_writes_nothing<S: StoreStage>(stage: &S) {
    let old = won(stage, first(pull(7), "api-pr-7", "worker/1")).await;
    let new = won(stage, again(old.mapping(), "worker/2")).await;
    let given_up = old.give_up(&refused(Reason::PipelineNameTaken), at(2_000));
    stage.store().give_up(&given_up, None).await.unwrap();
    let found = row(stage, &pull(7)).await;
    assert_eq!(found.as_ref(), Some(new.mapping()));
    let name: PipelineName = pipeline("api-pr-7");
    taken(stage, first(pull(8), name.as_str(), "worker/3")).await;
}

/// A name that turned out to be taken by a foreign pipeline is released with the claim.
pub(crate) async fn give_up_releases_the_name_of_a_foreign_pipeline<S: StoreStage>(stage: &S) {
    let claim = won(stage, first(pull(7), "foreign", "worker/1")).await;
    let given_up = claim.give_up(&refused(Reason::PipelineNameTaken), at(2_000));
    stage.store().give_up(&given_up, None).await.unwrap();
    assert_eq!(row(stage, &pull(7)).await.unwrap().pipeline_name(), None);
    won(stage, first(pull(8), "foreign", "worker/2")).await;
}

/// "one that changes nothing: no condition of it holds"
pub(crate) async fn a_probe_changes_nothing<S: StoreStage>(stage: &S) {
    assert_eq!(stage.store().probe().await, Ok(()));
    assert_eq!(stage.store().mapping(&pull(7)).await, Ok(None));
}

/// "A claim that is won also records the name of the repository", even if nothing is ever settled.
pub(crate) async fn a_claim_records_the_name_of_the_repository<S: StoreStage>(stage: &S) {
    assert_eq!(stage.repository("acme/api").await, None);
    won(stage, first(pull(7), "api-pr-7", "worker/1")).await;
    assert_eq!(stage.repository("acme/api").await, Some(1_001));
}
