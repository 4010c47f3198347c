//! The pipeline that a rule gives to a subject.

use crate::domain::fault::{Fault, Reason};
use crate::domain::rules::placeholder::PlaceholderValues;
use crate::domain::rules::rule::{Rule, Rules, Start, Update};
use crate::domain::state::desired::{BuildPolicy, BuildTrigger, DesiredState, Spec};

/// Returns the desired state of a subject that a rule admits.
pub(super) fn present(spec: Spec, rule: &Rule, skip: bool) -> DesiredState {
    let head = match rule.start {
        _ if skip => BuildTrigger::Skipped,
        Start::Push => BuildTrigger::ChangeDetection,
        Start::Auto | Start::Commit | Start::Head => BuildTrigger::Branchline,
    };
    let follows = rule.update == Update::NextStart;
    DesiredState::Present(Box::new(spec), BuildPolicy { head, follows })
}

/// Returns the pipeline that a rule gives to a subject with these values.
///
/// # Errors
/// A permanent fault, if the pipeline would have no legal name, or that of a template.
pub(super) fn spec(
    rule: &Rule,
    rules: &Rules,
    fill: &PlaceholderValues<'_>,
) -> Result<Spec, Fault> {
    let fault = |reason, detail| Fault::new(reason, detail);
    if fill.branch.as_str().contains("#{") {
        let detail = format!(
            "the branch {} contains '#{{', which CodePipeline would read as a variable: rename the branch",
            fill.branch
        );
        return Err(fault(Reason::InvalidValue, detail));
    }
    let pipeline = rule.pipeline_name.name(fill).map_err(|why| {
        let detail = format!(
            "pipeline_name of rule '{}' makes no legal name for {}: {why}",
            rule.name, fill.repository
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
        branch: fill.branch.clone(),
        rule: rule.name.clone(),
        rule_digest: rule.digest.clone(),
        base: fill.base.cloned(),
        title: fill.title.map(str::to_owned),
        author: fill.author.map(str::to_owned),
    })
}
