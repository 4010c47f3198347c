//! The floor: the cost of the daemon's calls without the daemon. The same SDK, configured as in
//! `src/aws/mod.rs`, sends for each message the requests of a new pipeline or of a push, which were
//! made beforehand; nothing is verified, parsed, decided or logged. Only the name of the pipeline
//! is that of the message, by which the null AWS knows for which webhook it is created or started.
//!
//! `floor+` does the same, and verifies and parses each body before its calls (`reading.rs`).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_config::timeout::{TimeoutConfig, TimeoutConfigBuilder};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use aws_smithy_types::retry::RetryConfig;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use branchline::aws::{ATTEMPTS, OPERATION_TIMEOUT};

use super::Trouble;
use reading::Reader;
use samples::{Opened, Push, Read, Samples};

mod reading;
mod samples;

/// The queue of every call.
const QUEUE: &str = "/123456789012/webhooks";
/// Messages in one response, and deletions in one batch.
const BATCH: usize = 10;
/// How long the first deletion of a batch waits for others, as in `src/worker/acks.rs`.
const LINGER: Duration = Duration::from_millis(50);

struct Floor {
    sqs: aws_sdk_sqs::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    codepipeline: aws_sdk_codepipeline::Client,
    queue: String,
    samples: Samples,
    /// If bodies are read.
    reader: Option<Reader>,
}

/// Runs until the process is ended. `action` is what happens to each pull request.
pub(super) fn run(
    reads: bool,
    url: &str,
    concurrency: &str,
    samples: &Path,
    action: &str,
) -> Result<(), Trouble> {
    let concurrency: usize = concurrency.parse()?;
    let samples = Samples::read(samples, action)?;
    let reader = reads.then(Reader::new).transpose()?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let config = configure(url).await;
            let floor = Arc::new(Floor {
                sqs: aws_sdk_sqs::Client::new(&config),
                dynamodb: aws_sdk_dynamodb::Client::new(&config),
                codepipeline: aws_sdk_codepipeline::Client::new(&config),
                queue: format!("{url}{QUEUE}"),
                samples,
                reader,
            });
            work(&floor, concurrency).await
        })
}

async fn configure(url: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts(10).operation_timeout(OPERATION_TIMEOUT).build())
        .region(Region::new("eu-west-1"))
        .endpoint_url(url)
        .load()
        .await
}

fn timeouts(attempt_seconds: u64) -> TimeoutConfigBuilder {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(attempt_seconds))
}

/// Starts as many pollers and deleters as it takes to keep all slots full.
async fn work(floor: &Arc<Floor>, concurrency: usize) -> Result<(), Trouble> {
    let places = Arc::new(Semaphore::new(concurrency));
    let (done, receipts) = mpsc::channel(concurrency);
    let receipts = Arc::new(Mutex::new(receipts));
    let mut tasks = JoinSet::new();
    for _ in 0..concurrency.div_ceil(BATCH) {
        let poller = Poller {
            floor: Arc::clone(floor),
            places: Arc::clone(&places),
            most: concurrency.min(BATCH),
            done: done.clone(),
        };
        tasks.spawn(poller.poll());
        tasks.spawn(delete(Arc::clone(floor), Arc::clone(&receipts)));
    }
    match tasks.join_next().await {
        Some(ended) => ended?,
        None => Ok(()),
    }
}

struct Poller {
    floor: Arc<Floor>,
    places: Arc<Semaphore>,
    /// Messages in one response.
    most: usize,
    done: mpsc::Sender<String>,
}

impl Poller {
    async fn poll(self) -> Result<(), Trouble> {
        loop {
            let places = Arc::clone(&self.places);
            let mut free = places.acquire_many_owned(u32::try_from(self.most)?).await?;
            for message in self.floor.receive(self.most).await? {
                let place = free.split(1);
                tokio::spawn(handle(
                    Arc::clone(&self.floor),
                    message,
                    place,
                    self.done.clone(),
                ));
            }
        }
    }
}

/// A failure here stops the measurement, which then misses a message.
async fn handle(
    floor: Arc<Floor>,
    message: Message,
    place: Option<OwnedSemaphorePermit>,
    done: mpsc::Sender<String>,
) -> Result<(), Trouble> {
    let receipt = message.receipt_handle.as_deref();
    let receipt = receipt.ok_or("a message without a receipt")?.to_owned();
    // The end of a receipt handle is the number of the pull request.
    let (_, number) = receipt
        .rsplit_once('-')
        .ok_or("a receipt without a number")?;
    if let Some(reader) = &floor.reader
        && reader.read(&message)? != number.parse::<u64>()?
    {
        return Err("the webhook of another pull request".into());
    }
    let name = format!("api-pr-{number}");
    match &floor.samples {
        Samples::Opened(samples) => floor.make_pipeline(samples, name).await?,
        Samples::Push(samples) => floor.start_pipeline(samples, name).await?,
    }
    drop(place);
    done.send(receipt).await?;
    Ok(())
}

