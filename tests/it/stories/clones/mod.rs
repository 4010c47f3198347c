//! Stories of clones: what they build and when, how they follow their template, and how they end.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: what is not there fails the test"
)]

pub(super) mod adoption;
mod ends;
mod files;
pub(super) mod forgetting;
mod listing;
mod overview;
mod places;
mod project_audits;
mod projects;
mod quota;
pub(super) mod repairs;
mod rules;
mod skips;
mod slot_claims;
mod starts;
mod template_files;
mod unseen_tags;
mod updates;
mod waiting;

use crate::world::pipelines::FakePipelines;
use crate::world::rules::pull_request_rule;
use crate::world::webhook::Webhook;
use branchline::domain::rules::rule::Rule;

/// A commit, as the webhooks number them.
fn commit(number: u64) -> String {
    format!("{number:040x}")
}

/// What `api-pr-7` built, in order, each commit by its number; `None` where nobody named one.
fn built(account: &FakePipelines) -> Vec<Option<u64>> {
    let all = account.all();
    let runs = all.get("api-pr-7").map(|pipeline| &pipeline.runs);
    let number = |commit: &String| u64::from_str_radix(commit, 16).unwrap();
    let runs = runs.into_iter().flatten();
    runs.map(|run| run.commit.as_ref().map(number)).collect()
}

fn pushed(before: u64, sha: u64) -> Webhook {
    Webhook::pull_request("synchronize").before(before).sha(sha)
}

/// The rule of the tests, changed.
pub(crate) fn rule(change: impl FnOnce(&mut Rule)) -> Rule {
    let mut rule = pull_request_rule();
    change(&mut rule);
    rule
}
