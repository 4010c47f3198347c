//! The rules by which SQS accepts and refuses messages (service model, `SendMessage`; quotas,
//! "Messages").

use branchline::domain::intake::envelope::{Attribute, AttributeValue};

/// Attributes per message.
pub(crate) const MAX_ATTRIBUTES: usize = 10;
/// Bytes of a message: body, attribute names, types and values.
pub(crate) const MAX_MESSAGE: usize = 1_048_576;
/// Characters of an attribute's name.
const MAX_NAME: usize = 256;

/// Refuses what SQS refuses, with the name of its error.
pub(crate) fn check(body: &str, attributes: &[(String, Attribute)]) -> Result<(), String> {
    if body.is_empty() {
        return Err("MissingParameter: MessageBody".to_owned());
    }
    if !body.chars().all(is_legal) {
        return Err("InvalidMessageContents: the body".to_owned());
    }
    if attributes.len() > MAX_ATTRIBUTES {
        let count = attributes.len();
        return Err(format!("InvalidParameterValue: {count} attributes"));
    }
    for (index, (name, attribute)) in attributes.iter().enumerate() {
        let earlier = attributes.iter().take(index);
        if earlier.into_iter().any(|(other, _)| other == name) {
            return Err(format!("InvalidParameterValue: '{name}' twice"));
        }
        check_attribute(name, attribute)?;
    }
    let size = body.len()
        + attributes
            .iter()
            .map(|(name, attribute)| name.len() + attribute.size())
            .sum::<usize>();
    if size > MAX_MESSAGE {
        return Err(format!("InvalidParameterValue: {size} bytes"));
    }
    Ok(())
}

fn check_attribute(name: &str, attribute: &Attribute) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("InvalidParameterValue: attribute '{name}': {why}"));
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(legal) {
        return refuse("its name");
    }
    if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return refuse("dots in its name");
    }
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("aws.") || lower.starts_with("amazon.") {
        return refuse("a reserved name");
    }
    let kind = attribute.data_type.split('.').next().unwrap_or_default();
    match (&attribute.value, kind) {
        (AttributeValue::Text(text), "String" | "Number") if text.is_empty() => refuse("empty"),
        (AttributeValue::Text(text), "String") if !text.chars().all(is_legal) => {
            Err(format!("InvalidMessageContents: attribute '{name}'"))
        }
        (AttributeValue::Text(text), "Number") if text.parse::<f64>().is_err() => {
            refuse("not a number")
        }
        (AttributeValue::Bytes(bytes), "Binary") if bytes.is_empty() => refuse("empty"),
        (AttributeValue::Text(_), "String" | "Number") | (AttributeValue::Bytes(_), "Binary") => {
            Ok(())
        }
        (AttributeValue::Text(_) | AttributeValue::Bytes(_), _) => refuse("its type"),
    }
}

/// Returns true for a character that a message may contain: `#x9 | #xA | #xD | #x20-#xD7FF |
/// #xE000-#xFFFD | #x10000-#x10FFFF`
fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
