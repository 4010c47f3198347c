//! TemplateCache, remembered for a minute: a hundred pull requests of one rule ask CodePipeline once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::domain::clone::Template;
use crate::domain::fault::Fault;
use crate::domain::ids::{PipelineName, Timestamp};
use crate::ports::{Clock, Pipelines};
use crate::telemetry::metrics;

/// How long a template is remembered. A change of the template reaches new clones within this time.
pub const TEMPLATE_TTL: Duration = Duration::from_secs(60);

/// One slot a template, so that two messages that want the same template wait for one answer and others do not wait.
/// Bounded by the templates that the rules and half-way mappings name.
#[derive(Default)]
pub struct TemplateCache {
    slots: Mutex<HashMap<PipelineName, Arc<Slot>>>,
}

type Slot = Mutex<Option<Answer>>;

/// What CodePipeline said, and when.
struct Answer {
    at: Timestamp,
    said: Result<Arc<Template>, Fault>,
}

impl TemplateCache {
    /// The template as CodePipeline has it, or had it within [`TEMPLATE_TTL`]. A fault counts for those who waited for the same
    /// answer: were each to ask again, the last would wait longer than its claim lasts.
    ///
    /// # Errors
    /// Those of [`Pipelines::template`].
    ///
    /// Cancelled: nothing is remembered, and the next in line asks.
    pub async fn get<P: Pipelines, C: Clock>(
        &self,
        name: &PipelineName,
        pipelines: &P,
        clock: &C,
    ) -> Result<Arc<Template>, Fault> {
        let asked = clock.now();
        let slot = Arc::clone(self.slots.lock().await.entry(name.clone()).or_default());
        let mut slot = slot.lock().await;
        if let Some(answer) = slot.as_ref().filter(|answer| answer.counts(asked)) {
            metrics::template("hit");
            return answer.said.clone();
        }
        metrics::template("miss");
        let said = pipelines.template(name).await.map(Arc::new);
        let at = clock.now();
        *slot = Some(Answer {
            at,
            said: said.clone(),
        });
        said
    }
}

impl Answer {
    /// For whoever asked then.
    fn counts(&self, asked: Timestamp) -> bool {
        match self.said {
            Ok(_) => asked.since(self.at) < TEMPLATE_TTL,
            Err(_) => asked < self.at,
        }
    }
}
