//! `branchline mappings`: wires the ports, reads, prints.

mod account;
mod export;
mod history;
mod list;
mod show;

use crate::cli::mappings::MappingsCommand;
use crate::cli::terminal::Done;

pub(crate) async fn run(command: &MappingsCommand) -> Done {
    match command {
        MappingsCommand::List(asked) => list::list(asked).await,
        MappingsCommand::Show(asked) => show::show(asked).await,
        MappingsCommand::History(asked) => history::history(asked).await,
        MappingsCommand::Export(asked) => export::export(asked).await,
    }
}
