//! CodePipeline's own responses: names in use, masked secrets, pages of tags.

use aws_sdk_codepipeline::error::ErrorMetadata;
use aws_sdk_codepipeline::operation::create_pipeline::CreatePipelineError;
use aws_sdk_codepipeline::operation::get_pipeline::{GetPipelineError, GetPipelineOutput};
use aws_sdk_codepipeline::operation::list_tags_for_resource::ListTagsForResourceOutput;
use aws_sdk_codepipeline::types::{
    ActionCategory, ActionDeclaration, ActionOwner, ActionTypeId, PipelineDeclaration,
    PipelineMetadata, StageDeclaration, Tag,
};
use aws_smithy_mocks::{Rule, mock};
use branchline::domain::clone::NewPipeline;
use branchline::domain::clone::declaration::Declaration;
use branchline::domain::clone::fingerprint::CloneFingerprint;
use branchline::domain::clone::notes::Notes;
use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::{Fault, Reason};
use branchline::domain::ids::{PipelineArn, PipelineName};
use branchline::domain::state::claim::Claim;
use branchline::ports::PipelineReader;
use branchline::ports::{CreateResult, Pipelines};
use serde_json::Value;

use super::clients;
use crate::world::rules::{pull_request_rule, template};
use crate::world::samples::{creating, pull, spec};
use crate::world::story::owner;

const ARN: &str = "arn:aws:codepipeline:eu-west-1:123456789012:api-pr-7";

fn name(text: &str) -> PipelineName {
    PipelineName::parse(text).unwrap()
}

async fn create(answer: CreatePipelineError) -> Result<CreateResult, Fault> {
    create_from(template("api-pr-7", "acme/api"), answer).await
}

async fn create_from(
    declaration: Value,
    answer: CreatePipelineError,
) -> Result<CreateResult, Fault> {
    let answer = std::sync::Mutex::new(Some(answer));
    let rule = mock!(aws_sdk_codepipeline::Client::create_pipeline)
        .then_error(move || answer.lock().unwrap().take().unwrap());
    let pipeline = NewPipeline {
        name: name("api-pr-7"),
        template: "api-template".to_owned(),
        declaration: Declaration::new(declaration).unwrap(),
        tags: Tags::new(),
        projects: Vec::new(),
        stacks: Vec::new(),
        arn: PipelineArn::parse(ARN).unwrap(),
        fingerprint: CloneFingerprint::default(),
        notes: Notes::default(),
    };
    let claim = Claim::proven(creating(pull(7), "api-pr-7", "worker/1"));
    clients::pipelines(&[&rule]).create(&pipeline, &claim).await
}

