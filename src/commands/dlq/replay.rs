//! `branchline dlq replay`: messages that go back to their source queue.

use std::io::{self, Write};

use crate::cli::dlq::Replay;
use crate::cli::terminal::{Done, YES, code, operator};
use crate::commands::dlq::export::Export;
use crate::commands::dlq::filters::filter;
use crate::commands::dlq::session::DlqSession;
use crate::commands::dlq::transfer::{Log, Source, TransferMode, chosen, look, transfer};
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
    let session = DlqSession::open(&args.place).await?;
    // Before the preview, which may take long: a file that cannot be written is an error at once.
    let export = args.to.as_deref().map(Export::create).transpose()?;
    let rehearsal = session.rehearsal();
    let query = PreviewQuery {
        filter: &filter,
        authenticator: &session.authenticator,
        now: SystemClock.now(),
        rehearsal: Some(&rehearsal),
    };
    let found = look(&session, source, &query, interrupt).await?;
    let count = found.preview.messages.len();
    if count == 0 || args.dry_run {
        return Ok(code(found.partial));
    }
    let mut stderr = io::stderr();
    if let Some(export) = export {
        let name = export.name().to_owned();
        let mode = TransferMode::Copy(export);
        let report = transfer(&session, source, &found, mode, interrupt).await?;
        writeln!(
            stderr,
            "{} written to {name}",
            plural(report.done, "message")
        )?;
        return report.code(count, &found);
    }
    let question = format!("Replay {}? [y/N]", plural(count, "message"));
    if !args.yes && !interrupt.confirms(question, YES).await? {
        return Err("nothing was done".into());
    }
    let store = session.store();
    let log = Log {
        log: &store,
        clock: &SystemClock,
        operator: &operator,
        action: OperatorAction::Replay,
    };
    let mode = TransferMode::Back {
        log,
        rate: args.rate,
    };
    let report = transfer(&session, source, &found, mode, interrupt).await?;
    writeln!(
        stderr,
        "{} replayed, {} left",
        report.done,
        count - report.done
    )?;
    report.code(count, &found)
}
