//! Writing the parts of a mapping.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::clone::execution::{Execution, FailedStage};
use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::clone::stacks::Stack;
use crate::domain::ids::BodyDigest;
use crate::domain::outcome::chain::ChainHead;
use crate::domain::report::target::ReportTarget;
use crate::domain::state::activity::Activity;
use crate::domain::state::desired::{Desired, Spec};
use crate::domain::state::mapping::{Approved, Mapping, Observed, SCHEMA};
use crate::domain::state::resources::{PipelineResource, ProjectResource, Resources};
use crate::domain::state::teardown::{Teardown, TeardownRun};

use crate::aws::row::item::{ABSENT, Item, PRESENT, flag, n, repository_key, s};

/// Writes the attributes that this branchline knows.
pub(super) fn known(mapping: &Mapping) -> Item {
    let order = &mapping.order;
    let claim = mapping.claim.as_ref();
    item([
        ("pk", Some(s(repository_key(mapping.subject.repository)))),
        ("sk", Some(s(mapping.subject.key()))),
        ("schema", Some(n(SCHEMA))),
        ("repository", Some(s(mapping.repository.as_str()))),
        ("renamed_at", mapping.renamed_at.map(|at| n(at.0))),
        ("state", Some(s(mapping.state.as_str()))),
        ("generation", Some(n(mapping.generation))),
        ("event_time", Some(n(order.event_time.0))),
        ("received_at", Some(n(order.received_at.0))),
        ("event_kind", Some(s(order.kind.as_str()))),
        ("head_sha", text(order.head.as_ref())),
        ("head_before", text(order.before.as_ref())),
        ("bodies", bodies(&mapping.bodies)),
        ("desired", mapping.desired.as_ref().map(desired)),
        ("resources", Some(resources(&mapping.resources))),
        ("observed", Some(observed(&mapping.observed))),
        ("report", mapping.report.as_ref().map(report)),
        ("approved", mapping.approved.as_ref().map(approved)),
        ("start_token", text(mapping.start_token.as_ref())),
        ("retry", mapping.retry.as_ref().map(failed_stage)),
        ("activity", activity(&mapping.activity)),
        ("slot", text(mapping.slot.as_ref())),
        ("claim_owner", text(claim.map(|claim| &claim.owner))),
        ("claim_until", claim.map(|claim| n(claim.until.0))),
        ("attempts", Some(n(mapping.attempts))),
        ("last_error", text(mapping.last_error.as_ref())),
        ("trail", mapping.trail.as_ref().map(trail)),
        ("created_at", text(Some(&mapping.created_at))),
        ("updated_at", text(Some(&mapping.updated_at))),
    ])
}

fn item<const N: usize>(attributes: [(&str, Option<AttributeValue>); N]) -> Item {
    let present = |(name, value): (&str, Option<AttributeValue>)| Some((name.to_owned(), value?));
    attributes.into_iter().filter_map(present).collect()
}

pub(in crate::aws) fn map<const N: usize>(
    attributes: [(&str, Option<AttributeValue>); N],
) -> AttributeValue {
    AttributeValue::M(item(attributes))
}

pub(in crate::aws) fn text(value: Option<&impl ToString>) -> Option<AttributeValue> {
    value.map(|value| s(value.to_string()))
}

fn bodies(bodies: &[BodyDigest]) -> Option<AttributeValue> {
    let digests = bodies.iter().map(|digest| s(digest.as_str())).collect();
    (!bodies.is_empty()).then_some(AttributeValue::L(digests))
}

fn desired(desired: &Desired) -> AttributeValue {
    let presence = if desired.absence().is_some() {
        ABSENT
    } else {
        PRESENT
    };
    map([
        ("presence", Some(s(presence))),
        ("reason", desired.absence().map(|reason| s(reason.as_str()))),
        ("spec", desired.spec().map(spec)),
    ])
}

fn spec(spec: &Spec) -> AttributeValue {
    map([
        ("pipeline", text(Some(&spec.pipeline))),
        ("template", text(Some(&spec.template))),
        ("branch", text(Some(&spec.branch))),
        ("rule", text(Some(&spec.rule))),
        ("rule_digest", text(Some(&spec.rule_digest))),
        ("base", text(spec.base.as_ref())),
        ("title", text(spec.title.as_ref())),
        ("author", text(spec.author.as_ref())),
    ])
}

fn resources(resources: &Resources) -> AttributeValue {
    map([
        ("pipeline", resources.pipeline.as_ref().map(pipeline)),
        ("projects", projects(&resources.projects)),
        ("stacks", stacks(&resources.stacks)),
        ("left_stacks", stacks(&resources.left)),
        ("teardown_policy", text(resources.teardown_policy.as_ref())),
        ("teardown", resources.teardown.as_ref().map(teardown)),
    ])
}

