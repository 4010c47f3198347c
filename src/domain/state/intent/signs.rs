//! What an event says about the activity of its subject.

use std::slice;

use crate::domain::ids::RepositoryName;
use crate::domain::intake::event::{Change, PullRequest};
use crate::domain::outcome::cause::Cause;
use crate::domain::rules::rule::{Rule, Rules};
use crate::domain::state::activity::Signs;

use crate::domain::state::intent::report::admitting;

/// Returns what an event says. A look at GitHub shows how things stand, and not that anything
/// happened.
pub(super) fn signs(change: &Change, name: &RepositoryName, rules: &Rules, cause: &Cause) -> Signs {
    let Change::PullRequest(pull) = change else {
        return Signs {
            is_activity: matches!(cause, Cause::Webhook(_)),
            ..Signs::default()
        };
    };
    let rule = admitting(pull, name, rules);
    Signs {
        is_activity: pull.action.is_activity(),
        is_draft: pull.draft,
        is_kept: rule.is_some_and(|rule| rule.retention.is_kept_by(&pull.labels)),
    }
}

/// Returns true if the label that was added or removed is the one by which the rule keeps
/// pipelines.
pub(super) fn is_about_kept(pull: &PullRequest, rule: Option<&Rule>) -> bool {
    let label = pull.label.as_ref().map(slice::from_ref);
    let keeps = |rule: &Rule| label.is_some_and(|label| rule.retention.is_kept_by(label));
    rule.is_some_and(keeps)
}
