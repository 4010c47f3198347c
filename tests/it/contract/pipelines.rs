//! The contract of [`Pipelines`] and [`PipelineReader`].

use branchline::domain::clone::NewPipeline;
use branchline::domain::clone::declaration::Declaration;
use branchline::domain::clone::execution::{FailedStage, Run};
use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::ids::{CommitId, DeliveryId, ExecutionId, Owner, PipelineName};
use branchline::domain::state::claim::Claim;
use branchline::ports::PipelineReader;
use branchline::ports::{CreateResult, ExistingPipeline, Pipelines, RetryResult};
use serde_json::{Map, Value, json};

use crate::world::clock::START;
use crate::world::rules::{declaration, pull_request_rule};
use crate::world::samples::{creating, pipeline, pull, tagged};
use crate::world::story::owner;

/// An account without pipelines, and access to it past the port.
pub(crate) trait PipelinesStage {
    type Port: Pipelines;

    /// Returns the port.
    fn pipelines(&self) -> &Self::Port;
    /// Returns a role that CodePipeline may assume here.
    fn role(&self) -> String;
    /// Makes a pipeline as another user of the account, without our tags.
    async fn give(&self, declaration: Value);
    /// Updates a pipeline as another user of the account, which raises its version.
    async fn update(&self, declaration: Value);
    /// Returns how many executions an existing pipeline has had.
    async fn executions(&self, name: &str) -> usize;
}

/// Makes every test of this contract for a stage: `pipelines_contract!(Stage::new().await)`.
macro_rules! pipelines_contract {
    ($stage:expr) => {
        crate::contract::contract_tests!(pipelines, $stage;
            a_missing_template_is_template_missing,
            a_template_reads_back_as_it_was_written,
            a_templates_version_rises_with_an_update,
            create_writes_declaration_and_tags,
            create_starts_the_first_execution,
            a_name_in_use_changes_nothing,
            a_refused_declaration_is_declaration_refused,
            find_returns_none_without_a_pipeline,
            a_pipeline_has_the_time_of_its_creation,
            find_returns_the_same_with_and_without_the_arn,
            find_returns_the_tags_of_a_foreign_pipeline,
            update_replaces_the_declaration_and_keeps_the_tags,
            a_start_is_one_execution_for_each_token,
            a_stage_that_did_not_fail_is_not_retried,
            a_missing_pipeline_has_no_executions,
            a_deleted_pipeline_is_gone,
            deleting_a_missing_pipeline_succeeds,
            a_deleted_pipeline_can_be_created_again,
            lists_include_foreign_pipelines,
        );
    };
}
pub(crate) use pipelines_contract;

/// Returns a claim on the subject that owns this pipeline.
fn claim(name: &str) -> Claim {
    Claim::proven(creating(pull(7), name, "worker/1"))
}

/// Returns a pipeline ready to be created, cloned from a template so that its ARN is of this
/// account.
async fn clone_of<S: PipelinesStage>(stage: &S, template: &str, name: &str) -> NewPipeline {
    let template = pipeline(template);
    let template = stage.pipelines().template(&template).await.unwrap();
    let claim = claim(name);
    let mapping = claim.mapping();
    let spec = mapping.spec().unwrap();
    template
        .clone_for(&mapping.clone_request(spec, &pull_request_rule(), &owner()))
        .unwrap()
}

async fn give_template<S: PipelinesStage>(stage: &S) {
    let declaration = declaration("api-template", "acme/api", &stage.role());
    stage.give(declaration).await;
}

/// Returns a new pipeline, made from a template that is written first.
async fn made<S: PipelinesStage>(stage: &S, name: &str) -> NewPipeline {
    give_template(stage).await;
    let new = clone_of(stage, "api-template", name).await;
    let answer = stage.pipelines().create(&new, &claim(name)).await.unwrap();
    assert_eq!(answer, CreateResult::Made);
    new
}

async fn read<S: PipelinesStage>(stage: &S, name: &PipelineName) -> Map<String, Value> {
    let template = stage.pipelines().template(name).await.unwrap();
    let mut fields = template.declaration.as_json().clone();
    fields.remove("version");
    fields
}

