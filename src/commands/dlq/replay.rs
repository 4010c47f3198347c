//! `branchline dlq replay`: sends messages back to the queue that they came from.

use std::time::Duration;

use crate::cli::dlq::Replay;
use crate::cli::terminal::{Done, YES, code, note, operator};
use crate::commands::dlq::export::Export;
use crate::commands::dlq::filters::filter;
use crate::commands::dlq::session::DlqSession;
use crate::commands::dlq::transfer::{Log, Source, TransferMode, chosen, preview, transfer};
use crate::commands::dlq::wait::Watch;
use crate::commands::interrupt::Interrupt;
use crate::commands::system_clock::SystemClock;
use crate::domain::text::plural;
use crate::inspect::dlq::operator_log::OperatorAction;
use crate::inspect::dlq::preview::PreviewQuery;
use crate::ports::Clock;

pub(super) async fn replay(args: &Replay, interrupt: &Interrupt) -> Done {
    let filter = filter(&args.filters, &args.ids)?;
    let (source, filter) = match &args.from {
        Some(file) => (Source::File(file), filter),
        None => (Source::Queue, chosen(filter, args.all)?),
    };
    let operator = operator(args.by.as_deref());
    let session = DlqSession::open(&args.queue).await?;
    // Before the preview, which may take long, so that a file that cannot be created is an error at
    // once.
    let export = args.to.as_deref().map(Export::create).transpose()?;
    let rehearsal = session.rehearsal();
    let query = PreviewQuery {
        filter: &filter,
        authenticator: &session.authenticator,
        now: SystemClock.now(),
        rehearsal: Some(&rehearsal),
        // A file may have any message.
        only_proven: export.is_none(),
    };
    let selection = preview(&session, source, &query, interrupt).await?;
    let count = selection.count();
    if count == 0 || args.dry_run {
        return Ok(code(selection.partial));
    }
    if let Some(export) = export {
        let name = export.name().to_owned();
        let mode = TransferMode::Copy(export);
        let report = transfer(&session, source, &selection, mode, interrupt).await?;
        note(&format!(
            "{} written to {name}",
            plural(report.done, "message")
        ))?;
        return report.code(&selection);
    }
    let question = format!("Replay {}? [y/N]", plural(count, "message"));
    if !args.yes && !interrupt.confirms(question, YES).await? {
        return Err("not confirmed: nothing was sent".into());
    }
    let store = session.store();
    let log = Log {
        log: &store,
        clock: &SystemClock,
        operator: &operator,
        action: OperatorAction::Replay,
    };
    let mode = TransferMode::Replay {
        log,
        rate: args.rate,
    };
    let watch = match args.wait {
        Some(_) => Some(Watch::begin(&session, selection.messages()).await?),
        None => None,
    };
    let report = transfer(&session, source, &selection, mode, interrupt).await?;
    note(&format!(
        "{} replayed, {} left",
        report.done,
        count - report.done
    ))?;
    if let Some((watch, seconds)) = watch.zip(args.wait).filter(|_| report.is_complete()) {
        let limit = Duration::from_secs(seconds);
        let all_good = watch.wait(limit, args.output, &session, interrupt).await?;
        if !all_good {
            return Ok(code(true));
        }
    }
    report.code(&selection)
}
