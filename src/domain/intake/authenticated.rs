//! Step 2 of 7. In: [`Envelope`]. Out: [`AuthenticatedMessage`].
//!
//! The queue that a message came from decides what proves it. A webhook is proven by HMAC-SHA256 over its raw bytes, compared
//! in constant time, under any of the configured secrets
//! (<https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries>). A message of the internal queue is
//! proven by the queue's policy and IAM. [`Envelope::authenticate`] is the one door, and nothing before it reads the body.

use std::borrow::Cow;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::fault::{Fault, Reason, Step};
use crate::domain::ids::{DeliveryId, EventName, Timestamp};
use crate::domain::intake::envelope::{Envelope, Source};

/// The header that carries the signature.
pub const SIGNATURE: &str = "X-Hub-Signature-256";
/// The header that names the event.
pub const EVENT: &str = "X-GitHub-Event";
/// The header that carries the delivery's GUID.
pub const DELIVERY: &str = "X-GitHub-Delivery";
/// The header that says whether the body is JSON or a form.
pub const CONTENT_TYPE: &str = "Content-Type";
/// The attribute that names the kind of an internal message.
pub const INTERNAL_EVENT: &str = "branchline-event";
/// The attribute that carries the id of an internal message.
pub const INTERNAL_ID: &str = "branchline-id";
/// The prefix of the names of internal messages. GitHub has no event of such a name.
pub const INTERNAL_PREFIX: &str = "branchline_";
/// The attribute with the time when the message was first sent to a source queue.
pub const FIRST_SEEN: &str = "branchline-first-seen";
/// The attribute that dead-lettering writes: the step in which the message failed.
pub const STEP: &str = "branchline-step";

/// The webhook secrets, each as a keyed HMAC: several while a secret is being rotated. They are never printed.
#[derive(Clone)]
pub struct Secrets(Vec<Hmac<Sha256>>);

impl Secrets {
    /// Keys one HMAC per secret. An empty secret proves nothing and is left out.
    pub fn new<S: AsRef<[u8]>>(secrets: impl IntoIterator<Item = S>) -> Self {
        let keyed = secrets
            .into_iter()
            .filter(|secret| !secret.as_ref().is_empty());
        Self(
            keyed
                .filter_map(|secret| Hmac::new_from_slice(secret.as_ref()).ok())
                .collect(),
        )
    }

    /// Returns the signature of `body` under the first secret, as GitHub writes it. `None` without a secret.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> Option<String> {
        let mut mac = self.0.first()?.clone();
        mac.update(body);
        Some(format!(
            "sha256={}",
            hex::encode(mac.finalize().into_bytes())
        ))
    }

    /// Returns true if `signature` is the HMAC of `body` under any of the secrets.
    fn prove(&self, body: &[u8], signature: &[u8]) -> bool {
        self.0.iter().any(|keyed| {
            let mut mac = keyed.clone();
            mac.update(body);
            mac.verify_slice(signature).is_ok()
        })
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} hidden)", self.0.len())
    }
}

/// What proves a message, by where it is read.
#[derive(Clone, Debug)]
pub enum Authenticator {
    /// For the daemon, which reads the source queues.
    SourceQueues(Secrets),
    /// For operators, who read the dead-letter queue, to which only the daemon and SQS send: a message that failed in a later
    /// step was authenticated by the daemon. A secret, where there is one, proves the others.
    DeadLetters(Option<Secrets>),
    /// Proves no webhook: no secret is readable.
    Nothing,
}

impl Authenticator {
    /// Returns the webhook secrets; `None` where none is readable.
    #[must_use]
    pub fn secrets(&self) -> Option<&Secrets> {
        match self {
            Self::SourceQueues(secrets) => Some(secrets),
            Self::DeadLetters(secrets) => secrets.as_ref(),
            Self::Nothing => None,
        }
    }
}

/// An envelope whose origin is proven, with the id and the event that came with it.
#[derive(Debug)]
pub struct AuthenticatedMessage {
    envelope: Envelope,
    id: DeliveryId,
    event: EventName,
}

/// An envelope that was not authenticated, and why.
#[derive(Debug)]
pub struct Refused {
    /// The envelope, unread.
    pub envelope: Envelope,
    /// Why it was refused.
    pub fault: Fault,
}

