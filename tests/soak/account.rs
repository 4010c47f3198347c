//! An account in the emulator: queues, table and templates, in a Region of its own.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::daemons::branchline;
use crate::github::GitHub;
use crate::world::history::{WEB, WEB_TEMPLATE};
use crate::world::rules::{TEMPLATE, declaration};
use crate::world::story::MAX_RECEIVES;
use crate::world::webhook::{REPOSITORY, Sealed};
use crate::world::{emulator, table};

pub(crate) struct Account {
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) codepipeline: aws_sdk_codepipeline::Client,
    pub(crate) source: String,
    pub(crate) internal: String,
    pub(crate) dead_letters: String,
    pub(crate) quarantine: String,
    pub(crate) table: String,
    pub(crate) region: String,
    pub(crate) github: GitHub,
}

impl Account {
    /// Makes the account of one round.
    pub(crate) async fn new(round: &str) -> Self {
        let name = format!("soak-{round}");
        let config = emulator::config(name.as_str()).await;
        let sqs = aws_sdk_sqs::Client::new(&config);
        let dynamodb = aws_sdk_dynamodb::Client::new(&config);
        let codepipeline = aws_sdk_codepipeline::Client::new(&config);
        let queue = async |kind: &str| emulator::queue(&sqs, kind).await;
        let (source, internal, dead_letters, quarantine) = (
            queue("webhooks").await,
            queue("internal").await,
            queue("dead-letters").await,
            queue("quarantine").await,
        );
        for queue in [&source, &internal] {
            emulator::redrive(&sqs, queue, &dead_letters, MAX_RECEIVES).await;
        }
        table::make(&dynamodb, &name).await;
        for (template, repository) in [(TEMPLATE, REPOSITORY.1), (WEB_TEMPLATE, WEB.1)] {
            let json = declaration(template, repository, &emulator::role());
            let request = codepipeline.create_pipeline();
            request
                .pipeline(emulator::declared(&json))
                .send()
                .await
                .unwrap();
        }
        Self {
            sqs,
            dynamodb,
            codepipeline,
            source,
            internal,
            dead_letters,
            quarantine,
            table: name.clone(),
            github: GitHub::new(&name).await,
            region: name,
        }
    }

    /// Returns the configuration of `crate::world::history::rules`, in TOML.
    pub(crate) fn configuration(&self) -> String {
        let Self {
            source,
            internal,
            dead_letters,
            quarantine,
            table,
            github,
            ..
        } = self;
        let github = github.settings();
        format!(
            r#"
            queue = {{ url = "{source}", internal_url = "{internal}", dead_letter_url = "{dead_letters}", quarantine_url = "{quarantine}", concurrency = 8 }}
            store = {{ table = "{table}" }}
            github = {{ secrets = ["env:WEBHOOK_SECRET"], {github} }}
            [[rule]]
            repository = "acme/api"
            on = "pull_request"
            base = ["main"]
            drafts = false
            template = "{TEMPLATE}"
            pipeline_name = "{{repo}}-pr-{{number}}"
            [[rule]]
            repository = "{}"
            on = "branch"
            branches = ["!main"]
            template = "{WEB_TEMPLATE}"
            pipeline_name = "{{repo}}-{{branch}}"
            "#,
            WEB.1
        )
    }

    pub(crate) async fn send(&self, sealed: Sealed) {
        emulator::send(&self.sqs, &self.source, sealed).await;
    }

    /// Returns the number of messages in both source queues, visible or not.
    pub(crate) async fn waiting(&self) -> usize {
        let webhooks = emulator::depth(&self.sqs, &self.source).await;
        webhooks + emulator::depth(&self.sqs, &self.internal).await
    }

    /// Waits until both source queues are empty.
    pub(crate) async fn rest(&self, limit: Duration) -> Result<(), String> {
        let end = Instant::now() + limit;
        loop {
            let waiting = self.waiting().await;
            if waiting == 0 {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(format!("{waiting} messages are left after {limit:?}"));
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Compares the mappings with GitHub, as an operator does. Returns how many differences were
    /// sent.
    pub(crate) fn reconcile(&self) -> usize {
        let output = branchline(&self.configuration(), &self.region, &emulator::endpoint())
            .args(["reconcile", "--yes", "--output", "json"])
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        let count = stdout.lines().count();
        // It exits with 1 if it found something.
        let exit = output.status.code();
        let is_complete = exit == Some(i32::from(count > 0)) && !stderr.contains("not be compared");
        assert!(is_complete, "reconcile: {exit:?}\n{stdout}{stderr}");
        count
    }
}
