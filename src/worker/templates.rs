//! Templates, remembered for a minute: a hundred pull requests of one rule ask CodePipeline once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::line::fault::Fault;
use crate::line::ids::{PipelineName, Timestamp};
use crate::line::template::Template;
use crate::ports::Pipelines;

/// How long a template is remembered. A change of the template reaches new clones within this time.
pub const FRESH: Duration = Duration::from_secs(60);

/// One slot a template, so that two messages that want the same template wait for one answer and others do not wait.
/// Bounded by the templates that the rules and half-way mappings name.
#[derive(Default)]
pub struct Templates {
    slots: Mutex<HashMap<PipelineName, Arc<Slot>>>,
}

type Slot = Mutex<Option<(Timestamp, Arc<Template>)>>;

impl Templates {
    /// The template as CodePipeline has it, or had it within [`FRESH`]. Faults are not remembered.
    ///
    /// # Errors
    /// Those of [`Pipelines::template`].
    ///
    /// Cancelled: nothing is remembered, and the next in line asks.
    pub async fn get<P: Pipelines>(
        &self,
        name: &PipelineName,
        pipelines: &P,
        now: Timestamp,
    ) -> Result<Arc<Template>, Fault> {
        let slot = Arc::clone(self.slots.lock().await.entry(name.clone()).or_default());
        let mut slot = slot.lock().await;
        if let Some((seen, template)) = slot.as_ref()
            && now.since(*seen) < FRESH
        {
            return Ok(Arc::clone(template));
        }
        let template = Arc::new(pipelines.template(name).await?);
        *slot = Some((now, Arc::clone(&template)));
        Ok(template)
    }
}
