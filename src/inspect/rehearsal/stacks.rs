//! The stacks of a rehearsal, which deletes nothing: CloudFormation, and the names in the table.

use std::sync::Arc;

use crate::domain::clone::stacks::{FoundStack, Stack, StackKey};
use crate::domain::fault::Fault;
use crate::domain::ids::StackId;
use crate::domain::state::claim::{Claim, Transition};
use crate::inspect::rehearsal::RehearsalStore;
use crate::ports::{
    StackAnswer, StackHolder, StackHolders, StackNames, StackReader, StackWriter, StoreReader,
};

/// CloudFormation, whose stacks stay. A rehearsal ends where the first deletion begins.
pub struct RehearsalStacks(Arc<dyn StackReader>);

impl RehearsalStacks {
    /// Rehearses over this CloudFormation.
    pub fn new(inner: Arc<dyn StackReader>) -> Self {
        Self(inner)
    }
}

impl StackReader for RehearsalStacks {
    fn named<'a>(&'a self, stack: &'a Stack) -> StackAnswer<'a, Option<FoundStack>> {
        self.0.named(stack)
    }

    fn stack<'a>(&'a self, id: &'a StackId) -> StackAnswer<'a, Option<FoundStack>> {
        self.0.stack(id)
    }

    fn kept<'a>(&'a self, id: &'a StackId) -> StackAnswer<'a, Vec<String>> {
        self.0.kept(id)
    }

    fn all<'a>(&'a self, region: Option<&'a str>) -> StackAnswer<'a, Vec<FoundStack>> {
        self.0.all(region)
    }
}

impl StackWriter for RehearsalStacks {
    fn delete<'a>(&'a self, _id: &'a StackId, _claim: &'a Claim) -> StackAnswer<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

impl<S: StoreReader> RehearsalStore<S> {
    /// Returns the first new stack of a claim that another subject has. A name whose subject does
    /// not have the stack any more is released before the claim.
    pub(super) async fn taken_stack(&self, claim: &Transition) -> Result<Option<StackKey>, Fault> {
        for stack in &claim.stacks {
            let holder = self.stack_holder(stack).await?;
            let holder = holder.filter(|holder| holder.subject != claim.next.subject);
            let Some(holder) = holder else { continue };
            let row = self.mapping(&holder.subject).await?;
            if row.is_some_and(|row| row.resources.has_stack(stack)) {
                return Ok(Some(stack.clone()));
            }
        }
        Ok(None)
    }
}

impl<S: StoreReader> StackHolders for RehearsalStore<S> {
    async fn stack_holder(&self, stack: &StackKey) -> Result<Option<StackHolder>, Fault> {
        self.inner.stack_holder(stack).await
    }
}

impl<S: StoreReader> StackNames for RehearsalStore<S> {
    async fn release_stack(&self, _stack: &StackKey, _holder: &StackHolder) -> Result<(), Fault> {
        Ok(())
    }
}
