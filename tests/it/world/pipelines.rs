//! A fake CodePipeline: pipelines by name, with their declarations, their tags and their
//! executions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use branchline::aws::OPERATION_TIMEOUT;
use branchline::domain::clone::execution::{ActionResult, Execution, FailedStage, Run, Stage};
use branchline::domain::clone::tags::{Tags, is_owned};
use branchline::domain::clone::{NewPipeline, Template};
use branchline::domain::fault::{Fault, Reason};
use branchline::domain::ids::{CommitId, ExecutionId, PipelineArn, PipelineName, Timestamp};
use branchline::domain::state::claim::Claim;
use branchline::ports::{
    CreateResult, ExistingPipeline, ListedPipeline, PipelineReader, Pipelines, RetryResult,
};
use serde_json::Value;
use tokio::time::sleep;

use super::account::{Account, Pipeline};
use super::executions::{Fate, Started};
use super::pipeline_event::PipelineEvent;
use super::{codepipeline_rules, lock};
use crate::world::fault_injection::{FaultInjection, Op};

/// When the pipelines of other users of the account were created.
const LONG_AGO: Timestamp = Timestamp(0);

/// A handle to the account. Clones are handles to the same account.
#[derive(Clone)]
pub(crate) struct FakePipelines {
    account: Arc<Mutex<Account>>,
    faults: FaultInjection,
}

impl FakePipelines {
    /// Makes an account without pipelines.
    pub(crate) fn new(faults: &FaultInjection) -> Self {
        Self {
            account: Arc::default(),
            faults: faults.clone(),
        }
    }

    /// Returns the same account with another worker's faults.
    pub(crate) fn under(&self, faults: &FaultInjection) -> Self {
        Self {
            faults: faults.clone(),
            ..self.clone()
        }
    }

    /// Makes or updates a pipeline as another user of the account: a template, or a foreign
    /// pipeline.
    ///
    /// # Errors
    /// The reason for which CodePipeline refuses the declaration.
    pub(crate) fn add(&self, declaration: Value, tags: Tags) -> Result<(), String> {
        let Value::Object(declaration) = declaration else {
            return Err("ValidationException: no object".to_owned());
        };
        codepipeline_rules::check(&declaration, &tags)?;
        let name = declaration.get("name").and_then(Value::as_str);
        let name = PipelineName::parse(name.unwrap_or_default()).map_err(|why| why.to_string())?;
        let mut account = lock(&self.account);
        let version = account
            .pipelines
            .get(&name)
            .map_or(1, |old| old.version + 1);
        let pipeline = Pipeline {
            declaration,
            version,
            runs: vec![Started::at(LONG_AGO)],
            earlier: 0,
            created_at: LONG_AGO,
            updated_at: LONG_AGO,
            source: None,
            // Whoever made it: a pipeline that carries our tags is ours to change.
            given: !is_owned(&tags, &super::story::owner()),
            tags,
        };
        account.pipelines.insert(name, pipeline);
        Ok(())
    }

    /// Deletes a pipeline as another user of the account. Returns true if it existed.
    pub(crate) fn remove(&self, name: &str) -> bool {
        let name = PipelineName::parse(name).expect("a valid name");
        lock(&self.account).remove(&name).is_some()
    }

    /// Returns true if there is a pipeline of this name.
    pub(crate) fn exists(&self, name: &str) -> bool {
        let account = lock(&self.account);
        account.pipelines.keys().any(|other| other.as_str() == name)
    }

    /// Lets the latest execution of a pipeline fail in a stage.
    pub(crate) fn fail(&self, name: &str, stage: &str) {
        let mut account = lock(&self.account);
        let found = account
            .pipelines
            .iter_mut()
            .find(|(other, _)| other.as_str() == name);
        let run = found.and_then(|(_, pipeline)| pipeline.runs.last_mut());
        run.expect("an execution").fail(stage, self.faults.now());
    }

    /// Lets the answer of the next retry get lost, and the client repeat the call.
    pub(crate) fn repeat_retry(&self) {
        lock(&self.account).repeats_retry = true;
    }

    /// Starts an execution of a pipeline as a person does ("Release change").
    pub(crate) fn release(&self, name: &str) {
        let mut account = lock(&self.account);
        let found = account
            .pipelines
            .iter_mut()
            .find(|(other, _)| other.as_str() == name);
        let (_, pipeline) = found.expect("a pipeline");
        let commit = pipeline.runs.last().and_then(|run| run.commit.clone());
        pipeline.runs.push(Started {
            commit,
            by_hand: true,
            ..Started::at(self.faults.now())
        });
    }

