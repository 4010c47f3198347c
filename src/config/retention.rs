//! Reads how long a rule keeps the pipelines of open subjects.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::domain::rules::retention::{OnFull, Retention};

use crate::config::values::duration;
use crate::config::words::{Diagnostics, Table};

/// The range of `idle` and `max_age`. The job that looks for idle subjects runs every hour, so that
/// a short time is good for trials only.
const LIMIT: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(365 * 24);
const NOT_A_LIMIT: &str = "expected a time from \"1m\" to \"365d\", such as \"14d\"";
/// The most characters of a label (GitHub refuses a longer name).
const LABEL_LIMIT: usize = 50;

/// Reads `idle`, `max_age`, `on_full` and `keep_label`. `None` is a mistake, which is reported.
pub(super) fn read(diagnostics: &Diagnostics<'_>, table: &Table<'_, '_>) -> Option<Retention> {
    let idle = limit(diagnostics, table, "idle");
    let max_age = limit(diagnostics, table, "max_age");
    let on_full = on_full(diagnostics, table);
    let keep_label = keep_label(diagnostics, table, on_full);
    Some(Retention {
        idle: idle?,
        max_age: max_age?,
        keep_label: keep_label?,
        on_full: on_full?,
    })
}

fn limit(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    key: &'static str,
) -> Option<Option<Duration>> {
    let Some(located) = table.text(key) else {
        return (!table.has(key)).then_some(None);
    };
    let limit = duration(&located.value).filter(|limit| LIMIT.contains(limit));
    diagnostics
        .record_error(&located.place, limit.ok_or(NOT_A_LIMIT))
        .map(Some)
}

fn on_full(diagnostics: &Diagnostics<'_>, table: &Table<'_, '_>) -> Option<OnFull> {
    let Some(located) = table.text("on_full") else {
        return (!table.has("on_full")).then_some(OnFull::Wait);
    };
    let on_full = match located.value.as_str() {
        "wait" => Ok(OnFull::Wait),
        "evict-idle" => Ok(OnFull::EvictIdle),
        _ => Err("expected \"wait\" or \"evict-idle\""),
    };
    diagnostics.record_error(&located.place, on_full)
}

fn keep_label(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    on_full: Option<OnFull>,
) -> Option<Option<String>> {
    let Some(located) = table.text("keep_label") else {
        return (!table.has("keep_label")).then_some(None);
    };
    let removes = table.has("idle") || table.has("max_age") || on_full != Some(OnFull::Wait);
    let length = located.value.chars().count();
    let label = match (1..=LABEL_LIMIT).contains(&length) {
        true if removes => Ok(located.value),
        true => Err(
            "has no effect without idle, max_age or on_full = \"evict-idle\": set one of them, or remove it",
        ),
        false => Err("expected the name of a label, of 1 to 50 characters"),
    };
    diagnostics.record_error(&located.place, label).map(Some)
}
