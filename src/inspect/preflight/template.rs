//! Checks that each rule can clone its template, with a made-up subject.

use std::collections::BTreeSet;

use crate::domain::clone::notes::Notes;
use crate::domain::clone::overrides::StageSelection;
use crate::domain::clone::stacks::{StackKey, other_stacks};
use crate::domain::clone::tags::{MANAGED_BY, REPOSITORY, Tags};
use crate::domain::clone::teardown::{deleted_stacks, kept_stacks};
use crate::domain::clone::{CloneRequest, NewPipeline, Template};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{
    Branch, CommitId, Owner, PipelineName, RepositoryId, RepositoryName, Subject, SubjectKind,
    Timestamp,
};
use crate::domain::rules::merge_queue::MERGE_QUEUE;
use crate::domain::rules::placeholder::PlaceholderValues;
use crate::domain::rules::repository_file::{FileFrom, FileKey};
use crate::domain::rules::rule::{On, Rule};
use crate::domain::state::desired::Spec;
use crate::domain::state::mapping::Mapping;
use crate::domain::state::ordering::{EventKind, EventOrder};

use crate::inspect::preflight::Finding;

/// The check of a rule's template.
pub struct TemplateCheck {
    /// The finding.
    pub finding: Finding,
    /// The clone, if the rule can create one.
    pub clone: Option<NewPipeline>,
}

/// Refuses a template that is a clone itself: it is deleted with its subject.
///
/// # Errors
/// A permanent fault.
pub fn refuse_clone(name: &PipelineName, tags: &Tags) -> Result<(), Fault> {
    let Some(owner) = tags.get(MANAGED_BY) else {
        return Ok(());
    };
    let detail = format!(
        "pipeline '{name}' is a clone of the installation '{owner}' (tag {MANAGED_BY}), and is deleted with its pull request or branch"
    );
    let mut fault = Fault::new(Reason::RuleTemplateMismatch, detail);
    fault.remedy = Some("name a pipeline that branchline has not created".to_owned());
    Err(fault)
}

/// Checks whether a rule can clone its template, for one repository of those that the template
/// fetches.
#[must_use]
pub fn template(rule: &Rule, template: &Template, owner: &Owner) -> TemplateCheck {
    let what = format!("template {}", rule.template);
    let bad = |detail: String, fix: String| TemplateCheck {
        finding: Finding::bad(what.clone(), detail, fix),
        clone: None,
    };
    let repositories = template.repositories();
    let admitted = repositories.filter(|name| rule.repository.is_match(name.as_str()));
    let mut refused = None;
    for (mapping, spec) in admitted.filter_map(|name| made_up(rule, name)) {
        let request = CloneRequest {
            with_notes: true,
            ..mapping.clone_request(&spec, rule, owner)
        };
        match template.clone_for(&request) {
            Ok(clone) => {
                let Notes { dangers, warnings } = clone.notes.clone();
                return TemplateCheck {
                    finding: Finding {
                        dangers,
                        warnings: warnings.into_iter().chain(of_files(rule)).collect(),
                        ..Finding::good(what, cloned(rule, &mapping.repository, &clone))
                    },
                    clone: Some(clone),
                };
            }
            Err(fault) => refused = refused.or(Some(fault)),
        }
    }
    match refused {
        Some(fault) => bad(
            fault.to_string(),
            format!("correct the template, or rule '{}'", rule.name),
        ),
        None => bad(
            format!(
                "has no source action that fetches a repository of rule '{}'",
                rule.name
            ),
            match template.repositories().next() {
                Some(fetched) => format!(
                    "write repository = \"{fetched}\" in the rule, which is what the template fetches, or clone another template"
                ),
                None => "add a CodeStarSourceConnection action to the template, or clone another template; for a mirror, see `branchline explain`".to_owned(),
            },
        ),
    }
}

