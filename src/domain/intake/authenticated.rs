//! Step 2 of 7. In: [`Envelope`]. Out: [`AuthenticatedMessage`].
//!
//! A delivery is a body proven to be GitHub's: HMAC-SHA256 over its raw bytes, compared in constant time, under any
//! of the configured secrets (<https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries>).
//! [`Envelope::verify`] is the one door, and nothing before it reads the body.

use std::borrow::Cow;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::fault::{Fault, Reason, Step};
use crate::domain::ids::{DeliveryId, EventName, Timestamp};
use crate::domain::intake::envelope::Envelope;
use crate::domain::outcome::disposition::FIRST_SEEN;

/// The header that carries the signature.
pub const SIGNATURE: &str = "X-Hub-Signature-256";
/// The header that names the event.
pub const EVENT: &str = "X-GitHub-Event";
/// The header that carries the delivery's GUID.
pub const DELIVERY: &str = "X-GitHub-Delivery";
/// The header that says whether the body is JSON or a form.
pub const CONTENT_TYPE: &str = "Content-Type";

/// The webhook secrets, each as a keyed HMAC: several while a secret is being rotated. Never printed.
#[derive(Clone)]
pub struct Secrets(Vec<Hmac<Sha256>>);

impl Secrets {
    /// Keys one HMAC per secret. Empty secrets prove nothing and are left out.
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

    /// The signature of `body` under the first secret, as GitHub writes it. `None` without any.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> Option<String> {
        let mut mac = self.0.first()?.clone();
        mac.update(body);
        Some(format!(
            "sha256={}",
            hex::encode(mac.finalize().into_bytes())
        ))
    }

    /// Whether `signature` is the HMAC of `body` under any of the secrets.
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

/// An envelope whose signature holds, and who says so: GitHub's GUID and event name.
#[derive(Debug)]
pub struct AuthenticatedMessage {
    envelope: Envelope,
    id: DeliveryId,
    event: EventName,
}

/// An envelope that stays closed, and why.
#[derive(Debug)]
pub struct Refused {
    /// The envelope, unread, for its burial.
    pub envelope: Envelope,
    /// Why it was refused.
    pub fault: Fault,
}

impl Envelope {
    /// Proves the body and opens the way to it.
    ///
    /// # Errors
    /// [`Refused`] when the signature is missing, malformed or wrong (class `Unverified`), or when the signature
    /// holds but GitHub's own headers do not (class `Permanent`).
    pub fn verify(self, secrets: &Secrets) -> Result<AuthenticatedMessage, Box<Refused>> {
        match self.check(secrets) {
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

    fn check(&self, secrets: &Secrets) -> Result<(DeliveryId, EventName), Fault> {
        let fault = |reason, detail: &str| Fault::new(Step::Delivery, reason, detail);
        let signature = self.header(SIGNATURE).ok_or_else(|| {
            fault(
                Reason::SignatureMissing,
                "no X-Hub-Signature-256: set a secret on the webhook",
            )
        })?;
        let signature = read_signature(signature).ok_or_else(|| {
            fault(
                Reason::SignatureMalformed,
                "X-Hub-Signature-256 is not sha256= and 64 hexadecimal digits",
            )
        })?;
        if !secrets.prove(self.body.as_bytes(), &signature) {
            let detail = "X-Hub-Signature-256 does not match under any secret in [github] secrets";
            return Err(fault(Reason::SignatureMismatch, detail));
        }
        let header = |name: &str| {
            self.header(name)
                .ok_or_else(|| fault(Reason::HeaderInvalid, &format!("no {name} attribute")))
        };
        let invalid = |name, why| fault(Reason::HeaderInvalid, &format!("{name}: {why}"));
        let id = DeliveryId::parse(header(DELIVERY)?).map_err(|why| invalid(DELIVERY, why))?;
        let event = EventName::parse(header(EVENT)?).map_err(|why| invalid(EVENT, why))?;
        Ok((id, event))
    }
}

fn read_signature(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.strip_prefix("sha256=")?, &mut bytes).ok()?;
    Some(bytes)
}

impl AuthenticatedMessage {
    /// GitHub's GUID. A redelivery keeps it.
    #[must_use]
    pub fn id(&self) -> &DeliveryId {
        &self.id
    }

    /// GitHub's event name.
    #[must_use]
    pub fn event(&self) -> &EventName {
        &self.event
    }

    /// The envelope it came in.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// When GitHub's word entered a queue of ours for the first time, by which it is ordered among others. A message that
    /// was buried and replayed was sent anew, but says nothing new.
    ///
    /// `branchline-first-seen` is not signed. It is believed only where it makes a statement older: whoever could write it
    /// (operators, and the gateway's role, which writes GitHub's attributes alone) gains no more by that than by leaving
    /// the message out.
    #[must_use]
    pub fn received_at(&self) -> Timestamp {
        let sent_at = self.envelope.sent_at;
        let first_seen = self.envelope.header(FIRST_SEEN);
        let first_seen = first_seen.and_then(Timestamp::from_rfc3339);
        first_seen.map_or(sent_at, |first_seen| first_seen.min(sent_at))
    }

    /// Back to the envelope, for a burial.
    #[must_use]
    pub fn into_envelope(self) -> Envelope {
        self.envelope
    }

    /// The JSON: the body itself, or the `payload` field of a form body. Only the form is copied, to decode it.
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
        envelope(headers).verify(secrets).unwrap_err().fault.reason
    }

    #[test]
    fn githubs_test_vector_verifies_under_any_of_several_secrets() {
        let headers = [
            (SIGNATURE, PROOF),
            (EVENT, "push"),
            (DELIVERY, "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ];
        let delivery = envelope(&headers)
            .verify(&Secrets::new(["old", SECRET]))
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
            let delivery = envelope.verify(&Secrets::new([SECRET])).unwrap();
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