    /// From now on, no person retries or releases an execution.
    pub(crate) fn leave_alone(&self) {
        lock(&self.account).left_alone = true;
    }

    /// Returns true if every execution has ended and said so.
    pub(crate) fn is_quiet(&self) -> bool {
        let account = lock(&self.account);
        account.pipelines.values().all(Pipeline::is_quiet)
    }

    /// Hides the tags of every pipeline from the next reads, as CodePipeline may do for a while
    /// after it created one.
    pub(crate) fn hide_tags(&self, reads: u32) {
        lock(&self.account).hidden_tags = reads;
    }

    /// Limits the number of pipelines in the account.
    pub(crate) fn limit(&self, pipelines: usize) {
        lock(&self.account).limit = Some(pipelines);
    }

    /// Checks that one worker at a time changes a pipeline, as claims promise.
    fn touch(&self, name: &str) -> Touch {
        let mut account = lock(&self.account);
        if !account.touched.insert(name.to_owned()) {
            // A panic would only end the processing, and its message would return as if nothing had
            // happened.
            let wrong = format!("two workers changed '{name}' at once");
            account.violations.push(wrong);
        }
        drop(account);
        Touch {
            account: Arc::clone(&self.account),
            name: name.to_owned(),
        }
    }

    /// Makes a change to a pipeline.
    async fn change<T>(
        &self,
        op: Op,
        name: &PipelineName,
        claim: &Claim,
        effect: impl FnOnce(&mut Account) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        under(name, claim);
        self.change_named(op, name.as_str(), effect).await
    }

    /// Makes a change, which may time out and still take effect later.
    pub(super) async fn change_named<T>(
        &self,
        op: Op,
        name: &str,
        effect: impl FnOnce(&mut Account) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let touch = self.touch(name);
        if let Some(after) = self.faults.late_effect() {
            let fakes = self.clone();
            let late = move || effect(&mut lock(&fakes.account)).map(|_| ());
            return Err(late_effect(touch, after, late).await);
        }
        let effect = || {
            let done = effect(&mut lock(&self.account));
            drop(touch);
            done
        };
        self.faults.pass_about(op, name, effect).await
    }

    /// Passes a call that changes nothing through the faults.
    pub(super) async fn pass<T>(
        &self,
        op: Op,
        effect: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.faults.pass(op, effect).await
    }

    pub(super) fn now(&self) -> Timestamp {
        self.faults.now()
    }

    /// Returns the account.
    pub(super) fn account(&self) -> Arc<Mutex<Account>> {
        Arc::clone(&self.account)
    }

    /// Says at which commit the first execution of a pipeline found its branch.
    pub(crate) fn found(&self, name: &str, head: &CommitId) {
        lock(&self.account).found(name, head);
    }

    /// Lets executions go on, and returns the events about them.
    pub(crate) fn go_on(&self, fate: &mut Fate) -> Vec<PipelineEvent> {
        lock(&self.account).go_on(fate, self.faults.now())
    }

    /// Returns the violations of the claims so far.
    pub(crate) fn violations(&self) -> Vec<String> {
        lock(&self.account).violations.clone()
    }

    /// Returns every pipeline, by name.
    pub(crate) fn all(&self) -> BTreeMap<String, Pipeline> {
        let account = lock(&self.account);
        let pipelines = account.pipelines.iter();
        pipelines
            .map(|(name, pipeline)| (name.to_string(), pipeline.clone()))
            .collect()
    }
}

/// Checks the port's precondition: the claim is on the subject that owns the pipeline.
fn under(name: &PipelineName, claim: &Claim) {
    let owned = claim.mapping().pipeline_name();
    assert_eq!(owned, Some(name), "the claim is on another pipeline");
}

impl PipelineReader for FakePipelines {
    async fn template(&self, name: &PipelineName) -> Result<Template, Fault> {
        let effect = || lock(&self.account).template(name);
        self.faults
            .pass_about(Op::Template, name.as_str(), effect)
            .await
    }

    async fn list(&self) -> Result<Vec<ListedPipeline>, Fault> {
        let effect = || {
            let account = lock(&self.account);
            let listed = account.pipelines.iter();
            let listed = listed.map(|(name, pipeline)| ListedPipeline {
                name: name.clone(),
                version: Some(pipeline.version),
            });
            Ok(listed.collect())
        };
        self.faults.pass(Op::ListPipelines, effect).await
    }

