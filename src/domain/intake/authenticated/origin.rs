//! Reads where an event of EventBridge comes from. EventBridge writes no message attributes, so an
//! event is recognized by its body.

use serde::Deserialize;

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{DeliveryId, EventName};
use crate::domain::intake::authenticated::INTERNAL_EVENT;
use crate::domain::intake::object::Object;

/// The name of the events of CodePipeline. No event of GitHub has it, and it is never read from an
/// attribute: it stands for the `source` in the body.
pub const PIPELINE_EVENT: &str = "codepipeline";
/// The `source` of the events of CodePipeline.
const CODEPIPELINE: &str = "aws.codepipeline";

/// The account and the Region in which branchline works. An event of another one is refused,
/// because a pipeline there may have the name of one of ours. `None` is not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventOrigin {
    /// The number of the account, 12 digits.
    pub account: Option<String>,
    /// The Region.
    pub region: Option<String>,
}

/// The fields that say where an event comes from (EventBridge user guide, "AWS service event
/// metadata").
#[derive(Deserialize)]
struct Metadata {
    id: String,
    source: String,
    account: String,
    region: String,
}

impl EventOrigin {
    /// Returns the id and the name of the event in the body of a message of the internal queue.
    ///
    /// # Errors
    /// The body is not an event of EventBridge, or the event comes from elsewhere. The detail never
    /// quotes the body.
    pub(super) fn identify(&self, body: &str) -> Result<(DeliveryId, EventName), Fault> {
        let Ok(Object(metadata)) = serde_json::from_str::<Object<Metadata>>(body) else {
            let detail = format!(
                "no {INTERNAL_EVENT} attribute, and the body is not an event of EventBridge: find out who sent it, by the sender in CloudTrail's data events of the internal queue"
            );
            return Err(Fault::new(Reason::HeaderInvalid, detail));
        };
        let invalid = |why| Fault::new(Reason::HeaderInvalid, format!("id of the event: {why}"));
        let id = DeliveryId::parse(metadata.id).map_err(invalid)?;
        let event = EventName::parse(PIPELINE_EVENT).map_err(invalid)?;
        let ours = [
            ("source", Some(CODEPIPELINE), metadata.source),
            ("account", self.account.as_deref(), metadata.account),
            ("region", self.region.as_deref(), metadata.region),
        ];
        for (field, expected, found) in ours {
            let Some(expected) = expected.filter(|expected| **expected != *found) else {
                continue;
            };
            let detail = format!(
                "the {field} of the event is not {expected}: only CodePipeline's events of the daemon's own account and Region belong in the internal queue, so correct the EventBridge rule that sends others, and the queue's policy"
            );
            return Err(Fault::new(Reason::ForeignEvent, detail));
        }
        Ok((id, event))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::domain::ids::Timestamp;
    use crate::domain::intake::authenticated::{Authenticator, INTERNAL_ID, Secrets};
    use crate::domain::intake::envelope::{Attribute, Envelope, Receipt, Source};

    const ID: &str = "5f0c7a52-0d5e-4b0c-9a57-000000000001";

    /// Returns an event with another value in a field. `null` removes the field.
    fn event(field: &str, value: Value) -> Value {
        let mut event = json!({
            "version": "0",
            "id": ID,
            "source": "aws.codepipeline",
            "account": "123456789012",
            "region": "eu-west-1",
            "detail": "hunter2",
        });
        let fields = event.as_object_mut().unwrap();
        fields.insert(field.to_owned(), value);
        fields.retain(|_, value| !value.is_null());
        event
    }

    /// Returns a message of the internal queue, as EventBridge sends it.
    fn envelope(body: String) -> Envelope {
        let receipt = Receipt("r".into());
        let attributes = BTreeMap::new();
        let mut envelope = Envelope::new("m".into(), receipt, body, attributes, Timestamp(0), 1);
        envelope.source = Source::Internal;
        envelope
    }

    fn authenticator() -> Authenticator {
        Authenticator::source_queues(Secrets::new(["secret"])).with_origin(EventOrigin {
            account: Some("123456789012".to_owned()),
            region: Some("eu-west-1".to_owned()),
        })
    }

    /// Returns the fault with which a message is refused.
    fn refusal(envelope: Envelope) -> Fault {
        let refused = envelope.authenticate(&authenticator()).unwrap_err();
        let detail = &refused.fault.detail;
        assert!(!detail.contains("hunter2"), "{detail}");
        refused.fault
    }

    #[test]
    fn the_id_of_the_event_is_the_id_of_its_message() {
        let message = envelope(event("id", json!(ID)).to_string()).authenticate(&authenticator());
        let message = message.unwrap();
        assert_eq!(message.id().as_str(), ID);
        assert_eq!(message.event().as_str(), PIPELINE_EVENT);
    }

    #[test]
    fn an_event_of_another_account_region_or_service_is_not_believed() {
        for (field, value) in [
            ("account", "210987654321"),
            ("account", ""),
            ("region", "us-east-1"),
            ("source", "aws.s3"),
            ("source", "com.example.codepipeline"),
        ] {
            let fault = refusal(envelope(event(field, json!(value)).to_string()));
            assert_eq!(fault.reason, Reason::ForeignEvent, "{field}: {value}");
            let begins = format!("the {field} of the event is not ");
            assert!(fault.detail.starts_with(&begins), "{}", fault.detail);
        }
    }

    #[test]
    fn an_origin_that_is_not_configured_is_not_compared() {
        let anywhere = Authenticator::source_queues(Secrets::new(["secret"]));
        let other = event("account", json!("210987654321")).to_string();
        assert!(envelope(other).authenticate(&anywhere).is_ok());
        let other = event("source", json!("aws.s3")).to_string();
        let refused = envelope(other).authenticate(&anywhere).unwrap_err();
        assert_eq!(refused.fault.reason, Reason::ForeignEvent);
    }

    #[test]
    fn a_body_that_is_no_event_is_refused() {
        let bodies = ["", "null", "[]", "hunter2", "{}", r#"{"id":"hunter2"}"#];
        for body in bodies {
            let fault = refusal(envelope(body.to_owned()));
            assert_eq!(fault.reason, Reason::HeaderInvalid, "{body}");
        }
        let long = json!("x".repeat(DeliveryId::MAX + 1));
        for id in [json!(17), json!(""), json!("a b"), long, Value::Null] {
            let fault = refusal(envelope(event("id", id).to_string()));
            assert_eq!(fault.reason, Reason::HeaderInvalid);
        }
    }

    #[test]
    fn on_the_webhook_queue_an_event_is_no_webhook() {
        let mut event = envelope(event("id", json!(ID)).to_string());
        event.source = Source::Webhooks;
        assert_eq!(refusal(event).reason, Reason::SignatureMissing);
    }

    #[test]
    fn an_attribute_makes_no_message_an_event_of_codepipeline() {
        let mut event = envelope(event("account", json!("210987654321")).to_string());
        for (name, value) in [(INTERNAL_EVENT, PIPELINE_EVENT), (INTERNAL_ID, "x")] {
            let value = Attribute::text(value);
            event.attributes.insert(name.to_owned(), value);
        }
        assert_eq!(refusal(event).reason, Reason::HeaderInvalid);
    }
}
