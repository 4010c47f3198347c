//! Letters in a file: JSON lines, one letter each.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;

use crate::inspect::dlq::replay::ExportedMessage;

/// Bodies are nobody else's business.
const MODE: u32 = 0o600;

/// A file that letters are written into. Where none was, it is not left behind.
pub(super) struct Export {
    file: File,
    name: String,
    written: usize,
}

impl Export {
    /// Never over a file that is there.
    pub(super) fn create(name: &str) -> Result<Self, String> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(MODE)
            .open(name)
            .map_err(|why| format!("{name} cannot be written: {why}"))?;
        Ok(Self {
            file,
            name: name.to_owned(),
            written: 0,
        })
    }

    /// On the disk before the letter goes.
    pub(super) fn write(&mut self, letter: &ExportedMessage) -> Result<(), String> {
        let told = |why: io::Error| format!("{} cannot be written: {why}", self.name);
        let mut line = serde_json::to_string(letter).map_err(|why| told(why.into()))?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(told)?;
        self.file.sync_data().map_err(told)?;
        self.written += 1;
        Ok(())
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        if self.written == 0 {
            // It is empty; where it cannot be removed, that is all that it is.
            let _ = std::fs::remove_file(&self.name);
        }
    }
}

/// The letters of a file, one by one.
pub(super) fn letters(
    file: &str,
) -> Result<impl Iterator<Item = Result<ExportedMessage, String>>, String> {
    let unreadable = move |why: io::Error| format!("--from: {file} cannot be read: {why}");
    let lines = BufReader::new(File::open(file).map_err(unreadable)?).lines();
    Ok((1_usize..).zip(lines).map(move |(number, line)| {
        serde_json::from_str(&line.map_err(unreadable)?).map_err(|why| {
            format!("--from: {file}:{number}: no letter that branchline wrote: {why}")
        })
    }))
}
