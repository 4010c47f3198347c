//! Histories: the webhooks that GitHub sends about some subjects, in the order in which the events
//! happened, and the state at the end.
//!
//! Times are whole seconds, as GitHub's are. Two events of one subject may share a second where the
//! tie rule can tell them apart (a push and the event before it; a closing; a reopening after a
//! closing).

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;
use std::time::Duration;

use branchline::domain::clone::tags::Tags;
use branchline::domain::ids::{RepositoryId, RepositoryName, Subject, SubjectKind, Timestamp};
use branchline::domain::intake::repair_request::{FindingKind, Repair, RepairKind};
use branchline::domain::report::ReportForm;
use branchline::domain::rules::glob::GlobFilter;
use branchline::domain::rules::rule::{On, Rule};
use branchline::domain::state::mapping::{Mapping, State};
use serde_json::json;

use super::clock::{FakeClock, START};
use super::lives::{BranchLife, Life, PullRequest};
use super::rules::{
    branch_rule, environment_format, patterns, pipeline_name, pull_request_rule, repositories,
    template, with_image,
};
use super::story::{World, pipeline_of};
use super::webhook::{REPOSITORY, Webhook, commit};

/// A second repository, whose branches have pipelines.
pub(crate) const WEB: (u64, &str) = (2_002, "acme/web");
/// The template for its branches.
pub(crate) const WEB_TEMPLATE: &str = "web-template";

/// Returns the rules: pull requests of `acme/api` into `main` that are not drafts, and the branches
/// of `acme/web`, each with a CodeBuild project of its own.
pub(crate) fn rules() -> Vec<Rule> {
    // Globs are slow to compile, and thousands of worlds have these rules.
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    RULES.get_or_init(make_rules).clone()
}

fn make_rules() -> Vec<Rule> {
    let only = |glob| -> GlobFilter { patterns([glob]) };
    vec![
        Rule {
            repository: repositories(["acme/api"]),
            base: only("main"),
            drafts: false,
            ..pull_request_rule()
        },
        Rule {
            repository: repositories([WEB.1]),
            template: pipeline_name(WEB_TEMPLATE),
            overrides: with_image("aws/codebuild/standard:8.0"),
            ..branch_rule()
        },
    ]
}

/// Returns the same rules with reports: check runs for pull requests, statuses for branches.
pub(crate) fn reported_rules() -> Vec<Rule> {
    let form = |rule: &Rule| match rule.on {
        On::Branch => ReportForm::Status,
        On::PullRequest | On::MergeGroup => ReportForm::Check,
    };
    let rules = rules().into_iter();
    rules
        .map(|rule| Rule {
            report: Some(form(&rule)),
            context: format!("branchline/{}", rule.name),
            deployment: Some(environment_format(rule.on)),
            ..rule
        })
        .collect()
}

/// Returns rules that admit fewer subjects: no pull request, and few branches.
pub(crate) fn narrowed_rules() -> Vec<Rule> {
    let branches = Rule {
        branches: patterns(["feature/*"]),
        ..branch_rule()
    };
    let branches = Rule {
        repository: patterns([WEB.1]),
        template: pipeline_name(WEB_TEMPLATE),
        ..branches
    };
    vec![branches]
}

/// Makes a world with these rules.
pub(crate) fn world(clock: FakeClock) -> World {
    let world = World::new(clock);
    world.add_pipeline(template(WEB_TEMPLATE, WEB.1), Tags::new());
    world.restart(rules());
    world
}

/// One event of a subject, and its webhook.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// True for the last event of its subject, which cannot be cut: it decides the final state.
    pub(crate) last: bool,
    pub(crate) webhook: Webhook,
}

/// The prefix of the names of orphans, before the name that the subject's own pipeline has.
const STRAY: &str = "stray-";

/// Replaces the names of orphans in a picture by those of their subjects' pipelines, and sorts it.
/// If the deletion of an orphan is cut off, the subject's next pipeline keeps the orphan's name.
pub(crate) fn without_strays(picture: Vec<String>) -> Vec<String> {
    let renamed = picture.iter().map(|line| line.replace(STRAY, ""));
    let mut renamed: Vec<String> = renamed.collect();
    renamed.sort();
    renamed
}

