//! Who replayed or dropped what: an entry in the audit trail of its subject, beside what came of it.

use std::io::{self, Write};

use crate::aws::DynamoStore;
use crate::domain::ids::Subject;
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::inspect::dlq::letter::DeadLetter;
use crate::ports::{Clock, Ledger};
use serde_json::{Value, json};

use crate::commands::system_clock::SystemClock;

/// What an operator does to a letter.
#[derive(Clone, Copy)]
pub(super) enum OperatorAction {
    Replay,
    Drop,
}

impl OperatorAction {
    /// The prefix of its cause, and its words before and after.
    fn words(self) -> [&'static str; 3] {
        match self {
            Self::Replay => ["replay", "replaying", "replayed"],
            Self::Drop => ["drop", "dropping", "dropped"],
        }
    }
}

/// The audit trail, and who writes into it.
pub(super) struct Trail<'a> {
    pub(super) ledger: &'a DynamoStore,
    pub(super) who: &'a str,
    pub(super) deed: OperatorAction,
}

/// An entry that says what is about to be done. Without a subject there is none.
pub(super) struct Begun(Option<(Subject, AuditEntry, Value)>);

impl Trail<'_> {
    /// Before anything is done: without an entry nothing is.
    pub(super) async fn begin(&self, letter: &DeadLetter) -> Result<Begun, String> {
        let (Some(subject), Some(delivery)) = (&letter.of, &letter.delivery) else {
            return Ok(Begun(None));
        };
        let [cause, before, _] = self.deed.words();
        let now = SystemClock.now().to_string();
        let replays = match self.deed {
            OperatorAction::Replay => letter.replays + 1,
            OperatorAction::Drop => letter.replays,
        };
        let journal = json!({"outcome": before, "delivery": delivery, "actor": self.who,
            "message": letter.id, "reason": letter.reason, "replays": replays});
        let entry = AuditEntry {
            time: now.clone(),
            cause: format!("{cause}:{delivery}"),
            processed_at: now,
            actor: Some(self.who.to_owned()),
            outcome: before.to_owned(),
            to: "-".to_owned(),
            journal: journal.to_string(),
            ..AuditEntry::default()
        };
        let noted = self.ledger.note(subject, &entry).await;
        noted.map_err(|fault| {
            format!(
                "the audit trail cannot be written, so message {} stays: {fault}",
                letter.id
            )
        })?;
        Ok(Begun(Some((subject.clone(), entry, journal))))
    }

    /// Once it is done. The entry is there already: where it cannot be written anew, it says that it was begun.
    pub(super) async fn end(&self, begun: Begun) -> io::Result<()> {
        let Some((subject, mut entry, mut journal)) = begun.0 else {
            return Ok(());
        };
        let [_, before, after] = self.deed.words();
        if let Some(fields) = journal.as_object_mut() {
            fields.insert("outcome".to_owned(), after.into());
        }
        entry.journal = journal.to_string();
        after.clone_into(&mut entry.outcome);
        let Err(fault) = self.ledger.note(&subject, &entry).await else {
            return Ok(());
        };
        writeln!(
            io::stderr(),
            "warning: the audit trail says '{before}' of {} and not '{after}': {fault}",
            entry.cause
        )
    }
}
