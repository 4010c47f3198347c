//! Takes a message through the seven steps.

use tracing::Instrument;

use crate::domain::fault::Fault;
use crate::domain::intake::authenticated::{AuthenticatedMessage, SecretScope};
use crate::domain::intake::content::Content;
use crate::domain::intake::decision::{Decision, Ignored};
use crate::domain::intake::envelope::{Envelope, Receipt};
use crate::domain::intake::event::Event;
use crate::domain::intake::repair_request::RepairKind;
use crate::domain::outcome::backend_signal::BackendSignal;
use crate::domain::outcome::disposition::Disposition;
use crate::domain::outcome::journal::Journal;
use crate::domain::outcome::result::Outcome;
use crate::domain::state::intent::{Intent, Received, Request, report_target};
use crate::ports::{Clock, Pipelines, Store};
use crate::reconcile::commits::reported_head;
use crate::reconcile::lease::Lease;
use crate::reconcile::{KnownRow, Reconciler};
use crate::telemetry::spans;

/// A message that was processed.
#[derive(Debug)]
pub struct Processed {
    /// The record of its processing.
    pub journal: Journal,
    /// The message's handle.
    pub receipt: Receipt,
    /// Its disposition.
    pub disposition: Disposition,
    /// The signal for the circuit breaker.
    pub signal: BackendSignal,
}

/// What is read before the first plan for an event.
#[derive(Clone, Copy)]
enum FirstLook {
    /// Nothing: there is hardly ever a row.
    Nothing,
    /// The row of the subject.
    Row,
    /// The row, and whether the head commit asks for no build.
    RowAndHead,
}

impl FirstLook {
    fn of(event: &Event) -> Self {
        if event.begins_subject() {
            Self::Nothing
        } else if event.brings_head() {
            Self::RowAndHead
        } else {
            Self::Row
        }
    }
}

impl<S: Store, P: Pipelines, C: Clock> Reconciler<S, P, C> {
    /// Processes one message while its lease holds. Without a lease, it has no such limit.
    ///
    /// If cancelled, at most one call to AWS took effect without a record, and the mapping may be
    /// half-way. The message returns when its visibility timeout ends, and finishes the change.
    pub async fn process(&self, envelope: Envelope, lease: Option<&Lease>) -> Processed {
        let mut journal = Journal::open(&envelope);
        let authenticated =
            spans::step("authenticated").in_scope(|| envelope.authenticate(&self.authenticator));
        match authenticated {
            Err(refused) => {
                journal.fail(&refused.fault);
                self.finish(journal, refused.envelope)
            }
            Ok(message) => {
                journal.authenticated(&message);
                match self.handle(&message, lease, &mut journal).await {
                    Ok(outcome) => {
                        self.note_unchanged(&mut journal, &outcome).await;
                        journal.close(&outcome);
                    }
                    Err(fault) => journal.fail(&fault),
                }
                let mut processed = self.finish(journal, message.into_envelope());
                let Processed {
                    journal,
                    disposition,
                    ..
                } = &mut processed;
                // Another worker may have finished the message by now.
                if lease.is_none_or(Lease::holds) {
                    self.note_failure(journal, disposition).await;
                }
                processed
            }
        }
    }

