//! Reads format strings, and lists of values.

use crate::domain::rules::placeholder::FormatString;
use crate::domain::rules::rule::On;

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
