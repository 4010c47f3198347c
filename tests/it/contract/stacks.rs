//! The contract of [`StackReader`] and [`StackWriter`].

use branchline::domain::clone::stacks::{FoundStack, Stack};
use branchline::domain::fault::Reason;
use branchline::domain::ids::StackId;
use branchline::domain::state::claim::Claim;
use branchline::ports::{StackReader, StackWriter};

use crate::world::samples::{creating, pull};

/// An account without stacks, and access to it past the port.
pub(crate) trait StacksStage {
    type Port: StackWriter;

    /// Returns the port.
    fn stacks(&self) -> &Self::Port;
    /// Makes a stack as another user of the account.
    async fn give(&self, name: &str);
    /// Lets a deletion that has begun end.
    async fn end_deletions(&self);
}

/// Makes every test of this contract for a stage: `stacks_contract!(Stage::new().await)`.
macro_rules! stacks_contract {
    ($stage:expr) => {
        crate::contract::contract_tests!(stacks, $stage;
            the_stack_of_a_name_is_returned_if_there_is_one,
            a_stack_that_was_deleted_is_none_any_more,
            deleting_twice_succeeds,
            another_stack_of_the_name_has_another_id,
            every_stack_is_listed,
            a_stack_that_is_not_deleted_keeps_nothing,
        );
    };
}
pub(crate) use stacks_contract;

fn named(name: &str) -> Stack {
    Stack {
        name: name.to_owned(),
        region: None,
        role: None,
        action_role: None,
        id: None,
    }
}

fn claim(stack: &str) -> Claim {
    let mut row = creating(pull(7), "api-pr-7", "worker/1");
    row.resources.stacks = vec![named(stack)];
    Claim::proven(row)
}

async fn find<S: StacksStage>(stage: &S, name: &str) -> Option<FoundStack> {
    stage.stacks().named(&named(name)).await.unwrap()
}

async fn delete<S: StacksStage>(stage: &S, id: &StackId) {
    let deleted = stage.stacks().delete(id, &claim(id.name())).await;
    assert_eq!(deleted.map_err(|fault| fault.reason), Ok::<_, Reason>(()));
}

/// "Returns the stack of this name in its Region; `None` if there is none."
pub(crate) async fn the_stack_of_a_name_is_returned_if_there_is_one<S: StacksStage>(stage: &S) {
    stage.give("api-pr-7").await;
    let found = find(stage, "api-pr-7").await.unwrap();
    assert_eq!(found.id.name(), "api-pr-7");
    assert!(!found.is_busy() && found.status.ends_with("_COMPLETE"));
    assert_eq!(stage.stacks().stack(&found.id).await.unwrap(), Some(found));
    assert_eq!(find(stage, "api-pr-8").await, None);
}

/// "Begins to delete a stack", which is "`None` if it was deleted" by name and by id.
pub(crate) async fn a_stack_that_was_deleted_is_none_any_more<S: StacksStage>(stage: &S) {
    stage.give("api-pr-7").await;
    let found = find(stage, "api-pr-7").await.unwrap();
    delete(stage, &found.id).await;
    stage.end_deletions().await;
    assert_eq!(find(stage, "api-pr-7").await, None);
    assert_eq!(stage.stacks().stack(&found.id).await.unwrap(), None);
}

/// "Deleting one that does not exist, or that is being deleted, succeeds."
pub(crate) async fn deleting_twice_succeeds<S: StacksStage>(stage: &S) {
    stage.give("api-pr-7").await;
    let found = find(stage, "api-pr-7").await.unwrap();
    delete(stage, &found.id).await;
    delete(stage, &found.id).await;
    stage.end_deletions().await;
    delete(stage, &found.id).await;
}

/// A stack of the same name is another one.
pub(crate) async fn another_stack_of_the_name_has_another_id<S: StacksStage>(stage: &S) {
    stage.give("api-pr-7").await;
    let first = find(stage, "api-pr-7").await.unwrap();
    delete(stage, &first.id).await;
    stage.end_deletions().await;
    stage.give("api-pr-7").await;
    let second = find(stage, "api-pr-7").await.unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(stage.stacks().stack(&first.id).await.unwrap(), None);
    delete(stage, &first.id).await;
    stage.end_deletions().await;
    assert!(find(stage, "api-pr-7").await.is_some());
}

/// "Returns every stack of a Region."
pub(crate) async fn every_stack_is_listed<S: StacksStage>(stage: &S) {
    for name in ["web-pr-7", "api-pr-7", "api-pr-8"] {
        stage.give(name).await;
    }
    let gone = find(stage, "api-pr-8").await.unwrap();
    delete(stage, &gone.id).await;
    stage.end_deletions().await;
    let all = stage.stacks().all(None).await.unwrap();
    let mut names: Vec<&str> = all.iter().map(|one| one.id.name()).collect();
    names.sort_unstable();
    assert_eq!(names, ["api-pr-7", "web-pr-7"]);
}

/// "Returns the resources of a stack that could not be deleted."
pub(crate) async fn a_stack_that_is_not_deleted_keeps_nothing<S: StacksStage>(stage: &S) {
    stage.give("api-pr-7").await;
    let found = find(stage, "api-pr-7").await.unwrap();
    let kept = stage.stacks().kept(&found.id).await.unwrap();
    assert_eq!(kept, Vec::<String>::new());
}
