//! `branchline dlq replay`: letters that go back to the queue of webhooks.

use std::io::{self, Write};

use crate::cli::dlq::Replay;
use crate::inspect::dlq::survey::Asked;

use crate::cli::terminal::{Done, code, operator};
use crate::commands::dlq::export::Export;
use crate::commands::dlq::filters::selection;
use crate::commands::dlq::halt::Halt;
use crate::commands::dlq::leave::{Leave, Source, chosen, leave, look};
use crate::commands::dlq::session::Desk;
use crate::commands::dlq::trail::{Deed, Trail};

pub(super) async fn replay(asked: &Replay, halt: &Halt) -> Done {
    let selection = selection(&asked.filters, &asked.ids)?;
    let (source, selection) = match &asked.from {
        Some(file) => (Source::File(file), selection),
        None => (Source::Grave, chosen(selection, asked.all)?),
    };
    let who = operator(asked.by.as_deref());
    let desk = Desk::open(&asked.place).await?;
    // Before the look, which may take long: a file that cannot be written is told at once.
    let export = asked.to.as_deref().map(Export::create).transpose()?;
    let account = desk.account();
    let today = desk.today(&account);
    let asks = Asked {
        selection: &selection,
        secrets: &desk.config.secrets,
        now: today.now,
        today: Some(&today),
    };
    let found = look(&desk, source, &asks, halt).await?;
    let count = found.survey.letters.len();
    if count == 0 || asked.dry_run {
        return Ok(code(found.partial));
    }
    let mut talk = io::stderr();
    if let Some(export) = export {
        let name = export.name().to_owned();
        let tally = leave(&desk, source, &found, Leave::Copy(export), halt).await?;
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
        deed: Deed::Replay,
    };
    let rate = asked.rate;
    let tally = leave(&desk, source, &found, Leave::Back { trail, rate }, halt).await?;
    writeln!(talk, "{} replayed, {} left", tally.done, count - tally.done)?;
    tally.code(count, &found)
}
