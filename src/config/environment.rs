//! What a configuration may read outside of itself: environment variables and files.

use std::path::Path;

/// The file that is read where no other is named.
pub(super) const DEFAULT_FILE: &str = "branchline.toml";

/// What a configuration may look at outside of itself.
pub trait Environment {
    /// An environment variable; `None` when it is not set.
    ///
    /// # Errors
    /// One sentence, when it is not UTF-8.
    fn variable(&self, name: &str) -> Result<Option<String>, String>;

    /// A file's content.
    ///
    /// # Errors
    /// Those of the file system.
    fn file(&self, path: &str) -> std::io::Result<Vec<u8>>;
}

/// This process's own environment and files.
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Result<Option<String>, String> {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!("'{name}' is no name of a variable"));
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
