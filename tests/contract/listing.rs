//! The law of [`Store`] about listings.

use branchline::line::mapping::{Mapping, State};
use branchline::ports::Store;

use super::store::{StoreStage, won};
use crate::support::samples::{at, creating, first, pull};

/// Every law, for a stage: `listing_laws!(Stage::new().await)`.
macro_rules! listing_laws {
    ($stage:expr) => {
        crate::laws!(listing, $stage;
            a_listing_holds_one_state_oldest_first_and_whole,
            a_listing_of_nothing_is_empty,
            a_long_listing_has_pages_and_each_row_once,
        );
    };
}
pub(crate) use listing_laws;

/// Every page, in order.
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

/// A row about to be made, last changed so long after the beginning.
async fn written<S: StoreStage>(stage: &S, number: u64, millis: i64) -> Mapping {
    let mut claim = first(pull(number), &format!("api-pr-{number}"), "worker/1");
    claim.next.updated_at = at(millis);
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
    // Half of them changed in one millisecond: a page may end between two of those.
    let mut rows = Vec::new();
    for number in 1..=230_u64 {
        let millis = if number % 2 == 0 {
            0
        } else {
            i64::try_from(number).unwrap()
        };
        rows.push(written(stage, number, millis).await.subject);
    }
    let pages = pages(stage, State::Creating).await;
    assert!(pages.len() >= 3, "{} pages", pages.len());
    let mut listed: Vec<_> = pages.concat().into_iter().map(|row| row.subject).collect();
    listed.sort();
    assert_eq!(listed, rows);
}
