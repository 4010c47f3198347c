//! Room 4 of 7. In: [`Event`]. Out: [`Intent`] or [`Ignored`].
//!
//! The rules turn what happened into what should be true of one subject. The same intent comes out of `opened`,
//! `synchronize` or `edited`: an intent says how things stand, not what changed.

use super::event::{Action, Change, Event, Heed, Ignored, PullRequest, Tip};
use super::fault::{Fault, Reason, Room};
use super::freshness::{Kind, Moment};
use super::ids::{Branch, PipelineName, RepositoryName, Subject, SubjectKind, Timestamp};
use super::naming::Fill;
use super::rule::{On, Rule, Rules};

/// What should be true of a subject, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Of whom.
    pub subject: Subject,
    /// The repository's name at that time.
    pub repository: RepositoryName,
    /// When GitHub said so.
    pub moment: Moment,
    /// Who did it, for the audit trail.
    pub actor: Option<String>,
    /// What should be true.
    pub wanted: Wanted,
}

/// A pipeline, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The subject has a pipeline like this.
    Present(Box<Spec>),
    /// The subject has none.
    Absent(Absence),
}

/// The pipeline that a subject should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its name.
    pub pipeline: PipelineName,
    /// The pipeline that it is cloned from.
    pub template: PipelineName,
    /// The branch that its source action fetches.
    pub branch: Branch,
    /// The rule that says so.
    pub rule: String,
    /// The base branch of a pull request.
    pub base: Option<Branch>,
    /// The title of a pull request.
    pub title: Option<String>,
    /// The author of a pull request.
    pub author: Option<String>,
}

/// Why a subject has no pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The pull request is closed.
    Closed,
    /// The branch is deleted.
    Deleted,
    /// A draft, under a rule without drafts.
    Draft,
    /// No rule admits its base or its branch (any more).
    NoRule,
}

impl Absence {
    /// Every absence, for reading them back from the table.
    pub const ALL: [Self; 4] = [Self::Closed, Self::Deleted, Self::Draft, Self::NoRule];

    /// The word in the table and in logs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Deleted => "deleted",
            Self::Draft => "draft",
            Self::NoRule => "no-rule",
        }
    }
}

impl Intent {
    /// Asks the rules. `arrival` is when the message entered the queue, which stands in where GitHub gives no time.
    ///
    /// # Errors
    /// A permanent fault when the rule that matches can make no legal name for the clone, or would give it the name
    /// of a template.
    pub fn read(event: Event, rules: &Rules, arrival: Timestamp) -> Result<Heed<Self>, Fault> {
        let Event {
            repository,
            name,
            actor,
            time,
            change,
        } = event;
        let moment = |kind| Moment {
            event: time.unwrap_or(arrival),
            arrival,
            kind,
            head: None,
            before: None,
        };
        let intent = |kind, moment, wanted| {
            let subject = Subject { repository, kind };
            Heed::Act(Self {
                subject,
                repository: name.clone(),
                moment,
                actor,
                wanted,
            })
        };
        match change {
            Change::PullRequest(pull) => {
                let wanted = match pull_request(&pull, &name, rules)? {
                    Heed::Act(wanted) => wanted,
                    Heed::Ignore(why) => return Ok(Heed::Ignore(why)),
                };
                let kind = match (pull.open, pull.action == Action::Reopened) {
                    (false, _) => Kind::Closed,
                    (true, true) => Kind::Reopened,
                    (true, false) => Kind::Open,
                };
                let moment = Moment {
                    head: Some(pull.sha),
                    before: pull.before,
                    ..moment(kind)
                };
                Ok(intent(
                    SubjectKind::PullRequest(pull.number),
                    moment,
                    wanted,
                ))
            }
            Change::Branch(branch, tip) => {
                let wanted = match self::branch(&branch, &tip, &name, rules)? {
                    Heed::Act(wanted) => wanted,
                    Heed::Ignore(why) => return Ok(Heed::Ignore(why)),
                };
                let moment = match tip {
                    Tip::At { sha, before } => Moment {
                        head: Some(sha),
                        before,
                        ..moment(Kind::Pushed)
                    },
                    Tip::Somewhere => moment(Kind::Pushed),
                    Tip::Gone { before } => Moment {
                        before,
                        ..moment(Kind::Deleted)
                    },
                };
                Ok(intent(SubjectKind::Branch(branch), moment, wanted))
            }
        }
    }
}

