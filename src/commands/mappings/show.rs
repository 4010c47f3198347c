//! `branchline mappings show`: prints one mapping and its pipeline.

use crate::cli::mappings::Show;
use crate::cli::output::OutputFormat;
use crate::cli::output::mapping::{Live, Shown, lines};
use crate::cli::terminal::{Done, colours, fault, format, print};
use crate::commands::mappings::account::open;
use crate::commands::system_clock::SystemClock;
use crate::domain::fault::Fault;
use crate::inspect::mappings::lookup::subject as find_subject;
use crate::inspect::mappings::reports::Reports;
use crate::inspect::mappings::row::{Row, console};
use crate::inspect::waiting::Place;
use crate::ports::{Clock, CommentLog, CommitLog, DeploymentLog, PipelineReader, StoreReader};

pub(super) async fn show(args: &Show) -> Done {
    let account = open(&args.options).await?;
    let subject = find_subject(&args.subject, &account.store).await?;
    let mapping = account.store.mapping(&subject).await.map_err(fault)?;
    let mapping = mapping.ok_or_else(|| {
        let subject = &args.subject;
        format!("the table has no mapping of {subject}: see `branchline why {subject}`, and `branchline mappings history {subject}` for its dead letters")
    })?;
    let mut live = None;
    if let Some((name, arn)) = mapping.pipeline_name().zip(mapping.pipeline_arn()) {
        let found = account.pipelines.find(name, Some(arn)).await;
        let found = found.map_err(fault)?;
        let mut unknown = Vec::new();
        let mut note = |why: Fault| unknown.push(why.to_string());
        let stages = account.pipelines.stages(name).await;
        let stages = stages.map_err(&mut note).unwrap_or_default();
        let source = mapping
            .fingerprint()
            .and_then(|found| found.source.as_deref());
        let executions = account.pipelines.executions(name, source).await;
        let executions = executions.map_err(&mut note).unwrap_or_default();
        live = Some(Live {
            exists: found.is_some(),
            stages,
            executions,
            console: console(arn.as_str()),
            unknown,
        });
    }
    let row = Row::new(&mapping, SystemClock.now());
    let commits = account.store.commits(&subject).await.map_err(fault)?;
    let comment = account.store.comment(&subject).await.map_err(fault)?;
    let deployments = account.store.deployments(&subject).await.map_err(fault)?;
    let github = Reports::new(
        &mapping.repository,
        commits,
        comment.as_ref(),
        deployments.as_ref(),
        account.github.website(),
        &account.region,
    );
    let place = Place::of(&mapping, &account.store).await.map_err(fault)?;
    let shown = Shown {
        row,
        place,
        live,
        github,
    };
    let text = match format(args.output) {
        OutputFormat::Table => lines(&shown, colours()),
        OutputFormat::Json | OutputFormat::Csv => serde_json::to_string(&shown)? + "\n",
    };
    print(text.as_bytes())
}
