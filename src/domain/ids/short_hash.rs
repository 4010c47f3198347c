//! A short hash of a text that cannot be used as it is, in a name that people read.

use sha2::{Digest, Sha256};

/// The length of a short hash, in characters.
pub(crate) const HASH_WIDTH: usize = 8;

/// Returns eight hexadecimal digits of a hash.
pub(crate) fn short_hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    hex::encode(digest.get(..HASH_WIDTH / 2).unwrap_or_default())
}

/// Returns true if what follows the last `-` may be a short hash.
pub(crate) fn ends_in_hash(text: &str) -> bool {
    let tail = text.rsplit('-').next().unwrap_or_default();
    tail.len() == HASH_WIDTH && tail.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