/// Returns a repair that an operator might send: for a mapping as it is now, as it was, or as it
/// will be, or for a pull request of this history that has no mapping yet. Its kind is random: the
/// daemon decides whether there is anything to do.
pub(crate) fn repair(
    world: &World,
    history: &History,
    rng: &mut fastrand::Rng,
) -> (Repair, RepositoryName) {
    let fixes = FindingKind::ALL.map(RepairKind::Fix);
    let all: Vec<_> = fixes.into_iter().chain([RepairKind::Adopt]).collect();
    let kind = *rng.choice(&all).expect("there are kinds");
    let rows = world.store.rows();
    let rows = rows.iter().filter(|row| row.last_pipeline_name().is_some());
    let rows: Vec<_> = rows.collect();
    let row = rng.choice(&rows).filter(|_| rng.u8(0..8) > 0);
    let (subject, repository, name) = match row {
        Some(row) => {
            let name = pipeline_of(row).to_owned();
            (row.subject.clone(), row.repository.clone(), name)
        }
        None => pull_request(history, rng),
    };
    // The audit may be late or early by a few changes, or on time.
    let generation = row.map_or(0, |row| row.generation);
    let generation = match rng.u8(0..4) {
        0 => generation.saturating_sub(rng.u64(1..4)),
        1 => generation + rng.u64(1..4),
        _ => generation,
    };
    let is_stray = rng.u8(0..4) == 0 && !name.starts_with(STRAY);
    let name = format!("{}{name}", if is_stray { STRAY } else { "" });
    let repair = Repair {
        project: None,
        subject,
        generation,
        kind,
        pipeline: pipeline_name(&name),
    };
    (repair, repository)
}

/// Returns a random pull request of a history, its repository and the name of its pipeline.
fn pull_request(history: &History, rng: &mut fastrand::Rng) -> (Subject, RepositoryName, String) {
    let numbers = history.subjects.iter();
    let numbers = numbers.filter_map(|subject| subject.split_once('#')?.1.parse().ok());
    let numbers: Vec<u64> = numbers.collect();
    let number = *rng.choice(&numbers).expect("subject 0 is a pull request");
    let subject = Subject {
        repository: RepositoryId(REPOSITORY.0),
        kind: SubjectKind::PullRequest(number),
    };
    let repository = RepositoryName::parse(REPOSITORY.1).unwrap();
    (subject, repository, format!("api-pr-{number}"))
}

/// A history.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// The events, in order.
    pub(crate) events: Vec<Event>,
    /// The subjects that have a pipeline at the end, as people write them.
    pub(crate) open: BTreeSet<String>,
    /// The keys of the subjects whose last word was an ending.
    pub(crate) ended: BTreeSet<String>,
    /// All subjects, as people write them.
    pub(crate) subjects: BTreeSet<String>,
    /// The commits that a push went back to, by subject.
    pub(crate) back: BTreeSet<(String, String)>,
}

impl History {
    /// Makes one life from each list of steps: pull requests and branches in turn. The effect of a
    /// step follows from its number and from the life so far, so every list is valid.
    pub(crate) fn of(lives: &[Vec<u8>]) -> Self {
        Self::from(0, lives)
    }

    /// Makes the same for other subjects, starting with this number.
    fn from(first: usize, lives: &[Vec<u8>]) -> Self {
        let mut history = Self::default();
        for (subject, steps) in (first..).zip(lives) {
            let Life {
                webhooks,
                name,
                open,
                ended,
                back,
            } = if subject % 2 == 0 {
                PullRequest::live(subject, steps)
            } else {
                BranchLife::live(subject, steps)
            };
            let back = back.into_iter().map(|sha| (name.clone(), commit(sha)));
            history.back.extend(back);
            let last = webhooks.len() - 1;
            let numbered = webhooks.into_iter().enumerate();
            history
                .events
                .extend(numbered.map(|(index, webhook)| Event {
                    last: index == last,
                    webhook,
                }));
            history.subjects.insert(name.clone());
            if ended {
                history.ended.insert(key(&name));
            }
            if open {
                history.open.insert(name);
            }
        }
        history
    }

