//! Where the commits of an event are reported.

use crate::domain::ids::RepositoryName;
use crate::domain::intake::event::{Change, Event, PullRequest, Tip};
use crate::domain::report::target::ReportTarget;
use crate::domain::rules::merge_queue::merge_group_base;
use crate::domain::rules::rule::{On, Rule, Rules};

/// Returns where the head commit of an event is reported: as the rule says that admits the subject.
/// If none does, the first rule for the repository counts, and for a merge group the first one for
/// pull requests into its base: a required check of that name would otherwise wait forever.
#[must_use]
pub fn report_target(event: &Event, rules: &Rules) -> Option<ReportTarget> {
    let rule = match &event.change {
        Change::PullRequest(pull) => {
            let mut about = rules.of(On::PullRequest, &event.name);
            admitting(pull, &event.name, rules).or_else(|| about.next())
        }
        Change::Branch(branch, Tip::At { .. }) => {
            let of_merge_group = || {
                let base = merge_group_base(branch)?;
                let mut about = rules.of(On::PullRequest, &event.name);
                about.find(|rule| rule.base.is_match(base.as_str()))
            };
            let rule = rules.for_branch(branch, &event.name);
            rule.or_else(of_merge_group)
        }
        Change::Branch(_, Tip::Somewhere | Tip::Gone { .. })
        | Change::Repository(_)
        | Change::Renamed(_)
        | Change::Rerun(_)
        | Change::Repair(_)
        | Change::Wake(_)
        | Change::Sleep(_) => None,
    };
    rule?.report_target(event.installation)
}

/// Returns the first rule that admits a pull request with this base and head.
pub(super) fn admitting<'a>(
    pull: &PullRequest,
    name: &'a RepositoryName,
    rules: &'a Rules,
) -> Option<&'a Rule> {
    let admits =
        |rule: &&Rule| rule.base.is_match(pull.base.as_str()) && rule.admits_branch(&pull.head);
    rules.of(On::PullRequest, name).find(admits)
}
