//! A configuration without its secrets, for commands that need none.

use std::io;

use crate::config::environment::Environment;

/// A process that explains needs no secret, and shows none: each is read as `(hidden)`.
pub struct RedactedEnvironment<'a, S> {
    /// Where everything else comes from.
    pub process: &'a S,
    /// `--config` as it was given: that one is read.
    pub config: Option<&'a str>,
}

/// What stands for a secret.
const HIDDEN: &str = "(hidden)";

impl<S: Environment> Environment for RedactedEnvironment<'_, S> {
    fn variable(&self, name: &str) -> Result<Option<String>, String> {
        let of_config = self.config.and_then(|config| config.strip_prefix("env:"));
        if of_config == Some(name) {
            self.process.variable(name)
        } else {
            Ok(Some(HIDDEN.to_owned()))
        }
    }

    fn file(&self, path: &str) -> io::Result<Vec<u8>> {
        if path
            == self
                .config
                .unwrap_or(crate::config::environment::DEFAULT_FILE)
        {
            self.process.file(path)
        } else {
            Ok(HIDDEN.as_bytes().to_vec())
        }
    }
}
