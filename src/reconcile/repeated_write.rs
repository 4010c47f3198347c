//! Repeats writes of the table under a claim.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::domain::fault::{Fault, Reason};

/// The waits before a write of the table is repeated. Transactions of other subjects end within
/// milliseconds, and throttling within seconds.
const WRITE_WAITS: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];
/// The time after which a write is not repeated: one call that times out is followed by another
/// one. The writes are conditional on the claim, so one that comes after its end changes nothing.
const REPEAT_LIMIT: Duration = Duration::from_secs(20);

/// Repeats a conditional write that the table refused for anything but its condition: another
/// transaction was in progress, the write was throttled, or its answer was lost. A repetition
/// succeeds if the lost write took effect.
pub(super) async fn repeat_write<T, F: Future<Output = Result<T, Fault>>>(
    write: impl Fn() -> F,
) -> Result<T, Fault> {
    let begun = Instant::now();
    let mut waits = WRITE_WAITS.into_iter();
    loop {
        let fault = match write().await {
            Ok(written) => return Ok(written),
            Err(fault) => fault,
        };
        let is_refused_for_now = matches!(
            fault.reason,
            Reason::AwsConflict | Reason::AwsThrottled | Reason::AwsUnavailable
        );
        match waits.next() {
            Some(wait) if is_refused_for_now && begun.elapsed() < REPEAT_LIMIT => sleep(wait).await,
            Some(_) | None => return Err(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Returns how often a write is made that fails for this reason, each time after this long.
    async fn writes(reason: Reason, took: Duration) -> usize {
        let made = Cell::new(0);
        let write = || async {
            made.set(made.get() + 1);
            sleep(took).await;
            Err::<(), _>(Fault::new(reason, "as the test ordered"))
        };
        let failed = repeat_write(write).await;
        assert_eq!(failed.map_err(|fault| fault.reason), Err(reason));
        made.get()
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_write_that_may_pass_is_repeated_and_not_for_long() {
        let often = WRITE_WAITS.len() + 1;
        for reason in [
            Reason::AwsConflict,
            Reason::AwsThrottled,
            Reason::AwsUnavailable,
        ] {
            assert_eq!(writes(reason, Duration::ZERO).await, often, "{reason:?}");
        }
        assert_eq!(writes(Reason::AwsDenied, Duration::ZERO).await, 1);
        assert_eq!(writes(Reason::MappingUnreadable, Duration::ZERO).await, 1);
        let took = REPEAT_LIMIT / 2;
        assert_eq!(writes(Reason::AwsUnavailable, took).await, 2);
    }
}
