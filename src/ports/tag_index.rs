//! The tag index port: the tags of many pipelines at once, a moment late.

use std::collections::BTreeMap;
use std::future::Future;

use crate::domain::clone::tags::Tags;
use crate::domain::fault::Fault;
use crate::domain::ids::{Owner, PipelineName};

/// An index over the tags of all pipelines of the account in this Region.
///
/// It is brought up to date a while after a pipeline changes: a new clone may be missing, a deleted
/// one may still be there, and tags may be old. Whatever it shows is read again before anything is
/// done about it.
pub trait TagIndex: Send + Sync + 'static {
    /// Returns the tags of the clones of an installation.
    fn clones(
        &self,
        owner: &Owner,
    ) -> impl Future<Output = Result<BTreeMap<PipelineName, Tags>, Fault>> + Send;
}