    async fn handle(
        &self,
        message: &AuthenticatedMessage,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        let event = match spans::step("event").in_scope(|| Content::read(message))? {
            Decision::Handle(Content::Event(event)) => *event,
            Decision::Handle(Content::Execution(event)) => {
                journal.execution_event(&event);
                return self.hear_execution(&event, journal).await;
            }
            Decision::Ignore(why) => return Ok(Outcome::Ignored(why)),
        };
        journal.event(&event);
        let first_look = FirstLook::of(&event);
        let report = report_target(&event, self.rules());
        journal.head = reported_head(&event, report.clone());
        self.remember_skipped(&event, message.secret()).await?;
        let received = Received::from(message);
        let subject = event.subject();
        let request =
            spans::step("intent").in_scope(|| Intent::read(event, self.rules(), report, received));
        let request = request.inspect_err(|_| journal.concern(subject))?;
        // This span covers reading the mapping, planning and acting, which alternate.
        let span = spans::step("plan");
        match request {
            Decision::Handle(Request::Subject(intent)) => {
                let entered = self.failing.enter(&intent)?;
                let secret = message.secret();
                let done = self.handle_subject(&intent, first_look, secret, lease, journal);
                let done = done.instrument(span).await;
                entered.record(&done);
                done
            }
            Decision::Handle(Request::KnownSubject(intent)) => {
                let Some(seen) = self.known_subject(message.secret(), &intent).await? else {
                    return Ok(Outcome::Ignored(Ignored::NoRule));
                };
                let done = self.reconcile(&intent, KnownRow::Read(seen), lease, journal);
                done.instrument(span).await
            }
            Decision::Handle(Request::Repository(removal)) => {
                let (id, name) = (removal.repository, &removal.name);
                if !self.is_known_repository(id, [name]).await? {
                    return Ok(Outcome::Ignored(Ignored::NoRule));
                }
                self.check_repository(message.secret(), id, name).await?;
                let done = self.remove_repository(&removal, lease, journal);
                done.instrument(span).await
            }
            Decision::Handle(Request::Renaming(renaming)) => {
                let (id, name) = (renaming.repository, &renaming.name);
                let names = renaming.before.iter().chain([name]);
                if !self.is_known_repository(id, names).await? {
                    return Ok(Outcome::Ignored(Ignored::NoRule));
                }
                self.check_repository(message.secret(), id, name).await?;
                let done = self.rename_repository(&renaming, lease, journal);
                done.instrument(span).await
            }
            Decision::Handle(Request::Rerun(request)) => {
                let done = self.rerun(&request, message.secret(), lease, journal);
                done.instrument(span).await
            }
            Decision::Handle(Request::Repair(request)) => {
                let done = async {
                    match request.repair.kind {
                        RepairKind::Fix(kind) => self.repair(&request, kind, lease, journal).await,
                        RepairKind::Adopt => self.adopt(&request, lease, journal).await,
                        RepairKind::Forget => self.forget(&request, lease, journal).await,
                    }
                };
                done.instrument(span).await
            }
            Decision::Handle(Request::Wake(wake, cause)) => {
                let done = self.wake(&wake, cause, lease, journal);
                done.instrument(span).await
            }
            Decision::Handle(Request::Sleep(request, cause)) => {
                let done = self.sleep(&request, cause, lease, journal);
                done.instrument(span).await
            }
            Decision::Ignore(why) => Ok(Outcome::Ignored(why)),
        }
    }

    async fn handle_subject(
        &self,
        intent: &Intent,
        first_look: FirstLook,
        secret: Option<&SecretScope>,
        lease: Option<&Lease>,
        journal: &mut Journal,
    ) -> Result<Outcome, Fault> {
        let (subject, name) = (&intent.subject, &intent.repository);
        let known = match self.check_subject(secret, subject, name).await? {
            read @ (KnownRow::Read(_) | KnownRow::UnreadWith(_)) => read,
            KnownRow::Unread => match first_look {
                // That saves a read. If there is a row after all, the write is refused, and the
                // answer has the row.
                FirstLook::Nothing if !self.reads_file(intent) => KnownRow::Read(None),
                FirstLook::RowAndHead => intent
                    .unbuilt_head()
                    .map_or(KnownRow::Unread, KnownRow::UnreadWith),
                FirstLook::Nothing | FirstLook::Row => KnownRow::Unread,
            },
        };
        self.reconcile(intent, known, lease, journal).await
    }

    fn finish(&self, journal: Journal, envelope: Envelope) -> Processed {
        let receipt = envelope.receipt.clone();
        let signal = BackendSignal::from_journal(&journal);
        let disposition = Disposition::decide(envelope, &journal, &self.max_attempts);
        Processed {
            journal,
            receipt,
            disposition,
            signal,
        }
    }
}
