use super::*;
use crate::domain::intake::envelope::{Attribute, Receipt};

// GitHub's own test vector: "Validating webhook deliveries", section "Testing the webhook
// payload validation".
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
    let authenticator = Authenticator::source_queues(secrets.clone());
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
    let message = envelope(&headers)
        .authenticate(&Authenticator::source_queues(Secrets::new(["old", SECRET])))
        .unwrap();
    assert_eq!(message.event().as_str(), "push");
    assert_eq!(message.json(), BODY);
}

#[test]
fn an_unauthenticated_message_is_refused_with_its_reason() {
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
fn an_internal_message_on_the_webhook_queue_is_refused_even_with_a_valid_signature() {
    let headers = [
        (SIGNATURE, PROOF),
        (EVENT, "branchline_repair"),
        (DELIVERY, "72d3162e"),
    ];
    let reason = refusal(&headers, &Secrets::new([SECRET]));
    assert_eq!(reason, Reason::WrongQueue);
    // The attributes of an internal message authenticate nothing on the webhook queue either.
    let claimed = [
        (INTERNAL_EVENT, "branchline_repair"),
        (INTERNAL_ID, "repair-1"),
    ];
    let reason = refusal(&claimed, &Secrets::new([SECRET]));
    assert_eq!(reason, Reason::WrongQueue);
}

#[test]
fn the_internal_queue_proves_its_messages_without_a_signature() {
    let mut internal = envelope(&[
        (INTERNAL_EVENT, "branchline_repair"),
        (INTERNAL_ID, "repair-1"),
    ]);
    internal.source = Source::Internal;
    let nothing = Authenticator::source_queues(Secrets::new([""]));
    let message = internal.authenticate(&nothing).unwrap();
    assert_eq!(message.event().as_str(), "branchline_repair");
    assert_eq!(message.id().as_str(), "repair-1");
}

#[test]
fn a_dead_letter_of_a_later_step_needs_no_secret_and_one_of_this_step_does() {
    let headers = |step| [(STEP, step), (EVENT, "push"), (DELIVERY, "72d3162e")];
    let read = |step, secrets| {
        let dead_letters = Authenticator::dead_letters(secrets);
        envelope(&headers(step)).authenticate(&dead_letters).is_ok()
    };
    assert!(read("plan", None));
    assert!(!read("authenticated", None));
    assert!(!read("authenticated", Some(Secrets::new([SECRET]))));
    assert!(!read("anything", None));
}

#[test]
fn first_seen_makes_a_message_older_and_never_newer() {
    let sent_at = Timestamp::from_rfc3339("2026-03-02T10:00:00Z").unwrap();
    let received_at = |first_seen: &str| {
        let mut envelope = envelope(&[
            (SIGNATURE, PROOF),
            (EVENT, "push"),
            (DELIVERY, "72d3162e"),
            (FIRST_SEEN, first_seen),
        ]);
        envelope.sent_at = sent_at;
        let authenticator = Authenticator::source_queues(Secrets::new([SECRET]));
        let message = envelope.authenticate(&authenticator).unwrap();
        message.received_at().to_string()
    };
    let first_seen = [
        "2026-03-01T10:00:00.123Z",
        "2026-03-03T10:00:00.000Z",
        "yesterday",
    ];
    let sent_at = sent_at.to_string();
    let expected = [first_seen[0], &sent_at, &sent_at];
    assert_eq!(first_seen.map(received_at), expected);
}

#[test]
fn neither_body_nor_secret_is_printed() {
    let printed = format!("{:?} {:?}", envelope(&[]), Secrets::new([SECRET]));
    assert!(
        !printed.contains(BODY) && !printed.contains(SECRET),
        "{printed}"
    );
}
