//! The path and the commit of a file in a repository, which each of its mistakes names.

use std::fmt;

use crate::domain::clone::file::{FILE_LIMIT, FileContent};
use crate::domain::fault::{Class, Fault, Reason};
use crate::domain::ids::CommitId;
use crate::domain::rules::repository_file::FileFrom;

/// The characters of a commit that people read.
const SHORT_COMMIT: usize = 7;
/// The most mistakes that are named.
const MISTAKES: usize = 3;

/// The path and the commit of a file, in words: `.branchline.toml at 1a2b3c4`, or `.branchline.toml
/// of the base at 1a2b3c4` for a file that the pull request does not change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin(String);

impl Origin {
    /// Creates the origin of a file. A file that a person gave has no commit.
    pub(crate) fn new(path: &str, commit: Option<&CommitId>, from: FileFrom) -> Self {
        let short = commit.and_then(|commit| commit.as_str().get(..SHORT_COMMIT));
        Self(match (short, from) {
            (Some(short), FileFrom::Base) => format!("{path} of the base at {short}"),
            (Some(short), FileFrom::Head) => format!("{path} at {short}"),
            (None, FileFrom::Base | FileFrom::Head) => path.to_owned(),
        })
    }

    /// Returns the fault of the file.
    pub(crate) fn invalid(&self, detail: &str) -> Fault {
        Fault::new(Reason::RepositoryFileInvalid, format!("{self}: {detail}"))
    }

    /// Returns the fault with the first of these mistakes; nothing if there are none.
    pub(crate) fn refuse(&self, mistakes: Vec<String>) -> Result<(), Fault> {
        let first: Vec<String> = mistakes.into_iter().take(MISTAKES).collect();
        match first.is_empty() {
            true => Ok(()),
            false => Err(self.invalid(&first.join("; "))),
        }
    }

    /// Returns the fault of a clone that is refused only because of the file.
    pub(crate) fn blamed(&self, fault: Fault) -> Fault {
        if fault.reason.class() != Class::Permanent {
            return fault;
        }
        self.invalid(&format!("with this file, {}", fault.detail))
    }

    /// Returns the text of the file; `None` if the commit has no such file.
    pub(crate) fn text<'a>(&self, content: &'a FileContent) -> Result<Option<&'a str>, Fault> {
        let bytes = match content {
            FileContent::Missing => return Ok(None),
            FileContent::Bytes(bytes) => bytes,
            FileContent::TooLong => {
                let detail = format!("it has more than {FILE_LIMIT} bytes: shorten it");
                return Err(self.invalid(&detail));
            }
            FileContent::NotAFile => {
                let detail = "it is not a file: replace it with one, or remove it";
                return Err(self.invalid(detail));
            }
        };
        let text = std::str::from_utf8(bytes);
        text.map(Some)
            .map_err(|_| self.invalid("it is not UTF-8 text"))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