    async fn find(
        &self,
        name: &PipelineName,
        arn: Option<&PipelineArn>,
    ) -> Result<Option<ExistingPipeline>, Fault> {
        let op = arn.map_or(Op::FindByName, |_| Op::Find);
        let effect = || lock(&self.account).find(name, arn);
        self.faults.pass_about(op, name.as_str(), effect).await
    }

    async fn created_at(&self, name: &PipelineName) -> Result<Option<Timestamp>, Fault> {
        let effect = || Ok(lock(&self.account).created_at(name));
        let about = name.as_str();
        self.faults.pass_about(Op::CreatedAt, about, effect).await
    }

    async fn executions(
        &self,
        name: &PipelineName,
        source: Option<&str>,
    ) -> Result<Vec<Execution>, Fault> {
        let effect = || Ok(lock(&self.account).executions(name, source));
        self.faults
            .pass_about(Op::Executions, name.as_str(), effect)
            .await
    }

    async fn actions(
        &self,
        name: &PipelineName,
        execution: &ExecutionId,
    ) -> Result<Vec<ActionResult>, Fault> {
        let effect = || Ok(lock(&self.account).actions(name, execution));
        self.faults
            .pass_about(Op::Executions, name.as_str(), effect)
            .await
    }

    async fn stages(&self, name: &PipelineName) -> Result<Vec<Stage>, Fault> {
        let effect = || Ok(lock(&self.account).stages(name));
        self.faults
            .pass_about(Op::Executions, name.as_str(), effect)
            .await
    }
}

impl Pipelines for FakePipelines {
    async fn create(&self, pipeline: &NewPipeline, claim: &Claim) -> Result<CreateResult, Fault> {
        let new = pipeline.clone();
        let head = claim.mapping().order.head.clone();
        let now = self.faults.now();
        let effect = move |account: &mut Account| account.create(&new, head.as_ref(), now);
        self.change(Op::Create, &pipeline.name, claim, effect).await
    }

    async fn update(&self, pipeline: &NewPipeline, claim: &Claim) -> Result<Option<i32>, Fault> {
        let new = pipeline.clone();
        let now = self.faults.now();
        let effect = move |account: &mut Account| account.update(&new, now);
        self.change(Op::Update, &pipeline.name, claim, effect).await
    }

    async fn start(&self, name: &PipelineName, run: &Run, claim: &Claim) -> Result<String, Fault> {
        let (own, run, now) = (name.clone(), run.clone(), self.faults.now());
        let effect = move |account: &mut Account| account.start(&own, &run, now);
        self.change(Op::Start, name, claim, effect).await
    }

    async fn retry(
        &self,
        name: &PipelineName,
        failed: &FailedStage,
        claim: &Claim,
    ) -> Result<RetryResult, Fault> {
        let (own, failed, now) = (name.clone(), failed.clone(), self.faults.now());
        let effect = move |account: &mut Account| account.retry(&own, &failed, now);
        self.change(Op::Retry, name, claim, effect).await
    }

    async fn stop(&self, name: &PipelineName, id: &str, claim: &Claim) -> Result<(), Fault> {
        let (own, id, now) = (name.clone(), id.to_owned(), self.faults.now());
        let effect = move |account: &mut Account| {
            account.stop(&own, &id, now);
            Ok(())
        };
        self.change(Op::Stop, name, claim, effect).await
    }

    async fn delete(&self, name: &PipelineName, claim: &Claim) -> Result<(), Fault> {
        let own = name.clone();
        let falls_asleep = claim.mapping().activity.sleep.is_some();
        let effect = move |account: &mut Account| {
            account.delete(&own, falls_asleep);
            Ok(())
        };
        self.change(Op::Remove, name, claim, effect).await
    }
}

/// Lets a call time out, and its effect happen this much later.
async fn late_effect(
    touch: Touch,
    after: Duration,
    effect: impl FnOnce() -> Result<(), Fault> + Send + 'static,
) -> Fault {
    sleep(OPERATION_TIMEOUT).await;
    tokio::spawn(async move {
        sleep(after).await;
        // No caller waits for the result.
        let _ = effect();
        drop(touch);
    });
    Fault::new(Reason::AwsUnavailable, "no answer in time")
}

/// Guards a pipeline against a second change while it exists.
struct Touch {
    account: Arc<Mutex<Account>>,
    name: String,
}

impl Drop for Touch {
    fn drop(&mut self) {
        lock(&self.account).touched.remove(&self.name);
    }
}
