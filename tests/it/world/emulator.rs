//! Access to the emulator that `scripts/sandbox exec` starts.

use std::collections::BTreeSet;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_codebuild::types::{
    ArtifactsType, ComputeType, EnvironmentType, EnvironmentVariable, ProjectArtifacts,
    ProjectEnvironment, ProjectSource, SourceType, Tag,
};
use aws_sdk_codepipeline::types::PipelineDeclaration;
use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName};
use serde_json::Value;

use super::webhook::Sealed;

/// Returns its endpoint.
pub(crate) fn endpoint() -> String {
    std::env::var("BRANCHLINE_TEST_ENDPOINT")
        .expect("no emulator: run scripts/test, or scripts/sandbox exec -- cargo test")
}

/// Returns a role that CodePipeline may assume.
pub(crate) fn role() -> String {
    std::env::var("BRANCHLINE_TEST_ROLE").expect("scripts/sandbox exec makes a role")
}

/// Returns the configuration of clients in a Region. Everything in the emulator but roles belongs
/// to a Region, and the emulator knows Regions of any name. So a test that names its Region after
/// itself meets nothing that another test made.
pub(crate) async fn config(region: impl Into<String>) -> SdkConfig {
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
    loader
        .region(Region::new(region.into()))
        .endpoint_url(endpoint())
        .load()
        .await
}

/// Converts JSON in the format of the AWS command line into the SDK's type.
pub(crate) fn declared(declaration: &serde_json::Value) -> PipelineDeclaration {
    use aws_smithy_schema::codec::Codec;
    let json = serde_json::to_vec(declaration).unwrap();
    let codec = aws_smithy_json::codec::JsonCodec::default();
    let mut reader = codec.create_deserializer(&json);
    PipelineDeclaration::deserialize(&mut reader).unwrap()
}

/// Creates a queue and returns its URL.
pub(crate) async fn queue(client: &aws_sdk_sqs::Client, name: &str) -> String {
    let request = client.create_queue().queue_name(name);
    request.send().await.unwrap().queue_url.unwrap()
}

/// Returns an attribute of a queue.
pub(crate) async fn attribute(
    client: &aws_sdk_sqs::Client,
    url: &str,
    name: QueueAttributeName,
) -> String {
    let request = client.get_queue_attributes().queue_url(url);
    let answer = request.attribute_names(name.clone()).send().await.unwrap();
    answer.attributes.unwrap().remove(&name).unwrap()
}

/// Returns how many messages a queue holds, visible or not.
pub(crate) async fn depth(client: &aws_sdk_sqs::Client, url: &str) -> usize {
    let mut depth = 0;
    for name in [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ] {
        let count = attribute(client, url, name).await;
        depth += count.parse::<usize>().unwrap();
    }
    depth
}

/// Receives the messages of a queue, and returns their delivery ids. The messages are invisible
/// afterwards.
pub(crate) async fn deliveries(client: &aws_sdk_sqs::Client, url: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    loop {
        let request = client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10);
        let answer = request.message_attribute_names("All").send().await.unwrap();
        let messages = answer.messages.unwrap_or_default();
        if messages.is_empty() {
            return found;
        }
        for message in messages {
            let attributes = message.message_attributes.unwrap_or_default();
            let delivery = attributes.get("X-GitHub-Delivery").unwrap();
            found.extend(delivery.string_value.clone());
        }
    }
}

/// Sets the dead-letter queue and the `maxReceiveCount` of a queue.
pub(crate) async fn redrive(
    client: &aws_sdk_sqs::Client,
    source: &str,
    dead: &str,
    max_receives: u32,
) {
    let dead = attribute(client, dead, QueueAttributeName::QueueArn).await;
    let policy = format!(r#"{{"deadLetterTargetArn":"{dead}","maxReceiveCount":{max_receives}}}"#);
    let request = client.set_queue_attributes().queue_url(source);
    let request = request.attributes(QueueAttributeName::RedrivePolicy, policy);
    request.send().await.unwrap();
}

/// Sends a webhook as the gateway does.
pub(crate) async fn send(client: &aws_sdk_sqs::Client, url: &str, sealed: Sealed) {
    message(client, url, sealed).send().await.unwrap();
}

/// Makes the request that sends a webhook.
pub(crate) fn message(
    client: &aws_sdk_sqs::Client,
    url: &str,
    sealed: Sealed,
) -> SendMessageFluentBuilder {
    let mut request = client
        .send_message()
        .queue_url(url)
        .message_body(sealed.body);
    for (name, attribute) in &sealed.attributes {
        let value = MessageAttributeValue::builder().data_type("String");
        let value = value.string_value(attribute.as_text().unwrap());
        request = request.message_attributes(name, value.build().unwrap());
    }
    request
}

/// Makes a CodeBuild project as another user of the account, with what the tests ask for of the
/// JSON.
pub(crate) async fn give_project(client: &aws_sdk_codebuild::Client, project: &Value) {
    let text = |pointer: &str| project.pointer(pointer).and_then(Value::as_str);
    let environment = ProjectEnvironment::builder()
        .r#type(EnvironmentType::LinuxContainer)
        .compute_type(ComputeType::BuildGeneral1Small)
        .image(text("/environment/image").unwrap())
        .environment_variables(
            EnvironmentVariable::builder()
                .name(text("/environment/environmentVariables/0/name").unwrap())
                .value(text("/environment/environmentVariables/0/value").unwrap())
                .build()
                .unwrap(),
        );
    // The emulator wants locations, which mean nothing in a pipeline.
    let source = ProjectSource::builder()
        .r#type(SourceType::Codepipeline)
        .location("ignored");
    let artifacts = ProjectArtifacts::builder()
        .r#type(ArtifactsType::Codepipeline)
        .location("ignored");
    let tag = Tag::builder()
        .key(text("/tags/0/key").unwrap())
        .value(text("/tags/0/value").unwrap());
    let request = client
        .create_project()
        .name(text("/name").unwrap())
        .source(source.build().unwrap())
        .artifacts(artifacts.build().unwrap())
        .environment(environment.build().unwrap())
        .service_role(text("/serviceRole").unwrap())
        .timeout_in_minutes(60)
        .queued_timeout_in_minutes(480)
        .tags(tag.build());
    request.send().await.unwrap();
}