/// Checks whether the clones of a rule can become clones of its teardown template. `ordinary` is
/// the same made-up subject's clone, if the rule can create one.
#[must_use]
pub fn teardown(
    rule: &Rule,
    template: &Template,
    owner: &Owner,
    ordinary: Option<&NewPipeline>,
) -> TemplateCheck {
    let deployed = ordinary.map_or_else(Vec::new, NewPipeline::stack_keys);
    let deployed: BTreeSet<StackKey> = deployed.into_iter().collect();
    let repository = ordinary.and_then(|clone| clone.tags.get(REPOSITORY));
    let name = template.declaration.name();
    let what = format!("teardown {name}");
    let bad = |detail: String, fix: String| TemplateCheck {
        finding: Finding::bad(what.clone(), detail, fix),
        clone: None,
    };
    let mut admitted = template.repositories().filter(|name| match repository {
        Some(repository) => name.as_str() == repository,
        None => rule.repository.is_match(name.as_str()),
    });
    let made = admitted.find_map(|name| made_up(rule, name));
    let Some((mapping, spec)) = made else {
        let of_rule = || format!("a repository of rule '{}'", rule.name);
        return bad(
            format!(
                "has no source action that fetches {}",
                repository.cloned().unwrap_or_else(of_rule)
            ),
            "add a CodeStarSourceConnection action for the repository, whose base branch the teardown fetches, or name another pipeline".to_owned(),
        );
    };
    let request = mapping.clone_request(&spec, rule, owner);
    match template.teardown_clone(&request, &spec.branch) {
        Ok((clone, _))
            if let [other, ..] =
                other_stacks(&clone.declaration, &clone.arn, &deployed).as_slice() =>
        {
            bad(
                format!(
                    "is about stack {}, which a clone of rule '{}' does not deploy, so that no teardown could run",
                    other.name, rule.name
                ),
                "let it delete the stacks that the template of the rule deploys, by the same StackName, to which stack_suffix of preview is added".to_owned(),
            )
        }
        Ok((clone, _)) if let Some(stack) = kept_stacks(&clone.declaration).first() => bad(
            format!("deploys stack {stack} and does not delete it, so that it would stay"),
            "give its CloudFormation action the ActionMode DELETE_ONLY".to_owned(),
        ),
        Ok((clone, _)) => TemplateCheck {
            finding: Finding {
                warnings: of_teardown(&clone, &deployed),
                ..Finding::good(
                    what,
                    format!(
                        "clones of rule '{}' can become its clones to remove their environments",
                        rule.name
                    ),
                )
            },
            clone: Some(clone),
        },
        Err(fault) => bad(
            fault.to_string(),
            format!("correct the teardown template, or rule '{}'", rule.name),
        ),
    }
}

/// Warns of what a teardown template leaves to its builds, and of what it waits for.
fn of_teardown(clone: &NewPipeline, deployed: &BTreeSet<StackKey>) -> Vec<String> {
    let deleted = deleted_stacks(&clone.declaration);
    let left = deployed.iter().filter(|key| !deleted.contains(&key.name));
    let left = left.map(|key| {
        format!(
            "no CloudFormation action of it deletes stack {}: one of its builds has to delete it",
            key.name
        )
    });
    let approvals = clone.declaration.actions();
    let approvals = approvals.filter(|action| action.category == "Approval");
    let approvals = approvals.map(|action| {
        format!(
            "each removal waits until a person approves action '{}'",
            action.path()
        )
    });
    left.chain(approvals).collect()
}

/// Describes the clone: what it is for, and which stages it does not have.
fn cloned(rule: &Rule, repository: &RepositoryName, clone: &NewPipeline) -> String {
    let mut detail = format!("rule '{}' can clone it for {repository}", rule.name);
    let left_out = &clone.fingerprint.left_out_stages;
    if !left_out.is_empty() {
        detail.push_str(&format!(", without stages {}", left_out.join(", ")));
    }
    detail
}

