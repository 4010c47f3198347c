//! GitHub's rate limits, read from its answers (GitHub Docs, "Rate limits for the REST API").

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::domain::ids::Timestamp;

use crate::github::date::http_date;

/// The wait after a secondary limit that names no time. It doubles with each further one.
const WAIT: Duration = Duration::from_mins(1);
/// The longest wait. The primary limit is renewed every hour.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// Returns how long no further call may be made; `None` if no limit is reached. `strikes` counts
/// the limits that were reached since the last success.
pub(super) fn wait(
    status: u16,
    headers: &HeaderMap,
    message: &str,
    now: Timestamp,
    strikes: u32,
) -> Option<Duration> {
    let is_refusal = matches!(status, 403 | 429);
    let is_exhausted = number(headers, "x-ratelimit-remaining") == Some(0);
    let wait = match number(headers, RETRY_AFTER.as_str()) {
        Some(seconds) if is_refusal => Duration::from_secs(seconds),
        Some(_) | None if is_exhausted && (is_refusal || status < 400) => {
            until_reset(headers, now)?
        }
        Some(_) | None if status == 429 || (is_refusal && names_a_limit(message)) => {
            WAIT.saturating_mul(1_u32.checked_shl(strikes).unwrap_or(u32::MAX))
        }
        Some(_) | None => return None,
    };
    Some(wait.clamp(Duration::from_secs(1), LONGEST_WAIT))
}

/// Returns the time until the primary limit is renewed, by GitHub's own clock if the answer has
/// its time.
fn until_reset(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let reset = i64::try_from(number(headers, "x-ratelimit-reset")?).ok()?;
    let now = http_date(headers).unwrap_or(now);
    Some(Timestamp::from_seconds(reset)?.since(now))
}

/// Returns until when less than a fifth of the primary limit is left; `None` if more is left.
pub(super) fn reserved_until(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let limit = number(headers, "x-ratelimit-limit")?;
    let remaining = number(headers, "x-ratelimit-remaining")?;
    let is_scarce = remaining.saturating_mul(5) < limit;
    is_scarce.then(|| until_reset(headers, now).map(|wait| now.plus(wait)))?
}

fn names_a_limit(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["rate limit", "abuse detection"]
        .iter()
        .any(|words| message.contains(words))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        pairs.collect()
    }

    const NOW: Timestamp = Timestamp(1_767_225_600_000);
    const DATE: (&str, &str) = ("date", "Thu, 01 Jan 2026 00:10:00 GMT");

    #[test]
    fn each_limit_has_its_wait() {
        let secondary = "You have exceeded a secondary rate limit. Please wait";
        let remaining = ("x-ratelimit-remaining", "0");
        let reset = ("x-ratelimit-reset", "1767227400");
        let wait = |status, pairs: &[_], message, strikes| {
            let wait = wait(status, &headers(pairs), message, NOW, strikes);
            wait.map(|wait| wait.as_secs())
        };
        let exhausted = [remaining, reset];
        assert_eq!(wait(201, &exhausted, "", 0), Some(1_800));
        assert_eq!(wait(201, &[remaining, reset, DATE], "", 0), Some(1_200));
        assert_eq!(
            wait(403, &exhausted, "API rate limit exceeded", 0),
            Some(1_800)
        );
        assert_eq!(wait(429, &exhausted, "", 0), Some(1_800));
        assert_eq!(wait(403, &[("retry-after", "17")], secondary, 0), Some(17));
        assert_eq!(
            wait(429, &[("retry-after", "17"), remaining, reset], "", 0),
            Some(17)
        );
        assert_eq!(wait(403, &[("retry-after", "0")], secondary, 0), Some(1));
        assert_eq!(wait(403, &[], secondary, 0), Some(60));
        assert_eq!(wait(403, &[], secondary, 2), Some(240));
        assert_eq!(wait(403, &[], secondary, 40), Some(3_600));
        assert_eq!(wait(429, &[], "", 1), Some(120));
    }

    #[test]
    fn other_answers_have_none() {
        let reset = ("x-ratelimit-reset", "1767227400");
        let left = headers(&[("x-ratelimit-remaining", "4999"), reset]);
        assert_eq!(wait(200, &left, "", NOW, 0), None);
        let none = headers(&[("x-ratelimit-remaining", "0"), reset]);
        assert_eq!(wait(404, &none, "Not Found", NOW, 0), None);
        let denied = "Resource not accessible by integration";
        assert_eq!(wait(403, &left, denied, NOW, 0), None);
    }
}