async fn found<S: PipelinesStage>(stage: &S, name: &str) -> Option<ExistingPipeline> {
    stage.pipelines().find(&pipeline(name), None).await.unwrap()
}

/// "A missing one is the permanent fault `template-missing`."
pub(crate) async fn a_missing_template_is_template_missing<S: PipelinesStage>(stage: &S) {
    let fault = stage.pipelines().template(&pipeline("no-such")).await;
    let fault = fault.unwrap_err();
    assert_eq!(fault.reason, Reason::TemplateMissing);
    assert!(fault.detail.contains("no-such"), "{fault}");
}

/// "Returns the declaration of a pipeline", whole.
pub(crate) async fn a_template_reads_back_as_it_was_written<S: PipelinesStage>(stage: &S) {
    let mut given = declaration("api-template", "acme/api", &stage.role());
    let words = given.as_object_mut().unwrap();
    words.insert(
        "variables".to_owned(),
        json!([{"name": "PR", "defaultValue": "0", "description": "ü"}]),
    );
    words.insert(
        "triggers".to_owned(),
        json!([{"providerType": "CodeStarSourceConnection", "gitConfiguration": {
            "sourceActionName": "GitHub",
            "push": [{"branches": {"includes": ["main"], "excludes": ["wip/**"]}}],
        }}]),
    );
    stage.give(given.clone()).await;
    let name = pipeline("api-template");
    assert_eq!(Value::Object(read(stage, &name).await), given);
    let template = stage.pipelines().template(&name).await.unwrap();
    assert_eq!(template.version, Some(1));
    assert!(template.arn.as_str().ends_with(":api-template"));
}

/// The version rises by one with every update.
pub(crate) async fn a_templates_version_rises_with_an_update<S: PipelinesStage>(stage: &S) {
    give_template(stage).await;
    let changed = declaration("api-template", "acme/other", &stage.role());
    stage.update(changed.clone()).await;
    let name = pipeline("api-template");
    let template = stage.pipelines().template(&name).await.unwrap();
    assert_eq!(template.version, Some(2));
    assert_eq!(Value::Object(read(stage, &name).await), changed);
}

/// "Creates a pipeline with its tags": every field of the declaration is there.
pub(crate) async fn create_writes_declaration_and_tags<S: PipelinesStage>(stage: &S) {
    let new = made(stage, "api-pr-7").await;
    assert_eq!(read(stage, &new.name).await, *new.declaration.as_json());
    let found = found(stage, "api-pr-7").await.unwrap();
    assert_eq!(found.tags, new.tags);
    assert_eq!(found.arn, new.arn, "the predicted ARN");
}

/// "AWS starts its first execution by itself", and nothing else starts a second.
pub(crate) async fn create_starts_the_first_execution<S: PipelinesStage>(stage: &S) {
    made(stage, "api-pr-7").await;
    assert_eq!(stage.executions("api-pr-7").await, 1);
}

/// "A pipeline of that name exists; nothing was changed."
pub(crate) async fn a_name_in_use_changes_nothing<S: PipelinesStage>(stage: &S) {
    let first = made(stage, "api-pr-7").await;
    let mut second = clone_of(stage, "api-template", "api-pr-7").await;
    second.tags = tagged(
        &pull(8),
        &creating(pull(8), "x", "w").repository,
        &Owner::parse("other").unwrap(),
    );
    let stages = json!({"name": "api-pr-7", "roleArn": stage.role(), "artifactStore": {"type": "S3", "location": "other"},
        "stages": second.declaration.as_json().get("stages")});
    second.declaration = Declaration::new(stages).unwrap();
    let answer = stage.pipelines().create(&second, &claim("api-pr-7")).await;
    assert_eq!(answer, Ok(CreateResult::NameInUse));
    assert_eq!(read(stage, &first.name).await, *first.declaration.as_json());
    let found = found(stage, "api-pr-7").await.unwrap();
    assert_eq!(found.tags, first.tags);
}

