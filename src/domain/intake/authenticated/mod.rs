//! Step 2 of 7. In: [`Envelope`]. Out: [`AuthenticatedMessage`].
//!
//! The queue that a message came from decides how it is authenticated. A webhook is authenticated
//! by the HMAC-SHA256 of its raw bytes, compared in constant time, under any of the configured
//! secrets (<https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries>). If
//! that secret is bound to repositories, the body must be about one of them. A message of the
//! internal queue is authenticated by the queue's policy and IAM; if it is an event of EventBridge,
//! its source, account and Region must be ours as well (`origin.rs`). Only
//! [`Envelope::authenticate`] creates an [`AuthenticatedMessage`], and nothing before it reads the
//! body.

use std::borrow::Cow;
use std::sync::Arc;

use crate::domain::fault::{Fault, Reason, Step};
use crate::domain::ids::{BodyDigest, DeliveryId, EventName, Timestamp};
use crate::domain::intake::envelope::{Envelope, Source};

mod origin;
mod secrets;
pub use origin::{EventOrigin, PIPELINE_EVENT};
pub use secrets::{SecretScope, Secrets};

/// The header that carries the signature.
pub const SIGNATURE: &str = "X-Hub-Signature-256";
/// The header that names the event.
pub const EVENT: &str = "X-GitHub-Event";
/// The header that carries the delivery's GUID.
pub const DELIVERY: &str = "X-GitHub-Delivery";
/// The header that states whether the body is JSON or a form. It is not signed, so nothing depends
/// on it.
pub const CONTENT_TYPE: &str = "Content-Type";
/// The attribute that names the kind of an internal message.
pub const INTERNAL_EVENT: &str = "branchline-event";
/// The attribute that carries the id of an internal message.
pub const INTERNAL_ID: &str = "branchline-id";
/// The prefix of the names of internal messages. No event of GitHub has such a name.
pub const INTERNAL_PREFIX: &str = "branchline_";
/// The attribute with the time when the message was first sent to a source queue.
pub const FIRST_SEEN: &str = "branchline-first-seen";
/// The attribute that dead-lettering writes: the step in which the message failed.
pub const STEP: &str = "branchline-step";

/// The way in which messages are authenticated, which depends on the queue that is read.
#[derive(Clone, Debug)]
pub struct Authenticator {
    webhooks: WebhookProof,
    origin: EventOrigin,
}

/// The proof that a webhook needs.
#[derive(Clone, Debug)]
enum WebhookProof {
    /// A signature under one of these secrets.
    Signature(Secrets),
    /// The daemon's own word, or a signature where it has given none.
    DeadLetter(Option<Secrets>),
    /// A signature as far as the secrets can be read here, else the daemon's own word.
    Replay(Option<Secrets>),
    /// Nothing proves a webhook.
    Nothing,
}

impl Authenticator {
    fn new(webhooks: WebhookProof) -> Self {
        let origin = EventOrigin::default();
        Self { webhooks, origin }
    }

    /// Creates the authenticator of the daemon, which reads the source queues.
    #[must_use]
    pub fn source_queues(secrets: Secrets) -> Self {
        Self::new(WebhookProof::Signature(secrets))
    }

    /// Creates the authenticator of operators, who read the dead-letter queue. Only the daemon and
    /// SQS send to it, so a message that failed in a later step was already authenticated by the
    /// daemon. A secret, if there is one, authenticates the others.
    #[must_use]
    pub fn dead_letters(secrets: Option<Secrets>) -> Self {
        Self::new(WebhookProof::DeadLetter(secrets))
    }

    /// Creates the authenticator of the quarantine queue. Only a signature proves a webhook there.
    #[must_use]
    pub fn quarantine(secrets: Option<Secrets>) -> Self {
        Self::new(secrets.map_or(WebhookProof::Nothing, WebhookProof::Signature))
    }

    /// Creates the authenticator of the prediction of a replay: as the daemon will authenticate the
    /// message, as far as the secrets can be read here. Where they cannot, what the daemon
    /// authenticated before counts.
    #[must_use]
    pub fn replay(secrets: Option<Secrets>) -> Self {
        Self::new(WebhookProof::Replay(secrets))
    }

    /// Refuses events of another origin.
    #[must_use]
    pub fn with_origin(self, origin: EventOrigin) -> Self {
        Self { origin, ..self }
    }

    /// Returns the webhook secrets; `None` if none is readable.
    #[must_use]
    pub fn secrets(&self) -> Option<&Secrets> {
        match &self.webhooks {
            WebhookProof::Signature(secrets) => Some(secrets),
            WebhookProof::DeadLetter(secrets) | WebhookProof::Replay(secrets) => secrets.as_ref(),
            WebhookProof::Nothing => None,
        }
    }
}

/// A message whose origin is authenticated, with its id and the name of its event.
#[derive(Debug)]
pub struct AuthenticatedMessage {
    envelope: Envelope,
    id: DeliveryId,
    event: EventName,
    secret: Option<Arc<SecretScope>>,
}

