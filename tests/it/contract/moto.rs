//! The real adapters under the contracts, against the emulator that `scripts/sandbox exec` starts.
//! `tests/it/aws` covers with canned responses what the emulator does not do as AWS does.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::MessageAttributeValue;
use branchline::aws::{
    CloudFormationStacks, CodeBuildProjects, CodePipelines, DynamoStore, QueueUrls, SqsQueue,
};
use branchline::domain::ids::Subject;
use branchline::domain::intake::envelope::{Attribute, AttributeValue as Value};
use branchline::domain::outcome::audit_entry::NewAuditEntry;
use branchline::domain::outcome::outgoing::Destination;

use super::pipelines::PipelinesStage;
use super::projects::ProjectsStage;
use super::queue::{QueueStage, StoredMessage};
use super::stacks::StacksStage;
use super::store::StoreStage;
use crate::world::emulator::{self, config, declared, depth, queue, redrive, role};
use crate::world::table;

/// The `maxReceiveCount` of this stage's queues.
const MAX_RECEIVES: u32 = 3;
/// Short, so that tests can wait for it.
const VISIBILITY: Duration = Duration::from_secs(2);
/// Returns the configuration of a new Region, which one stage has to itself.
async fn new_region() -> SdkConfig {
    static STAGES: AtomicUsize = AtomicUsize::new(0);
    let number = STAGES.fetch_add(1, Ordering::Relaxed);
    config(format!("stage-{number}")).await
}

/// The four queues.
struct Queues {
    client: aws_sdk_sqs::Client,
    urls: QueueUrls,
    port: SqsQueue,
}

impl Queues {
    async fn new() -> Self {
        let client = aws_sdk_sqs::Client::new(&new_region().await);
        let make = async |name: &str| queue(&client, name).await;
        let urls = QueueUrls {
            webhooks: make("webhooks").await,
            internal: make("internal").await,
            dead_letters: make("dead-letters").await,
            quarantine: make("quarantine").await,
        };
        redrive(&client, &urls.webhooks, &urls.dead_letters, MAX_RECEIVES).await;
        let port = SqsQueue::new(
            client.clone(),
            urls.clone(),
            Destination::Webhooks,
            VISIBILITY,
        );
        Self { client, urls, port }
    }
}

impl QueueStage for Queues {
    type Port = SqsQueue;

    fn queue(&self) -> &SqsQueue {
        &self.port
    }

    fn visibility(&self) -> Duration {
        VISIBILITY
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn max_receives(&self) -> u32 {
        MAX_RECEIVES
    }

    async fn send(&self, body: &str, attributes: &[(String, Attribute)]) -> String {
        let mut request = self.client.send_message().queue_url(&self.urls.webhooks);
        for (name, attribute) in attributes {
            let value = MessageAttributeValue::builder().data_type(&attribute.data_type);
            let value = match &attribute.value {
                Value::Text(text) => value.string_value(text),
                Value::Bytes(bytes) => {
                    value.binary_value(aws_sdk_sqs::primitives::Blob::new(bytes.clone()))
                }
            };
            request = request.message_attributes(name, value.build().unwrap());
        }
        let sent = request.message_body(body).send().await.unwrap();
        sent.message_id.unwrap()
    }

    async fn count(&self) -> usize {
        depth(&self.client, &self.urls.webhooks).await
    }

    async fn look(&self, destination: Destination) -> Vec<StoredMessage> {
        let (client, urls) = (self.client.clone(), self.urls.clone());
        let port = SqsQueue::new(client, urls, destination, Duration::ZERO);
        let received = branchline::ports::Queue::receive(&port, 10, Duration::ZERO).await;
        let dead_letters = received.unwrap().into_iter().map(|dead_letter| {
            let (body, attributes) = dead_letter.into_parts();
            StoredMessage { body, attributes }
        });
        dead_letters.collect()
    }

    async fn wait(&self, time: Duration) {
        // The emulator's time is the machine's, and polling would disturb the message.
        tokio::time::sleep(time + Duration::from_millis(100)).await;
    }
}

/// A table.
struct Table {
    client: aws_sdk_dynamodb::Client,
    name: String,
    port: DynamoStore,
}

impl Table {
    async fn new() -> Self {
        let client = aws_sdk_dynamodb::Client::new(&new_region().await);
        let name = "table".to_owned();
        table::make(&client, &name).await;
        let port = DynamoStore::new(client.clone(), name.clone());
        Self { client, name, port }
    }

    async fn item(&self, pk: String, sk: &str) -> Option<HashMap<String, AttributeValue>> {
        let request = self.client.get_item().table_name(&self.name);
        let request = request.key("pk", AttributeValue::S(pk));
        let request = request.key("sk", AttributeValue::S(sk.to_owned()));
        request.send().await.unwrap().item
    }

    async fn entries(&self, subject: &Subject) -> Vec<HashMap<String, AttributeValue>> {
        let text = |text: String| AttributeValue::S(text);
        let request = self
            .client
            .query()
            .table_name(format!("{}-audit", self.name))
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(subject.table_key()))
            .expression_attribute_values(":prefix", text("CHANGE#".to_owned()));
        request.send().await.unwrap().items.unwrap_or_default()
    }
}

fn text(item: &HashMap<String, AttributeValue>, name: &str) -> String {
    item.get(name).unwrap().as_s().unwrap().clone()
}

impl StoreStage for Table {
    type Port = DynamoStore;

    fn store(&self) -> &DynamoStore {
        &self.port
    }