/// A declaration that AWS refuses is a permanent fault, not an outage.
pub(crate) async fn a_refused_declaration_is_declaration_refused<S: PipelinesStage>(stage: &S) {
    give_template(stage).await;
    let mut new = clone_of(stage, "api-template", "api-pr-7").await;
    let mut fields = new.declaration.as_json().clone();
    let stages = fields.get_mut("stages").and_then(Value::as_array_mut);
    stages.unwrap().truncate(1);
    new.declaration = Declaration::new(Value::Object(fields)).unwrap();
    let answer = stage.pipelines().create(&new, &claim("api-pr-7")).await;
    assert_eq!(answer.unwrap_err().reason, Reason::DeclarationRefused);
    assert_eq!(found(stage, "api-pr-7").await, None);
}

/// "`None` when there is no such pipeline."
pub(crate) async fn find_returns_none_without_a_pipeline<S: PipelinesStage>(stage: &S) {
    assert_eq!(found(stage, "api-pr-7").await, None);
    give_template(stage).await;
    let foretold = clone_of(stage, "api-template", "api-pr-7").await;
    let answer = stage.pipelines().find(&foretold.name, Some(&foretold.arn));
    assert_eq!(answer.await, Ok(None));
}

/// "Returns when a pipeline was created; `None` if it does not exist."
pub(crate) async fn a_pipeline_has_the_time_of_its_creation<S: PipelinesStage>(stage: &S) {
    let new = made(stage, "api-pr-7").await;
    let created_at = stage.pipelines().created_at(&new.name).await.unwrap();
    assert!(created_at.is_some_and(|time| time >= START));
    let missing = pipeline("api-pr-8");
    assert_eq!(stage.pipelines().created_at(&missing).await, Ok(None));
}

/// "With the ARN known it costs one call, without it two": the result is the same.
pub(crate) async fn find_returns_the_same_with_and_without_the_arn<S: PipelinesStage>(stage: &S) {
    let new = made(stage, "api-pr-7").await;
    let with = stage.pipelines().find(&new.name, Some(&new.arn)).await;
    assert_eq!(with.unwrap(), found(stage, "api-pr-7").await);
}

/// A pipeline without our tags is found all the same; the caller decides whether it is ours.
pub(crate) async fn find_returns_the_tags_of_a_foreign_pipeline<S: PipelinesStage>(stage: &S) {
    give_template(stage).await;
    let found = found(stage, "api-template").await.unwrap();
    assert_eq!(found.tags, Tags::new());
}

/// "Replaces a pipeline's declaration. Its tags stay."
pub(crate) async fn update_replaces_the_declaration_and_keeps_the_tags<S: PipelinesStage>(
    stage: &S,
) {
    let mut new = made(stage, "api-pr-7").await;
    let mut fields = new.declaration.as_json().clone();
    fields.insert("executionMode".to_owned(), Value::from("QUEUED"));
    new.declaration = Declaration::new(Value::Object(fields.clone())).unwrap();
    let updated = stage.pipelines().update(&new, &claim("api-pr-7")).await;
    assert_eq!(updated, Ok(Some(2)));
    assert_eq!(read(stage, &new.name).await, fields);
    assert_eq!(found(stage, "api-pr-7").await.unwrap().tags, new.tags);
}

/// "Starts an execution and returns its id"; "the newest first"; "a second call with the same token
/// starts nothing and returns the same id".
pub(crate) async fn a_start_is_one_execution_for_each_token<S: PipelinesStage>(stage: &S) {
    let new = made(stage, "api-pr-7").await;
    let start = async |token: &str| {
        let run = Run {
            revision: Some((
                "GitHub".to_owned(),
                CommitId::parse("a".repeat(40)).unwrap(),
            )),
            variables: Vec::new(),
            token: Some(DeliveryId::parse(token).unwrap()),
        };
        let claim = claim("api-pr-7");
        stage
            .pipelines()
            .start(&new.name, &run, &claim)
            .await
            .unwrap()
    };
    let first = start("d-1").await;
    let listed = stage.pipelines().executions(&new.name, None).await.unwrap();
    assert_eq!(
        listed.first().map(|newest| newest.id.clone()),
        Some(first.clone())
    );
    assert_eq!(start("d-1").await, first);
    assert_ne!(start("d-2").await, first);
    assert_eq!(stage.executions("api-pr-7").await, 3);
}

