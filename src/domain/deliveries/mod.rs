//! The deliveries of webhooks, as GitHub lists them: which events did not arrive, and what to do
//! about them.
//!
//! GitHub delivers an event once. It lists each attempt for three days, and delivers an event again
//! if it is asked to, under the same GUID.
//!
//! | an event | is |
//! |---|---|
//! | that no attempt delivered | asked for: 20 in a run, at most three times, the third 3.5 hours after the first |
//! | that GitHub delays itself (`throttled_at`) | left to GitHub |
//! | that was asked for three times, or is three days old | named |
//! | about a pull request, that arrived and left no record | named, unless its mapping is as new |
//! | that branchline does not handle | left alone |

mod attempt;
mod event;
mod plan;

pub use attempt::{DeliveredPullRequest, DeliveryAttempt};
pub use event::{EventDeliveries, RETENTION, Standing, by_event};
pub use plan::{KnownRepository, Look, MOST_REQUESTS, MissedPlan, plan};

#[cfg(test)]
mod tests;
