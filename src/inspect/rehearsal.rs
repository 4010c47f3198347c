//! Rehearsal ports: they read from the real ports, and remember writes instead of making them. The
//! daemon's own path runs over them, so a prediction cannot differ from what the daemon does.
//!
//! Guarantees: nothing is written and nothing is started. Messages that are rehearsed over the same
//! ports see each other's effects: if two dead letters need the last slot, one gets it. Caveat:
//! changes that others make in the meantime are not predicted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::domain::clone::diff::{Difference, diff};
use crate::domain::clone::execution::{Execution, Run, Stage};
use crate::domain::clone::tags::Tags;
use crate::domain::clone::{NewPipeline, Template};
use crate::domain::fault::Fault;
use crate::domain::ids::{
    DeliveryId, PipelineArn, PipelineName, RepositoryId, RepositoryName, Subject,
};
use crate::domain::outcome::audit_entry::{AuditEntry, NewAuditEntry};
use crate::domain::state::mapping::{Claim, Expect, Mapping, State, Transition};
use crate::ports::{
    ClaimResult, CreateResult, Cursor, ExistingPipeline, Page, PipelineReader, Pipelines,
    RecordResult, SlotResult, SlotUse, Store, StoreReader,
};

/// The table, with the rehearsed writes on top.
pub struct RehearsalStore<S> {
    inner: S,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    rows: BTreeMap<Subject, Mapping>,
    /// Names that were reserved or, as `None`, released.
    names: BTreeMap<PipelineName, Option<Subject>>,
    /// Slots that were acquired (`true`) or released, by rule.
    slots: BTreeMap<String, BTreeMap<Subject, bool>>,
}

impl<S: StoreReader> RehearsalStore<S> {
    /// Rehearses over this table.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            written: Mutex::default(),
        }
    }

    /// Returns a row as the rehearsal left it; `None` if the rehearsal did not write it.
    #[must_use]
    pub fn rehearsed(&self, subject: &Subject) -> Option<Mapping> {
        self.lock().rows.get(subject).cloned()
    }

    /// Returns the current row if it is not the one that the transition expects.
    async fn refuses(
        &self,
        transition: &Transition,
    ) -> Result<Option<Option<Box<Mapping>>>, Fault> {
        let row = self.mapping(&transition.next.subject).await?;
        let as_expected = match (&transition.expect, &row) {
            (Expect::Unseen, None) => true,
            (Expect::Unseen, Some(_)) | (Expect::Seen { .. }, None) => false,
            (expect @ Expect::Seen { .. }, Some(row)) => row.as_seen() == *expect,
        };
        Ok((!as_expected).then(|| row.map(Box::new)))
    }

    fn write(&self, transition: &Transition) {
        let mut written = self.lock();
        if let Some(name) = &transition.releases {
            written.names.insert(name.clone(), None);
        }
        let next = transition.next.clone();
        written.rows.insert(next.subject.clone(), next);
    }

    /// Locks the writes. No code panics under this lock.
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: StoreReader> StoreReader for RehearsalStore<S> {
    async fn mapping(&self, subject: &Subject) -> Result<Option<Mapping>, Fault> {
        if let Some(row) = self.rehearsed(subject) {
            return Ok(Some(row));
        }
        self.inner.mapping(subject).await
    }

    async fn in_state(&self, state: State, after: Option<Cursor>) -> Result<Page, Fault> {
        self.inner.in_state(state, after).await
    }

    async fn of_repository(
        &self,
        repository: RepositoryId,
        after: Option<Cursor>,
    ) -> Result<Page, Fault> {
        let mut page = self.inner.of_repository(repository, after).await?;
        for row in page.rows.iter_mut().flatten() {
            if let Some(rehearsed) = self.rehearsed(&row.subject) {
                *row = rehearsed;
            }
        }
        Ok(page)
    }

    async fn delivered(&self, delivery: &DeliveryId) -> Result<Option<Subject>, Fault> {
        self.inner.delivered(delivery).await
    }

    async fn repository(&self, name: &RepositoryName) -> Result<Option<RepositoryId>, Fault> {
        self.inner.repository(name).await
    }

    async fn owner(&self, pipeline: &PipelineName) -> Result<Option<Subject>, Fault> {
        let rehearsed = self.lock().names.get(pipeline).cloned();
        match rehearsed {
            Some(owner) => Ok(owner),
            None => self.inner.owner(pipeline).await,
        }
    }

    async fn history(&self, subject: &Subject) -> Result<Vec<AuditEntry>, Fault> {
        self.inner.history(subject).await
    }

    async fn slots(&self, rule: &str, subject: &Subject) -> Result<SlotUse, Fault> {
        let mut slots = self.inner.slots(rule, subject).await?;
        let rehearsed = self.lock().slots.get(rule).cloned().unwrap_or_default();
        for (other, acquired) in rehearsed {
            let held = if other == *subject {
                std::mem::replace(&mut slots.held, acquired)
            } else {
                self.inner.slots(rule, &other).await?.held
            };
            match (held, acquired) {
                (false, true) => slots.taken += 1,
                (true, false) => slots.taken = slots.taken.saturating_sub(1),
                (true, true) | (false, false) => {}
            }
        }
        Ok(slots)
    }
}

