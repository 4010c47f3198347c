//! Turns any text into a slug: a legal part of a pipeline's name. Two texts never share a slug.

use crate::domain::ids::{is_pipeline_character, short_hash};

/// The length of the hash at the end of a slug, in characters. A slug of this width is the hash
/// alone.
pub(super) const HASH_WIDTH: usize = 8;

/// Returns the text itself if it fits; otherwise its legal characters and a hash of the whole text.
///
/// Two texts never share a slug, unless their hashes collide: a text that fits but looks as if it
/// ended in a hash is hashed as well, so a hashed slug is never equal to another text.
pub(super) fn slug(text: &str, width: usize) -> String {
    slug_of(text, width, is_pipeline_character)
}

/// Returns the slug of a text for a place with other legal characters.
pub(in crate::domain) fn slug_of(text: &str, width: usize, legal: fn(char) -> bool) -> String {
    let fits = text.len() <= width && text.chars().all(legal) && !ends_in_hash(text);
    if fits {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        if legal(c) {
            cut.push(c);
        } else if !cut.ends_with('-') {
            cut.push('-');
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
