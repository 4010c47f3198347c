//! `why` shows the conditions of each rule. They agree with what the rules do to an event.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: what is not there fails the test"
)]

use branchline::domain::ids::{
    BodyDigest, Branch, CommitId, DeliveryId, RepositoryId, RepositoryName, Timestamp,
};
use branchline::domain::intake::decision::Decision;
use branchline::domain::intake::envelope::Source;
use branchline::domain::intake::event::{Action, Change, Event, PullRequest, Tip};
use branchline::domain::rules::glob::GlobFilter;
use branchline::domain::rules::rule::{On, Rule, Rules};
use branchline::domain::state::desired::{AbsenceReason, DesiredState};
use branchline::domain::state::intent::{Intent, Received, Request};
use branchline::inspect::conditions::{CheckedRule, Facts, check, deciding};
use proptest::prelude::*;
use proptest::sample::select;

use crate::world::rules::{pull_request_rule, repositories};

/// The beginning of a branch of GitHub's merge queue, which only a rule that names it admits.
const QUEUE: &str = "gh-readonly-queue/";
const BRANCHES: [&str; 5] = [
    "main",
    "feature/x",
    "release/1",
    "gh-readonly-queue/main/pr-7-1f0c3a52",
    "dependabot/cargo/serde",
];

fn globs() -> impl Strategy<Value = Vec<&'static str>> {
    let all: [&[&str]; 8] = [
        &[],
        &["*"],
        &["main"],
        &["feature/*"],
        &["!main"],
        &["main", "release/*"],
        &["**", "gh-readonly-queue/**"],
        &["*/*", "!feature/*"],
    ];
    select(all.map(<[&str]>::to_vec).to_vec())
}

fn on() -> impl Strategy<Value = On> {
    select(vec![On::PullRequest, On::Branch])
}

fn rule() -> impl Strategy<Value = Rule> {
    let repository = select(vec!["acme/*", "acme/api", "ACME/web", "other/*"]);
    (
        repository,
        select(On::ALL.to_vec()),
        globs(),
        globs(),
        any::<bool>(),
    )
        .prop_map(|(repository, on, base, branches, drafts)| Rule {
            repository: repositories([repository]),
            on,
            base: globs_of(&base),
            branches: globs_of(&branches),
            drafts,
            ..pull_request_rule()
        })
}

fn globs_of(globs: &[&str]) -> GlobFilter {
    GlobFilter::parse(globs).unwrap()
}

fn rules() -> impl Strategy<Value = Rules> {
    proptest::collection::vec(rule(), 1..5).prop_map(|mut rules| {
        for (index, rule) in rules.iter_mut().enumerate() {
            rule.name = format!("rule {index}");
        }
        Rules::new(rules)
    })
}

fn facts() -> impl Strategy<Value = Facts> {
    let repository = select(vec!["acme/api", "Acme/Web", "other/api"]);
    let branch = || select(BRANCHES.to_vec());
    let flags = (any::<bool>(), any::<bool>());
    (repository, on(), branch(), branch(), flags).prop_map(
        |(repository, on, base, branch, (draft, fork))| {
            let is_pull_request = on == On::PullRequest;
            let known = |name| Some(Branch::parse(name).unwrap());
            Facts {
                repository: RepositoryName::parse(repository).unwrap(),
                on,
                base: known(base).filter(|_| is_pull_request),
                branch: known(branch),
                draft: Some(draft).filter(|_| is_pull_request),
                fork: Some(fork).filter(|_| is_pull_request),
            }
        },
    )
}

fn sha() -> CommitId {
    CommitId::parse("1".repeat(40)).unwrap()
}

fn event(facts: &Facts) -> Event {
    let branch = facts.branch.clone().unwrap();
    let change = match facts.on {
        On::Branch | On::MergeGroup => Change::Branch(
            branch,
            Tip::At {
                sha: sha(),
                before: None,
                skip: false,
            },
        ),
        On::PullRequest => Change::PullRequest(Box::new(PullRequest {
            number: 7,
            action: Action::Opened,
            open: true,
            draft: facts.draft.unwrap(),
            fork: facts.fork.unwrap(),
            head: branch,
            sha: sha(),
            before: None,
            base: facts.base.clone().unwrap(),
            title: "A title".to_owned(),
            author: None,
            skip: false,
            labels: Vec::new(),
            label: None,
        })),
    };
    Event {
        repository: RepositoryId(1),
        name: facts.repository.clone(),
        actor: None,
        installation: None,
        time: Some(Timestamp(0)),
        change,
    }
}

/// Returns the rule that the daemon applies, or why there is no pipeline.
fn decided(rules: &Rules, facts: &Facts) -> Result<String, Option<AbsenceReason>> {
    let received = Received {
        source: Source::Webhooks,
        delivery: DeliveryId::parse("d-1").unwrap(),
        body: BodyDigest::of(b"{}"),
        received_at: Timestamp(0),
    };
    match Intent::read(event(facts), rules, None, received).unwrap() {
        Decision::Handle(Request::Subject(intent)) => match intent.wanted {
            DesiredState::Present(spec, _) => Ok(spec.rule),
            DesiredState::Absent(reason) => Err(Some(reason)),
        },
        Decision::Ignore(_) => Err(None),
        Decision::Handle(other) => panic!("{other:?}"),
    }
}

/// Returns the same from the conditions.
fn shown(checked: &[CheckedRule], facts: &Facts) -> Result<String, Option<AbsenceReason>> {
    let is_about = checked.iter().any(CheckedRule::concerns);
    let Some(rule) = deciding(checked) else {
        let is_absent = facts.on == On::PullRequest && is_about;
        return Err(is_absent.then_some(AbsenceReason::NoRule));
    };
    match rule.failed().map(|condition| condition.key) {
        None => {
            assert_eq!(rule.admits, Some(true));
            Ok(rule.rule.clone())
        }
        Some("head") => Err(Some(AbsenceReason::Fork)),
        Some("drafts") => Err(Some(AbsenceReason::Draft)),
        Some(other) => panic!("{other} fails, and the rule decides"),
    }
}

proptest! {
    #[test]
    fn the_conditions_agree_with_what_the_rules_do(rules in rules(), facts in facts()) {
        let checked = check(&rules, &facts);
        prop_assert_eq!(shown(&checked, &facts), decided(&rules, &facts));
    }

    #[test]
    fn what_is_not_known_contradicts_nothing(
        rules in rules(),
        facts in facts(),
        forgotten in any::<[bool; 4]>(),
    ) {
        let [base, branch, draft, fork] = forgotten;
        let mut less = facts.clone();
        less.base = less.base.filter(|_| !base);
        // A rule for any branch is shown as one, although it excludes those of a merge queue.
        less.branch = less.branch.filter(|name| !branch || name.as_str().starts_with(QUEUE));
        less.draft = less.draft.filter(|_| !draft);
        less.fork = less.fork.filter(|_| !fork);
        let whole = check(&rules, &facts);
        for (rule, whole) in check(&rules, &less).iter().zip(&whole) {
            prop_assert!(rule.admits.is_none() || rule.admits == whole.admits, "{rule:?}");
        }
    }
}
