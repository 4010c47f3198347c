//! How much and how long: numbers that bound the daemon.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::domain::outcome::disposition::MaxAttempts;

use crate::config::overrides::Overrides;
use crate::config::words::{Diagnostics, Located, Table};

/// Messages in work at once, where nothing else is said: enough to hide AWS's latency, and 32 MiB of bodies at most.
const CONCURRENCY: u32 = 32;
/// More makes no sense: CodePipeline throttles long before.
const CONCURRENCIES: RangeInclusive<i64> = 1..=1_000;
/// Seconds to finish in, where nothing else is said: with the last acknowledgements it is less than the 30 s that ECS and
/// Kubernetes give a container.
const DRAIN: u32 = 25;
/// An hour is longer than any supervisor waits.
const DRAINS: RangeInclusive<i64> = 0..=3_600;
/// SQS takes at most 1,000 as `maxReceiveCount`, which must come after our limits.
const ATTEMPTS: RangeInclusive<i64> = 1..=900;

/// Pipelines of an account and Region (CodePipeline user guide, "Quotas"): a thousand, and more on request.
const CLONES: RangeInclusive<i64> = 1..=10_000;
/// Calls to CodePipeline a second, where nothing else is said. AWS does not publish what it takes; about twenty at once
/// were seen to be throttled.
const RATE: u32 = 10;
const RATES: RangeInclusive<i64> = 1..=1_000;

/// The limits.
pub(super) struct Limits {
    pub(super) concurrency: usize,
    pub(super) drain_timeout: Duration,
    pub(super) max_attempts: MaxAttempts,
}

/// Reads them from `[queue]`.
pub(super) fn read(
    diagnostics: &Diagnostics<'_>,
    queue: &Table<'_, '_>,
    overrides: &Overrides,
) -> Option<Limits> {
    let concurrency = given(
        diagnostics,
        queue,
        "concurrency",
        "--concurrency / BRANCHLINE_CONCURRENCY",
        overrides.concurrency.as_deref(),
    );
    let drain = given(
        diagnostics,
        queue,
        "drain_timeout",
        "--drain-timeout / BRANCHLINE_DRAIN_TIMEOUT",
        overrides.drain_timeout.as_deref(),
    );
    let concurrency = within(diagnostics, concurrency, CONCURRENCIES, CONCURRENCY);
    let drain = within(diagnostics, drain, DRAINS, DRAIN);
    let max_attempts = max_attempts(diagnostics, queue.table("max_attempts"));
    Some(Limits {
        concurrency: usize::try_from(concurrency?).ok()?,
        drain_timeout: Duration::from_secs(drain?.into()),
        max_attempts: max_attempts?,
    })
}

/// How many clones a rule may hold: `None` inside is any number.
pub(super) fn max_active(
    diagnostics: &Diagnostics<'_>,
    rule: &Table<'_, '_>,
) -> Option<Option<u32>> {
    match Given::of(rule, "max_active") {
        Given::Not => Some(None),
        given @ (Given::Wrong | Given::As(_)) => within(diagnostics, given, CLONES, 0).map(Some),
    }
}

/// Calls to CodePipeline, from `[aws]`.
pub(super) fn codepipeline_rate(
    diagnostics: &Diagnostics<'_>,
    aws: &Table<'_, '_>,
) -> Option<NonZeroU32> {
    let given = Given::of(aws, "codepipeline_rate");
    within(diagnostics, given, RATES, RATE).and_then(NonZeroU32::new)
}

fn max_attempts(diagnostics: &Diagnostics<'_>, table: Table<'_, '_>) -> Option<MaxAttempts> {
    let default = MaxAttempts::default();
    let of = |key, default| within(diagnostics, Given::of(&table, key), ATTEMPTS, default);
    let (transient, throttled, quota, unknown) = (
        of("transient", default.transient),
        of("throttled", default.throttled),
        of("quota", default.quota),
        of("unknown", default.unknown),
    );
    table.finish();
    Some(MaxAttempts {
        transient: transient?,
        throttled: throttled?,
        quota: quota?,
        unknown: unknown?,
    })
}

/// A number that may stand there.
enum Given {
    Not,
    /// It stands there and is no number, which was noted.
    Wrong,
    As(Located<i64>),
}

impl Given {
    fn of(table: &Table<'_, '_>, key: &'static str) -> Self {
        match table.number(key) {
            Some(word) => Self::As(word),
            None if table.has(key) => Self::Wrong,
            None => Self::Not,
        }
    }
}

/// A number of `[queue]`, over which a flag or a variable wins.
fn given(
    diagnostics: &Diagnostics<'_>,
    queue: &Table<'_, '_>,
    key: &'static str,
    place: &str,
    text: Option<&str>,
) -> Given {
    let word = Given::of(queue, key);
    let Some(text) = text else { return word };
    let value = text.parse().map_err(|_| "want a whole number");
    diagnostics
        .record_error(place, value)
        .map_or(Given::Wrong, |value| {
            Given::As(Located {
                value,
                place: place.to_owned(),
            })
        })
}

/// Its value, or the default's; `None` where it is wrong.
fn within(
    diagnostics: &Diagnostics<'_>,
    given: Given,
    range: RangeInclusive<i64>,
    default: u32,
) -> Option<u32> {
    let word = match given {
        Given::Not => return Some(default),
        Given::Wrong => return None,
        Given::As(word) => word,
    };
    let value = Some(word.value).filter(|value| range.contains(value));
    let value = value.and_then(|value| u32::try_from(value).ok());
    let want = || format!("want {} to {}", range.start(), range.end());
    diagnostics.record_error(&word.place, value.ok_or_else(want))
}