impl Floor {
    async fn receive(&self, most: usize) -> Result<Vec<Message>, Trouble> {
        let poll = timeouts(30).operation_timeout(Duration::from_secs(60));
        let answer = self
            .sqs
            .receive_message()
            .queue_url(&self.queue)
            .max_number_of_messages(i32::try_from(most)?)
            .wait_time_seconds(20)
            .visibility_timeout(60)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .customize()
            .config_override(aws_sdk_sqs::config::Builder::new().timeout_config(poll.build()))
            .send()
            .await?;
        let mut messages = answer.messages.unwrap_or_default();
        if self.reader.is_none() {
            // Only bodies that are read are kept.
            messages.iter_mut().for_each(|message| message.body = None);
        }
        Ok(messages)
    }

    /// Makes the calls of a new pull request whose template is cached.
    async fn make_pipeline(&self, samples: &Opened, name: String) -> Result<(), Trouble> {
        let read = async {
            match &samples.read {
                Some(read) => self.read(read).await,
                None => Ok(()),
            }
        };
        tokio::try_join!(self.write(&samples.claim), read)?;
        let mut declaration = samples.declaration.clone();
        declaration.name = name;
        let create = self.codepipeline.create_pipeline().pipeline(declaration);
        let tags = samples.tags.clone();
        create.set_tags(Some(tags)).send().await?;
        self.write(&samples.record).await
    }

    /// Makes the calls of a push whose template is cached, and did not change.
    async fn start_pipeline(&self, samples: &Push, name: String) -> Result<(), Trouble> {
        let read = self.dynamodb.batch_get_item();
        read.set_request_items(Some(samples.read.clone()))
            .send()
            .await?;
        self.put(&samples.claim).await?;
        let tags = self.codepipeline.list_tags_for_resource();
        tags.resource_arn(&samples.arn).send().await?;
        let start = self.codepipeline.start_pipeline_execution().name(name);
        let start = start.set_source_revisions(Some(samples.revisions.clone()));
        let start = start.set_client_request_token(samples.token.clone());
        start.send().await?;
        self.write(&samples.record).await
    }

    async fn write(&self, items: &[TransactWriteItem]) -> Result<(), Trouble> {
        let write = self.dynamodb.transact_write_items();
        let write = write.set_transact_items(Some(items.to_vec()));
        write.send().await?;
        Ok(())
    }

    async fn put(&self, put: &Put) -> Result<(), Trouble> {
        self.dynamodb
            .put_item()
            .table_name(put.table_name())
            .set_item(Some(put.item().clone()))
            .set_condition_expression(put.condition_expression().map(str::to_owned))
            .set_expression_attribute_names(put.expression_attribute_names().cloned())
            .set_expression_attribute_values(put.expression_attribute_values().cloned())
            .set_return_values_on_condition_check_failure(
                put.return_values_on_condition_check_failure().cloned(),
            )
            .send()
            .await?;
        Ok(())
    }

    async fn read(&self, read: &Read) -> Result<(), Trouble> {
        let get = self.dynamodb.get_item().table_name(&read.table);
        let get = get.set_key(Some(read.key.clone()));
        get.consistent_read(true).send().await?;
        Ok(())
    }
}

/// Deletes in batches.
async fn delete(
    floor: Arc<Floor>,
    receipts: Arc<Mutex<mpsc::Receiver<String>>>,
) -> Result<(), Trouble> {
    loop {
        let batch = gather(&mut *receipts.lock().await).await;
        let entries = batch.into_iter().enumerate().map(|(id, receipt)| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(id.to_string());
            entry.receipt_handle(receipt).build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let request = floor.sqs.delete_message_batch().queue_url(&floor.queue);
        request.set_entries(Some(entries)).send().await?;
    }
}

async fn gather(receipts: &mut mpsc::Receiver<String>) -> Vec<String> {
    let mut batch = Vec::with_capacity(BATCH);
    batch.extend(receipts.recv().await);
    let deadline = Instant::now() + LINGER;
    while batch.len() < BATCH {
        match timeout_at(deadline, receipts.recv()).await {
            Ok(Some(receipt)) => batch.push(receipt),
            Ok(None) | Err(_) => break,
        }
    }
    batch
}
