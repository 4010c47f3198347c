//! The CloudFormation port of a rehearsal: it deletes nothing.

use std::sync::Arc;

use crate::domain::clone::stacks::{FoundStack, Stack};
use crate::domain::ids::StackId;
use crate::domain::state::claim::Claim;
use crate::ports::{StackAnswer, StackReader, StackWriter};

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
