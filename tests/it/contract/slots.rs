//! The contract of [`Store`] for the slots of a rule.

use branchline::domain::ids::{Branch, RepositoryName, Subject, SubjectKind};
use branchline::domain::state::slots::{Line, SlotUse, Waiter};
use branchline::ports::{SlotResult, Store, StoreReader};

use super::store::StoreStage;
use crate::world::samples::{at, pull};

/// Makes every test of this contract for a stage: `slots_contract!(Stage::new().await)`.
macro_rules! slots_contract {
    ($stage:expr) => {
        crate::contract::contract_tests!(slots, $stage;
            slots_are_counted_first_and_then_limited,
            a_slot_is_acquired_once_and_released,
            those_who_find_no_slot_wait_in_the_order_of_their_first_refusal,
            nobody_overtakes_those_who_wait,
            a_subject_that_is_released_waits_no_longer,
            a_subject_that_stops_waiting_keeps_its_slot,
            those_who_wait_for_the_account_are_kept_beside_its_count,
        );
    };
}
pub(crate) use slots_contract;

fn waiter(subject: Subject, millis: i64) -> Waiter {
    Waiter {
        subject,
        repository: RepositoryName::parse("acme/api").unwrap(),
        since: at(millis),
    }
}

async fn take_at<S: StoreStage>(stage: &S, rule: &str, number: u64, millis: i64) -> SlotResult {
    let waiter = waiter(pull(number), millis);
    stage.store().acquire_slot(rule, 2, &waiter).await.unwrap()
}

async fn take<S: StoreStage>(stage: &S, rule: &str, number: u64) -> SlotResult {
    take_at(stage, rule, number, 1_000).await
}

async fn release<S: StoreStage>(stage: &S, rule: &str, subject: &Subject) -> SlotUse {
    stage.store().release_slot(rule, subject).await.unwrap()
}

/// Returns the slots as they are, and who waits.
async fn slots<S: StoreStage>(stage: &S, rule: &str) -> (usize, Vec<Waiter>) {
    let slots = stage.store().slots(rule, &pull(0)).await.unwrap();
    (slots.taken, slots.waiting)
}

const fn full(ahead: usize) -> SlotResult {
    SlotResult::Full { ahead }
}

pub(crate) async fn slots_are_counted_first_and_then_limited<S: StoreStage>(stage: &S) {
    let count = async |subjects: &[Subject]| {
        let counted = stage.store().count_slots("limited ü", subjects);
        counted.await.unwrap();
    };
    assert_eq!(take(stage, "limited ü", 1).await, SlotResult::Uncounted);
    let nothing = release(stage, "limited ü", &pull(1)).await;
    assert_eq!(nothing, SlotUse::default());
    count(&[pull(1)]).await;
    assert_eq!(take(stage, "limited ü", 2).await, SlotResult::Acquired);
    assert_eq!(take(stage, "limited ü", 3).await, full(0));
    // A second count adds to the first one, and those who wait stay.
    count(&[]).await;
    count(&[pull(2), pull(7), pull(8)]).await;
    let (taken, waiting) = slots(stage, "limited ü").await;
    assert_eq!((taken, waiting.len()), (4, 1));
    for number in [1, 7, 8] {
        release(stage, "limited ü", &pull(number)).await;
    }
    assert_eq!(take(stage, "limited ü", 3).await, SlotResult::Acquired);
}

pub(crate) async fn a_slot_is_acquired_once_and_released<S: StoreStage>(stage: &S) {
    stage.store().count_slots("limited", &[]).await.unwrap();
    stage.store().count_slots("other", &[]).await.unwrap();
    for _ in 0..2 {
        assert_eq!(take(stage, "limited", 1).await, SlotResult::Acquired);
        assert_eq!(take(stage, "limited", 2).await, SlotResult::Acquired);
    }
    assert_eq!(take(stage, "limited", 3).await, full(0));
    assert_eq!(take(stage, "other", 3).await, SlotResult::Acquired);
    for _ in 0..2 {
        release(stage, "limited", &pull(2)).await;
    }
    assert_eq!(take(stage, "limited", 3).await, SlotResult::Acquired);
    release(stage, "limited", &pull(1)).await;
    let long = long();
    for _ in 0..2 {
        let long = waiter(long.clone(), 1_000);
        let taken = stage.store().acquire_slot("limited", 2, &long).await;
        assert_eq!(taken.unwrap(), SlotResult::Acquired);
    }
}

fn long() -> Subject {
    Subject {
        kind: SubjectKind::Branch(Branch::parse("x".repeat(512)).unwrap()),
        ..pull(1)
    }
}

/// Fills both slots of a rule.
async fn filled<S: StoreStage>(stage: &S) {
    stage.store().count_slots("limited", &[]).await.unwrap();
    for number in [1, 2] {
        assert_eq!(take(stage, "limited", number).await, SlotResult::Acquired);
    }
}

/// "Waits from its `since` on, and later calls keep that time."
pub(crate) async fn those_who_find_no_slot_wait_in_the_order_of_their_first_refusal<
    S: StoreStage,
