//! Parses a body as JSON, with faults that say where it is wrong and never quote it.

use serde::de::DeserializeOwned;

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::ParseError;
use crate::domain::intake::authenticated::AuthenticatedMessage;
use crate::domain::intake::object::Object;

/// Parses the body of a message. The fault repeats only those messages of `serde_json` that cannot
/// quote a value.
pub(crate) fn parse<T: DeserializeOwned>(message: &AuthenticatedMessage) -> Result<T, Fault> {
    let json = message.json();
    let event = message.event();
    let parsed = serde_json::from_str(&json).map(|Object(payload)| payload);
    parsed.map_err(|error| {
        let message = error.to_string();
        let what = match error.classify() {
            serde_json::error::Category::Data if message.starts_with("missing field `") => message
                .split(" at line")
                .next()
                .unwrap_or_default()
                .to_owned(),
            serde_json::error::Category::Data if message.starts_with("unknown field `") => format!(
                "the body has a field that GitHub does not document for '{event}', so it may be that of another event"
            ),
            serde_json::error::Category::Data => "a field is not of its documented type".to_owned(),
            serde_json::error::Category::Eof => "the JSON ends too early".to_owned(),
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                "not JSON".to_owned()
            }
        };
        fault(format!(
            "{what}, at line {} column {}",
            error.line(),
            error.column()
        ))
    })
}

fn fault(detail: String) -> Fault {
    Fault::new(Reason::InvalidPayload, detail)
}

pub(crate) fn wrong(field: &str) -> Fault {
    fault(format!("{field} is not of its documented form"))
}

pub(crate) fn not_a(field: &str, why: &ParseError) -> Fault {
    fault(format!("{field}: {why}"))
}
