//! The deployments port: what the table knows of the deployments of environments.

use std::future::Future;

use crate::domain::fault::Fault;
use crate::domain::ids::{Subject, Timestamp};
use crate::domain::report::deployment::record::DeploymentRecord;
use crate::ports::cursor::{Cursor, SubjectPage};

/// The records of the deployments of environments. One without deployments expires 90 days after it
/// was written last, and any other one never: what it names has to become inactive in the end.
pub trait DeploymentLog: Send + Sync + 'static {
    /// Returns the record of a subject's deployments as it is now; `None` if there is none.
    fn deployments(
        &self,
        subject: &Subject,
    ) -> impl Future<Output = Result<Option<DeploymentRecord>, Fault>> + Send;

    /// Replaces the version of a record that came before this one. Returns false if the table has
    /// another version. The first one is written if the table has none.
    ///
    /// If cancelled or failed: it may be replaced.
    fn replace_deployments(
        &self,
        record: &DeploymentRecord,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Returns a page of the list of unsent deployments: of the records that were written last
    /// before this time, or were so a moment ago.
    fn unsent_deployments(
        &self,
        before: Timestamp,
        after: Option<Cursor>,
    ) -> impl Future<Output = Result<SubjectPage, Fault>> + Send;
}
