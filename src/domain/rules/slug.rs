//! Slugs: any text made fit for a pipeline's name, and never one slug for two texts.

use crate::domain::ids::{is_pipeline_character, short_hash};

/// The length of the hash that ends a cut text. A narrower slug is the hash alone.
pub(super) const HASH_WIDTH: usize = 8;

/// The text itself where it fits; else what is legal of it and a hash of all of it.
///
/// Two texts never share a slug (but for a collision of the hash): a text that fits and looks as if it ended in a
/// hash is hashed as well, so a hashed slug is never somebody's plain name.
pub(super) fn slug(text: &str, width: usize) -> String {
    let fits =
        text.len() <= width && text.chars().all(is_pipeline_character) && !ends_in_hash(text);
    if fits {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        match is_pipeline_character(c) {
            true => cut.push(c),
            false if cut.ends_with('-') => {}
            false => cut.push('-'),
        }
    }
    cut.truncate(width.saturating_sub(HASH_WIDTH + 1));
    let readable = cut.trim_matches('-');
    let hash = short_hash(text);
    if readable.is_empty() {
        hash
    } else {
        format!("{readable}-{hash}")
    }
}

fn ends_in_hash(text: &str) -> bool {
    let tail = text.rsplit('-').next().unwrap_or_default();
    tail.len() == HASH_WIDTH && tail.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
