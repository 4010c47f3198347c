//! `branchline mappings forget`: asks the daemon to give up a mapping that can never settle.

use std::error::Error;

use serde::Serialize;

use crate::aws::CodePipelines;
use crate::cli::mappings::Forget;
use crate::cli::output::OutputFormat;
use crate::cli::terminal::{Done, YES, confirms, fault, format, note, print};
use crate::commands::connect::{connect, urls};
use crate::commands::system_clock::SystemClock;
use crate::config::{self, RedactedEnvironment};
use crate::domain::clone::tags::is_ours;
use crate::domain::ids::Owner;
use crate::domain::intake::repair_request::{Repair, RepairKind};
use crate::domain::outcome::outgoing::Destination;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::text::plural;
use crate::inspect::mappings::lookup;
use crate::ports::{Clock, PipelineReader, Queue, StoreReader};
use crate::reconcile::lease::VISIBILITY;

/// The request that was sent.
#[derive(Serialize)]
struct Sent {
    subject: String,
    pipeline: String,
    state: &'static str,
    message: String,
}

pub(super) async fn forget(args: &Forget) -> Done {
    let overrides = args.options.overrides();
    let redacted = RedactedEnvironment::of_process(&overrides);
    let config = config::load(&overrides, &redacted)?;
    let aws = connect(&config).await?;
    let store = aws.store(config.table.clone());
    let subject = lookup::subject(&args.subject, &store).await?;
    let mapping = store.mapping(&subject).await.map_err(fault)?;
    let mapping = mapping.ok_or_else(|| format!("the table has no mapping of {}", args.subject))?;
    let name = mapping.subject.display(&mapping.repository);
    let pipelines = aws.pipelines(config.codepipeline_rate);
    refuse(&name, &mapping, &pipelines, &config.owner).await?;
    let repair = repair(&name, &mapping)?;
    if !args.yes && !confirms(&question(&name, &mapping), YES)? {
        return Err("not confirmed: nothing was sent".into());
    }
    let queue = aws.queue(urls(&config.queues), Destination::Internal, VISIBILITY);
    let message = repair.to_message(&mapping.repository, &config.owner);
    let sent = Sent {
        subject: name.clone(),
        pipeline: repair.pipeline.to_string(),
        state: mapping.state.as_str(),
        message: message.message_id.clone(),
    };
    queue
        .send(Destination::Internal, message)
        .await
        .map_err(fault)?;
    note(&format!(
        "sent to the internal queue; for the result see `branchline mappings history {name}`"
    ))?;
    let text = match format(args.output) {
        OutputFormat::Table => return Ok(std::process::ExitCode::SUCCESS),
        OutputFormat::Json | OutputFormat::Csv => serde_json::to_string(&sent)? + "\n",
    };
    print(text.as_bytes())
}

/// Refuses a mapping that is gone, that a daemon works on, or whose pipeline exists.
async fn refuse(
    name: &str,
    mapping: &Mapping,
    pipelines: &CodePipelines,
    owner: &Owner,
) -> Result<(), Box<dyn Error>> {
    if mapping.state == State::Gone {
        return Err(format!("{name} has no pipeline, and its mapping holds nothing").into());
    }
    if let Some(claim) = mapping.claim_at(SystemClock.now()) {
        return Err(format!(
            "a daemon works on {name}: run the command again after {}",
            claim.until
        )
        .into());
    }
    let is_retiring = mapping.state == State::Retiring;
    let Some(pipeline) = mapping.pipeline_name().filter(|_| !is_retiring) else {
        return Ok(());
    };
    let found = pipelines.find(pipeline, mapping.pipeline_arn()).await;
    let found = found.map_err(fault)?;
    if found.is_some_and(|found| is_ours(&found.tags, &mapping.subject, owner)) {
        return Err(format!(
            "the pipeline '{pipeline}' of {name} exists: correct what `branchline why {name}` names, or close the pull request or delete the branch, and the daemon deletes the pipeline"
        )
        .into());
    }
    Ok(())
}

fn repair(name: &str, mapping: &Mapping) -> Result<Repair, String> {
    let pipeline = mapping
        .pipeline_name()
        .or(mapping.spec().map(|spec| &spec.pipeline));
    let pipeline = pipeline.ok_or_else(|| format!("the mapping of {name} names no pipeline"))?;
    Ok(Repair {
        subject: mapping.subject.clone(),
        generation: mapping.generation,
        kind: RepairKind::Forget,
        pipeline: pipeline.clone(),
        project: None,
    })
}

fn question(name: &str, mapping: &Mapping) -> String {
    let teardown = mapping.resources.teardown.as_ref();
    let teardown = teardown.filter(|_| mapping.state == State::Retiring);
    let attempts = teardown.map_or(mapping.attempts, |teardown| teardown.failures);
    let attempts = plural(
        usize::try_from(attempts).unwrap_or(usize::MAX),
        "failed attempt",
    );
    let error = mapping.last_error.as_deref();
    let error = error.map(|error| format!(": {error}")).unwrap_or_default();
    let stacks = match mapping.resources.may_be_torn_down() {
        false => String::new(),
        true => format!(
            " Its environment stays, and branchline forgets it: {}.",
            mapping.resources.environment()
        ),
    };
    // The daemon has not given up.
    let goes_on = match teardown.map(|teardown| (&teardown.run, teardown.retry_at)) {
        Some((Some(_), _)) => " It is being removed now.".to_owned(),
        Some((None, Some(at))) => format!(" The next attempt to remove it is at {at}."),
        Some((None, None)) | None => String::new(),
    };
    let open = match mapping.wants_pipeline() {
        Some(_) => " Its pull request or branch is open.",
        None => "",
    };
    format!(
        "Forget {name} ({}, {attempts}{error})?{stacks}{goes_on}{open} Only its next event creates a pipeline again. [y/N]",
        mapping.state.as_str()
    )
}
