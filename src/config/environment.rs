//! The environment of a configuration: variables and files.

use std::path::Path;

/// The file that is read if no other is given.
pub(super) const DEFAULT_FILE: &str = "branchline.toml";

/// Reads variables and files for a configuration.
pub trait Environment {
    /// Returns an environment variable; `None` if it is not set.
    ///
    /// # Errors
    /// One sentence, if its name is not valid or its value is not UTF-8.
    fn variable(&self, name: &str) -> Result<Option<String>, String>;

    /// Returns the content of a file.
    ///
    /// # Errors
    /// The errors of the file system.
    fn file(&self, path: &str) -> std::io::Result<Vec<u8>>;

    /// Returns true if a text stands in for every secret.
    fn hides_secrets(&self) -> bool {
        false
    }
}

/// The variables and files of this process.
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Result<Option<String>, String> {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!("'{name}' is not a valid variable name"));
        }
        let value = std::env::var_os(name)
            .map(std::ffi::OsString::into_string)
            .transpose();
        value.map_err(|_| format!("the variable {name} is not UTF-8"))
    }

    fn file(&self, path: &str) -> std::io::Result<Vec<u8>> {
        std::fs::read(Path::new(path))
    }
}
