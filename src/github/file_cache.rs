//! The files that were read. What a commit has under a path never changes.

use crate::domain::clone::file::FileContent;
use crate::domain::ids::{CommitId, RepositoryId};

use crate::github::bounded::Bounded;

/// The most files that are kept, each of at most 64 KiB: 16 MiB.
const FILES: usize = 256;

/// A repository, a commit and a path.
pub(super) type FileKey = (RepositoryId, CommitId, String);

/// The files, by commit and path.
pub(super) struct FileCache(Bounded<FileKey, FileContent>);

impl FileCache {
    pub(super) fn new() -> Self {
        Self(Bounded::new(FILES))
    }

    pub(super) fn get(&self, key: &FileKey) -> Option<FileContent> {
        self.0.get(key)
    }

    pub(super) fn keep(&self, key: FileKey, content: FileContent) {
        self.0.set(key, content);
    }
}
