//! The digest of a table of the configuration file.

use std::fmt::Write;

use sha2::{Digest, Sha256};
use toml::de::{DeTable, DeValue};

/// Returns a digest of a table's values without one key: white space, comments and the order of
/// keys make no difference.
pub(super) fn digest_without(key: &str, table: &DeTable<'_>) -> String {
    let mut text = String::new();
    for (name, value) in table {
        if name.get_ref() != key {
            let _ = write!(text, "{:?}=", name.get_ref());
            write_value(&mut text, value.get_ref());
        }
    }
    let hash = hex::encode(Sha256::digest(text));
    hash.get(..16).unwrap_or_default().to_owned()
}

/// Writes a value so that different values have different texts. Writing to a string cannot fail.
fn write_value(text: &mut String, value: &DeValue<'_>) {
    let _ = match value {
        DeValue::String(value) => write!(text, "{value:?};"),
        DeValue::Integer(value) => write!(text, "{value};"),
        DeValue::Float(value) => write!(text, "{value};"),
        DeValue::Boolean(value) => write!(text, "{value};"),
        DeValue::Datetime(value) => write!(text, "{value};"),
        DeValue::Array(values) => {
            text.push('[');
            for value in values.iter() {
                write_value(text, value.get_ref());
            }
            write!(text, "];")
        }
        DeValue::Table(values) => {
            text.push('{');
            for (name, value) in values {
                let _ = write!(text, "{:?}=", name.get_ref());
                write_value(text, value.get_ref());
            }
            write!(text, "}};")
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> String {
        let (document, errors) = DeTable::parse_recoverable(text);
        assert!(errors.is_empty(), "{errors:?}");
        digest_without("name", document.get_ref())
    }

    #[test]
    fn a_digest_is_of_the_values_alone() {
        let one = digest("name = 'one'\non = 'branch'\ntags = { a = 'b', c = ['d'] }\n");
        let same = digest("# moved\ntags = { c = [ 'd' ], a = \"b\" }\non = \"branch\"\n");
        assert_eq!(one, same);
        let others = [
            "on = 'branch'\ntags = { a = 'b', c = ['e'] }\n",
            "on = 'branch'\ntags = { a = 'b', c = 'd' }\n",
            "on = 'branch'\ntags = { a = 'b' }\n",
            "on = 'branch'\nmax_active = 1\ntags = { a = 'b', c = ['d'] }\n",
        ];
        assert!(others.iter().all(|other| digest(other) != one));
    }
}
