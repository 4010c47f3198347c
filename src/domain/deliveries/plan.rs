//! Decides what one look at GitHub's list of attempts leads to.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::deliveries::event::{EventDeliveries, Standing};
use crate::domain::ids::{RepositoryId, Timestamp};
use crate::domain::intake::event::is_handled;
use crate::domain::jobs::JobSuccess;
use crate::domain::rules::rule::{On, Rules};
use crate::domain::state::repository::RepositoryRecord;

/// The most events that one run asks for.
pub const MOST_REQUESTS: usize = 20;
/// How far the first run looks back.
const FIRST_LOOK: Duration = Duration::from_hours(24);
/// How far each run looks back before the start of the last one: an attempt is listed when it
/// ended, and several may be made at the same time.
const OVERLAP: Duration = Duration::from_hours(1);
/// How long an event may take from its arrival to its record.
const RECORDED_WITHIN: Duration = Duration::from_mins(15);

/// A repository of which an event was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownRepository {
    /// True if a rule for pull requests names it under one of its names.
    pub has_pull_request_rule: bool,
}

impl KnownRepository {
    /// Returns what counts about a repository.
    #[must_use]
    pub fn new(record: &RepositoryRecord, rules: &Rules) -> Self {
        let mut names = record.names.iter();
        Self {
            has_pull_request_rule: names
                .any(|name| rules.of(On::PullRequest, name).next().is_some()),
        }
    }
}

/// The time that a run looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The oldest attempt that is read.
    pub since: Timestamp,
    /// The start of the last run that did its work; `None` for the first one.
    pub previous: Option<Timestamp>,
    /// The start of this run.
    pub now: Timestamp,
}

impl Look {
    /// Returns what a run looks at after the last run that did its work.
    #[must_use]
    pub fn after(success: Option<JobSuccess>, now: Timestamp) -> Self {
        let since = success.map(|success| {
            let since = success.began_at.minus(OVERLAP);
            success.open_since.map_or(since, |open| open.min(since))
        });
        Self {
            since: since.unwrap_or_else(|| now.minus(FIRST_LOOK)),
            previous: success.map(|success| success.began_at),
            now,
        }
    }

    /// Returns true if a time came between the starts of the last run and of this one. So each
    /// thing is named once.
    fn is_new(&self, time: Timestamp) -> bool {
        time < self.now && self.previous.is_none_or(|previous| time >= previous)
    }
}

/// What a run does about the events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissedPlan {
    /// GitHub is asked for these.
    pub requests: Vec<EventDeliveries>,
    /// These are not asked for any more, since the last run.
    pub given_up: Vec<(EventDeliveries, Standing)>,
    /// These arrived a while ago, since the last run, and should have left a record.
    pub expect_record: Vec<EventDeliveries>,
    /// The number of events that a later run asks for, or looks at again.
    pub open: usize,
    /// The first attempt of the oldest event that is not finished.
    pub open_since: Option<Timestamp>,
}

/// Decides about the events that were read. `known` has the repositories of which an event was
/// accepted.
#[must_use]
pub fn plan(
    events: Vec<EventDeliveries>,
    known: &BTreeMap<RepositoryId, KnownRepository>,
    look: Look,
) -> MissedPlan {
    let mut plan = MissedPlan::default();
    let mut missed = Vec::new();
    for event in events {
        let repository = event.newest.repository.and_then(|id| known.get(&id));
        if !may_concern(&event, repository) {
            continue;
        }
        let standing = event.standing(look.now);
        // Without its first attempt, an earlier run finished with it, and how often it was asked
        // for is not known any more.
        if standing != Standing::Arrived && !event.has_first_attempt {
            continue;
        }
        match standing {
            Standing::Arrived => {
                let due = event.record_due(repository);
                // Before the first run, there may have been no daemon.
                let is_due = look.previous.is_some() && due.is_some_and(|due| look.is_new(due));
                plan.expect_record.extend(is_due.then_some(event));
            }
            Standing::Missed => missed.push((repository.is_none(), event)),
            Standing::Delayed | Standing::Waiting(_) => plan.leave(&event),
            Standing::Exhausted if look.is_new(event.newest.at) => {
                plan.given_up.push((event, standing));
            }
            Standing::TooOld if look.is_new(event.ends_at()) => {
                plan.given_up.push((event, standing));
            }
            Standing::Exhausted | Standing::TooOld => {}
        }
    }
    // Those of repositories that are known to be branchline's come first. The sort keeps the order
    // of the events, the newest first: an older one of the same subject is stale then.
    missed.sort_by_key(|(is_unknown, _)| *is_unknown);
    for (number, (_, event)) in missed.into_iter().enumerate() {
        // A request is not a delivery: the next run looks at what became of it.
        plan.leave(&event);
        if number < MOST_REQUESTS {
            plan.requests.push(event);
        }
    }
    plan
}

impl MissedPlan {
    fn leave(&mut self, event: &EventDeliveries) {
        self.open += 1;
        let since = [self.open_since, Some(event.first_at)];
        self.open_since = since.into_iter().flatten().min();
    }
}

/// Returns true unless it is certain that the event concerns nothing that branchline has. In an
/// unknown repository there is nothing to end, and no check to run again.
fn may_concern(event: &EventDeliveries, repository: Option<&KnownRepository>) -> bool {
    let (name, action) = (event.newest.event.as_str(), event.newest.action.as_deref());
    let needs_record = ["check_run", "check_suite", "delete", "repository"].contains(&name);
    is_handled(name, action) && (repository.is_some() || !needs_record)
}

impl EventDeliveries {
    /// Returns when an event that arrived must have left a record: one about a pull request in a
    /// repository that a rule for pull requests names. `None` of every other event; the list does
    /// not name the branch of a push.
    #[must_use]
    pub fn record_due(&self, repository: Option<&KnownRepository>) -> Option<Timestamp> {
        let has_rule = repository.is_some_and(|repository| repository.has_pull_request_rule);
        let is_due = has_rule && self.newest.event == "pull_request";
        let arrived_at = self.arrived_at.filter(|_| is_due)?;
        Some(arrived_at.plus(RECORDED_WITHIN))
    }
}
