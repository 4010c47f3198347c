//! `branchline deliveries`: lists what GitHub delivered, and asks for events again.

mod list;
mod read;
mod redeliver;

use crate::cli::deliveries::DeliveriesCommand;
use crate::cli::terminal::Done;
use crate::commands::interrupt::Interrupt;

pub(crate) async fn run(command: &DeliveriesCommand) -> Done {
    match command {
        DeliveriesCommand::List(args) => list::list(args).await,
        DeliveriesCommand::Redeliver(args) => {
            let interrupt = Interrupt::listen()?;
            redeliver::redeliver(args, &interrupt).await
        }
    }
}
