//! SIGINT and SIGTERM: the first ends a command after the call that is under way, and what it holds is handed back; the
//! second ends it at once.

use std::error::Error;
use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};

use crate::cli::terminal;

/// What is said in every phase.
pub(super) const INTERRUPTED: &str = "interrupted: what was held is handed back";

/// How often somebody told this command to stop.
pub(super) struct Interrupt(watch::Receiver<u32>);

impl Interrupt {
    /// Listens from now until the process ends.
    pub(super) fn listen() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (tell, told) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                tell.send_modify(|times| *times += 1);
            }
        });
        Ok(Self(told))
    }

    /// Whether it was told.
    pub(super) fn told(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Returns once it was told so many times.
    pub(super) async fn heard(&self, times: u32) {
        let mut told = self.0.clone();
        if told.wait_for(|heard| *heard >= times).await.is_err() {
            std::future::pending().await
        }
    }

    /// Asks the person, and stops asking once told to stop.
    pub(super) async fn person_says(
        &self,
        question: String,
        answer: String,
    ) -> Result<bool, Box<dyn Error>> {
        let (tell, said) = oneshot::channel();
        // A thread of its own, for reading a line cannot be cancelled: where it still waits, it ends with the process.
        std::thread::spawn(move || {
            let said = terminal::person_says(&question, &answer);
            let _ = tell.send(said.map_err(|why| why.to_string()));
        });
        tokio::select! {
            biased;
            () = self.heard(1) => Err("interrupted: nothing was done".into()),
            said = said => Ok(said??),
        }
    }
}
