//! The contract of [`Store`] for the names of stacks.

use branchline::domain::clone::stacks::StackKey;
use branchline::domain::state::claim::Transition;
use branchline::ports::{ClaimResult, StackHolder, StackHolders, StackNames, Store};

use super::store::{StoreStage, row, won};
use crate::world::samples::{first, pull};

fn key(name: &str) -> StackKey {
    StackKey {
        account: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        name: name.to_owned(),
    }
}

/// Returns the first claim of a subject, with its own pipeline and these stacks.
fn claim(number: u64, stacks: &[&str]) -> Transition {
    let name = format!("api-pr-{number}");
    Transition {
        stacks: stacks.iter().map(|name| key(name)).collect(),
        ..first(pull(number), &name, &format!("worker/{number}"))
    }
}

fn holder(number: u64) -> Option<StackHolder> {
    Some(StackHolder {
        subject: pull(number),
        claim: format!("worker/{number}"),
    })
}

async fn holder_of<S: StoreStage>(stage: &S, name: &str) -> Option<StackHolder> {
    stage.store().stack_holder(&key(name)).await.unwrap()
}

/// A claim reserves all its stacks or none, and the row is not written without them.
pub(crate) async fn a_stack_belongs_to_one_subject<S: StoreStage>(stage: &S) {
    won(stage, claim(7, &["one", "two"])).await;
    assert_eq!(holder_of(stage, "one").await, holder(7));
    let answer = stage.store().claim(claim(8, &["three", "two"])).await;
    assert!(
        matches!(&answer, Ok(ClaimResult::StackTaken(taken)) if *taken == key("two")),
        "{answer:?}"
    );
    assert_eq!(row(stage, &pull(8)).await, None);
    assert_eq!(holder_of(stage, "three").await, None);
    assert_eq!(holder_of(stage, "two").await, holder(7));
    // The same claim succeeds again.
    won(stage, claim(7, &["one", "two"])).await;
}

/// A stack of that name in another Region or account is another one.
pub(crate) async fn a_stack_is_known_by_its_account_and_region<S: StoreStage>(stage: &S) {
    won(stage, claim(7, &["one"])).await;
    let mut other = claim(8, &[]);
    let elsewhere = StackKey {
        region: "us-east-1".to_owned(),
        ..key("one")
    };
    other.stacks = vec![elsewhere.clone()];
    won(stage, other).await;
    let found = stage.store().stack_holder(&elsewhere).await.unwrap();
    assert_eq!(found, holder(8));
}

/// "Releases a stack, if it was not reserved again since the holder was read."
pub(crate) async fn a_stack_is_released_by_the_claim_that_was_read<S: StoreStage>(stage: &S) {
    let release = async |claim: &str| {
        let read = StackHolder {
            subject: pull(7),
            claim: claim.to_owned(),
        };
        let stack = key("one");
        let released = stage.store().release_stack(&stack, &read);
        released.await.unwrap();
        holder_of(stage, "one").await
    };
    won(stage, claim(7, &["one"])).await;
    assert_eq!(release("worker/6").await, holder(7));
    assert_eq!(release("worker/7").await, None);
    assert_eq!(release("worker/7").await, None);
    won(stage, claim(8, &["one"])).await;
    assert_eq!(release("worker/7").await, holder(8));
}
