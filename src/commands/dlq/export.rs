//! Export files: JSON lines, one message per line.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;

use crate::inspect::dlq::exported_message::ExportedMessage;

/// The mode of an export file: only its owner may read the bodies.
const MODE: u32 = 0o600;

/// A file that messages are written to. An empty file is removed again.
pub(super) struct Export {
    file: File,
    name: String,
    written: usize,
}

impl Export {
    /// Creates the file; an existing file is never overwritten.
    pub(super) fn create(name: &str) -> Result<Self, String> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(MODE)
            .open(name)
            .map_err(|why| format!("cannot create {name}: {why}"))?;
        Ok(Self {
            file,
            name: name.to_owned(),
            written: 0,
        })
    }

    /// Writes a message, and returns once it is on disk.
    pub(super) fn write(&mut self, message: &ExportedMessage) -> Result<(), String> {
        let error = |why: io::Error| format!("cannot write to {}: {why}", self.name);
        let mut line = serde_json::to_string(message).map_err(|why| error(why.into()))?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(error)?;
        self.file.sync_data().map_err(error)?;
        self.written += 1;
        Ok(())
    }

    /// Returns the name of the file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        if self.written == 0 {
            // If it cannot be removed, an empty file is left.
            let _ = std::fs::remove_file(&self.name);
        }
    }
}

/// Reads the messages of a file, one by one.
pub(super) fn messages(
    file: &str,
) -> Result<impl Iterator<Item = Result<ExportedMessage, String>>, String> {
    let unreadable = move |why: io::Error| format!("--from: cannot read {file}: {why}");
    let lines = BufReader::new(File::open(file).map_err(unreadable)?).lines();
    Ok((1_usize..).zip(lines).map(move |(number, line)| {
        serde_json::from_str(&line.map_err(unreadable)?)
            .map_err(|why| format!("--from: {file}:{number}: not a branchline export: {why}"))
    }))
}
