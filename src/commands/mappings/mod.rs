//! `branchline mappings`: wires the ports, reads mappings, prints them.

mod account;
mod export;
mod forget;
mod history;
mod list;
mod show;

use crate::cli::mappings::MappingsCommand;
use crate::cli::terminal::Done;

pub(crate) async fn run(command: &MappingsCommand) -> Done {
    match command {
        MappingsCommand::List(args) => list::list(args).await,
        MappingsCommand::Show(args) => show::show(args).await,
        MappingsCommand::History(args) => history::history(args).await,
        MappingsCommand::Forget(args) => forget::forget(args).await,
        MappingsCommand::Export(args) => export::export(args).await,
    }
}