    async fn audit(&self, subject: &Subject) -> Vec<(String, String)> {
        let entries = self.entries(subject).await.into_iter();
        entries
            .map(|item| (text(&item, "cause"), text(&item, "outcome")))
            .collect()
    }

    async fn journal(&self, subject: &Subject, entry: &NewAuditEntry) -> Option<String> {
        let mut entries = self.entries(subject).await.into_iter();
        let kept = entries.find(|item| text(item, "cause") == entry.cause.to_string())?;
        Some(text(&kept, "journal"))
    }

    async fn delivery(&self, entry: &NewAuditEntry) -> Option<String> {
        let kept = self
            .item(format!("DELIVERY#{}", entry.cause), "DELIVERY")
            .await?;
        Some(text(&kept, "outcome"))
    }

    async fn repository(&self, name: &str) -> Option<u64> {
        let alias = self
            .item(format!("NAME#{}", name.to_ascii_lowercase()), "NAME")
            .await?;
        alias.get("repository_id")?.as_n().ok()?.parse().ok()
    }

    fn another(&self) -> DynamoStore {
        DynamoStore::new(self.client.clone(), self.name.clone())
    }

    async fn remove_row(&self, subject: &Subject) {
        let request = self.client.delete_item().table_name(&self.name);
        let pk = format!("REPO#{}", subject.repository);
        let request = request.key("pk", AttributeValue::S(pk));
        let request = request.key("sk", AttributeValue::S(subject.key()));
        request.send().await.unwrap();
    }
}

/// A Region without pipelines.
struct Account {
    client: aws_sdk_codepipeline::Client,
    port: CodePipelines,
    role: String,
}

impl Account {
    async fn new() -> Self {
        let client = aws_sdk_codepipeline::Client::new(&new_region().await);
        let port = CodePipelines::new(client.clone(), NonZeroU32::new(1_000).unwrap());
        let role = role();
        Self { client, port, role }
    }
}

impl PipelinesStage for Account {
    type Port = CodePipelines;

    fn pipelines(&self) -> &CodePipelines {
        &self.port
    }

    fn role(&self) -> String {
        self.role.clone()
    }

    async fn give(&self, declaration: serde_json::Value) {
        let request = self.client.create_pipeline();
        request
            .pipeline(declared(&declaration))
            .send()
            .await
            .unwrap();
    }

    async fn update(&self, declaration: serde_json::Value) {
        let request = self.client.update_pipeline();
        request
            .pipeline(declared(&declaration))
            .send()
            .await
            .unwrap();
    }

    async fn executions(&self, name: &str) -> usize {
        let request = self.client.list_pipeline_executions().pipeline_name(name);
        let answer = request.send().await.unwrap();
        answer.pipeline_execution_summaries().len()
    }
}

/// CodeBuild.
struct Builds {
    client: aws_sdk_codebuild::Client,
    port: CodeBuildProjects,
}

impl Builds {
    async fn new() -> Self {
        let client = aws_sdk_codebuild::Client::new(&new_region().await);
        let port = CodeBuildProjects::new(client.clone());
        Self { client, port }
    }
}

impl ProjectsStage for Builds {
    type Port = CodeBuildProjects;

    fn projects(&self) -> &CodeBuildProjects {
        &self.port
    }

    async fn give(&self, project: serde_json::Value) {
        emulator::give_project(&self.client, &project).await;
    }
}

struct Stacks {
    client: aws_sdk_cloudformation::Client,
    port: CloudFormationStacks,
}

impl Stacks {
    async fn new() -> Self {
        let region = new_region().await;
        let client = aws_sdk_cloudformation::Client::new(&region);
        let port = CloudFormationStacks::new((&region).into());
        Self { client, port }
    }
}

impl StacksStage for Stacks {
    type Port = CloudFormationStacks;

    fn stacks(&self) -> &CloudFormationStacks {
        &self.port
    }

    async fn give(&self, name: &str) {
        let template = r#"{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}"#;
        let request = self.client.create_stack().stack_name(name);
        request.template_body(template).send().await.unwrap();
    }

    async fn end_deletions(&self) {}
}

mod queue {
    use super::Queues;
    use crate::contract::queue::queue_contract;

    queue_contract!(Queues::new().await);
}

mod store {
    use super::Table;
    use crate::contract::store::store_contract;

    store_contract!(Table::new().await);
}

mod repositories {
    use super::Table;
    use crate::contract::repositories::repositories_contract;

    repositories_contract!(Table::new().await);
}

mod comments {
    use super::Table;
    use crate::contract::comments::comments_contract;

    comments_contract!(Table::new().await);
}

mod deployments {
    use super::Table;
    use crate::contract::deployments::deployments_contract;

    deployments_contract!(Table::new().await);
}

mod commits {
    use super::Table;
    use crate::contract::commits::commits_contract;

    commits_contract!(Table::new().await);
}

mod trail {
    use super::Table;
    use crate::contract::trail::trail_contract;

    trail_contract!(Table::new().await);
}

mod listing {
    use super::Table;
    use crate::contract::listing::listing_contract;

    listing_contract!(Table::new().await);
}

mod pipelines {
    use super::Account;
    use crate::contract::pipelines::pipelines_contract;

    pipelines_contract!(Account::new().await);
}

mod slots {
    use super::Table;
    use crate::contract::slots::slots_contract;

    slots_contract!(Table::new().await);
}

mod projects {
    use super::Builds;
    use crate::contract::projects::projects_contract;

    projects_contract!(Builds::new().await);
}

mod stacks {
    use super::Stacks;
    use crate::contract::stacks::stacks_contract;

    stacks_contract!(Stacks::new().await);
}