/// A message that was not authenticated, and why.
#[derive(Debug)]
pub struct Refused {
    /// The envelope, unread.
    pub envelope: Envelope,
    /// The reason of the refusal.
    pub fault: Fault,
}

impl Envelope {
    /// Authenticates the message, and gives access to its body.
    ///
    /// # Errors
    /// [`Refused`] when the signature is missing, malformed or wrong, when its secret is bound to
    /// other repositories, when one of branchline's own messages is on the webhook queue, or when
    /// an event of another origin is on the internal queue (class `Unverified`); or when the
    /// message is authenticated but its id or its event is not valid (class `Permanent`).
    pub fn authenticate(
        self,
        authenticator: &Authenticator,
    ) -> Result<AuthenticatedMessage, Box<Refused>> {
        let authenticated = match (self.source, &authenticator.webhooks) {
            (Source::Internal, _) => Ok(None),
            (Source::Webhooks, WebhookProof::Signature(secrets)) => self.prove(secrets).map(Some),
            (Source::Webhooks, WebhookProof::DeadLetter(secrets)) if self.was_authenticated() => {
                Ok(secrets
                    .as_ref()
                    .and_then(|secrets| self.prove(secrets).ok()))
            }
            (Source::Webhooks, WebhookProof::DeadLetter(Some(secrets))) => {
                self.prove(secrets).map(Some)
            }
            (Source::Webhooks, WebhookProof::Replay(secrets)) => {
                self.prove_replay(secrets.as_ref())
            }
            (Source::Webhooks, WebhookProof::DeadLetter(None) | WebhookProof::Nothing) => {
                Err(uncheckable())
            }
        };
        let identified =
            authenticated.and_then(|secret| Ok((secret, self.identity(&authenticator.origin)?)));
        match identified {
            Ok((secret, (id, event))) => Ok(AuthenticatedMessage {
                envelope: self,
                id,
                event,
                secret,
            }),
            Err(fault) => Err(Box::new(Refused {
                envelope: self,
                fault,
            })),
        }
    }

    /// Returns true if the daemon authenticated this message before it dead-lettered it.
    fn was_authenticated(&self) -> bool {
        let step = self.header(STEP);
        let mut later = Step::ALL
            .iter()
            .filter(|step| **step != Step::Authenticated);
        later.any(|later| step == Some(later.as_str()))
    }

    /// Returns the secret that proves the message.
    ///
    /// # Errors
    /// A fault of class `Unverified`. With `WrongSecret` the signature is valid, but its secret is
    /// bound to other repositories.
    pub fn prove(&self, secrets: &Secrets) -> Result<Arc<SecretScope>, Fault> {
        let signature = self.signature()?;
        let matching = secrets.matching(self.body.as_bytes(), &signature);
        let Some(first) = matching.first() else {
            let detail = "X-Hub-Signature-256 does not match under any secret of [github]: add the webhook's secret there, or replace the webhook URL if GitHub did not send this";
            return Err(Fault::new(Reason::SignatureMismatch, detail));
        };
        if let Some(unbound) = matching.iter().find(|one| one.repositories.is_none()) {
            return Ok(Arc::clone(unbound));
        }
        // The body is signed under a known secret. Only now is it parsed.
        let Some(repository) = secrets::repository_of(&json(&self.body)) else {
            return Err(first.without_repository());
        };
        let covering = matching.iter().find(|one| one.covers(&repository));
        let covering = covering.map(Arc::clone);
        covering.ok_or_else(|| first.fault(repository.as_str()))
    }

    /// Returns the secret that will prove the message when it is replayed; `None` if it may be one
    /// that cannot be read here.
    fn prove_replay(&self, secrets: Option<&Secrets>) -> Result<Option<Arc<SecretScope>>, Fault> {
        self.signature()?;
        let proven = secrets.map(|secrets| self.prove(secrets));
        let may_be_another = secrets.is_none_or(Secrets::has_unreadable);
        match proven {
            Some(Ok(secret)) => Ok(Some(secret)),
            Some(Err(fault)) if !may_be_another || fault.reason == Reason::WrongSecret => {
                Err(fault)
            }
            Some(Err(_)) | None if self.was_authenticated() => Ok(None),
            Some(Err(_)) | None => Err(uncheckable()),
        }
    }

    /// Reads the signature.
    ///
    /// # Errors
    /// There is none, or it is malformed (class `Unverified`).
    pub fn signature(&self) -> Result<[u8; 32], Fault> {
        let signature = self.header(SIGNATURE);
        let signature = signature.ok_or_else(|| self.without_signature())?;
        read_signature(signature).ok_or_else(|| {
            Fault::new(
                Reason::SignatureMalformed,
                "X-Hub-Signature-256 is not sha256= and 64 hexadecimal digits",
            )
        })
    }

