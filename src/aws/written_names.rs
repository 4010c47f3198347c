//! The names of repositories that this process wrote: a name is written once, not with each row.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::ids::{RepositoryId, RepositoryName};

/// How many repositories' names a process keeps. Beyond that number some are written again.
const KEPT_NAMES: usize = 10_000;

/// The names that this process wrote last, by repository.
#[derive(Default)]
pub(super) struct WrittenNames(Mutex<HashMap<RepositoryId, RepositoryName>>);

impl WrittenNames {
    /// Returns true if this name was written last.
    pub(super) fn has(&self, repository: RepositoryId, name: &RepositoryName) -> bool {
        self.lock().get(&repository) == Some(name)
    }

    /// Remembers that this name was written.
    pub(super) fn add(&self, repository: RepositoryId, name: &RepositoryName) {
        let mut names = self.lock();
        if names.len() >= KEPT_NAMES {
            names.clear();
        }
        names.insert(repository, name.clone());
    }

    /// After a panic elsewhere the map is still valid; it only saves writes.
    fn lock(&self) -> MutexGuard<'_, HashMap<RepositoryId, RepositoryName>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
