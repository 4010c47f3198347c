//! `branchline dlq drop`: letters that go for good.

use std::io::{self, Write};

use crate::cli::dlq::Drop;
use crate::inspect::dlq::survey::PreviewQuery;
use crate::inspect::offline::OfflineAccount;
use crate::ports::Clock;

use crate::cli::terminal::{Done, code, operator};
use crate::commands::dlq::export::Export;
use crate::commands::dlq::filters::selection;
use crate::commands::dlq::halt::Interrupt;
use crate::commands::dlq::leave::{Source, TransferMode, chosen, look, transfer};
use crate::commands::dlq::session::DlqSession;
use crate::commands::dlq::trail::{OperatorAction, Trail};
use crate::commands::system_clock::SystemClock;

pub(super) async fn drop(asked: &Drop, halt: &Interrupt) -> Done {
    let selection = chosen(selection(&asked.filters, &asked.ids)?, asked.all)?;
    let who = operator(asked.by.as_deref());
    let desk = DlqSession::open(&asked.place).await?;
    let export = match asked.no_export {
        true => None,
        false => Some(Export::create(&name(asked))?),
    };
    let asks: PreviewQuery<'_, OfflineAccount> = PreviewQuery {
        selection: &selection,
        secrets: &desk.config.secrets,
        now: SystemClock.now(),
        today: None,
    };
    let found = look(&desk, Source::Grave, &asks, halt).await?;
    let count = found.preview.letters.len();
    if count == 0 {
        return Ok(code(found.partial));
    }
    let question = format!("delete {count} messages for good? type their number:");
    if !asked.yes && !halt.person_says(question, count.to_string()).await? {
        return Err("nothing was done".into());
    }
    let mut talk = io::stderr();
    if let Some(export) = &export {
        writeln!(talk, "writing them to {}", export.name())?;
    }
    let account = desk.account();
    let trail = Trail {
        ledger: &account.ledger,
        who: &who,
        deed: OperatorAction::Drop,
    };
    let how = TransferMode::ForGood { trail, export };
    let tally = transfer(&desk, Source::Grave, &found, how, halt).await?;
    writeln!(talk, "{} dropped, {} left", tally.done, count - tally.done)?;
    tally.code(count, &found)
}

fn name(asked: &Drop) -> String {
    let now = SystemClock.now().to_string().replace(':', "");
    let name = asked.to.clone();
    name.unwrap_or_else(|| format!("branchline-dropped-{now}.jsonl"))
}
