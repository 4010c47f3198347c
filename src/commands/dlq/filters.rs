//! The filters of the subcommands.

use std::collections::BTreeSet;
use std::io;

use crate::cli::dlq::Filters;
use crate::cli::terminal::{glob, note, time_argument};
use crate::commands::system_clock::SystemClock;
use crate::domain::ids::{RepositoryName, SubjectKind};
use crate::domain::text::one_line;
use crate::inspect::dlq::filter::DeadLetterFilter;
use crate::inspect::mappings::lookup::{self, Named};
use crate::ports::Clock;

/// Parses the filters and the ids.
pub(super) fn filter(filters: &Filters, ids: &[String]) -> Result<DeadLetterFilter, String> {
    let now = SystemClock.now();
    let set = |values: &[String]| values.iter().cloned().collect::<BTreeSet<_>>();
    let mut all = set(&filters.id);
    all.extend(ids.iter().cloned());
    Ok(DeadLetterFilter {
        ids: all,
        deliveries: set(&filters.delivery),
        subjects: subjects(&filters.subject)?,
        reasons: set(&filters.reason),
        steps: set(&filters.step),
        events: set(&filters.event),
        repository: glob("repository", filters.repository.as_deref())?,
        since: time_argument("since", filters.since.as_deref(), now)?,
        until: time_argument("until", filters.until.as_deref(), now)?,
    })
}

/// Parses subjects. Messages know their repository by its name, so a key of the table is none.
fn subjects(texts: &[String]) -> Result<Vec<(RepositoryName, SubjectKind)>, String> {
    let subject = |text: &String| match lookup::parse(text) {
        Ok(Named::Subject(name, kind)) => Ok((name, kind)),
        Ok(Named::Key(_) | Named::Pipeline(_)) => Err(format!(
            "--subject: '{text}' is not a subject: expected acme/api#7 or acme/api@feature/x"
        )),
        Err(why) => Err(format!("--subject: {why}")),
    };
    texts.iter().map(subject).collect()
}

/// Reports the ids that were given and not found. Returns true if there are any.
pub(super) fn missing<'a>(
    filter: &DeadLetterFilter,
    found: impl IntoIterator<Item = &'a str>,
) -> io::Result<bool> {
    let missing = filter.missing(found);
    for id in &missing {
        let id = one_line(id, 100);
        note(&format!(
            "message {id} was not found: see `branchline dlq list`"
        ))?;
    }
    Ok(!missing.is_empty())
}
