//! SIGINT and SIGTERM: the first asks a run to shut down, and the second ends it at once.

use std::error::Error;
use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::cli::terminal;
use crate::worker::Shutdown;

/// The error of a command that was interrupted, in every phase.
pub(super) const INTERRUPTED: &str = "interrupted: messages in hand were returned to the queue";

/// The signals that the process received.
#[derive(Clone)]
pub(super) struct Interrupt {
    /// Requested by the first signal.
    pub(super) first: Shutdown,
    /// Requested by the second signal.
    pub(super) second: Shutdown,
}

impl Interrupt {
    /// Listens from now until the process ends.
    pub(super) fn listen() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (first_handle, first) = Shutdown::channel();
        let (second_handle, second) = Shutdown::channel();
        tokio::spawn(async move {
            for handle in [&first_handle, &second_handle] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                handle.request();
            }
            // Dropping a handle would request its shutdown.
            std::future::pending::<()>().await;
        });
        Ok(Self { first, second })
    }

    /// Returns true once a signal was received.
    pub(super) fn is_requested(&self) -> bool {
        self.first.is_requested()
    }

    /// Prompts for a confirmation, until a signal.
    pub(super) async fn confirms(
        &self,
        question: String,
        answers: &'static [&'static str],
    ) -> Result<bool, Box<dyn Error>> {
        self.answers(
            question,
            answers.iter().map(|text| (*text).to_owned()).collect(),
        )
        .await
    }

    /// Prompts for one of these answers, until a signal.
    pub(super) async fn answers(
        &self,
        question: String,
        answers: Vec<String>,
    ) -> Result<bool, Box<dyn Error>> {
        let (answer, answered) = oneshot::channel();
        // A thread of its own, since reading a line cannot be cancelled: a thread that still waits
        // ends with the process.
        std::thread::spawn(move || {
            let confirmed = terminal::confirms(&question, &answers);
            let _ = answer.send(confirmed.map_err(|why| why.to_string()));
        });
        tokio::select! {
            biased;
            () = self.first.requested() => Err("interrupted: nothing was done".into()),
            confirmed = answered => Ok(confirmed??),
        }
    }
}
