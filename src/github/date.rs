//! GitHub's own time, from the `Date` of its answers.

use reqwest::header::{DATE, HeaderMap};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::domain::ids::Timestamp;

/// Returns the time at which GitHub answered; `None` if the answer does not say.
pub(super) fn http_date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    let time = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Timestamp::from_seconds(time.unix_timestamp())
}

/// Returns how far `now` is ahead of the answer's time, in milliseconds.
pub(super) fn clock_ahead_ms(headers: &HeaderMap, now: Timestamp) -> Option<i64> {
    Some(now.0.saturating_sub(http_date(headers)?.0))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn a_date_of_http_is_read() {
        let mut headers = HeaderMap::new();
        assert_eq!(http_date(&headers), None);
        headers.insert(
            DATE,
            HeaderValue::from_static("Thu, 01 Jan 2026 00:00:00 GMT"),
        );
        assert_eq!(http_date(&headers), Some(Timestamp(1_767_225_600_000)));
        assert_eq!(
            clock_ahead_ms(&headers, Timestamp(1_767_225_590_000)),
            Some(-10_000)
        );
        headers.insert(DATE, HeaderValue::from_static("yesterday"));
        assert_eq!(http_date(&headers), None);
    }
}
