//! Checks that each rule can clone its template, with a made-up subject.

use crate::domain::clone::dangers::unescaped_uses;
use crate::domain::clone::{NewPipeline, Template};
use crate::domain::ids::{
    Branch, CommitId, PipelineName, RepositoryId, RepositoryName, Subject, SubjectKind, Timestamp,
};
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

/// Checks whether a rule can clone its template.
#[must_use]
pub fn template(rule: &Rule, template: &Template, table: &str) -> TemplateCheck {
    let what = format!("template {}", rule.template);
    let mut repositories = template.repositories();
    let admitted = repositories.find(|name| rule.repository.is_match(name.as_str()));
    let Some((mapping, spec)) = admitted.and_then(|name| made_up(rule, name)) else {
        let detail = format!(
            "has no source action that fetches a repository of rule '{}'",
            rule.name
        );
        let fix = "correct the template or the rule; for a mirror, see `branchline explain`";
        return TemplateCheck {
            finding: Finding::bad(what, detail, fix),
            clone: None,
        };
    };
    match template.clone_for(&mapping.clone_request(&spec, rule, table)) {
        Ok(clone) => TemplateCheck {
            finding: Finding {
                dangers: clone.dangers.clone(),
                ..Finding::good(what, cloned(rule, &mapping.repository, &clone))
            },
            clone: Some(clone),
        },
        Err(fault) => {
            let fix = format!("correct the template, or rule '{}'", rule.name);
            TemplateCheck {
                finding: Finding::bad(what, fault.to_string(), fix),
                clone: None,
            }
        }
    }
}

/// Describes the clone: what it is for, which stages it does not have, and where it uses variables
/// that CodePipeline does not escape.
fn cloned(rule: &Rule, repository: &RepositoryName, clone: &NewPipeline) -> String {
    let mut detail = format!("rule '{}' can clone it for {repository}", rule.name);
    let left_out = &clone.fingerprint.left_out_stages;
    if !left_out.is_empty() {
        detail.push_str(&format!(", without stages {}", left_out.join(", ")));
    }
    for (place, variable) in unescaped_uses(&clone.declaration) {
        detail.push_str(&format!(
            "; {place} uses #{{variables.{variable}}}, which CodePipeline does not escape"
        ));
    }
    detail
}

fn made_up(rule: &Rule, repository: RepositoryName) -> Option<(Mapping, Spec)> {
    let branch = Branch::parse("branchline-check").ok()?;
    let kind = match rule.on {
        On::Branch => SubjectKind::Branch(branch.clone()),
        On::PullRequest => SubjectKind::PullRequest(1),
    };
    let subject = Subject {
        repository: RepositoryId(0),
        kind,
    };
    let order = EventOrder {
        event_time: Timestamp(0),
        received_at: Timestamp(0),
        kind: EventKind::Open,
        head: Some(CommitId::parse("0123456789".repeat(4)).ok()?),
        before: None,
    };
    let spec = Spec {
        pipeline: PipelineName::parse("branchline-check").ok()?,
        template: rule.template.clone(),
        branch: branch.clone(),
        rule: rule.name.clone(),
        base: Some(branch),
        title: Some("A title".to_owned()),
        author: Some("octocat".to_owned()),
    };
    Some((
        Mapping::unseen(subject, repository, order, Timestamp(0)),
        spec,
    ))
}