#[tokio::test]
async fn an_error_quotes_no_value_of_the_configuration() {
    let mut declaration = template("api-pr-7", "acme/api");
    let configuration = &mut declaration["stages"][1]["actions"][0]["configuration"];
    let variables = r#"[{"name":"KEY","value":"hunter2","type":"PLAINTEXT"}]"#;
    configuration["EnvironmentVariables"] = Value::from(variables);
    configuration["UserParameters"] = Value::from("a second secret");
    let message = format!(
        "Action 'Build' has the invalid value {variables}: 'hunter2' and a second secret; Value 'other' at 'x' failed; token ghp_0123456789abcdef0123 {}",
        "in a long text ".repeat(200)
    );
    let metadata = ErrorMetadata::builder().code("ValidationException");
    let answer = CreatePipelineError::generic(metadata.message(message).build());
    let refused = create_from(declaration, answer).await.unwrap_err();
    for secret in ["hunter2", "a second secret", "other", "ghp_", "KEY"] {
        assert!(!refused.detail.contains(secret), "{secret} in {refused}");
    }
    assert!(
        refused
            .detail
            .contains("Action 'Build' has the invalid value")
    );
    assert!(
        refused.detail.ends_with("(HTTP 418, request unknown)"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_name_in_use_is_known_in_both_spellings() {
    let answer = |code: &str, message: &str| {
        let metadata = ErrorMetadata::builder().code(code).message(message);
        CreatePipelineError::generic(metadata.build())
    };
    let in_use = answer("PipelineNameInUseException", "A pipeline has that name");
    assert_eq!(create(in_use).await, Ok(CreateResult::NameInUse));
    let structure = |message| answer("InvalidStructureException", message);
    let seen =
        structure("A pipeline with the name 'api-pr-7' already exists in account '123456789012'");
    assert_eq!(create(seen).await, Ok(CreateResult::NameInUse));
    let refused = create(structure("Pipeline has only 1 stage(s)"))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, Reason::DeclarationRefused);
}

fn source(configuration: [(&'static str, &'static str); 3]) -> GetPipelineOutput {
    let kind = ActionTypeId::builder()
        .category(ActionCategory::Source)
        .owner(ActionOwner::ThirdParty)
        .provider("GitHub")
        .version("1");
    let action = ActionDeclaration::builder()
        .name("App")
        .action_type_id(kind.build().unwrap());
    let action = configuration
        .into_iter()
        .fold(action, |action, (key, value)| {
            action.configuration(key, value)
        });
    let stage = StageDeclaration::builder()
        .name("Source")
        .actions(action.build().unwrap());
    let pipeline = PipelineDeclaration::builder()
        .name("api-template")
        .role_arn("arn:aws:iam::123456789012:role/pipeline")
        .version(7)
        .stages(stage.build().unwrap());
    GetPipelineOutput::builder()
        .pipeline(pipeline.build().unwrap())
        .metadata(PipelineMetadata::builder().pipeline_arn(ARN).build())
        .build()
}

#[tokio::test]
async fn a_masked_token_is_never_cloned() {
    let rule = mock!(aws_sdk_codepipeline::Client::get_pipeline)
        .then_output(|| source([("Owner", "acme"), ("Repo", "api"), ("OAuthToken", "****")]));
    let template = clients::pipelines(&[&rule])
        .template(&name("api-template"))
        .await
        .unwrap();
    assert_eq!(template.version, Some(7));
    let mapping = creating(pull(7), "api-pr-7", "worker/1");
    let fault = template
        .clone_for(&mapping.clone_request(&spec("api-pr-7"), &pull_request_rule(), &owner()))
        .unwrap_err();
    assert_eq!(fault.reason, Reason::TemplateMasked);
    assert!(fault.detail.contains("OAuthToken of Source/App"), "{fault}");
}

#[tokio::test]
async fn a_missing_template_names_the_fix() {
    let rule = mock!(aws_sdk_codepipeline::Client::get_pipeline).then_error(|| {
        let code = ErrorMetadata::builder().code("PipelineNotFoundException");
        GetPipelineError::generic(code.build())
    });
    let fault = clients::pipelines(&[&rule])
        .template(&name("api-template"))
        .await
        .unwrap_err();
    assert_eq!(fault.reason, Reason::TemplateMissing);
    assert!(fault.detail.contains("'api-template'"), "{fault}");
}

fn page(key: &'static str, next: Option<&'static str>) -> Rule {
    mock!(aws_sdk_codepipeline::Client::list_tags_for_resource).then_output(move || {
        let tag = Tag::builder().key(key).value("value").build().unwrap();
        ListTagsForResourceOutput::builder()
            .tags(tag)
            .set_next_token(next.map(str::to_owned))
            .build()
    })
}

#[tokio::test]
async fn tags_are_read_to_the_last_page() {
    let (first, last) = (page("a", Some("more")), page("b", None));
    let arn = PipelineArn::parse(ARN).unwrap();
    let found = clients::pipelines(&[&first, &last])
        .find(&name("api-pr-7"), Some(&arn))
        .await
        .unwrap();
    let keys: Vec<String> = found.unwrap().tags.into_keys().collect();
    assert_eq!(keys, ["a", "b"]);
}