fn pull_request(
    pull: &PullRequest,
    name: &RepositoryName,
    rules: &Rules,
) -> Result<Heed<Wanted>, Fault> {
    if rules.of(On::PullRequest, name).next().is_none() {
        return Ok(Heed::Ignore(Ignored::NoRule));
    }
    let absent = |why| Ok(Heed::Act(Wanted::Absent(why)));
    // Nothing is older than `opened`, so there is nothing to remove and nothing that it must outlive.
    let first = pull.action == Action::Opened;
    let rule = rules.of(On::PullRequest, name).find(|rule| {
        rule.base.admit(pull.base.as_str()) && rule.branches.admit(pull.head.as_str())
    });
    match rule {
        // A fork's head is not where the template's source looks, so it never had a pipeline unless a rule said so.
        _ if pull.fork && !rules.of(On::PullRequest, name).any(|rule| rule.forks) => {
            Ok(Heed::Ignore(Ignored::ForkedHead))
        }
        _ if !pull.open => absent(Absence::Closed),
        Some(rule) if pull.fork && !rule.forks => Ok(Heed::Ignore(Ignored::ForkedHead)),
        Some(rule) if pull.draft && !rule.drafts && first => Ok(Heed::Ignore(Ignored::Draft)),
        Some(rule) if pull.draft && !rule.drafts => absent(Absence::Draft),
        Some(rule) => {
            let mut spec = spec(rule, rules, name, &pull.head, Some(pull.number))?;
            spec.base = Some(pull.base.clone());
            spec.title = Some(pull.title.clone());
            spec.author = pull.author.clone();
            Ok(Heed::Act(Wanted::Present(Box::new(spec))))
        }
        None if first => Ok(Heed::Ignore(Ignored::NoRule)),
        None => absent(Absence::NoRule),
    }
}

fn branch(
    branch: &Branch,
    tip: &Tip,
    name: &RepositoryName,
    rules: &Rules,
) -> Result<Heed<Wanted>, Fault> {
    // A branch keeps its name, so a branch that no rule admits never had a pipeline.
    let Some(rule) = rules
        .of(On::Branch, name)
        .find(|rule| rule.branches.admit(branch.as_str()))
    else {
        return Ok(Heed::Ignore(Ignored::NoRule));
    };
    match tip {
        Tip::Gone { .. } => Ok(Heed::Act(Wanted::Absent(Absence::Deleted))),
        Tip::At { .. } | Tip::Somewhere => {
            let spec = spec(rule, rules, name, branch, None)?;
            Ok(Heed::Act(Wanted::Present(Box::new(spec))))
        }
    }
}

fn spec(
    rule: &Rule,
    rules: &Rules,
    repository: &RepositoryName,
    branch: &Branch,
    number: Option<u64>,
) -> Result<Spec, Fault> {
    let fault = |reason, detail| Fault::new(Room::Intent, reason, detail);
    let pipeline = rule
        .pipeline_name
        .name(&Fill {
            repository,
            branch,
            number,
        })
        .map_err(|why| {
            let detail = format!(
                "pipeline_name of rule '{}' makes no legal name for {repository}: {why}",
                rule.name
            );
            fault(Reason::PipelineNameInvalid, detail)
        })?;
    if rules.has_template(&pipeline) {
        let detail = format!(
            "rule '{}' would call the clone '{pipeline}', which is a template: change its pipeline_name or leave the branch out of its branches",
            rule.name
        );
        return Err(fault(Reason::PipelineIsTemplate, detail));
    }
    Ok(Spec {
        pipeline,
        template: rule.template.clone(),
        branch: branch.clone(),
        rule: rule.name.clone(),
        base: None,
        title: None,
        author: None,
    })
}

#[cfg(test)]
mod tests;
