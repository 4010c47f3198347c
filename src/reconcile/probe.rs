//! Asks AWS for something that has nothing to do with any message. The answer tells an outage,
//! which stops everybody, from the fault of one rule, one template or one repository.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use crate::domain::fault::{Fault, Reason};
use crate::ports::{Clock, Pipelines, Store};
use crate::reconcile::Reconciler;

/// The templates that one probe reads at most. Those of broken rules may be among them, so the next
/// probe begins with others.
const TEMPLATES: usize = 3;

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Finds out whether every message would fail now: if the table refuses a write, or if
    /// CodePipeline answers for none of a few templates. A template that is missing or denied is an
    /// answer, and so is throttling: it slows calls down, and only some of them fail.
    ///
    /// # Errors
    /// The fault for which every message would fail.
    ///
    /// If cancelled, nothing was changed.
    pub async fn probe(&self) -> Result<(), Fault> {
        if let Err(fault) = self.store().probe().await
            && fault.reason.scope().may_be_outage()
        {
            return Err(fault);
        }
        self.probe_pipelines().await
    }

    async fn probe_pipelines(&self) -> Result<(), Fault> {
        let templates: BTreeSet<_> = self
            .rules()
            .all()
            .iter()
            .map(|rule| &rule.template)
            .collect();
        let first = self.probes.fetch_add(TEMPLATES, Ordering::Relaxed);
        let from_first = templates
            .iter()
            .cycle()
            .skip(first % templates.len().max(1));
        let mut unavailable = Ok(());
        for template in from_first.take(TEMPLATES.min(templates.len())) {
            match self.pipelines().template(template).await {
                Err(fault) if fault.reason == Reason::AwsUnavailable => unavailable = Err(fault),
                Ok(_) | Err(_) => return Ok(()),
            }
        }
        unavailable
    }
}
