//! The CloudFormation port: the stacks of subjects.

use std::pin::Pin;

use crate::domain::clone::stacks::{FoundStack, Stack};
use crate::domain::fault::Fault;
use crate::domain::ids::StackId;
use crate::domain::state::claim::Claim;

/// An answer of CloudFormation.
pub type StackAnswer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// Read access to CloudFormation. It is used as an object, because few rules need it.
pub trait StackReader: Send + Sync + 'static {
    /// Returns the stack of this name in its Region; `None` if there is none.
    fn named<'a>(&'a self, stack: &'a Stack) -> StackAnswer<'a, Option<FoundStack>>;

    /// Returns the stack of this id; `None` if it was deleted.
    fn stack<'a>(&'a self, id: &'a StackId) -> StackAnswer<'a, Option<FoundStack>>;

    /// Returns a recorded stack: by its id if that is recorded, or else by its name. `None` if it
    /// was deleted.
    fn recorded<'a>(&'a self, stack: &'a Stack) -> StackAnswer<'a, Option<FoundStack>> {
        match &stack.id {
            Some(id) => self.stack(id),
            None => self.named(stack),
        }
    }

    /// Returns the resources of a stack that could not be deleted, each with the reason.
    fn kept<'a>(&'a self, id: &'a StackId) -> StackAnswer<'a, Vec<String>>;

    /// Returns every stack of a Region; `None` for the Region of the pipelines.
    fn all<'a>(&'a self, region: Option<&'a str>) -> StackAnswer<'a, Vec<FoundStack>>;
}

/// Write access to CloudFormation, for the one place that acts. Every change needs a claim on the
/// subject whose row has the stack.
pub trait StackWriter: StackReader {
    /// Begins to delete a stack, which takes minutes or hours. Deleting one that does not exist, or
    /// that is being deleted, succeeds.
    ///
    /// # Errors
    /// `stack-not-deleted` if CloudFormation refuses.
    ///
    /// If cancelled or failed: it may be being deleted; a second call changes nothing.
    fn delete<'a>(&'a self, id: &'a StackId, claim: &'a Claim) -> StackAnswer<'a, ()>;
}
