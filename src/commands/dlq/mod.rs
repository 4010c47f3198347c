//! `branchline dlq`: wires the ports, prints messages, and transfers them.

pub(super) mod collect;
mod drop;
mod export;
mod filters;
mod list;
mod replay;
pub(super) mod session;
mod show;
mod transfer;
mod wait;

use crate::cli::dlq::DlqCommand;
use crate::cli::terminal::Done;
use crate::commands::interrupt::Interrupt;
use crate::inspect::dlq::scan::VISIBILITY;

pub(crate) async fn run(command: &DlqCommand) -> Done {
    let interrupt = Interrupt::listen()?;
    let command = async {
        match command {
            DlqCommand::List(args) => list::list(args, &interrupt).await,
            DlqCommand::Show(args) => show::show(args, &interrupt).await,
            DlqCommand::Replay(args) => replay::replay(args, &interrupt).await,
            DlqCommand::Drop(args) => drop::drop(args, &interrupt).await,
        }
    };
    tokio::select! {
        biased;
        () = interrupt.second.requested() => {
            Err(format!("exited immediately: messages in hand are visible again within {VISIBILITY:?}").into())
        }
        done = command => done,
    }
}
