//! `branchline dlq drop`: deletes messages permanently.

use crate::cli::dlq::Drop;
use crate::cli::terminal::{Done, code, note, operator};
use crate::commands::dlq::export::Export;
use crate::commands::dlq::filters::filter;
use crate::commands::dlq::session::{DlqRehearsal, DlqSession};
use crate::commands::dlq::transfer::{Log, Source, TransferMode, chosen, preview, transfer};
use crate::commands::interrupt::Interrupt;
use crate::commands::system_clock::SystemClock;
use crate::domain::text::plural;
use crate::inspect::dlq::operator_log::OperatorAction;
use crate::inspect::dlq::preview::PreviewQuery;
use crate::ports::Clock;

pub(super) async fn drop(args: &Drop, interrupt: &Interrupt) -> Done {
    let filter = chosen(filter(&args.filters, &args.ids)?, args.all)?;
    let operator = operator(args.by.as_deref());
    let session = DlqSession::open(&args.queue).await?;
    let export = match args.no_export {
        true => None,
        false => Some(Export::create(&file_name(args))?),
    };
    let rehearsal: Option<&DlqRehearsal> = None;
    let query = PreviewQuery {
        filter: &filter,
        authenticator: &session.authenticator,
        now: SystemClock.now(),
        rehearsal,
        only_proven: false,
    };
    let selection = preview(&session, Source::Queue, &query, interrupt).await?;
    let count = selection.count();
    if count == 0 {
        return Ok(code(selection.partial));
    }
    let question = format!(
        "Delete {} permanently? Type the number to confirm:",
        plural(count, "message")
    );
    if !args.yes && !interrupt.answers(question, vec![count.to_string()]).await? {
        return Err("not confirmed: nothing was deleted".into());
    }
    if let Some(export) = &export {
        note(&format!("writing the messages to {}", export.name()))?;
    }
    let store = session.store();
    let log = Log {
        log: &store,
        clock: &SystemClock,
        operator: &operator,
        action: OperatorAction::Drop,
    };
    let mode = TransferMode::Drop { log, export };
    let report = transfer(&session, Source::Queue, &selection, mode, interrupt).await?;
    note(&format!(
        "{} dropped, {} left",
        report.done,
        count - report.done
    ))?;
    report.code(&selection)
}

fn file_name(args: &Drop) -> String {
    let now = SystemClock.now().to_string().replace(':', "");
    let file = args.to.clone();
    file.unwrap_or_else(|| format!("branchline-dropped-{now}.jsonl"))
}
