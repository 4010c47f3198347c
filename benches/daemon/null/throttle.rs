//! The limit of an account's calls to CodePipeline: a token bucket, as AWS throttles other APIs.
//! AWS publishes neither its rate nor its size for CodePipeline.

use std::time::Instant;

/// A bucket that holds the calls of one second.
pub(super) struct Throttle {
    /// In calls a second.
    rate: f64,
    tokens: f64,
    filled: Instant,
}

impl Throttle {
    /// Makes a full bucket.
    pub(super) fn new(rate: f64) -> Self {
        Self {
            rate,
            tokens: rate,
            filled: Instant::now(),
        }
    }

    /// Returns true if a call that arrives now is answered. A call that is throttled costs nothing.
    pub(super) fn admits(&mut self) -> bool {
        let now = Instant::now();
        let since = now.saturating_duration_since(self.filled);
        self.filled = now;
        self.tokens = (self.tokens + since.as_secs_f64() * self.rate).min(self.rate);
        let admitted = self.tokens >= 1.0;
        if admitted {
            self.tokens -= 1.0;
        }
        admitted
    }
}
