//! The contract of the audit trail: [`Store::record`], [`TrailReader`] and [`AuditLog`].

use branchline::domain::ids::{Branch, Subject, SubjectKind, Timestamp};
use branchline::domain::outcome::audit_entry::{AuditEntry, NewAuditEntry};
use branchline::domain::outcome::chain::Chain;
use branchline::domain::outcome::chain_check::ChainCheck;
use branchline::domain::state::claim::Transition;
use branchline::domain::state::mapping::Mapping;
use branchline::domain::time_range::{TimeRange, start_of_day};
use branchline::ports::{AuditLog, RecordResult, Store, TrailReader};

use super::store::{StoreStage, active, recorded, row};
use crate::world::samples::{at, entry, first, pull};

/// Makes every test of this contract for a stage: `trail_contract!(Stage::new().await)`.
macro_rules! trail_contract {
    ($stage:expr) => {
        crate::contract::contract_tests!(trail, $stage;
            entries_follow_each_other_and_the_row_has_the_last_link,
            record_keeps_the_trail,
            a_lost_record_adds_nothing,
            an_entry_follows_a_chain_that_its_row_forgot,
            a_chain_belongs_to_one_subject,
            a_note_follows_the_last_one,
            the_same_note_again_adds_nothing,
            notes_of_two_processes_make_one_chain,
            a_listing_has_every_entry_once,
            a_history_has_all_chains_of_a_subject,
            a_day_has_its_entries_in_order,
            a_dead_letter_records_the_name_of_its_repository,
        );
    };
}
pub(crate) use trail_contract;

/// Returns a change of a row that leaves it settled.
fn change(seen: &Mapping) -> Transition {
    let mut next = seen.clone();
    next.generation += 1;
    Transition::new(seen.as_seen(), next)
}

/// Returns the entries of a chain, after a check that the chain is whole.
async fn whole<S: StoreStage>(stage: &S, chain: &Chain) -> Vec<AuditEntry> {
    let entries = stage.store().chain(chain).await.unwrap();
    let mut check = ChainCheck::default();
    for entry in &entries {
        assert_eq!(check.push(entry), [], "{entry:?}");
        assert_eq!(entry.chain, chain.to_string());
    }
    entries
}

fn causes(entries: &[AuditEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.cause.as_str()).collect()
}

/// "The entry follows the last one of the subject's chain of changes, and the row has its link."
pub(crate) async fn entries_follow_each_other_and_the_row_has_the_last_link<S: StoreStage>(
    stage: &S,
) {
    let mut seen = active(stage, 7, "api-pr-7").await;
    for delivery in ["guid-2", "guid-3"] {
        seen = recorded(stage, &change(&seen), &entry(delivery, "active")).await;
    }
    let entries = whole(stage, &Chain::Changes(pull(7))).await;
    assert_eq!(causes(&entries), ["guid-7-created", "guid-2", "guid-3"]);
    let row = row(stage, &pull(7)).await.unwrap();
    assert_eq!(row.trail, entries.last().map(AuditEntry::head));
}

