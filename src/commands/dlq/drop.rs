//! `branchline dlq drop`: messages that are deleted for good.

use std::io::{self, Write};

use crate::cli::dlq::Drop;
use crate::cli::terminal::{Done, code, operator};
use crate::commands::dlq::export::Export;
use crate::commands::dlq::filters::filter;
use crate::commands::dlq::session::{DlqRehearsal, DlqSession};
use crate::commands::dlq::transfer::{Log, Source, TransferMode, chosen, look, transfer};
use crate::commands::interrupt::Interrupt;
use crate::commands::system_clock::SystemClock;
use crate::domain::text::plural;
use crate::inspect::dlq::operator_log::OperatorAction;
use crate::inspect::dlq::preview::PreviewQuery;
use crate::ports::Clock;

pub(super) async fn drop(args: &Drop, interrupt: &Interrupt) -> Done {
    let filter = chosen(filter(&args.filters, &args.ids)?, args.all)?;
    let operator = operator(args.by.as_deref());
    let session = DlqSession::open(&args.place).await?;
    let export = match args.no_export {
        true => None,
        false => Some(Export::create(&name(args))?),
    };
    let rehearsal: Option<&DlqRehearsal> = None;
    let query = PreviewQuery {
        filter: &filter,
        authenticator: &session.authenticator,
        now: SystemClock.now(),
        rehearsal,
    };
    let found = look(&session, Source::Queue, &query, interrupt).await?;
    let count = found.preview.messages.len();
    if count == 0 {
        return Ok(code(found.partial));
    }
    let question = format!(
        "Delete {} permanently? Type the number to confirm:",
        plural(count, "message")
    );
    if !args.yes && !interrupt.answers(question, vec![count.to_string()]).await? {
        return Err("nothing was done".into());
    }
    let mut stderr = io::stderr();
    if let Some(export) = &export {
        writeln!(stderr, "writing them to {}", export.name())?;
    }
    let store = session.store();
    let log = Log {
        log: &store,
        clock: &SystemClock,
        operator: &operator,
        action: OperatorAction::Drop,
    };
    let mode = TransferMode::ForGood { log, export };
    let report = transfer(&session, Source::Queue, &found, mode, interrupt).await?;
    writeln!(
        stderr,
        "{} dropped, {} left",
        report.done,
        count - report.done
    )?;
    report.code(count, &found)
}

fn name(args: &Drop) -> String {
    let now = SystemClock.now().to_string().replace(':', "");
    let name = args.to.clone();
    name.unwrap_or_else(|| format!("branchline-dropped-{now}.jsonl"))
}
