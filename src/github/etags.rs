//! The answers of reads that may be repeated, with the versions that GitHub gave them. An answer
//! "304 Not Modified" does not count for the rate limit (GitHub Docs, "Best practices").

use std::sync::Arc;

use crate::github::bounded::Bounded;

/// The most answers that are kept.
const ANSWERS: usize = 1_000;
/// The longest answer that is kept, in bytes.
const LONGEST: usize = 16 * 1024;

/// An answer and its version.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) etag: String,
    pub(super) content: Arc<[u8]>,
}

/// The answers, by path.
pub(super) struct Etags(Bounded<String, Known>);

impl Etags {
    pub(super) fn new() -> Self {
        Self(Bounded::new(ANSWERS))
    }

    pub(super) fn get(&self, path: &str) -> Option<Known> {
        self.0.get(&path.to_owned())
    }

    /// Keeps an answer, unless it is long.
    pub(super) fn keep(&self, path: &str, etag: &str, content: &[u8]) {
        if content.len() <= LONGEST {
            let known = Known {
                etag: etag.to_owned(),
                content: content.into(),
            };
            self.0.set(path.to_owned(), known);
        }
    }
}
