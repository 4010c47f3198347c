//! `branchline status`: reads the daemons' heartbeats, the queues, the mappings and the last
//! change.

use std::error::Error;

use crate::cli::dlq::Which;
use crate::cli::options::QueueOptions;
use crate::cli::output::OutputFormat;
use crate::cli::output::status::lines;
use crate::cli::status::Status as Args;
use crate::cli::terminal::{Done, code, colours, format, print};
use crate::commands::connect::connect;
use crate::commands::dlq::collect::collect;
use crate::commands::dlq::session::DlqSession;
use crate::commands::interrupt::{INTERRUPTED, Interrupt};
use crate::commands::system_clock::SystemClock;
use crate::config::{self, Queues, RedactedEnvironment};
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::inspect::dlq::summary::{SummaryRow, by_reason};
use crate::inspect::status::{QueueStatus, Status};
use crate::ports::Clock;

pub(crate) async fn run(args: &Args) -> Done {
    let interrupt = Interrupt::listen()?;
    let overrides = args.options.overrides();
    let redacted = RedactedEnvironment::of_process(&overrides);
    let config = config::load(&overrides, &redacted)?;
    let aws = connect(&config).await?;
    let store = aws.store(config.table.clone());
    let mut status = Status::read(&store, &config.rules, SystemClock.now()).await;
    for (name, url) in names(&config.queues) {
        match aws.queue_counts(url).await {
            Ok(counts) => status.queues.push(QueueStatus::new(name, counts)),
            Err(fault) => status.unread(&format!("queue {name}"), &fault.for_operator()),
        }
    }
    if !args.no_reasons {
        for which in [Which::DeadLetters, Which::Quarantine] {
            match reasons(&args.options, which, &interrupt).await {
                Ok(rows) => match which {
                    Which::DeadLetters => status.dead_letters = rows,
                    Which::Quarantine => status.quarantine = rows,
                },
                Err(_) if interrupt.is_requested() => return Err(INTERRUPTED.into()),
                Err(why) => status.unread(which.as_str(), &why),
            }
        }
    }
    status.find_problems();
    let text = match format(args.output) {
        OutputFormat::Table => lines(&status, colours()),
        OutputFormat::Json | OutputFormat::Csv => serde_json::to_string(&status)? + "\n",
    };
    print(text.as_bytes())?;
    let all_is_well = status.problems.is_empty() && status.unknown.is_empty();
    Ok(code(!all_is_well))
}

/// Returns each queue with its name and its URL.
pub(super) fn names(queues: &Queues) -> [(&'static str, &str); 4] {
    [
        ("webhooks", &queues.webhooks),
        ("internal", &queues.internal),
        ("dead-letters", &queues.dead_letters),
        ("quarantine", &queues.quarantine),
    ]
}

async fn reasons(
    options: &QueueOptions,
    which: Which,
    interrupt: &Interrupt,
) -> Result<Vec<SummaryRow>, Box<dyn Error>> {
    let session = DlqSession::open_queue(options, which).await?;
    let collected = collect(&session, |_, _| true, interrupt).await?;
    let messages = collected.messages.into_iter();
    let messages: Vec<DeadLetter> = messages.map(|one| one.message).collect();
    Ok(by_reason(&messages))
}
