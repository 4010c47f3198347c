//! Compares what is known of a subject with the conditions of each rule, one by one.

use serde::Serialize;

use crate::domain::ids::{Branch, RepositoryName};
use crate::domain::rules::glob::GlobFilter;
use crate::domain::rules::merge_queue::merge_group_base;
use crate::domain::rules::rule::{On, Rule, Rules};

/// What is known of a subject. `None` is not known.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The repository.
    pub repository: RepositoryName,
    /// A pull request, or a branch.
    pub on: On,
    /// The base branch of a pull request.
    pub base: Option<Branch>,
    /// The head branch of a pull request, or the branch itself.
    pub branch: Option<Branch>,
    /// True if the pull request is a draft.
    pub draft: Option<bool>,
    /// True if the head of the pull request is in a fork.
    pub fork: Option<bool>,
}

/// One condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// The key in the configuration.
    pub key: &'static str,
    /// What the rule wants.
    pub expected: String,
    /// What the subject has; `None` if it is not known.
    pub actual: Option<String>,
    /// True if the subject meets the condition; `None` if it is not known.
    pub holds: Option<bool>,
}

/// A rule and its conditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckedRule {
    /// The name of the rule.
    pub rule: String,
    /// True if the rule gives the subject a pipeline; `None` if it is not known.
    pub admits: Option<bool>,
    /// The conditions, in the order in which they are checked.
    pub conditions: Vec<Condition>,
}

impl Condition {
    /// Returns true if the condition is about the head of a pull request. Such a condition refuses
    /// a subject, and the rules after it are not asked.
    fn is_of_head(&self) -> bool {
        matches!(self.key, "head" | "drafts")
    }
}

impl CheckedRule {
    /// Returns the first condition that the subject does not meet.
    #[must_use]
    pub fn failed(&self) -> Option<&Condition> {
        let mut conditions = self.conditions.iter();
        conditions.find(|condition| condition.holds == Some(false))
    }

    /// Returns true if the rule is about this repository and this kind of subject.
    #[must_use]
    pub fn concerns(&self) -> bool {
        let first = self.conditions.iter().take(2);
        first
            .into_iter()
            .all(|condition| condition.holds != Some(false))
    }
}

/// Returns the rule that decides about the subject: the first whose repository, kind, base and
/// branches match. `None` if none matches, or if that is not known.
#[must_use]
pub fn deciding(rules: &[CheckedRule]) -> Option<&CheckedRule> {
    let matches = |rule: &&CheckedRule| {
        let mut globs = rule.conditions.iter().filter(|one| !one.is_of_head());
        globs.all(|condition| condition.holds == Some(true))
    };
    rules.iter().find(matches)
}

/// Checks every rule, in order. The first rule whose globs match is the one that decides; the rules
/// after it are not asked.
#[must_use]
pub fn check(rules: &Rules, facts: &Facts) -> Vec<CheckedRule> {
    rules
        .all()
        .iter()
        .map(|rule| check_rule(rule, facts))
        .collect()
}

fn check_rule(rule: &Rule, facts: &Facts) -> CheckedRule {
    let name = Some(facts.repository.as_str());
    let mut conditions = vec![
        glob("repository", &rule.repository, name),
        on(rule.on, facts),
    ];
    match rule.on {
        On::PullRequest => {
            let base = facts.base.as_ref().map(Branch::as_str);
            conditions.push(glob("base", &rule.base, base));
            conditions.push(branches(rule, facts.branch.as_ref()));
            conditions.push(no_fork(facts.fork));
            conditions.push(drafts(rule.drafts, facts.draft));
        }
        On::MergeGroup => {
            let base = facts.branch.as_ref().and_then(merge_group_base);
            conditions.push(glob("base", &rule.base, base.as_ref().map(Branch::as_str)));
        }
        On::Branch => conditions.push(branches(rule, facts.branch.as_ref())),
    }
    let holds = |expected| {
        conditions
            .iter()
            .any(|condition| condition.holds == expected)
    };
    let admits = match (holds(Some(false)), holds(None)) {
        (true, _) => Some(false),
        (false, true) => None,
        (false, false) => Some(true),
    };
    CheckedRule {
        rule: rule.name.clone(),
        admits,
        conditions,
    }
}

fn glob(key: &'static str, filter: &GlobFilter, actual: Option<&str>) -> Condition {
    Condition {
        key,
        expected: filter.to_string(),
        actual: actual.map(str::to_owned),
        holds: match actual {
            Some(actual) => Some(filter.is_match(actual)),
            None => filter.is_everything().then_some(true),
        },
    }
}

/// Compares the branch. Those of GitHub's merge queue match only a rule that names them.
fn branches(rule: &Rule, branch: Option<&Branch>) -> Condition {
    let globs = glob("branches", &rule.branches, branch.map(Branch::as_str));
    let admits = branch.map(|branch| rule.admits_branch(branch));
    match (globs.holds, admits) {
        (Some(true), Some(false)) => Condition {
            expected: format!("{}, and no branch of a merge queue", globs.expected),
            holds: Some(false),
            ..globs
        },
        _ => globs,
    }
}

/// Compares the kind of subject. A merge group is a branch of the merge queue.
fn on(expected: On, facts: &Facts) -> Condition {
    let is_queued = facts.branch.as_ref().and_then(merge_group_base).is_some();
    let is_merge_group = facts.on == On::Branch && is_queued;
    let actual = match (expected, is_merge_group) {
        (On::MergeGroup, true) => On::MergeGroup,
        (On::PullRequest | On::Branch | On::MergeGroup, _) => facts.on,
    };
    Condition {
        key: "on",
        expected: expected.as_str().to_owned(),
        actual: Some(actual.as_str().to_owned()),
        holds: Some(expected == actual),
    }
}

fn no_fork(fork: Option<bool>) -> Condition {
    let word = |fork| {
        if fork {
            "in a fork"
        } else {
            "in the repository"
        }
    };
    Condition {
        key: "head",
        expected: "in the repository".to_owned(),
        actual: fork.map(|fork| word(fork).to_owned()),
        holds: fork.map(|fork| !fork),
    }
}

fn drafts(admitted: bool, draft: Option<bool>) -> Condition {
    let word = |draft| if draft { "a draft" } else { "no draft" };
    Condition {
        key: "drafts",
        expected: if admitted { "any" } else { "no draft" }.to_owned(),
        actual: draft.map(|draft| word(draft).to_owned()),
        holds: match (admitted, draft) {
            (true, _) => Some(true),
            (false, draft) => draft.map(|draft| !draft),
        },
    }
}
