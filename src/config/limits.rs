//! The limits: numbers with a range and a default.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::domain::outcome::disposition::MaxAttempts;
use crate::domain::state::slots::PipelineQuota;

use crate::config::overrides::Overrides;
use crate::config::words::{Diagnostics, Located, Table};

/// The default number of messages processed at the same time: enough to hide the latency of AWS,
/// and at most 32 MiB of bodies.
const DEFAULT_CONCURRENCY: u32 = 32;
/// The range of the concurrency. CodePipeline throttles long before its end.
const CONCURRENCY: RangeInclusive<i64> = 1..=1_000;
/// The default drain timeout, in seconds. With the last acknowledgements it is less than the 30 s
/// that ECS and Kubernetes give a container.
const DEFAULT_DRAIN_TIMEOUT: u32 = 25;
/// The range of the drain timeout. An hour is longer than any supervisor waits.
const DRAIN_TIMEOUT: RangeInclusive<i64> = 0..=3_600;
/// The range of the attempts. SQS accepts at most 1,000 as `maxReceiveCount`, which must be more
/// than our limits.
const ATTEMPTS: RangeInclusive<i64> = 1..=900;

/// The range of `max_active`. An account and Region have 1,000 pipelines, and more on request
/// (CodePipeline user guide, "Quotas").
const MAX_ACTIVE: RangeInclusive<i64> = 1..=10_000;
/// The default rate of calls to CodePipeline, per second. AWS does not publish its limit; about 20
/// simultaneous calls were throttled in practice.
const DEFAULT_RATE: u32 = 10;
/// The range of that rate.
const RATE: RangeInclusive<i64> = 1..=1_000;

/// The default quota of pipelines: 1,000 in an account and Region, and more on request
/// (CodePipeline user guide, "Quotas").
const DEFAULT_PIPELINE_LIMIT: u32 = 1_000;
/// The range of that quota.
const PIPELINE_LIMIT: RangeInclusive<i64> = 1..=1_000_000;
/// The default reserve: what people and other tools create within the five minutes between two
/// counts.
const DEFAULT_PIPELINE_RESERVE: u32 = 10;
/// The range of the reserve.
const PIPELINE_RESERVE: RangeInclusive<i64> = 0..=1_000_000;

/// The limits of `[queue]`.
pub(super) struct Limits {
    pub(super) concurrency: usize,
    pub(super) drain_timeout: Duration,
    pub(super) max_attempts: MaxAttempts,
}

/// Reads the limits of `[queue]`.
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
    let concurrency = within(diagnostics, concurrency, CONCURRENCY, DEFAULT_CONCURRENCY);
    let drain = within(diagnostics, drain, DRAIN_TIMEOUT, DEFAULT_DRAIN_TIMEOUT);
    let max_attempts = max_attempts(diagnostics, queue.table("max_attempts"));
    Some(Limits {
        concurrency: usize::try_from(concurrency?).ok()?,
        drain_timeout: Duration::from_secs(drain?.into()),
        max_attempts: max_attempts?,
    })
}

/// Reads how many clones a rule may have. `Some(None)` is any number.
pub(super) fn max_active(
    diagnostics: &Diagnostics<'_>,
    rule: &Table<'_, '_>,
) -> Option<Option<u32>> {
    match Given::read(rule, "max_active") {
        Given::Missing => Some(None),
        given @ (Given::Wrong | Given::Number(_)) => {
            within(diagnostics, given, MAX_ACTIVE, 0).map(Some)
        }
    }
}

/// Reads the rate of calls to CodePipeline from `[aws]`.
pub(super) fn codepipeline_rate(
    diagnostics: &Diagnostics<'_>,
    aws: &Table<'_, '_>,
) -> Option<NonZeroU32> {
    let given = Given::read(aws, "codepipeline_rate");
    within(diagnostics, given, RATE, DEFAULT_RATE).and_then(NonZeroU32::new)
}

/// Reads the account's quota of pipelines from `[aws]`.
pub(super) fn pipeline_quota(
    diagnostics: &Diagnostics<'_>,
    aws: &Table<'_, '_>,
) -> Option<PipelineQuota> {
    let read = |key, range, default| within(diagnostics, Given::read(aws, key), range, default);
    let limit = read("pipeline_limit", PIPELINE_LIMIT, DEFAULT_PIPELINE_LIMIT);
    let reserve = read(
        "pipeline_reserve",
        PIPELINE_RESERVE,
        DEFAULT_PIPELINE_RESERVE,
    );
    let quota = PipelineQuota {
        limit: limit?,
        reserve: reserve?,
    };
    if quota.usable() == 0 {
        let what = format!(
            "leaves none of the {} pipelines of pipeline_limit to branchline, which would create none: lower it, or correct pipeline_limit",
            quota.limit
        );
        diagnostics.note(aws.place().key("pipeline_reserve"), what);
        return None;
    }
    Some(quota)
}

fn max_attempts(diagnostics: &Diagnostics<'_>, table: Table<'_, '_>) -> Option<MaxAttempts> {
    let default = MaxAttempts::default();
    let attempts = |key, default| within(diagnostics, Given::read(&table, key), ATTEMPTS, default);
    let (transient, throttled, quota, unknown) = (
        attempts("transient", default.transient),
        attempts("throttled", default.throttled),
        attempts("quota", default.quota),
        attempts("unknown", default.unknown),
    );
    table.finish();
    Some(MaxAttempts {
        transient: transient?,
        throttled: throttled?,
        quota: quota?,
        unknown: unknown?,
    })
}

/// A number of the file, or of a flag that wins over it.
enum Given {
    Missing,
    /// It is not a number, which was reported.
    Wrong,
    Number(Located<i64>),
}

impl Given {
    fn read(table: &Table<'_, '_>, key: &'static str) -> Self {
        match table.number(key) {
            Some(number) => Self::Number(number),
            None if table.has(key) => Self::Wrong,
            None => Self::Missing,
        }
    }
}

/// Reads a number of `[queue]`. A flag or a variable wins over it.
fn given(
    diagnostics: &Diagnostics<'_>,
    queue: &Table<'_, '_>,
    key: &'static str,
    place: &str,
    text: Option<&str>,
) -> Given {
    let in_file = Given::read(queue, key);
    let Some(text) = text else { return in_file };
    let value = text.parse().map_err(|_| "expected a whole number");
    diagnostics
        .record_error(place, value)
        .map_or(Given::Wrong, |value| {
            Given::Number(Located {
                value,
                place: place.into(),
            })
        })
}

/// Returns the number, or the default. `None` if it is wrong.
fn within(
    diagnostics: &Diagnostics<'_>,
    given: Given,
    range: RangeInclusive<i64>,
    default: u32,
) -> Option<u32> {
    let number = match given {
        Given::Missing => return Some(default),
        Given::Wrong => return None,
        Given::Number(number) => number,
    };
    let value = Some(number.value).filter(|value| range.contains(value));
    let value = value.and_then(|value| u32::try_from(value).ok());
    let expected = || format!("expected {} to {}", range.start(), range.end());
    diagnostics.record_error(&number.place, value.ok_or_else(expected))
}