impl<S: StoreReader> Store for RehearsalStore<S> {
    async fn claim(&self, transition: Transition) -> Result<ClaimResult, Fault> {
        if let Some(row) = self.refuses(&transition).await? {
            return Ok(ClaimResult::Lost(row));
        }
        if let Some(name) = transition.reserves() {
            let subject = &transition.next.subject;
            match self.owner(name).await? {
                Some(owner) if owner != *subject => {
                    let key = format!("REPO#{}/{}", owner.repository, owner.key());
                    return Ok(ClaimResult::NameTaken(key));
                }
                Some(_) | None => {}
            }
            let mut written = self.lock();
            written.names.insert(name.clone(), Some(subject.clone()));
        }
        self.write(&transition);
        Ok(ClaimResult::Won(Box::new(Claim::proven(transition.next))))
    }

    async fn record(
        &self,
        transition: &Transition,
        _entry: &NewAuditEntry,
    ) -> Result<RecordResult, Fault> {
        if let Some(row) = self.refuses(transition).await? {
            return Ok(RecordResult::Lost(row));
        }
        self.write(transition);
        Ok(RecordResult::Done)
    }

    async fn give_up(&self, transition: &Transition) -> Result<(), Fault> {
        self.write(transition);
        Ok(())
    }

    async fn acquire_slot(
        &self,
        rule: &str,
        max: u32,
        subject: &Subject,
    ) -> Result<SlotResult, Fault> {
        let slots = self.slots(rule, subject).await?;
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        if !slots.counted {
            return Ok(SlotResult::Uncounted);
        }
        if !slots.held && slots.taken >= max {
            return Ok(SlotResult::Full);
        }
        let mut written = self.lock();
        let slots = written.slots.entry(rule.to_owned()).or_default();
        slots.insert(subject.clone(), true);
        Ok(SlotResult::Acquired)
    }

    async fn release_slot(&self, rule: &str, subject: &Subject) -> Result<(), Fault> {
        let mut written = self.lock();
        let slots = written.slots.entry(rule.to_owned()).or_default();
        slots.insert(subject.clone(), false);
        Ok(())
    }

    async fn count_slots(&self, _rule: &str, _subjects: &[Subject]) -> Result<(), Fault> {
        Ok(())
    }
}

/// A call to CodePipeline that the daemon would make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectKind {
    /// CreatePipeline.
    Create,
    /// UpdatePipeline.
    Update,
    /// StartPipelineExecution.
    Start,
    /// StopPipelineExecution.
    Stop,
    /// DeletePipeline.
    Delete,
}

/// A call that the daemon would make, and its pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PredictedEffect {
    /// The call.
    pub kind: EffectKind,
    /// The name of the pipeline.
    pub pipeline: String,
}

/// The comparison of a clone with its template.
#[derive(Clone, Debug, Serialize)]
pub struct CloneComparison {
    /// The template's name.
    pub template: String,
    /// The template's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_version: Option<i32>,
    /// The clone's name.
    pub pipeline: String,
    /// The differences.
    pub differences: Vec<Difference>,
}

impl CloneComparison {
    /// Compares a clone with its template.
    #[must_use]
    pub fn new(template: &Template, clone: &NewPipeline) -> Self {
        Self {
            template: template.declaration.name().to_owned(),
            template_version: template.version,
            pipeline: clone.name.to_string(),
            differences: diff(&template.declaration, &clone.declaration),
        }
    }
}

