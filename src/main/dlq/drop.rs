//! `branchline dlq drop`: letters that go for good.

use std::io::{self, Write};

use branchline::cli::dlq::Drop;
use branchline::operate::Unseen;
use branchline::operate::dlq::survey::Asked;
use branchline::ports::Clock;

use super::export::Export;
use super::halt::Halt;
use super::leave::{Leave, Source, chosen, leave, look};
use super::trail::{Deed, Trail};
use super::{Desk, selection};
use crate::SystemClock;
use crate::terminal::{Done, code, operator};

pub(super) async fn drop(asked: &Drop, halt: &Halt) -> Done {
    let selection = chosen(selection(&asked.filters, &asked.ids)?, asked.all)?;
    let who = operator(asked.by.as_deref());
    let desk = Desk::open(&asked.place).await?;
    let export = match asked.no_export {
        true => None,
        false => Some(Export::create(&name(asked))?),
    };
    let asks: Asked<'_, Unseen> = Asked {
        selection: &selection,
        secrets: &desk.config.secrets,
        now: SystemClock.now(),
        today: None,
    };
    let found = look(&desk, Source::Grave, &asks, halt).await?;
    let count = found.survey.letters.len();
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
        deed: Deed::Drop,
    };
    let how = Leave::ForGood { trail, export };
    let tally = leave(&desk, Source::Grave, &found, how, halt).await?;
    writeln!(talk, "{} dropped, {} left", tally.done, count - tally.done)?;
    tally.code(count, &found)
}

fn name(asked: &Drop) -> String {
    let now = SystemClock.now().to_string().replace(':', "");
    let name = asked.to.clone();
    name.unwrap_or_else(|| format!("branchline-dropped-{now}.jsonl"))
}