/// "CodePipeline cannot retry it: [...] Nothing was changed."
pub(crate) async fn a_stage_that_did_not_fail_is_not_retried<S: PipelinesStage>(stage: &S) {
    let new = made(stage, "api-pr-7").await;
    let executions = stage.pipelines().executions(&new.name, None).await.unwrap();
    let id = executions.into_iter().next().map(|newest| newest.id);
    let failed = FailedStage {
        execution: ExecutionId::parse(id.unwrap()).unwrap(),
        attempt: 1,
        stage: "Build".to_owned(),
    };
    let claim = claim("api-pr-7");
    let retried = stage.pipelines().retry(&new.name, &failed, &claim).await;
    assert_eq!(retried, Ok(RetryResult::NotRetryable));
    assert_eq!(stage.executions("api-pr-7").await, 1);
}

/// "None when there is no such pipeline."
pub(crate) async fn a_missing_pipeline_has_no_executions<S: PipelinesStage>(stage: &S) {
    let none = stage
        .pipelines()
        .executions(&pipeline("api-pr-7"), None)
        .await;
    assert_eq!(none, Ok(Vec::new()));
}

/// "Deletes a pipeline."
pub(crate) async fn a_deleted_pipeline_is_gone<S: PipelinesStage>(stage: &S) {
    let new = made(stage, "api-pr-7").await;
    let claim = claim("api-pr-7");
    let deleted = stage.pipelines().delete(&new.name, &claim).await;
    assert_eq!(deleted, Ok(()));
    assert_eq!(found(stage, "api-pr-7").await, None);
    let with = stage.pipelines().find(&new.name, Some(&new.arn)).await;
    assert_eq!(with, Ok(None));
    assert!(found(stage, "api-template").await.is_some(), "nothing else");
}

/// "Deleting one that does not exist succeeds."
pub(crate) async fn deleting_a_missing_pipeline_succeeds<S: PipelinesStage>(stage: &S) {
    for _ in 0..2 {
        let name = pipeline("api-pr-7");
        let deleted = stage.pipelines().delete(&name, &claim("api-pr-7")).await;
        assert_eq!(deleted, Ok(()));
    }
}

/// `reopened` recreates it under its name.
pub(crate) async fn a_deleted_pipeline_can_be_created_again<S: PipelinesStage>(stage: &S) {
    let new = made(stage, "api-pr-7").await;
    let claim = claim("api-pr-7");
    let deleted = stage.pipelines().delete(&new.name, &claim).await;
    assert_eq!(deleted, Ok(()));
    let answer = stage.pipelines().create(&new, &claim).await;
    assert_eq!(answer, Ok(CreateResult::Made));
}

/// "Returns all pipelines of the account in this Region, of every creator." Their versions are
/// those that an update returns.
pub(crate) async fn lists_include_foreign_pipelines<S: PipelinesStage>(stage: &S) {
    assert_eq!(stage.pipelines().list().await, Ok(Vec::new()));
    let new = made(stage, "api-pr-7").await;
    let listed = async || {
        let mut listed = stage.pipelines().list().await.unwrap();
        listed.sort_by(|one, two| one.name.cmp(&two.name));
        let listed = listed.into_iter();
        listed
            .map(|one| (one.name, one.version))
            .collect::<Vec<_>>()
    };
    let template = (pipeline("api-template"), Some(1));
    assert_eq!(
        listed().await,
        [(new.name.clone(), Some(1)), template.clone()]
    );
    let updated = stage.pipelines().update(&new, &claim("api-pr-7")).await;
    assert_eq!(updated, Ok(Some(2)));
    assert_eq!(listed().await, [(new.name, Some(2)), template]);
}