/// CodePipeline, with the rehearsed calls on top.
pub struct RehearsalPipelines<P> {
    inner: P,
    called: Mutex<Called>,
}

#[derive(Default)]
struct Called {
    effects: Vec<PredictedEffect>,
    clone: Option<CloneComparison>,
    /// The template that was read last, from which the next clone is created.
    template: Option<Template>,
    created: BTreeMap<PipelineName, (PipelineArn, Tags)>,
    deleted: BTreeSet<PipelineName>,
}

impl<P: PipelineReader> RehearsalPipelines<P> {
    /// Rehearses over this CodePipeline.
    pub fn new(inner: P) -> Self {
        Self {
            inner,
            called: Mutex::default(),
        }
    }

    /// Takes the effects since the last call, and the clone that was written last.
    pub fn take(&self) -> (Vec<PredictedEffect>, Option<CloneComparison>) {
        let mut called = self.lock();
        (std::mem::take(&mut called.effects), called.clone.take())
    }

    fn note(&self, kind: EffectKind, pipeline: &PipelineName) {
        let pipeline = pipeline.to_string();
        self.lock().effects.push(PredictedEffect { kind, pipeline });
    }

    fn compare(&self, clone: &NewPipeline) {
        let mut called = self.lock();
        let template = called.template.as_ref();
        called.clone = template.map(|template| CloneComparison::new(template, clone));
    }

    /// Locks the calls. No code panics under this lock.
    fn lock(&self) -> MutexGuard<'_, Called> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: PipelineReader> PipelineReader for RehearsalPipelines<P> {
    async fn template(&self, name: &PipelineName) -> Result<Template, Fault> {
        let template = self.inner.template(name).await?;
        self.lock().template = Some(template.clone());
        Ok(template)
    }

    async fn names(&self) -> Result<Vec<PipelineName>, Fault> {
        self.inner.names().await
    }

    async fn find(
        &self,
        name: &PipelineName,
        arn: Option<&PipelineArn>,
    ) -> Result<Option<ExistingPipeline>, Fault> {
        {
            let called = self.lock();
            if called.deleted.contains(name) {
                return Ok(None);
            }
            if let Some((arn, tags)) = called.created.get(name).cloned() {
                return Ok(Some(ExistingPipeline { arn, tags }));
            }
        }
        self.inner.find(name, arn).await
    }

    async fn executions(&self, name: &PipelineName) -> Result<Vec<Execution>, Fault> {
        self.inner.executions(name).await
    }

    async fn stages(&self, name: &PipelineName) -> Result<Vec<Stage>, Fault> {
        self.inner.stages(name).await
    }
}

impl<P: PipelineReader> Pipelines for RehearsalPipelines<P> {
    async fn create(&self, pipeline: &NewPipeline, _claim: &Claim) -> Result<CreateResult, Fault> {
        let name = &pipeline.name;
        if self.find(name, Some(&pipeline.arn)).await?.is_some() {
            return Ok(CreateResult::NameInUse);
        }
        self.note(EffectKind::Create, name);
        self.compare(pipeline);
        let mut called = self.lock();
        called.deleted.remove(name);
        let (arn, tags) = (pipeline.arn.clone(), pipeline.tags.clone());
        called.created.insert(name.clone(), (arn, tags));
        Ok(CreateResult::Made)
    }

    async fn update(&self, pipeline: &NewPipeline, _claim: &Claim) -> Result<(), Fault> {
        self.note(EffectKind::Update, &pipeline.name);
        self.compare(pipeline);
        Ok(())
    }

    async fn start(
        &self,
        name: &PipelineName,
        _run: &Run,
        _claim: &Claim,
    ) -> Result<String, Fault> {
        self.note(EffectKind::Start, name);
        Ok(String::new())
    }

    async fn stop(
        &self,
        name: &PipelineName,
        _execution: &str,
        _claim: &Claim,
    ) -> Result<(), Fault> {
        self.note(EffectKind::Stop, name);
        Ok(())
    }

    async fn delete(&self, name: &PipelineName, _claim: &Claim) -> Result<(), Fault> {
        self.note(EffectKind::Delete, name);
        let mut called = self.lock();
        called.created.remove(name);
        called.deleted.insert(name.clone());
        Ok(())
    }
}
