//! `branchline explain`: predicts what would become of a message.

use std::error::Error;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

use crate::cli::Explain;
use crate::cli::output::explanation::{Look, explanation};
use crate::cli::terminal::{colours, fault, is_human, print};
use crate::commands::connect::connect;
use crate::commands::system_clock::SystemClock;
use crate::config::{self, Config, ProcessEnvironment, RedactedEnvironment};
use crate::domain::ids::DeliveryId;
use crate::inspect::account::Account;
use crate::inspect::explain::{Explanation, Rehearsal, RehearsalConfig, recall};
use crate::inspect::offline::{EmptyStore, OfflinePipelines};
use crate::inspect::unsigned_payload::seal;
use crate::ports::Clock;

/// The message would be dead-lettered, or the delivery is not known.
const FINDINGS: u8 = 1;
/// The largest payload that GitHub sends, in bytes (GitHub, "Webhook events and payloads").
const LARGEST: u64 = 25 * 1024 * 1024;
/// The events that a payload's file may be named after.
const EVENTS: [&str; 6] = [
    "pull_request",
    "push",
    "create",
    "delete",
    "repository",
    "ping",
];

pub(crate) async fn run(args: &Explain) -> Result<ExitCode, Box<dyn Error>> {
    let hidden = RedactedEnvironment {
        process: &ProcessEnvironment,
        config: args.overrides.config.as_deref(),
    };
    let config = config::load(&args.overrides, &hidden)?;
    let explained = match (&args.delivery, &args.payload) {
        (Some(delivery), _) => recalled(delivery, &config).await?,
        (None, Some(payload)) => explained(args, payload, config).await?,
        (None, None) => return Err("give a payload, or --delivery".into()),
    };
    let look = match is_human(args.form()) {
        true => Look::Human { colours: colours() },
        false => Look::Json,
    };
    print(explanation(&explained, look).as_bytes())?;
    Ok(if explained.dead_lettered {
        ExitCode::from(FINDINGS)
    } else {
        ExitCode::SUCCESS
    })
}

async fn explained(
    args: &Explain,
    payload: &str,
    config: Config,
) -> Result<Explanation, Box<dyn Error>> {
    let event = event(args, payload)?;
    let (envelope, authenticator) = seal(&event, read(payload)?, SystemClock.now());
    let rehearsal_config = RehearsalConfig {
        rules: config.rules.clone(),
        table: config.table.clone(),
        authenticator,
    };
    let explained = match &args.template {
        Some(file) => {
            let pipelines = OfflinePipelines::read(&read(file)?)
                .map_err(|why| format!("--template: {file}: {why}"))?;
            Rehearsal::new(EmptyStore, pipelines, SystemClock, rehearsal_config)
                .explain(envelope)
                .await
        }
        None => {
            let aws = connect(&config).await?;
            let pipelines = aws.pipelines(config.codepipeline_rate);
            let store = aws.store(config.table);
            Rehearsal::new(store, pipelines, SystemClock, rehearsal_config)
                .explain(envelope)
                .await
        }
    };
    Ok(explained.map_err(fault)?)
}

async fn recalled(delivery: &str, config: &Config) -> Result<Explanation, Box<dyn Error>> {
    let delivery = DeliveryId::parse(delivery).map_err(|why| format!("--delivery: {why}"))?;
    let aws = connect(config).await?;
    let pipelines = aws.pipelines(config.codepipeline_rate);
    let account = Account::new(aws.store(config.table.clone()), pipelines);
    let found = recall(&delivery, &config.rules, &config.table, &account).await;
    found.map_err(fault)?.ok_or_else(|| {
        format!("--delivery: the table {} has no record of delivery {delivery}: it was ignored, dead-lettered, or is more than 30 days old", config.table).into()
    })
}

/// As said, or as the file is named: `pull_request.opened.json`.
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
        format!("'{payload}' does not say of which event it is: give --event ({events})")
    })
}

/// A file's text, or that of standard input.
fn read(path: &str) -> Result<String, String> {
    let mut text = String::new();
    let told = |why: io::Error| format!("{path} cannot be read: {why}");
    let source: Box<dyn Read> = match path {
        "-" => Box::new(io::stdin()),
        _ => Box::new(std::fs::File::open(path).map_err(told)?),
    };
    source
        .take(LARGEST + 1)
        .read_to_string(&mut text)
        .map_err(told)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > LARGEST) {
        return Err(format!(
            "{path} is larger than the 25 MB that GitHub sends at most"
        ));
    }
    Ok(text)
}
