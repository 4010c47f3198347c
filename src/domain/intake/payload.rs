//! Reading a body as JSON, with faults that say where it is wrong and never quote it.

use serde::de::DeserializeOwned;

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::ParseError;
use crate::domain::intake::authenticated::AuthenticatedMessage;
use crate::domain::intake::object::Object;

/// serde_json's own messages may quote the value that did not fit; only what cannot quote is repeated.
pub(crate) fn parse<T: DeserializeOwned>(delivery: &AuthenticatedMessage) -> Result<T, Fault> {
    let json = delivery
        .json()
        .ok_or_else(|| fault("the form body has no payload field".to_owned()))?;
    let read = serde_json::from_str(&json).map(|Object(words)| words);
    read.map_err(|error| {
        let message = error.to_string();
        let what = match error.classify() {
            serde_json::error::Category::Data if message.starts_with("missing field `") => message
                .split(" at line")
                .next()
                .unwrap_or_default()
                .to_owned(),
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
