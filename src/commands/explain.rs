//! `branchline explain`: predicts what would become of a message.

use std::error::Error;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use crate::cli::Explain;
use crate::cli::output::explanation::explanation;
use crate::cli::terminal::{colours, fault, format, print};
use crate::commands::connect::connect_account;
use crate::commands::evidence::{Found, Question, collect_evidence};
use crate::commands::interrupt::Interrupt;
use crate::commands::system_clock::SystemClock;
use crate::config::{self, AccountConfig, Overrides, RedactedEnvironment};
use crate::domain::fault::Class;
use crate::domain::ids::DeliveryId;
use crate::inspect::account::Account;
use crate::inspect::delivery::{recall, whereabouts};
use crate::inspect::explain::{Explanation, Rehearsal, RehearsalConfig};
use crate::inspect::given_file::GivenFiles;
use crate::inspect::offline::{EmptyStore, OfflinePipelines, OfflineProjects, OfflineStacks};
use crate::inspect::unsigned_payload::seal;
use crate::ports::Clock;

/// The exit code if the message would be dead-lettered or quarantined, or its commit refused.
const DEAD_LETTERED: u8 = 1;
/// The largest payload that GitHub sends, in bytes (GitHub, "Webhook events and payloads").
const LARGEST: u64 = 25 * 1024 * 1024;
/// The events that the name of a payload's file may start with.
const EVENTS: [&str; 9] = [
    "check_run",
    "check_suite",
    "merge_group",
    "pull_request",
    "push",
    "create",
    "delete",
    "repository",
    "ping",
];

pub(crate) async fn run(args: &Explain) -> Result<ExitCode, Box<dyn Error>> {
    let result = match (&args.delivery, &args.payload) {
        (Some(delivery), _) => explain_delivery(args, delivery).await?,
        (None, Some(payload)) => {
            let config = load(&args.options.overrides())?;
            explain_payload(args, payload, config).await?
        }
        (None, None) => return Err("give the file of a payload, or --delivery".into()),
    };
    print(explanation(&result, format(args.output), colours()).as_bytes())?;
    let is_refused = result
        .journal
        .fault()
        .is_some_and(|fault| fault.reason.class() == Class::Refused);
    Ok(if result.dead_lettered || is_refused {
        ExitCode::from(DEAD_LETTERED)
    } else {
        ExitCode::SUCCESS
    })
}

/// Loads the configuration with hidden secrets.
fn load(overrides: &Overrides) -> Result<AccountConfig, Box<dyn Error>> {
    let redacted = RedactedEnvironment::of_process(overrides);
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
        owner: config.owner.clone(),
        authenticator,
        max_attempts: config.max_attempts,
        region: config.region.clone().unwrap_or_else(|| "REGION".to_owned()),
        files: GivenFiles {
            repository_file: given("--repository-file", args.repository_file.as_deref())?,
            template_file: given("--template-file", args.template_file.as_deref())?,
        },
        projects: Arc::new(OfflineProjects),
        stacks: Arc::new(OfflineStacks),
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
            let rehearsal_config = RehearsalConfig {
                region: aws.region().to_owned(),
                projects: Arc::new(aws.projects()),
                stacks: Arc::new(aws.stacks()),
                ..rehearsal_config
            };
            Rehearsal::new(store, pipelines, SystemClock, rehearsal_config)
                .explain(envelope)
                .await
        }
    };
    Ok(result.map_err(fault)?)
}

/// Explains a delivery. In a queue for failures it has its message, whose replay is predicted.
async fn explain_delivery(args: &Explain, delivery: &str) -> Result<Explanation, Box<dyn Error>> {
    let interrupt = Interrupt::listen()?;
    let delivery = DeliveryId::parse(delivery).map_err(|why| format!("--delivery: {why}"))?;
    let question = Question::Delivery(delivery.clone());
    let Found {
        evidence,
        dead_letters,
        quarantine,
        sessions: [dead_letter_session, quarantine_session],
    } = collect_evidence(&question, &args.options, &interrupt).await?;
    let place = whereabouts(&delivery, &evidence);
    let (message, session) = match place.state {
        "dead-lettered" => (dead_letters.into_iter().next(), &dead_letter_session),
        "quarantined" => (quarantine.into_iter().next(), &quarantine_session),
        _ => (None, &dead_letter_session),
    };
    if let Some(message) = message {
        let explained = session.rehearsal().explain(message.envelope).await;
        let mut explained = explained.map_err(fault)?;
        explained.whereabouts = Some(place);
        explained.dead_lettered = true;
        return Ok(explained);
    }
    let config = &dead_letter_session.config;
    let pipelines = dead_letter_session.aws.pipelines(config.codepipeline_rate);
    let account = Account::new(dead_letter_session.store(), pipelines);
    let explained = recall(&delivery, &evidence, &config.rules, &config.owner, &account);
    Ok(explained.await.map_err(fault)?)
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

/// Reads a repository's file, whose text is checked later.
fn given(flag: &str, path: Option<&str>) -> Result<Option<Vec<u8>>, String> {
    let read =
        |path| std::fs::read(path).map_err(|why| format!("{flag}: cannot read {path}: {why}"));
    path.map(read).transpose()
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