/// Warns of files that a pull request changes for itself.
fn of_files(rule: &Rule) -> Vec<String> {
    let mut warnings = Vec::new();
    let template = rule.template_file.as_ref();
    if let Some(file) = template.filter(|file| rule.lets_author_choose(file.from)) {
        let (path, name) = (&file.path, &rule.name);
        warnings.push(format!(
            "rule '{name}' reads {path} from {}, so a pull request can leave out its tests: a check that succeeds does not mean that they ran",
            read_from(file.from)
        ));
        if rule.overrides.stages != StageSelection::Safe {
            warnings.push(format!(
                "rule '{name}' also keeps stages by name (keep_stages, stages): those that change something outside run after what {path} of the pull request declares"
            ));
        }
    }
    let file = rule.repository_file.as_ref();
    let file = file.filter(|file| rule.lets_author_choose(file.from));
    if let Some(file) = file.filter(|file| file.allow.contains(&FileKey::KeepStages)) {
        warnings.push(format!(
            "rule '{}' lets {} of {} set keep_stages, so a pull request can leave out its tests: a check that succeeds does not mean that they ran",
            rule.name, file.path, read_from(file.from)
        ));
    }
    let template = template.map(|file| (&file.path, file.from));
    let file = rule
        .repository_file
        .as_ref()
        .map(|file| (&file.path, file.from));
    let open = template.into_iter().chain(file);
    let open = open.filter(|(_, from)| *from == FileFrom::Base && rule.lets_author_choose(*from));
    warnings.extend(open.map(|(path, _)| {
        format!(
            "rule '{}' reads {path} from any base, also from a branch that the author of the pull request has pushed: name the branches that are protected at GitHub, such as base = [\"main\"]",
            rule.name
        )
    }));
    warnings
}

/// Describes the commit of a file that the author of a pull request chooses.
fn read_from(from: FileFrom) -> &'static str {
    match from {
        FileFrom::Head => "the commit that is built",
        FileFrom::Base => "a base that its author chooses",
    }
}

fn made_up(rule: &Rule, repository: RepositoryName) -> Option<(Mapping, Spec)> {
    let name = match rule.on {
        On::PullRequest | On::Branch => "branchline-check".to_owned(),
        On::MergeGroup => format!("{MERGE_QUEUE}main/pr-1-branchline-check"),
    };
    let branch = Branch::parse(name).ok()?;
    let kind = match rule.on {
        On::Branch | On::MergeGroup => SubjectKind::Branch(branch.clone()),
        On::PullRequest => SubjectKind::PullRequest(1),
    };
    let head = CommitId::parse("0123456789".repeat(4)).ok()?;
    let values = PlaceholderValues {
        repository: &repository,
        branch: &branch,
        number: match kind {
            SubjectKind::PullRequest(number) => Some(number),
            SubjectKind::Branch(_) => None,
        },
        sha: Some(&head),
        base: Some(&branch),
        author: Some("octocat"),
        title: Some("A title"),
    };
    let made_up = || PipelineName::parse("branchline-check");
    let pipeline = rule
        .pipeline_name
        .name(&values)
        .or_else(|_| made_up())
        .ok()?;
    let subject = Subject {
        repository: RepositoryId(0),
        kind,
    };
    let order = EventOrder {
        event_time: Timestamp(0),
        received_at: Timestamp(0),
        kind: EventKind::Open,
        head: Some(head),
        before: None,
    };
    let spec = Spec {
        pipeline,
        template: rule.template.clone(),
        branch: branch.clone(),
        rule: rule.name.clone(),
        rule_digest: rule.digest.clone(),
        base: Some(branch),
        title: Some("A title".to_owned()),
        author: Some("octocat".to_owned()),
    };
    Some((
        Mapping::unseen(subject, repository, order, Timestamp(0)),
        spec,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_is_no_template() {
        let name = PipelineName::parse("api-pr-7").unwrap();
        let mine = Tags::from([(MANAGED_BY.to_owned(), "branchline".to_owned())]);
        let refused = refuse_clone(&name, &mine).unwrap_err();
        assert_eq!(
            refused.detail,
            "pipeline 'api-pr-7' is a clone of the installation 'branchline' (tag branchline:managed-by), and is deleted with its pull request or branch"
        );
        let other = Tags::from([("team".to_owned(), "platform".to_owned())]);
        assert!(refuse_clone(&name, &other).is_ok());
    }
}
