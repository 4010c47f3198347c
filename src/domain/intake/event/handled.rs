//! The events and actions that are handled, by their names alone.

use crate::domain::intake::event::action::Action;

/// Returns true unless an event of this name and action is certain to be ignored. One about a label
/// matters to few rules, and the comparison with GitHub heals one that was lost: it is not counted.
#[must_use]
pub fn is_handled(event: &str, action: Option<&str>) -> bool {
    let is_one_of = |actions: &[&str]| action.is_some_and(|action| actions.contains(&action));
    match event {
        "push" | "create" | "delete" => true,
        "pull_request" => action
            .and_then(Action::parse)
            .is_some_and(|action| !action.is_about_label()),
        "repository" => is_one_of(&["deleted", "archived", "renamed", "transferred"]),
        "merge_group" => is_one_of(&["checks_requested", "destroyed"]),
        "check_run" | "check_suite" => is_one_of(&["rerequested"]),
        _ => false,
    }
}
