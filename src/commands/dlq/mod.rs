//! `branchline dlq`: wires the ports, asks, prints.

mod drop;
mod export;
mod filters;
mod halt;
mod leave;
mod list;
mod replay;
mod session;
mod show;
mod trail;

use crate::cli::dlq::DlqCommand;
use crate::cli::terminal::Done;
use crate::inspect::dlq::scan::VISIBILITY;

use halt::Interrupt;

pub(crate) async fn run(command: &DlqCommand) -> Done {
    let halt = Interrupt::listen()?;
    let work = async {
        match command {
            DlqCommand::List(asked) => list::list(asked, &halt).await,
            DlqCommand::Show(asked) => show::show(asked, &halt).await,
            DlqCommand::Replay(asked) => replay::replay(asked, &halt).await,
            DlqCommand::Drop(asked) => drop::drop(asked, &halt).await,
        }
    };
    tokio::select! {
        biased;
        () = halt.heard(2) => {
            Err(format!("ended at once: what was held is visible again within {VISIBILITY:?}").into())
        }
        done = work => done,
    }
}
