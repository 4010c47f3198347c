//! What serde says of a text that does not have the form of a file, in plain words.

/// Returns a mistake in the form of a text; `None` for a mistake in the language itself. `table` is
/// what the language calls a table.
pub(crate) fn of_form(message: &str, table: &str) -> Option<String> {
    if let Some(rest) = message.strip_prefix("unknown field ") {
        // The name may contain anything, and the known keys come last.
        let (name, known) = rest.rsplit_once(", expected ")?;
        let known = known.trim_start_matches("one of ").replace('`', "");
        let name = name.trim_matches('`');
        return Some(format!("unknown key '{name}': expected {known}"));
    }
    if let Some(name) = message.strip_prefix("missing field ") {
        return Some(format!("the key '{}' is missing", name.trim_matches('`')));
    }
    if message.starts_with("duplicate field ") || message == "duplicate key" {
        return Some("a key is there twice: remove one".to_owned());
    }
    let is_value = message.starts_with("invalid type: ") || message.starts_with("invalid value: ");
    let (_, expected) = message.rsplit_once(", expected ").filter(|_| is_value)?;
    let expected = match expected {
        "a string" => "text in quotes",
        "a sequence" => "a list",
        "a map" => table,
        "i64" => "a whole number",
        "u32" => "a whole number, not below 0",
        other if other.starts_with("struct ") => table,
        other => other,
    };
    Some(format!("expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_serde_become_plain_ones() {
        let plain = |message: &str| of_form(message, "a table").unwrap_or_default();
        insta::assert_snapshot!(
            [
                "unknown field `roles`, expected one of `variables`, `image`",
                "unknown field `a, expected b`, expected `image`",
                "missing field `stages`",
                "duplicate field `name`",
                "duplicate key",
                "invalid type: string \"30, expected i64\", expected i64",
                "invalid value: integer `-1`, expected u32",
                "invalid type: map, expected a sequence",
                "invalid type: integer `3`, expected struct Stage",
                "string values must be quoted, expected literal string",
            ]
            .map(plain)
            .join("\n"),
            @"
        unknown key 'roles': expected variables, image
        unknown key 'a, expected b': expected image
        the key 'stages' is missing
        a key is there twice: remove one
        a key is there twice: remove one
        expected a whole number
        expected a whole number, not below 0
        expected a list
        expected a table
        "
        );
    }
}
