//! The difference between this machine's clock and GitHub's.

use std::time::Duration;

/// The difference that matters. A sign-in is issued a minute in the past, and GitHub refuses one
/// that was issued in its future.
pub const TOLERATED: Duration = Duration::from_secs(30);

/// Describes a difference in milliseconds, positive if this machine's clock is ahead. Returns
/// `None` if it is tolerated.
#[must_use]
pub fn intolerable(ahead_ms: i64) -> Option<String> {
    let difference = Duration::from_millis(ahead_ms.unsigned_abs());
    let side = if ahead_ms > 0 { "ahead of" } else { "behind" };
    let seconds = difference.as_secs();
    (difference >= TOLERATED)
        .then(|| format!("this machine's clock is {seconds} s {side} GitHub's"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_is_named() {
        assert_eq!(intolerable(29_999), None);
        assert_eq!(
            intolerable(-90_500).unwrap(),
            "this machine's clock is 90 s behind GitHub's"
        );
        assert_eq!(
            intolerable(30_000).unwrap(),
            "this machine's clock is 30 s ahead of GitHub's"
        );
    }
}
