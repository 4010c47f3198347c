//! Which messages a command means.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::cli::dlq::Filters;
use crate::cli::terminal::{glob, time_argument};
use crate::commands::system_clock::SystemClock;
use crate::inspect::dlq::select::DeadLetterFilter;
use crate::ports::Clock;

/// What the filters mean.
pub(super) fn selection(filters: &Filters, ids: &[String]) -> Result<DeadLetterFilter, String> {
    let now = SystemClock.now();
    let set = |words: &[String]| words.iter().cloned().collect::<BTreeSet<_>>();
    let mut all = set(&filters.id);
    all.extend(ids.iter().cloned());
    let selection = DeadLetterFilter {
        ids: all,
        reasons: set(&filters.reason),
        rooms: set(&filters.room),
        events: set(&filters.event),
        repository: glob("repository", filters.repository.as_deref())?,
        since: time_argument("since", filters.since.as_deref(), now)?,
        until: time_argument("until", filters.until.as_deref(), now)?,
    };
    selection.check()?;
    Ok(selection)
}

/// Names the ids that were asked for and are not there. Whether there are such.
pub(super) fn missing<'a>(
    selection: &DeadLetterFilter,
    found: impl IntoIterator<Item = &'a str>,
) -> io::Result<bool> {
    let missing = selection.missing(found);
    for id in &missing {
        let id = crate::domain::text::one_line(id, 100);
        writeln!(io::stderr(), "no message {id} is among them")?;
    }
    Ok(!missing.is_empty())
}
