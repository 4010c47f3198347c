//! Clients that respond from rules and call no server. They do not retry: a retry would only repeat
//! the canned response.

use std::num::NonZeroU32;
use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_mocks::{MockResponseInterceptor, Rule, RuleMode, create_mock_http_client};
use branchline::aws::{
    CloudFormationStacks, CodeBuildProjects, CodePipelines, DynamoStore, QueueUrls, ResourceTags,
    Roles, SqsQueue,
};
use branchline::domain::outcome::outgoing::Destination;

/// The name of the table, on which no response depends.
pub(crate) const TABLE: &str = "branchline";

fn rules(rules: &[&Rule]) -> MockResponseInterceptor {
    let interceptor = MockResponseInterceptor::new().rule_mode(RuleMode::Sequential);
    rules
        .iter()
        .fold(interceptor, |all, rule| all.with_rule(rule))
}

fn credentials() -> Credentials {
    Credentials::new("test", "test", None, None, "tests")
}

/// Builds the client of one service; the services' builders have the same methods and no common
/// type.
macro_rules! client {
    ($service:ident, $rules:expr) => {
        $service::Client::from_conf(
            $service::Config::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::new("eu-west-1"))
                .credentials_provider(credentials())
                .retry_config(RetryConfig::disabled())
                .http_client(create_mock_http_client())
                .interceptor(rules($rules))
                .build(),
        )
    };
}

/// Returns queues that respond from these rules, in order.
pub(crate) fn queue(answers: &[&Rule]) -> SqsQueue {
    let url = |name: &str| format!("https://sqs.eu-west-1.amazonaws.com/123456789012/{name}");
    let urls = QueueUrls {
        webhooks: url("webhooks"),
        internal: url("internal"),
        dead_letters: url("dead.fifo"),
        quarantine: url("quarantine"),
    };
    SqsQueue::new(
        client!(aws_sdk_sqs, answers),
        urls,
        Destination::Webhooks,
        Duration::from_secs(120),
    )
}

/// Returns a table that responds from these rules, in order.
pub(crate) fn store(answers: &[&Rule]) -> DynamoStore {
    DynamoStore::new(client!(aws_sdk_dynamodb, answers), TABLE.to_owned())
}

/// Returns a table that remembers the name of a repository, as the first write of each repository
/// does, and then responds from these rules, in order.
pub(crate) fn store_of_new_repository(answers: &[&Rule]) -> DynamoStore {
    let named = aws_smithy_mocks::mock!(aws_sdk_dynamodb::Client::update_item)
        .then_output(|| UpdateItemOutput::builder().build());
    let found = aws_smithy_mocks::mock!(aws_sdk_dynamodb::Client::put_item)
        .then_output(|| PutItemOutput::builder().build());
    let all: Vec<&Rule> = [&named, &found]
        .into_iter()
        .chain(answers.iter().copied())
        .collect();
    store(&all)
}

/// Returns a table at this endpoint.
pub(crate) fn store_at(endpoint: &str) -> DynamoStore {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-1"))
        .credentials_provider(credentials())
        .endpoint_url(endpoint)
        .build();
    DynamoStore::new(
        aws_sdk_dynamodb::Client::from_conf(config),
        TABLE.to_owned(),
    )
}

/// Returns a CodePipeline that responds from these rules, in order.
pub(crate) fn pipelines(answers: &[&Rule]) -> CodePipelines {
    let pace = NonZeroU32::new(1_000).unwrap();
    CodePipelines::new(client!(aws_sdk_codepipeline, answers), pace)
}

/// Returns a CodeBuild that responds from these rules, in order.
pub(crate) fn projects(answers: &[&Rule]) -> CodeBuildProjects {
    CodeBuildProjects::new(client!(aws_sdk_codebuild, answers))
}

/// Returns an index of tags that responds from these rules, in order.
pub(crate) fn resource_tags(answers: &[&Rule]) -> ResourceTags {
    ResourceTags::new(client!(aws_sdk_resourcegroupstagging, answers))
}

/// Returns an IAM that responds from these rules, in order.
pub(crate) fn roles(answers: &[&Rule]) -> Roles {
    Roles::new(client!(aws_sdk_iam, answers))
}

/// Returns a CloudFormation that responds from these rules, in order.
pub(crate) fn stacks(answers: &[&Rule]) -> CloudFormationStacks {
    let client = client!(aws_sdk_cloudformation, answers);
    CloudFormationStacks::new(client.config().to_builder())
}
