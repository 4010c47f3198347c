//! The table and CodePipeline, for callers that only read.

use std::collections::BTreeMap;
use tokio::sync::Mutex;

use crate::domain::clone::Template;
use crate::domain::fault::Fault;
use crate::domain::ids::PipelineName;
use crate::ports::{PipelineReader, StoreReader};

/// The table and CodePipeline. Each template is read once.
pub struct Account<S, P> {
    /// The table.
    pub store: S,
    /// CodePipeline.
    pub pipelines: P,
    templates: Mutex<BTreeMap<PipelineName, Result<Template, Fault>>>,
}

impl<S: StoreReader, P: PipelineReader> Account<S, P> {
    /// Creates an account over these ports.
    pub fn new(store: S, pipelines: P) -> Self {
        Self {
            store,
            pipelines,
            templates: Mutex::default(),
        }
    }

    /// Returns a template, from memory if it was read before.
    ///
    /// # Errors
    /// Those of [`PipelineReader::template`].
    pub async fn template(&self, name: &PipelineName) -> Result<Template, Fault> {
        let mut templates = self.templates.lock().await;
        if let Some(known) = templates.get(name) {
            return known.clone();
        }
        let answer = self.pipelines.template(name).await;
        templates.insert(name.clone(), answer.clone());
        answer
    }
}