    /// Makes a random history of these subjects.
    pub(crate) fn random(rng: &mut fastrand::Rng, subjects: Range<usize>) -> Self {
        let first = subjects.start;
        let lives: Vec<Vec<u8>> = subjects
            .map(|_| (0..rng.usize(0..8)).map(|_| rng.u8(..)).collect())
            .collect();
        Self::from(first, &lives)
    }

    /// Lets the repositories have other names from some second on, and perhaps their first names
    /// again later. Sometimes GitHub says so, and sometimes a repository is archived in the end.
    /// All its subjects have ended then.
    pub(crate) fn rename(&mut self, rng: &mut fastrand::Rng) {
        for (id, first, second) in [
            (REPOSITORY.0, REPOSITORY.1, "acme/core"),
            (WEB.0, WEB.1, "umbrella/web"),
        ] {
            let moved = START.plus(Duration::from_secs(rng.u64(0..6)));
            let back = moved.plus(Duration::from_secs(rng.u64(1..6)));
            let name_at = |time: Timestamp| match time > moved && time <= back {
                true => second,
                false => first,
            };
            let mut end = START;
            for event in &mut self.events {
                let time = event.webhook.time().unwrap_or(START);
                if event.webhook.repository() == Some(id) {
                    end = end.max(time);
                    let mut name = name_at(time).to_owned();
                    if rng.u8(0..4) == 0 {
                        name = name.to_uppercase();
                    }
                    event.webhook = event.webhook.clone().of(id, &name);
                }
            }
            let said = |name: &str, at, from: &str| {
                let (_, from) = from.split_once('/').expect("an owner");
                let changes = json!({"repository": {"name": {"from": from}}});
                Webhook::repository_event("renamed", (id, name), at, changes)
            };
            if rng.bool() {
                let event = |webhook| Event {
                    last: false,
                    webhook,
                };
                self.events.push(event(said(second, moved, first)));
                self.events.push(event(said(first, back, second)));
            }
            if rng.u8(0..4) == 0 {
                let end = end.plus(Duration::from_secs(rng.u64(0..2)));
                let repository = (id, name_at(end));
                let webhook = Webhook::repository_event("archived", repository, end, json!({}));
                self.events.push(Event {
                    last: true,
                    webhook,
                });
                let of_repository = |subject: &&String| match id == REPOSITORY.0 {
                    true => subject.contains('#'),
                    false => subject.contains('@'),
                };
                let all = self.subjects.iter().filter(of_repository);
                self.ended.extend(all.map(|subject| key(subject)));
            }
        }
    }
}

/// Returns the key of a subject that is given as people write it. Here pull requests alone have a
/// `#`.
fn key(subject: &str) -> String {
    match subject.split_once('#') {
        Some((_, number)) => format!("PR#{:010}", number.parse::<u64>().expect("a number")),
        None => {
            let branch = subject.split_once('@').map(|(_, branch)| branch);
            format!("BRANCH#{}", branch.expect("a branch"))
        }
    }
}

/// Makes both repositories known by a subject that ends at once.
pub(crate) async fn make_known(world: &World) {
    for webhook in [
        Webhook::pull_request("opened").number(9_999),
        Webhook::pull_request("closed").number(9_999),
        Webhook::push("known", 0, 1).of(WEB.0, WEB.1),
        Webhook::push("known", 1, 0).of(WEB.0, WEB.1),
    ] {
        world.deliver(webhook).await;
    }
}

/// Checks that nothing is left of the subjects whose last word was an ending, whatever happened to
/// names and rules.
pub(crate) fn nothing_left_of_what_ended(world: &World, history: &History) -> Result<(), String> {
    let rows = world.store.rows();
    let (_, standing): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.state == State::Gone);
    let has_ended = |row: &&&Mapping| history.ended.contains(&row.subject.key());
    let left: Vec<_> = standing.iter().filter(has_ended).collect();
    let mut unowned = world.pipelines();
    unowned.retain(|name| !standing.iter().any(|row| pipeline_of(row) == name));
    if left.is_empty() && unowned.is_empty() {
        return Ok(());
    }
    Err(format!(
        "left of what ended: {left:#?}\npipelines without a mapping: {unowned:?}"
    ))
}
