//! The place and the form of a subject's reports.

use crate::domain::ids::InstallationId;
use crate::domain::report::ReportForm;

/// The place and the form in which a subject's head commits are reported, by the rule that admits
/// the subject, or that comes nearest to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportTarget {
    /// The form.
    pub form: ReportForm,
    /// The name of the check run, or the context of the commit status.
    pub context: String,
    /// The App's installation, if the webhook named it.
    pub installation: Option<InstallationId>,
}