/// Every delivery leaves an entry of its own, beside earlier ones and apart from those of other
/// subjects.
pub(crate) async fn record_keeps_the_trail<S: StoreStage>(stage: &S) {
    let seen = active(stage, 7, "api-pr-7").await;
    active(stage, 70, "api-pr-70").await;
    let mut next = seen.clone();
    next.generation += 1;
    let edited = Transition::new(seen.as_seen(), next);
    let later = NewAuditEntry {
        time: at(5_000),
        outcome: "recorded".to_owned(),
        ..entry("guid-edited", "active")
    };
    recorded(stage, &edited, &later).await;
    let trail = stage.audit(&pull(7)).await;
    let expected = [("guid-7-created", "created"), ("guid-edited", "recorded")];
    assert_eq!(trail, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

/// "All or nothing."
pub(crate) async fn a_lost_record_adds_nothing<S: StoreStage>(stage: &S) {
    let seen = active(stage, 7, "api-pr-7").await;
    let late = change(&seen);
    recorded(stage, &change(&seen), &entry("guid-2", "active")).await;
    let lost = stage.store().record(&late, &entry("guid-3", "gone")).await;
    // The row is the same, so it counts as written; the entry of the first one stands.
    assert!(matches!(lost.unwrap(), RecordResult::Done));
    let mut other = change(&seen);
    other.next.attempts = 7;
    let lost = stage.store().record(&other, &entry("guid-4", "gone")).await;
    assert!(matches!(lost.unwrap(), RecordResult::Lost(_)));
    let entries = whole(stage, &Chain::Changes(pull(7))).await;
    assert_eq!(causes(&entries), ["guid-7-created", "guid-2"]);
}

/// "If the row forgot its chain, because it was removed by hand, the entry follows what the chain
/// has." No entry is overwritten.
pub(crate) async fn an_entry_follows_a_chain_that_its_row_forgot<S: StoreStage>(stage: &S) {
    let seen = active(stage, 7, "api-pr-7").await;
    recorded(stage, &change(&seen), &entry("guid-2", "active")).await;
    let before = whole(stage, &Chain::Changes(pull(7))).await;
    stage.remove_row(&pull(7)).await;

    let mut again = first(pull(7), "api-pr-7", "worker/2");
    again.next.claim = None;
    again.next.state = branchline::domain::state::mapping::State::Active;
    let entry = entry("guid-3", "active");
    let answer = stage.store().record(&again, &entry).await.unwrap();
    assert!(matches!(answer, RecordResult::Done), "{answer:?}");
    let entries = whole(stage, &Chain::Changes(pull(7))).await;
    assert_eq!(causes(&entries), ["guid-7-created", "guid-2", "guid-3"]);
    assert!(entries.starts_with(&before));
    let row = row(stage, &pull(7)).await.unwrap();
    assert_eq!(row.trail, entries.last().map(AuditEntry::head));
    // A second call succeeds as well, although the row has another link than the caller's.
    let answer = stage.store().record(&again, &entry).await.unwrap();
    assert!(matches!(answer, RecordResult::Done), "{answer:?}");
    assert_eq!(whole(stage, &Chain::Changes(pull(7))).await.len(), 3);
}

/// The name of a branch may look like the key of another subject's entry.
pub(crate) async fn a_chain_belongs_to_one_subject<S: StoreStage>(stage: &S) {
    let branch = |name: &str| Subject {
        kind: SubjectKind::Branch(Branch::parse(name).unwrap()),
        ..pull(1)
    };
    for name in ["a", "a#b", "a/CHANGE", "a#CHANGE#0000000001"] {
        let chain = Chain::DeadLetters(branch(name));
        let one = entry("guid-1", "active");
        stage.store().note(&chain, &one).await.unwrap();
        assert_eq!(whole(stage, &chain).await.len(), 1, "{name}");
    }
}

/// "Adds an entry to a chain, after the last one."
pub(crate) async fn a_note_follows_the_last_one<S: StoreStage>(stage: &S) {
    for chain in [
        Chain::DeadLetters(pull(7)),
        Chain::Operators(pull(7)),
        Chain::OperatorMessages,
        Chain::Messages("0f".to_owned()),
    ] {
        assert_eq!(whole(stage, &chain).await, []);
        for delivery in ["guid-1", "guid-2", "guid-1"] {
            let one = entry(delivery, "-");
            stage.store().note(&chain, &one).await.unwrap();
        }
        let entries = whole(stage, &chain).await;
        assert_eq!(causes(&entries), ["guid-1", "guid-2", "guid-1"]);
    }
}

/// "If the last one is this entry, it counts as added." Another process does not know that it is.
pub(crate) async fn the_same_note_again_adds_nothing<S: StoreStage>(stage: &S) {
    let chain = Chain::Operators(pull(7));
    for delivery in ["guid-1", "guid-2"] {
        stage
            .store()
            .note(&chain, &entry(delivery, "-"))
            .await
            .unwrap();
    }
    let last = entry("guid-2", "-");
    stage.store().note(&chain, &last).await.unwrap();
    stage.another().note(&chain, &last).await.unwrap();
    let entries = whole(stage, &chain).await;
    assert_eq!(causes(&entries), ["guid-1", "guid-2"]);
}

/// "No entry is ever changed": two writers do not take the same place.
pub(crate) async fn notes_of_two_processes_make_one_chain<S: StoreStage>(stage: &S) {
    let chain = Chain::Operators(pull(7));
    let other = stage.another();
    for number in 0..4 {
        let note = |who: &str| entry(&format!("{who}-{number}"), "-");
        let (one, two) = (note("one"), note("two"));
        let (one, two) = tokio::join!(stage.store().note(&chain, &one), other.note(&chain, &two));
        one.unwrap();
        two.unwrap();
    }
    let mut entries = whole(stage, &chain).await;
    entries.sort_by(|one, other| one.cause.cmp(&other.cause));
    let expected = ["one", "two"].map(|who| [0, 1, 2, 3].map(|number| format!("{who}-{number}")));
    assert_eq!(causes(&entries), expected.concat());
}

/// "Returns a page of all entries, of whatever subject."
pub(crate) async fn a_listing_has_every_entry_once<S: StoreStage>(stage: &S) {
    let mut expected = Vec::new();
    for number in 1..=7 {
        active(stage, number, &format!("api-pr-{number}")).await;
        let chain = Chain::DeadLetters(pull(number));
        let one = NewAuditEntry {
            processed_at: at(9_000),
            ..entry("guid-dead", "-")
        };
        stage.store().note(&chain, &one).await.unwrap();
        expected.extend([chain.to_string(), Chain::Changes(pull(number)).to_string()]);
    }
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = stage.store().entries(after).await.unwrap();
        listed.extend(page.entries.into_iter().map(|entry| entry.chain));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
}

/// "Returns a subject's entries of all chains, in the order in which they were made."
pub(crate) async fn a_history_has_all_chains_of_a_subject<S: StoreStage>(stage: &S) {
    let seen = active(stage, 7, "api-pr-7").await;
    active(stage, 70, "api-pr-70").await;
    // What was done last is about the oldest event.
    let timed = |delivery: &str, millis: i64| NewAuditEntry {
        time: at(-millis),
        processed_at: at(millis),
        ..entry(delivery, "-")
    };
    let store = stage.store();
    let dead = Chain::DeadLetters(pull(7));
    store.note(&dead, &timed("guid-dead", 2_000)).await.unwrap();
    let operators = Chain::Operators(pull(7));
    store
        .note(&operators, &timed("guid-replay", 1_000))
        .await
        .unwrap();
    recorded(stage, &change(&seen), &timed("guid-late", 3_000)).await;
    let history = store.history(&pull(7)).await.unwrap();
    assert_eq!(
        causes(&history),
        ["guid-7-created", "guid-replay", "guid-dead", "guid-late"]
    );
}

/// "Returns a page of the entries that were made within one UTC day, of whatever subject."
pub(crate) async fn a_day_has_its_entries_in_order<S: StoreStage>(stage: &S) {
    let store = stage.store();
    let midnight = start_of_day("2026-11-26").unwrap();
    let second = |number: i64| Timestamp(midnight.0 + number * 1_000);
    for number in [-1, 3, 1, 0, 4, 2, 86_400] {
        let one = NewAuditEntry {
            processed_at: second(number),
            ..entry(&format!("at-{number}"), "-")
        };
        let chain = Chain::DeadLetters(pull(7 + number.unsigned_abs()));
        store.note(&chain, &one).await.unwrap();
    }
    let day = TimeRange {
        from: midnight,
        to: second(86_399),
    };
    let part = TimeRange {
        from: second(1),
        to: second(3),
    };
    let ordered = ["at-0", "at-1", "at-2", "at-3", "at-4"];
    let cases = [(day, ordered.to_vec()), (part, ordered[1..4].to_vec())];
    for (range, mut expected) in cases {
        for newest_first in [false, true] {
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let page = store.within_day(range, newest_first, after).await.unwrap();
                listed.extend(page.entries.into_iter().map(|entry| entry.cause));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(listed, expected);
            expected.reverse();
        }
    }
}

/// "The entry of a dead letter also records the name of its repository, which may have no mapping."
pub(crate) async fn a_dead_letter_records_the_name_of_its_repository<S: StoreStage>(stage: &S) {
    let store = stage.store();
    let operators = Chain::Operators(pull(7));
    store.note(&operators, &entry("guid-1", "-")).await.unwrap();
    assert_eq!(stage.repository("acme/api").await, None);
    let dead = Chain::DeadLetters(pull(7));
    store.note(&dead, &entry("guid-1", "-")).await.unwrap();
    assert_eq!(stage.repository("acme/api").await, Some(1_001));
}