>(
    stage: &S,
) {
    filled(stage).await;
    assert_eq!(take_at(stage, "limited", 5, 10).await, full(0));
    assert_eq!(take_at(stage, "limited", 4, 20).await, full(1));
    let long = waiter(long(), 30);
    for _ in 0..2 {
        let taken = stage.store().acquire_slot("limited", 2, &long).await;
        assert_eq!(taken.unwrap(), full(2));
    }
    assert_eq!(
        take_at(stage, "limited", 5, 40).await,
        full(0),
        "it keeps its time"
    );
    let waiting = vec![waiter(pull(5), 10), waiter(pull(4), 20), long];
    assert_eq!(slots(stage, "limited").await, (2, waiting.clone()));
    // "Returns the slots as they were before."
    let before = release(stage, "limited", &pull(1)).await;
    let expected = SlotUse {
        counted: true,
        taken: 2,
        held: true,
        waiting,
    };
    assert_eq!(before, expected);
}

/// "Or that may not overtake those who wait."
pub(crate) async fn nobody_overtakes_those_who_wait<S: StoreStage>(stage: &S) {
    filled(stage).await;
    for number in [3, 4] {
        take_at(stage, "limited", number, i64::try_from(number).unwrap()).await;
    }
    release(stage, "limited", &pull(1)).await;
    assert_eq!(take_at(stage, "limited", 9, 9).await, full(2));
    assert_eq!(take(stage, "limited", 4).await, full(1));
    assert_eq!(take(stage, "limited", 3).await, SlotResult::Acquired);
    assert_eq!(take(stage, "limited", 4).await, full(0));
    let waiting = vec![waiter(pull(4), 4), waiter(pull(9), 9)];
    assert_eq!(slots(stage, "limited").await, (2, waiting.clone()));
    // Three slots more than before, of which two belong to those who wait.
    let more = waiter(pull(10), 10);
    let taken = stage.store().acquire_slot("limited", 5, &more).await;
    assert_eq!(taken.unwrap(), SlotResult::Acquired);
    assert_eq!(slots(stage, "limited").await, (3, waiting));
}

/// "Releases the subject's slot, and lets it wait no longer."
pub(crate) async fn a_subject_that_is_released_waits_no_longer<S: StoreStage>(stage: &S) {
    filled(stage).await;
    take(stage, "limited", 3).await;
    for _ in 0..2 {
        release(stage, "limited", &pull(3)).await;
        assert_eq!(slots(stage, "limited").await, (2, Vec::new()));
    }
}

/// "Unless it waits since another time. A slot that it has stays."
pub(crate) async fn a_subject_that_stops_waiting_keeps_its_slot<S: StoreStage>(stage: &S) {
    filled(stage).await;
    take_at(stage, "limited", 3, 10).await;
    let limited = Line::Rule("limited".to_owned());
    let stop = async |number, millis| {
        let waiter = waiter(pull(number), millis);
        let before = stage.store().stop_waiting(&limited, &waiter).await;
        before.unwrap()
    };
    assert_eq!(stop(3, 11).await, SlotUse::default());
    assert_eq!(stop(1, 1_000).await, SlotUse::default());
    let waiting = vec![waiter(pull(3), 10)];
    assert_eq!(slots(stage, "limited").await, (2, waiting.clone()));
    let before = SlotUse {
        counted: true,
        taken: 2,
        held: false,
        waiting,
    };
    assert_eq!(stop(3, 10).await, before);
    assert_eq!(stop(3, 10).await, SlotUse::default());
    assert_eq!(slots(stage, "limited").await, (2, Vec::new()));
}

/// "Records how many pipelines the account has", and "lets a subject wait for a pipeline".
pub(crate) async fn those_who_wait_for_the_account_are_kept_beside_its_count<S: StoreStage>(
    stage: &S,
) {
    let store = stage.store();
    let wait = async |number, millis| {
        let waiter = waiter(pull(number), millis);
        store.wait_for_account(&waiter).await.unwrap()
    };
    assert_eq!(store.account_use().await.unwrap(), SlotUse::default());
    assert_eq!(wait(1, 10).await, SlotUse::default(), "never counted");
    let seen = |taken, waiting: Vec<Waiter>| SlotUse {
        counted: true,
        taken,
        held: false,
        waiting,
    };
    let noted = store.note_pipelines(7, at(5)).await.unwrap();
    assert_eq!(noted, seen(7, Vec::new()));
    wait(2, 20).await;
    wait(1, 10).await;
    let both = vec![waiter(pull(1), 10), waiter(pull(2), 20)];
    assert_eq!(
        wait(1, 30).await,
        seen(7, both.clone()),
        "it keeps its time"
    );
    let noted = store.note_pipelines(8, at(6)).await.unwrap();
    assert_eq!(noted, seen(8, both.clone()));
    let first = waiter(pull(1), 10);
    let before = store.stop_waiting(&Line::Account, &first).await.unwrap();
    assert_eq!(before, seen(8, both));
    let again = store.stop_waiting(&Line::Account, &first).await.unwrap();
    assert_eq!(again, SlotUse::default());
    let left = store.account_use().await.unwrap();
    assert_eq!(left, seen(8, vec![waiter(pull(2), 20)]));
}
