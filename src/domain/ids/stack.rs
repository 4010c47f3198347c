//! The id of a stack.

use std::fmt;

use crate::domain::ids::ParseError;

/// CloudFormation's id of a stack: `arn:PARTITION:cloudformation:REGION:ACCOUNT:stack/NAME/ID`. A
/// stack that is deleted is found by it alone, and another one of the same name has another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackId(String);

impl StackId {
    /// Parses the text.
    ///
    /// # Errors
    /// [`ParseError`] when the text has another form.
    pub fn parse(text: impl Into<String>) -> Result<Self, ParseError> {
        let text = text.into();
        let parts: Vec<&str> = text.split(':').collect();
        let is_stack = match parts.as_slice() {
            ["arn", _, "cloudformation", region, _, stack] => {
                let mut named = stack.split('/');
                let is_named = named.next() == Some("stack") && named.all(|part| !part.is_empty());
                is_named && stack.split('/').count() == 3 && !region.is_empty()
            }
            [..] => false,
        };
        match is_stack {
            true => Ok(Self(text)),
            false => Err(ParseError {
                kind: "stack id",
                why: "expected arn:PARTITION:cloudformation:REGION:ACCOUNT:stack/NAME/ID",
            }),
        }
    }

    /// Returns the text, unchanged.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the stack.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or_default()
    }

    /// Returns the Region of the stack.
    #[must_use]
    pub fn region(&self) -> &str {
        self.0.split(':').nth(3).unwrap_or_default()
    }
}

impl fmt::Display for StackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
