//! `branchline quota`: prints the limits on the number of pipelines, and who waits.

use crate::cli::output::OutputFormat;
use crate::cli::output::quota::text;
use crate::cli::quota::Quota as Args;
use crate::cli::terminal::{Done, code, fault, format, print};
use crate::commands::connect::open_account;
use crate::commands::system_clock::SystemClock;
use crate::inspect::quota::Quota;
use crate::ports::Clock;

pub(crate) async fn run(args: &Args) -> Done {
    let (config, aws) = open_account(&args.options.overrides()).await?;
    let store = aws.store(config.table);
    let quota = Quota::read(&store, &config.rules, config.quota, SystemClock.now()).await;
    let quota = quota.map_err(fault)?;
    let text = match format(args.output) {
        OutputFormat::Table => text(&quota),
        OutputFormat::Json | OutputFormat::Csv => serde_json::to_string(&quota)? + "\n",
    };
    print(text.as_bytes())?;
    let someone_waits = quota.lines().any(|(_, waiting)| !waiting.is_empty());
    Ok(code(someone_waits))
}
