//! Keeps templates for a minute: a hundred pull requests of one rule need one call to CodePipeline.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::domain::clone::Template;
use crate::domain::fault::Fault;
use crate::domain::ids::{PipelineName, Timestamp};
use crate::ports::{Clock, Pipelines};
use crate::telemetry::metrics;

/// How long a template is kept. A change of the template reaches new clones within this time.
pub const TEMPLATE_TTL: Duration = Duration::from_secs(60);

/// One entry for each template, so that two messages with the same template wait for one answer,
/// and others do not wait. The size is bounded by the templates in the rules and in half-way
/// mappings.
#[derive(Default)]
pub struct TemplateCache {
    slots: Mutex<HashMap<PipelineName, Arc<Slot>>>,
}

type Slot = Mutex<Option<Answer>>;

/// The answer of CodePipeline, and its time.
struct Answer {
    at: Timestamp,
    said: Result<Arc<Template>, Fault>,
}

impl TemplateCache {
    /// Returns the template, which was read within [`TEMPLATE_TTL`]. A fault is returned to all
    /// callers that waited for the same answer: if each of them asked again, the last one would
    /// wait longer than its claim lasts.
    ///
    /// # Errors
    /// The faults of [`crate::ports::PipelineReader::template`].
    ///
    /// If cancelled, nothing is kept, and the next caller asks.
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
    /// The answer for callers that asked at that time.
    fn counts(&self, asked: Timestamp) -> bool {
        match self.said {
            Ok(_) => asked.since(self.at) < TEMPLATE_TTL,
            Err(_) => asked < self.at,
        }
    }
}
