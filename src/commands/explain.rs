//! `branchline explain`: wires the ports, reads what it was given, prints.

use std::error::Error;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::aws::Aws;
use crate::cli::Explain;
use crate::cli::output::explanation::Look;
use crate::cli::output::explanation::explanation;
use crate::config::{self, Config, ProcessEnvironment, RedactedEnvironment};
use crate::domain::ids::{DeliveryId, Timestamp};
use crate::inspect::explain::{Account, ExplainContext, Explanation, explain, recall};
use crate::inspect::offline::OfflineAccount;
use crate::inspect::unsigned_payload::seal;
use crate::ports::{Clock, Ledger, Pipelines};

use crate::cli::terminal::{colours, is_human};
use crate::commands::system_clock::SystemClock;

/// It would be buried, or is not known.
const FINDINGS: u8 = 1;
/// The largest payload that GitHub sends (GitHub, "Webhook events and payloads").
const LARGEST: u64 = 25 * 1024 * 1024;
/// The events of which a payload's file is named.
const EVENTS: [&str; 6] = [
    "pull_request",
    "push",
    "create",
    "delete",
    "repository",
    "ping",
];

pub(crate) async fn run(asked: &Explain) -> Result<ExitCode, Box<dyn Error>> {
    let hidden = RedactedEnvironment {
        process: &ProcessEnvironment,
        config: asked.overrides.config.as_deref(),
    };
    let config = config::load(&asked.overrides, &hidden)?;
    let explained = match (&asked.delivery, &asked.payload) {
        (Some(delivery), _) => recalled(delivery, &config).await?,
        (None, Some(payload)) => explained(asked, payload, &config).await?,
        (None, None) => return Err("give a payload, or --delivery".into()),
    };
    let look = match is_human(asked.form()) {
        true => Look::Human { colours: colours() },
        false => Look::Json,
    };
    print(&explanation(&explained, look))?;
    Ok(if explained.buried {
        ExitCode::from(FINDINGS)
    } else {
        ExitCode::SUCCESS
    })
}

async fn explained(
    asked: &Explain,
    payload: &str,
    config: &Config,
) -> Result<Explanation, Box<dyn Error>> {
    let event = event(asked, payload)?;
    let now = SystemClock.now();
    let (envelope, secrets) = seal(&event, read(payload)?, now);
    let explained = match &asked.template {
        Some(file) => {
            let template = OfflineAccount::read(&read(file)?)
                .map_err(|why| format!("--template: {file}: {why}"))?;
            explain(envelope, &secrets, &today(config, &template, now)).await
        }
        None => {
            let account = account(config).await?;
            explain(envelope, &secrets, &today(config, &account, now)).await
        }
    };
    explained.map_err(|fault| format!("branchline cannot look: {fault}").into())
}

fn today<'a, S>(config: &'a Config, sight: &'a S, now: Timestamp) -> ExplainContext<'a, S> {
    ExplainContext {
        rules: &config.rules,
        table: &config.table,
        sight,
        now,
    }
}

async fn recalled(delivery: &str, config: &Config) -> Result<Explanation, Box<dyn Error>> {
    let delivery = DeliveryId::parse(delivery).map_err(|why| format!("--delivery: {why}"))?;
    let account = account(config).await?;
    let found = recall(&delivery, &config.rules, &config.table, &account).await;
    let found = found.map_err(|fault| format!("branchline cannot look: {fault}"))?;
    found.ok_or_else(|| {
        format!("--delivery: the table {} knows no delivery {delivery}: it was ignored, buried, or is more than 30 days old", config.table).into()
    })
}

async fn account(config: &Config) -> Result<Account<impl Ledger, impl Pipelines>, Box<dyn Error>> {
    let aws = Aws::connect(config.region.as_deref(), config.endpoint_url.as_deref()).await?;
    let ledger = aws.store(config.table.clone());
    Ok(Account::new(
        ledger,
        aws.pipelines(config.codepipeline_rate),
    ))
}

/// As said, or as the file is named: `pull_request.opened.json`.
fn event(asked: &Explain, payload: &str) -> Result<String, String> {
    if let Some(event) = &asked.event {
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

/// Whoever stopped reading has read enough.
fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
