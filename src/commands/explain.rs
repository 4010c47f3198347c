//! `branchline explain`: predicts what would become of a message.

use std::error::Error;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

use crate::cli::Explain;
use crate::cli::output::explanation::explanation;
use crate::cli::terminal::{colours, fault, format, print};
use crate::commands::connect::connect_account;
use crate::commands::system_clock::SystemClock;
use crate::config::{self, AccountConfig, Overrides, ProcessEnvironment, RedactedEnvironment};
use crate::domain::ids::DeliveryId;
use crate::inspect::account::Account;
use crate::inspect::explain::{Explanation, Rehearsal, RehearsalConfig, recall};
use crate::inspect::offline::{EmptyStore, OfflinePipelines};
use crate::inspect::unsigned_payload::seal;
use crate::ports::Clock;

/// The exit code if the message would be dead-lettered or quarantined.
const DEAD_LETTERED: u8 = 1;
/// The largest payload that GitHub sends, in bytes (GitHub, "Webhook events and payloads").
const LARGEST: u64 = 25 * 1024 * 1024;
/// The events that the name of a payload's file may start with.
const EVENTS: [&str; 6] = [
    "pull_request",
    "push",
    "create",
    "delete",
    "repository",
    "ping",
];

pub(crate) async fn run(args: &Explain) -> Result<ExitCode, Box<dyn Error>> {
    let overrides = args.options.overrides();
    let config = load(&overrides)?;
    let result = match (&args.delivery, &args.payload) {
        (Some(delivery), _) => explain_delivery(delivery, &config).await?,
        (None, Some(payload)) => explain_payload(args, payload, config).await?,
        (None, None) => return Err("give the file of a payload, or --delivery".into()),
    };
    print(explanation(&result, format(args.output), colours()).as_bytes())?;
    Ok(if result.dead_lettered {
        ExitCode::from(DEAD_LETTERED)
    } else {
        ExitCode::SUCCESS
    })
}

/// Loads the configuration with hidden secrets.
fn load(overrides: &Overrides) -> Result<AccountConfig, Box<dyn Error>> {
    let redacted = RedactedEnvironment {
        process: &ProcessEnvironment,
        config: overrides.config.as_deref(),
    };
    Ok(config::load_account(overrides, &redacted)?)
}

async fn explain_payload(
    args: &Explain,
    payload: &str,
    config: AccountConfig,
) -> Result<Explanation, Box<dyn Error>> {
    let body = read(payload)?;
    let event = event(args, payload)?;
    let (envelope, authenticator) = seal(&event, body, SystemClock.now());
    let rehearsal_config = RehearsalConfig {
        rules: config.rules.clone(),
        table: config.table.clone(),
        authenticator,
        max_attempts: config.max_attempts,
    };
    let result = match &args.template {
        Some(file) => {
            let pipelines = OfflinePipelines::read(&read(file)?)
                .map_err(|why| format!("--template: {file}: {why}"))?;
            Rehearsal::new(EmptyStore, pipelines, SystemClock, rehearsal_config)
                .explain(envelope)
                .await
        }
        None => {
            let aws = connect_account(&config).await?;
            let pipelines = aws.pipelines(config.codepipeline_rate);
            let store = aws.store(config.table);
            Rehearsal::new(store, pipelines, SystemClock, rehearsal_config)
                .explain(envelope)
                .await
        }
    };
    Ok(result.map_err(fault)?)
}

async fn explain_delivery(
    delivery: &str,
    config: &AccountConfig,
) -> Result<Explanation, Box<dyn Error>> {
    let delivery = DeliveryId::parse(delivery).map_err(|why| format!("--delivery: {why}"))?;
    let aws = connect_account(config).await?;
    let pipelines = aws.pipelines(config.codepipeline_rate);
    let account = Account::new(aws.store(config.table.clone()), pipelines);
    let found = recall(&delivery, &config.rules, &config.table, &account).await;
    found.map_err(fault)?.ok_or_else(|| {
        format!("--delivery: the table {} has no record of delivery {delivery}: it was ignored, dead-lettered, or is more than 30 days old", config.table).into()
    })
}

/// Returns the event of `--event`, or of the file name: `pull_request.opened.json`.
fn event(args: &Explain, payload: &str) -> Result<String, String> {
    if let Some(event) = &args.event {
        return Ok(event.clone());
    }
    let name = Path::new(payload)
        .file_name()
        .and_then(|name| name.to_str());
    let stem = name.and_then(|name| name.split('.').next());
    let known = stem.filter(|stem| EVENTS.contains(stem));
    known.map(str::to_owned).ok_or_else(|| {
        let events = EVENTS.join(", ");
        format!("'{payload}' does not start with the name of an event: add --event ({events})")
    })
}

/// Reads a file, or standard input.
fn read(path: &str) -> Result<String, String> {
    let mut text = String::new();
    let error = |why: io::Error| format!("cannot read {path}: {why}");
    let source: Box<dyn Read> = match path {
        "-" => Box::new(io::stdin()),
        _ => Box::new(std::fs::File::open(path).map_err(error)?),
    };
    source
        .take(LARGEST + 1)
        .read_to_string(&mut text)
        .map_err(error)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > LARGEST) {
        return Err(format!(
            "{path} is larger than 25 MB, which is the most that GitHub sends"
        ));
    }
    Ok(text)
}