    fn without_signature(&self) -> Fault {
        if self.header(INTERNAL_EVENT).is_some() {
            let detail = format!(
                "a message with the attribute {INTERNAL_EVENT} is one of branchline's own: send it to the internal queue (queue.internal_url)"
            );
            return Fault::new(Reason::WrongQueue, detail);
        }
        let detail = "no X-Hub-Signature-256: set a secret on the webhook";
        Fault::new(Reason::SignatureMissing, detail)
    }

    /// Reads the id and the name of the event from the attributes, or from an event of EventBridge,
    /// which has none.
    fn identity(&self, origin: &EventOrigin) -> Result<(DeliveryId, EventName), Fault> {
        if self.source == Source::Internal && self.header(INTERNAL_EVENT).is_none() {
            // The queue's policy proves the message, so the body may be parsed.
            return origin.identify(&self.body);
        }
        let (id_name, event_name) = match self.source {
            Source::Webhooks => (DELIVERY, EVENT),
            Source::Internal => (INTERNAL_ID, INTERNAL_EVENT),
        };
        let header = |name: &str| {
            let missing = || Fault::new(Reason::HeaderInvalid, format!("no {name} attribute"));
            self.header(name).ok_or_else(missing)
        };
        let invalid = |name, why| Fault::new(Reason::HeaderInvalid, format!("{name}: {why}"));
        let id = DeliveryId::parse(header(id_name)?).map_err(|why| invalid(id_name, why))?;
        let event =
            EventName::parse(header(event_name)?).map_err(|why| invalid(event_name, why))?;
        match (self.source, event.as_str().starts_with(INTERNAL_PREFIX)) {
            (Source::Webhooks, true) => {
                let detail = format!(
                    "'{event}' is one of branchline's own messages: send it to the internal queue (queue.internal_url)"
                );
                Err(Fault::new(Reason::WrongQueue, detail))
            }
            // Only the body of an event of EventBridge says that it is one.
            (Source::Internal, false) => {
                let detail = format!(
                    "{INTERNAL_EVENT}: '{event}' does not begin with {INTERNAL_PREFIX}, so it is none of branchline's own messages"
                );
                Err(Fault::new(Reason::HeaderInvalid, detail))
            }
            (Source::Webhooks, false) | (Source::Internal, true) => Ok((id, event)),
        }
    }
}

fn uncheckable() -> Fault {
    Fault::new(
        Reason::SignatureMismatch,
        "the signature cannot be checked: no webhook secret is readable here",
    )
}

fn read_signature(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.strip_prefix("sha256=")?, &mut bytes).ok()?;
    Some(bytes)
}

impl AuthenticatedMessage {
    /// Returns GitHub's delivery GUID, which a redelivery keeps, or the id of an internal message.
    #[must_use]
    pub fn id(&self) -> &DeliveryId {
        &self.id
    }

    /// Returns the name of the event.
    #[must_use]
    pub fn event(&self) -> &EventName {
        &self.event
    }

    /// Returns the envelope of the message.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Returns when the message was first sent to a source queue, which orders its event among
    /// others. A message that was dead-lettered and replayed was sent again, but contains nothing
    /// new.
    ///
    /// `branchline-first-seen` is not signed. It is used only if it makes an event older: those who
    /// can write it (operators, and the gateway's role, which writes only GitHub's attributes)
    /// could as well drop the message.
    #[must_use]
    pub fn received_at(&self) -> Timestamp {
        let sent_at = self.envelope.sent_at;
        let first_seen = self.envelope.header(FIRST_SEEN);
        first_seen
            .and_then(Timestamp::from_rfc3339)
            .map_or(sent_at, |first_seen| first_seen.min(sent_at))
    }

    /// Returns the envelope, to dead-letter it.
    #[must_use]
    pub fn into_envelope(self) -> Envelope {
        self.envelope
    }

    /// Returns the digest of the body, which identifies the message whatever its headers say.
    #[must_use]
    pub fn digest(&self) -> BodyDigest {
        BodyDigest::of(self.envelope.body.as_bytes())
    }

    /// Returns the secret that proved the message. `None` for an internal message, and for a dead
    /// letter whose secret cannot be read here.
    #[must_use]
    pub fn secret(&self) -> Option<&SecretScope> {
        self.secret.as_deref()
    }

    /// Returns the JSON: the body itself, or the `payload` field of a form body.
    #[must_use]
    pub fn json(&self) -> Cow<'_, str> {
        json(&self.envelope.body)
    }
}

/// Returns the JSON of a body. Only a form is copied, to decode it.
///
/// The body alone decides whether it is a form, because `Content-Type` is not signed: a JSON body
/// that is read as a form could have a `payload` in a title or in a commit message. JSON never
/// starts with `payload=`, and GitHub's form has no other field.
fn json(body: &str) -> Cow<'_, str> {
    if !body.starts_with("payload=") {
        return Cow::Borrowed(body);
    }
    let first = form_urlencoded::parse(body.as_bytes()).next();
    first.map_or_else(Cow::default, |(_, value)| value)
}

#[cfg(test)]
mod tests;
