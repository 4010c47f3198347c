//! What identifies a GitHub App when it signs in.

use std::fmt;

/// The most characters of an id.
const LENGTH: usize = 100;

/// The App's client id (`Iv23li...`) or its App id, a number. GitHub accepts either as the issuer
/// of a JWT; GitHub Enterprise Server before 3.14 accepts the App id only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppId(String);

impl AppId {
    /// Parses a client id or an App id.
    ///
    /// # Errors
    /// One phrase that says what is expected.
    pub fn parse(text: impl Into<String>) -> Result<Self, &'static str> {
        let text = text.into();
        let is_client_id = text.strip_prefix("Iv").is_some_and(|rest| {
            !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
        });
        let is_known = is_client_id || number(&text).is_some();
        match is_known && text.len() <= LENGTH {
            true => Ok(Self(text)),
            false => Err(
                "expected the App's client id, which begins with Iv, or its App id, which is a number",
            ),
        }
    }

    /// Returns the text, unchanged.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the App id; `None` for a client id.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        number(&self.0)
    }
}

/// Returns the number that a text of digits stands for; `None` for 0, which no App has.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number > 0)
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ids_and_app_ids_are_accepted_and_names_are_not() {
        for (text, number) in [
            ("Iv1.8a61f9b3a7aba766", None),
            ("Iv23liXyZ0123456789a", None),
            ("123456", Some(123_456)),
        ] {
            assert_eq!(AppId::parse(text).unwrap().number(), number, "{text}");
        }
        for text in ["", "0", "+1", "-1", "Iv", "my-app", "Iv1 x", "1e3"] {
            assert!(AppId::parse(text).is_err(), "{text}");
        }
    }
}