impl Envelope {
    /// Proves where the message comes from, and opens the way to its body.
    ///
    /// # Errors
    /// [`Refused`] when the signature is missing, malformed or wrong, or when a message of our own kind is on the webhook
    /// queue (class `Unverified`); or when the message is proven but its id or its event is not valid (class `Permanent`).
    pub fn authenticate(
        self,
        authenticator: &Authenticator,
    ) -> Result<AuthenticatedMessage, Box<Refused>> {
        let proven = match (self.source, authenticator) {
            (Source::Internal, _) => Ok(()),
            (Source::Webhooks, Authenticator::SourceQueues(secrets)) => self.prove(secrets),
            (Source::Webhooks, Authenticator::DeadLetters(_)) if self.was_authenticated() => Ok(()),
            (Source::Webhooks, Authenticator::DeadLetters(Some(secrets))) => self.prove(secrets),
            (Source::Webhooks, Authenticator::DeadLetters(None) | Authenticator::Nothing) => {
                Err(Fault::new(
                    Reason::SignatureMismatch,
                    "the signature cannot be checked: no webhook secret is readable here",
                ))
            }
        };
        match proven.and_then(|()| self.identity()) {
            Ok((id, event)) => Ok(AuthenticatedMessage {
                envelope: self,
                id,
                event,
            }),
            Err(fault) => Err(Box::new(Refused {
                envelope: self,
                fault,
            })),
        }
    }

    /// Returns true if a secret proves the body.
    #[must_use]
    pub fn has_valid_signature(&self, secrets: &Secrets) -> bool {
        self.prove(secrets).is_ok()
    }

    /// Returns true if the daemon authenticated this message before it dead-lettered it.
    fn was_authenticated(&self) -> bool {
        let step = self.header(STEP);
        let mut later = Step::ALL
            .iter()
            .filter(|step| **step != Step::Authenticated);
        later.any(|later| step == Some(later.as_str()))
    }

    fn prove(&self, secrets: &Secrets) -> Result<(), Fault> {
        let signature = self.header(SIGNATURE).ok_or_else(|| {
            Fault::new(
                Reason::SignatureMissing,
                "no X-Hub-Signature-256: set a secret on the webhook",
            )
        })?;
        let signature = read_signature(signature).ok_or_else(|| {
            Fault::new(
                Reason::SignatureMalformed,
                "X-Hub-Signature-256 is not sha256= and 64 hexadecimal digits",
            )
        })?;
        if secrets.prove(self.body.as_bytes(), &signature) {
            return Ok(());
        }
        let detail = "X-Hub-Signature-256 does not match under any secret in [github] secrets";
        Err(Fault::new(Reason::SignatureMismatch, detail))
    }

    /// Reads the id and the name of the event, which stand beside the body.
    fn identity(&self) -> Result<(DeliveryId, EventName), Fault> {
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
        if self.source == Source::Webhooks && event.as_str().starts_with(INTERNAL_PREFIX) {
            let detail = format!(
                "'{event}' is a message of branchline's own: send it to the internal queue (queue.internal_url)"
            );
            return Err(Fault::new(Reason::WrongQueue, detail));
        }
        Ok((id, event))
    }
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

    /// Returns the envelope that it came in.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Returns when the message was first sent to a source queue, by which its event is ordered among others. A message that
    /// was dead-lettered and replayed was sent again, but says nothing new.
    ///
    /// `branchline-first-seen` is not signed. It counts only where it makes an event older: those who can write it
    /// (operators, and the gateway's role, which writes GitHub's attributes alone) gain no more by that than by dropping
    /// the message.
    #[must_use]
    pub fn received_at(&self) -> Timestamp {
        let sent_at = self.envelope.sent_at;
        let first_seen = self.envelope.header(FIRST_SEEN);
        let first_seen = first_seen.and_then(Timestamp::from_rfc3339);
        first_seen.map_or(sent_at, |first_seen| first_seen.min(sent_at))
    }

    /// Returns the envelope, for a dead letter.
    #[must_use]
    pub fn into_envelope(self) -> Envelope {
        self.envelope
    }

    /// Returns the JSON: the body itself, or the `payload` field of a form body. Only a form is copied, to decode it.
    ///
    /// `None` when a form has no `payload`.
    #[must_use]
    pub fn json(&self) -> Option<Cow<'_, str>> {
        let body = &self.envelope.body;
        let is_form = match self.envelope.header(CONTENT_TYPE) {
            Some(content_type) => content_type
                .trim_start()
                .to_ascii_lowercase()
                .starts_with("application/x-www-form"),
            None => body.starts_with("payload="),
        };
        if !is_form {
            return Some(Cow::Borrowed(body));
        }
        form_urlencoded::parse(body.as_bytes())
            .find(|(key, _)| key == "payload")
            .map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::envelope::{Attribute, Receipt};
    use super::*;

