//! `branchline dlq replay`: letters that go back to the queue of webhooks.

use std::io::{self, Write};

use crate::cli::dlq::Replay;
use crate::inspect::dlq::survey::PreviewQuery;

use crate::cli::terminal::{Done, code, operator};
use crate::commands::dlq::export::Export;
use crate::commands::dlq::filters::selection;
use crate::commands::dlq::halt::Interrupt;
use crate::commands::dlq::leave::{Source, TransferMode, chosen, look, transfer};
use crate::commands::dlq::session::DlqSession;
use crate::commands::dlq::trail::{OperatorAction, Trail};

pub(super) async fn replay(asked: &Replay, halt: &Interrupt) -> Done {
    let selection = selection(&asked.filters, &asked.ids)?;
    let (source, selection) = match &asked.from {
        Some(file) => (Source::File(file), selection),
        None => (Source::Grave, chosen(selection, asked.all)?),
    };
    let who = operator(asked.by.as_deref());
    let desk = DlqSession::open(&asked.place).await?;
    // Before the look, which may take long: a file that cannot be written is told at once.
    let export = asked.to.as_deref().map(Export::create).transpose()?;
    let account = desk.account();
    let today = desk.today(&account);
    let asks = PreviewQuery {
        selection: &selection,
        secrets: &desk.config.secrets,
        now: today.now,
        today: Some(&today),
    };
    let found = look(&desk, source, &asks, halt).await?;
    let count = found.preview.letters.len();
    if count == 0 || asked.dry_run {
        return Ok(code(found.partial));
    }
    let mut talk = io::stderr();
    if let Some(export) = export {
        let name = export.name().to_owned();
        let tally = transfer(&desk, source, &found, TransferMode::Copy(export), halt).await?;
        writeln!(talk, "{} written to {name}", tally.done)?;
        return tally.code(count, &found);
    }
    let question = format!("replay {count} messages? (yes)");
    if !asked.yes && !halt.person_says(question, "yes".to_owned()).await? {
        return Err("nothing was done".into());
    }
    let trail = Trail {
        ledger: &account.ledger,
        who: &who,
        deed: OperatorAction::Replay,
    };
    let rate = asked.rate;
    let tally = transfer(
        &desk,
        source,
        &found,
        TransferMode::Back { trail, rate },
        halt,
    )
    .await?;
    writeln!(talk, "{} replayed, {} left", tally.done, count - tally.done)?;
    tally.code(count, &found)
}
