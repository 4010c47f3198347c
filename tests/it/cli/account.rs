//! The account of one test in the emulator.

use std::process::{Command, Output};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::Client;
use branchline::aws::audit_table;

use super::binary::{branchline, output};
use crate::world::clock::START;
use crate::world::webhook::{REPOSITORY, Webhook};
use crate::world::{emulator, rules, table};

/// The queues and the table of one test.
pub(crate) struct Account {
    pub(crate) client: Client,
    /// The webhook, the dead-letter and the quarantine queue.
    pub(crate) urls: [String; 3],
    /// The internal queue.
    pub(crate) internal: String,
    pub(crate) endpoint: String,
    pub(crate) table: String,
    /// The name of the installation; `None` if it is that of the table.
    pub(crate) owner: Option<String>,
    pub(crate) region: String,
}

impl Account {
    /// Makes an account in a Region that this test has to itself.
    pub(crate) async fn new(test: &str) -> Self {
        let name = format!("cli-{test}");
        let config = emulator::config(name.as_str()).await;
        let client = Client::new(&config);
        table::make(&aws_sdk_dynamodb::Client::new(&config), &name).await;
        let make = async |kind: &str| emulator::queue(&client, kind).await;
        let urls = [
            make("webhooks").await,
            make("dead").await,
            make("quarantine").await,
        ];
        let internal = make("internal").await;
        Self {
            client,
            urls,
            internal,
            endpoint: emulator::endpoint(),
            table: name.clone(),
            owner: None,
            region: name,
        }
    }

    /// Returns the same installation on tables of another name, which have the items that its own
    /// have now: as DynamoDB restores them.
    pub(crate) async fn restored(&self, name: &str) -> Self {
        let restored = self.with_new_table(name).await;
        let audit = (audit_table(&self.table), audit_table(&restored.table));
        for (from, to) in [(&self.table, &restored.table), (&audit.0, &audit.1)] {
            table::copy(&self.tables().await, from, to).await;
        }
        restored
    }

    /// Returns the same installation on an empty table.
    pub(crate) async fn with_new_table(&self, name: &str) -> Self {
        let table = format!("{}-{name}", self.table);
        table::make(&self.tables().await, &table).await;
        Self {
            client: self.client.clone(),
            urls: self.urls.clone(),
            internal: self.internal.clone(),
            endpoint: self.endpoint.clone(),
            table,
            owner: Some(self.table.clone()),
            region: self.region.clone(),
        }
    }

    /// Returns a client of DynamoDB.
    pub(crate) async fn tables(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&emulator::config(self.region.as_str()).await)
    }

    /// Sends a webhook to the webhook queue.
    pub(crate) async fn send(&self, webhook: Webhook) {
        emulator::send(&self.client, &self.urls[0], webhook.seal(START)).await;
    }

    /// Returns how many messages the webhook, the dead-letter and the quarantine queue have,
    /// visible or not.
    pub(crate) async fn counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for (count, url) in counts.iter_mut().zip(&self.urls) {
            *count = emulator::depth(&self.client, url).await;
        }
        counts
    }

    /// Processes every message. A message that failed once is invisible for seconds, and the daemon
    /// does not wait for it.
    pub(crate) async fn process_all(&self) {
        self.process_all_by(|| self.daemon(&["--until-empty"]))
            .await;
    }

    /// Processes every message with these runs of the daemon, and returns their results.
    pub(crate) async fn process_all_by(&self, daemon: impl Fn() -> Command) -> Vec<Output> {
        let mut runs = Vec::new();
        loop {
            let ran = output(&mut daemon());
            let errors = String::from_utf8_lossy(&ran.stderr);
            assert_eq!(ran.status.code(), Some(0), "{errors}");
            runs.push(ran);
            if self.counts().await[0] + self.internal_count().await == 0 {
                return runs;
            }
        }
    }

    /// Returns how many messages the internal queue has, visible or not.
    pub(crate) async fn internal_count(&self) -> usize {
        emulator::depth(&self.client, &self.internal).await
    }

    /// Returns a client of CodePipeline.
    pub(crate) async fn pipelines(&self) -> aws_sdk_codepipeline::Client {
        aws_sdk_codepipeline::Client::new(&emulator::config(self.region.as_str()).await)
    }

    /// Creates the template pipeline for `acme/api`.
    pub(crate) async fn template(&self) {
        let declaration = rules::declaration("api-template", "acme/api", &emulator::role());
        let client = self.pipelines().await;
        client
            .create_pipeline()
            .pipeline(emulator::declared(&declaration))
            .send()
            .await
            .unwrap();
    }

    /// Makes the row of a mapping unreadable.
    pub(crate) async fn damage(&self, sk: &str) {
        let config = emulator::config(self.region.as_str()).await;
        let value = |text: String| AttributeValue::S(text);
        aws_sdk_dynamodb::Client::new(&config)
            .update_item()
            .table_name(&self.table)
            .key("pk", value(format!("REPO#{}", REPOSITORY.0)))
            .key("sk", value(sk.to_owned()))
            .update_expression("SET generation = :odd")
            .expression_attribute_values(":odd", value("odd".to_owned()))
            .send()
            .await
            .unwrap();
    }

    /// Returns `branchline run` with this account's configuration.
    pub(crate) fn daemon(&self, arguments: &[&str]) -> Command {
        let mut all = vec!["run", "--log-format", "json"];
        all.extend(arguments);
        self.command(&all)
    }

    /// Returns the text of this account's configuration.
    pub(crate) fn rules(&self) -> String {
        format!(
            r#"
            queue = {{ url = "{}", internal_url = "{}", dead_letter_url = "{}", quarantine_url = "{}" }}
            store = {{ table = "{}" }}
            github = {{ secrets = ["env:WEBHOOK_SECRET"] }}
            [[rule]]
            repository = "acme/*"
            on = "pull_request"
            template = "api-template"
            "#,
            self.urls[0], self.internal, self.urls[1], self.urls[2], self.table
        )
    }

    /// Returns a command with this account's configuration.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = branchline(arguments);
        command
            .env("BRANCHLINE_CONFIG", "env:RULES")
            .env("RULES", self.rules())
            .env("AWS_REGION", &self.region)
            .env("AWS_ENDPOINT_URL", &self.endpoint);
        if let Some(owner) = &self.owner {
            command.env("BRANCHLINE_OWNER", owner);
        }
        command
    }
}