    // GitHub's own test vector: docs "Validating webhook deliveries", section "Testing the webhook payload validation".
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &str = "Hello, World!";
    const PROOF: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn envelope(headers: &[(&str, &str)]) -> Envelope {
        let attributes = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Attribute::text(*value)))
            .collect();
        Envelope::new(
            "m-1".into(),
            Receipt("r-1".into()),
            BODY.into(),
            attributes,
            Timestamp(0),
            1,
        )
    }

    fn refusal(headers: &[(&str, &str)], secrets: &Secrets) -> Reason {
        let authenticator = Authenticator::SourceQueues(secrets.clone());
        let refused = envelope(headers).authenticate(&authenticator);
        refused.unwrap_err().fault.reason
    }

    #[test]
    fn githubs_test_vector_verifies_under_any_of_several_secrets() {
        let headers = [
            (SIGNATURE, PROOF),
            (EVENT, "push"),
            (DELIVERY, "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ];
        let delivery = envelope(&headers)
            .authenticate(&Authenticator::SourceQueues(Secrets::new(["old", SECRET])))
            .unwrap();
        assert_eq!(delivery.event().as_str(), "push");
        assert_eq!(delivery.json().unwrap(), BODY);
    }

    #[test]
    fn what_is_not_proven_is_refused_by_name() {
        let secrets = Secrets::new([SECRET]);
        assert_eq!(refusal(&[], &secrets), Reason::SignatureMissing);
        assert_eq!(
            refusal(&[(SIGNATURE, "sha1=00")], &secrets),
            Reason::SignatureMalformed
        );
        assert_eq!(
            refusal(&[(SIGNATURE, "sha256=zz")], &secrets),
            Reason::SignatureMalformed
        );
        assert_eq!(
            refusal(&[(SIGNATURE, PROOF)], &Secrets::new(["other"])),
            Reason::SignatureMismatch
        );
        assert_eq!(
            refusal(&[(SIGNATURE, PROOF)], &Secrets::new([""])),
            Reason::SignatureMismatch
        );
        assert_eq!(
            refusal(&[(SIGNATURE, PROOF), (EVENT, "push")], &secrets),
            Reason::HeaderInvalid
        );
    }

    #[test]
    fn a_message_of_our_own_on_the_webhook_queue_is_refused_whatever_signs_it() {
        let headers = [
            (SIGNATURE, PROOF),
            (EVENT, "branchline_repair"),
            (DELIVERY, "72d3162e"),
        ];
        let reason = refusal(&headers, &Secrets::new([SECRET]));
        assert_eq!(reason, Reason::WrongQueue);
        // Its own attributes prove nothing there either.
        let claimed = [
            (INTERNAL_EVENT, "branchline_repair"),
            (INTERNAL_ID, "repair-1"),
        ];
        let reason = refusal(&claimed, &Secrets::new([SECRET]));
        assert_eq!(reason, Reason::SignatureMissing);
    }

    #[test]
    fn the_internal_queue_proves_its_messages_without_a_signature() {
        let mut internal = envelope(&[
            (INTERNAL_EVENT, "branchline_repair"),
            (INTERNAL_ID, "repair-1"),
        ]);
        internal.source = Source::Internal;
        let nothing = Authenticator::SourceQueues(Secrets::new([""]));
        let message = internal.authenticate(&nothing).unwrap();
        assert_eq!(message.event().as_str(), "branchline_repair");
        assert_eq!(message.id().as_str(), "repair-1");
    }

    #[test]
    fn a_dead_letter_of_a_later_step_needs_no_secret_and_one_of_this_step_does() {
        let headers = |step| [(STEP, step), (EVENT, "push"), (DELIVERY, "72d3162e")];
        let read = |step, secrets| {
            let dead_letters = Authenticator::DeadLetters(secrets);
            envelope(&headers(step)).authenticate(&dead_letters).is_ok()
        };
        assert!(read("plan", None));
        assert!(!read("authenticated", None));
        assert!(!read("authenticated", Some(Secrets::new([SECRET]))));
        assert!(!read("anything", None));
    }

    #[test]
    fn what_was_seen_before_is_older_and_never_newer() {
        let sent_at = Timestamp::from_rfc3339("2026-03-02T10:00:00Z").unwrap();
        let received_at = |first_seen: &str| {
            let mut envelope = envelope(&[
                (SIGNATURE, PROOF),
                (EVENT, "push"),
                (DELIVERY, "72d3162e"),
                (FIRST_SEEN, first_seen),
            ]);
            envelope.sent_at = sent_at;
            let authenticator = Authenticator::SourceQueues(Secrets::new([SECRET]));
            let delivery = envelope.authenticate(&authenticator).unwrap();
            delivery.received_at().to_string()
        };
        let said = [
            "2026-03-01T10:00:00.123Z",
            "2026-03-03T10:00:00.000Z",
            "yesterday",
        ];
        let sent_at = sent_at.to_string();
        assert_eq!(said.map(received_at), [said[0], &sent_at, &sent_at]);
    }

    #[test]
    fn neither_body_nor_secret_is_printed() {
        let printed = format!("{:?} {:?}", envelope(&[]), Secrets::new([SECRET]));
        assert!(
            !printed.contains(BODY) && !printed.contains(SECRET),
            "{printed}"
        );
    }
}
