//! Reads format strings, paths of actions, and lists of values.

use std::collections::BTreeSet;

use crate::domain::clone::declaration::ActionPath;
use crate::domain::rules::placeholder::FormatString;
use crate::domain::rules::rule::On;

use crate::config::problem::Place;
use crate::config::words::{Diagnostics, Located};

/// Parses the format string of a name, which `check_name` accepts.
pub(super) fn pattern(
    diagnostics: &Diagnostics<'_>,
    name: String,
    located: Located<String>,
    on: Option<On>,
    check_name: fn(&str) -> Result<(), &'static str>,
) -> Option<(String, FormatString)> {
    diagnostics.record_error(&located.place, check_name(&name))?;
    let pattern = diagnostics.record_error(&located.place, FormatString::parse(&located.value))?;
    if let Some(on) = on {
        let mut placeholders = pattern.placeholders();
        if let Some(wrong) = placeholders.find(|found| !on.has(*found)) {
            let what = format!("a {} has no {{{}}}", on.in_words(), wrong.as_str());
            diagnostics.note(located.place, what);
            return None;
        }
    }
    Some((name, pattern))
}

/// Collects the values after all of them were read, so that every mistake is reported.
pub(super) fn every<T>(read: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    let read: Vec<_> = read.collect();
    read.into_iter().collect()
}

/// Parses the path of an action: `Stage/Action`.
pub(super) fn action(
    diagnostics: &Diagnostics<'_>,
    place: &Place,
    text: &str,
) -> Option<ActionPath> {
    let path = ActionPath::parse(text);
    let what = || format!("'{text}' is not an action: expected \"Stage/Action\"");
    diagnostics.record_error(place, path.ok_or_else(what))
}

/// Reads a list of words, of which there is at least one. `as_str` is the word of a value.
pub(super) fn words<T: Copy + Ord>(
    diagnostics: &Diagnostics<'_>,
    located: &Located<Vec<String>>,
    all: &[T],
    as_str: fn(T) -> &'static str,
) -> Option<BTreeSet<T>> {
    let parse = |word: &String| all.iter().copied().find(|one| as_str(*one) == word);
    let found: Option<BTreeSet<T>> = located.value.iter().map(parse).collect();
    let found = found.filter(|found| !found.is_empty());
    let expected = || {
        let all: Vec<String> = all
            .iter()
            .map(|one| format!("\"{}\"", as_str(*one)))
            .collect();
        format!("expected a list of {}", all.join(", "))
    };
    diagnostics.record_error(&located.place, found.ok_or_else(expected))
}
