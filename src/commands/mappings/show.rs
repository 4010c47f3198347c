//! `branchline mappings show`

use crate::cli::mappings::Show;
use crate::cli::output::mapping::{Live, Shown, lines};
use crate::cli::terminal::{Done, colours, fault, is_human, print};
use crate::commands::mappings::account::open;
use crate::commands::system_clock::SystemClock;
use crate::domain::fault::Fault;
use crate::inspect::mappings::lookup::subject;
use crate::inspect::mappings::row::{Row, console};
use crate::ports::{Clock, PipelineReader, StoreReader};

pub(super) async fn show(asked: &Show) -> Done {
    let desk = open(&asked.overrides).await?;
    let whom = subject(&asked.subject, &desk.ledger).await?;
    let mapping = desk.ledger.mapping(&whom).await.map_err(fault)?;
    let mapping =
        mapping.ok_or_else(|| format!("the table has no mapping of {}", asked.subject))?;
    let mut live = None;
    if let Some((name, arn)) = mapping.pipeline_name().zip(mapping.pipeline_arn()) {
        let found = desk.pipelines.find(name, Some(arn)).await;
        let found = found.map_err(fault)?;
        let mut unknown = Vec::new();
        let mut said = |why: Fault| unknown.push(why.to_string());
        let stages = desk.pipelines.stages(name).await;
        let stages = stages.map_err(&mut said).unwrap_or_default();
        let executions = desk.pipelines.executions(name).await;
        let executions = executions.map_err(&mut said).unwrap_or_default();
        live = Some(Live {
            exists: found.is_some(),
            stages,
            executions,
            console: console(arn.as_str()),
            unknown,
        });
    }
    let row = Row::new(&mapping, SystemClock.now());
    let shown = Shown { row, live };
    let text = match is_human(asked.output) {
        true => lines(&shown, colours()),
        false => serde_json::to_string(&shown)? + "\n",
    };
    print(text.as_bytes())
}