/// Stacks are a map by Region and name, so that unknown attributes find theirs again. The one that
/// is deployed first has index 0.
fn stacks(stacks: &[Stack]) -> Option<AttributeValue> {
    let one = |(index, stack): (u32, &Stack)| {
        let known = map([
            ("index", Some(n(index))),
            ("role", text(stack.role.as_ref())),
            ("action_role", text(stack.action_role.as_ref())),
            ("id", text(stack.id.as_ref())),
        ]);
        let region = stack.region.as_deref().unwrap_or_default();
        (format!("{region}/{}", stack.name), known)
    };
    let all = (0_u32..).zip(stacks).map(one);
    (!stacks.is_empty()).then(|| AttributeValue::M(all.collect()))
}

fn teardown(teardown: &Teardown) -> AttributeValue {
    let (execution, stack) = match &teardown.run {
        Some(TeardownRun::Execution(id)) => (Some(id), None),
        Some(TeardownRun::Stack(id)) => (None, Some(id)),
        None => (None, None),
    };
    map([
        ("execution", text(execution)),
        ("stack", text(stack)),
        ("failures", Some(n(teardown.failures))),
        ("retry_at", teardown.retry_at.map(|at| n(at.0))),
        ("finished", flag(teardown.is_finished)),
        ("remade", flag(teardown.is_remade)),
        ("deployed_until", teardown.deployed_until.map(|at| n(at.0))),
    ])
}

/// Projects are a map by name, so that unknown attributes find theirs again.
fn projects(projects: &[ProjectResource]) -> Option<AttributeValue> {
    let one = |project: &ProjectResource| {
        let known = map([("fingerprint", text(project.fingerprint.as_ref()))]);
        (project.name.to_string(), known)
    };
    (!projects.is_empty()).then(|| AttributeValue::M(projects.iter().map(one).collect()))
}

fn pipeline(pipeline: &PipelineResource) -> AttributeValue {
    map([
        ("name", text(Some(&pipeline.name))),
        ("arn", text(pipeline.arn.as_ref())),
        ("version", pipeline.version.map(n)),
        ("template_version", pipeline.template_version.map(n)),
        (
            "fingerprint",
            pipeline.fingerprint.as_ref().map(fingerprint),
        ),
        ("created_at", text(pipeline.created_at.as_ref())),
    ])
}

fn fingerprint(fingerprint: &CloneFingerprint) -> AttributeValue {
    let names = |names: &[String]| AttributeValue::L(names.iter().map(s).collect());
    map([
        ("digest", text(fingerprint.digest.as_ref())),
        ("secrets", text(fingerprint.secrets.as_ref())),
        ("source", text(fingerprint.source.as_ref())),
        ("pinned_source", text(fingerprint.pinned_source.as_ref())),
        ("variables", Some(names(&fingerprint.variables))),
        ("left_out_stages", Some(names(&fingerprint.left_out_stages))),
    ])
}

fn observed(observed: &Observed) -> AttributeValue {
    let executions = (0_u32..).zip(&observed.executions);
    let executions = executions.map(|(index, one)| (one.id.clone(), execution(index, one)));
    map([
        ("built", text(observed.built.as_ref())),
        ("executions", Some(AttributeValue::M(executions.collect()))),
    ])
}

/// Executions are a map by id, so that unknown attributes find theirs again. The newest has
/// index 0.
fn execution(index: u32, execution: &Execution) -> AttributeValue {
    map([
        ("index", Some(n(index))),
        ("state", text(Some(&execution.state))),
        ("started", text(execution.started.as_ref())),
        ("updated", text(execution.updated.as_ref())),
        ("commit", text(execution.commit.as_ref())),
        ("link", text(execution.link.as_ref())),
    ])
}

fn trail(head: &ChainHead) -> AttributeValue {
    map([
        ("sequence", Some(n(head.sequence))),
        ("hash", text(Some(&head.hash))),
    ])
}

fn report(target: &ReportTarget) -> AttributeValue {
    map([
        ("form", Some(s(target.form.as_str()))),
        ("context", text(Some(&target.context))),
        ("installation", target.installation.map(|id| n(id.0))),
        ("comment", Some(s(target.comment.as_str()))),
        ("deployment", text(target.deployment.as_ref())),
    ])
}

fn failed_stage(failed: &FailedStage) -> AttributeValue {
    map([
        ("execution", text(Some(&failed.execution))),
        ("attempt", Some(n(failed.attempt))),
        ("stage", text(Some(&failed.stage))),
    ])
}

/// A flag is written where it is set.
fn activity(activity: &Activity) -> Option<AttributeValue> {
    let flag = |is_set: bool| is_set.then_some(AttributeValue::Bool(true));
    let sleep = activity.sleep.as_ref();
    let known = item([
        ("last", activity.last.map(|at| n(at.0))),
        ("draft", flag(activity.is_draft)),
        ("kept", flag(activity.is_kept)),
        ("removal_at", activity.removal_at.map(|at| n(at.0))),
        ("asleep", sleep.map(|sleep| s(sleep.reason.as_str()))),
        ("asleep_since", sleep.map(|sleep| n(sleep.since.0))),
    ]);
    (!known.is_empty()).then_some(AttributeValue::M(known))
}

fn approved(approved: &Approved) -> AttributeValue {
    map([
        ("commit", text(Some(&approved.commit))),
        ("by", text(Some(&approved.by))),
        ("at", text(Some(&approved.at))),
    ])
}
