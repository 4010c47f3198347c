//! An environment without secrets, for commands that need none.

use std::io;

use crate::config::environment::{Environment, ProcessEnvironment};
use crate::config::overrides::Overrides;

/// Reads every secret as `(hidden)`, so that a command cannot print one and does not need one.
pub struct RedactedEnvironment<'a, S> {
    /// The environment that has the configuration itself.
    pub process: &'a S,
    /// The value of `--config`: that variable or file is read.
    pub config: Option<&'a str>,
}

impl<'a> RedactedEnvironment<'a, ProcessEnvironment> {
    /// Hides the secrets of the process's own environment. The configuration is read as the
    /// overrides say.
    #[must_use]
    pub fn of_process(overrides: &'a Overrides) -> Self {
        Self {
            process: &ProcessEnvironment,
            config: overrides.config.as_deref(),
        }
    }
}

/// The text in place of a secret.
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

    fn hides_secrets(&self) -> bool {
        true
    }
}
