//! The names of stacks in the table: each belongs to one subject.

use crate::domain::clone::stacks::StackKey;
use crate::domain::fault::Fault;
use crate::domain::ids::Subject;

/// Who reserved the name of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackHolder {
    /// The subject.
    pub subject: Subject,
    /// The owner of the claim under which it was reserved last.
    pub claim: String,
}

/// Read access to the names of stacks.
pub trait StackHolders {
    /// Returns who reserved a stack last. The subject may not have it any more: that is in its row.
    fn stack_holder(
        &self,
        stack: &StackKey,
    ) -> impl Future<Output = Result<Option<StackHolder>, Fault>> + Send;
}

/// Write access to the names of stacks. A claim reserves them ([`crate::ports::Store::claim`]).
pub trait StackNames: StackHolders {
    /// Releases a stack, if it was not reserved again since the holder was read. Releasing one that
    /// is not reserved succeeds.
    ///
    /// If cancelled or failed: it may be released.
    fn release_stack(
        &self,
        stack: &StackKey,
        holder: &StackHolder,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}
