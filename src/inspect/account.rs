//! The table and CodePipeline as they are, for those who only read.

use std::collections::BTreeMap;
use tokio::sync::Mutex;

use crate::domain::clone::Template;
use crate::domain::fault::Fault;
use crate::domain::ids::PipelineName;
use crate::ports::{PipelineReader, StoreReader};

/// The table and CodePipeline. A template is asked for once.
pub struct Account<S, P> {
    /// The table.
    pub store: S,
    /// CodePipeline.
    pub pipelines: P,
    templates: Mutex<BTreeMap<PipelineName, Result<Template, Fault>>>,
}

impl<S: StoreReader, P: PipelineReader> Account<S, P> {
    /// Reads through these ports.
    pub fn new(store: S, pipelines: P) -> Self {
        Self {
            store,
            pipelines,
            templates: Mutex::default(),
        }
    }

    /// Returns a template, from memory where it was asked for before.
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
