//! Reading the parts of a mapping.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::clone::execution::{Execution, FailedStage};
use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::clone::overrides::TeardownPolicy;
use crate::domain::clone::stacks::Stack;
use crate::domain::fault::Fault;
use crate::domain::ids::{
    BodyDigest, Branch, CommitId, DeliveryId, ExecutionId, InstallationId, PipelineArn,
    PipelineName, ProjectName, RepositoryId, RepositoryName, StackId, Subject, Timestamp,
};
use crate::domain::outcome::chain::ChainHead;
use crate::domain::report::ReportForm;
use crate::domain::report::target::{CommentPolicy, ReportTarget};
use crate::domain::rules::placeholder::FormatString;
use crate::domain::state::activity::{Activity, Sleep, SleepReason};
use crate::domain::state::desired::{AbsenceReason, Desired, Spec};
use crate::domain::state::mapping::{
    Approved, ClaimInfo, Mapping, Observed, State, UnknownAttributes,
};
use crate::domain::state::ordering::{EventKind, EventOrder};
use crate::domain::state::resources::{PipelineResource, ProjectResource, Resources};
use crate::domain::state::teardown::{Teardown, TeardownRun};

use crate::aws::row::item::{ABSENT, PRESENT};
use crate::aws::row::part::Part;

/// Reads the attributes that this branchline knows.
pub(super) fn known(row: &Part<'_>) -> Result<Mapping, Fault> {
    let repository = row.parse("pk", |pk| {
        pk.strip_prefix("REPO#")?.parse().ok().map(RepositoryId)
    })?;
    Ok(Mapping {
        subject: row.parse("sk", |sk| Subject::from_key(repository, sk))?,
        repository: row.parse("repository", |name| RepositoryName::parse(name).ok())?,
        renamed_at: row.number("renamed_at")?.map(Timestamp),
        state: row.parse("state", |word| {
            State::ALL.into_iter().find(|state| state.as_str() == word)
        })?,
        generation: row.required("generation")?,
        order: order(row)?,
        bodies: bodies(row)?,
        desired: row.part("desired", desired)?,
        resources: row.part("resources", resources)?.unwrap_or_default(),
        observed: row.part("observed", observed)?.unwrap_or_default(),
        report: row.part("report", report)?,
        approved: row.part("approved", approved)?,
        start_token: row.optional("start_token", |id| DeliveryId::parse(id).ok())?,
        retry: row.part("retry", failed_stage)?,
        activity: row.part("activity", activity)?.unwrap_or_default(),
        slot: row.text("slot")?.map(str::to_owned),
        claim: claim(row)?,
        attempts: row.required("attempts")?,
        last_error: row.text("last_error")?.map(str::to_owned),
        trail: row.part("trail", trail)?,
        created_at: row.parse("created_at", Timestamp::from_rfc3339)?,
        updated_at: row.parse("updated_at", Timestamp::from_rfc3339)?,
        unknown: UnknownAttributes::new(),
    })
}

fn order(row: &Part<'_>) -> Result<EventOrder, Fault> {
    Ok(EventOrder {
        event_time: Timestamp(row.required("event_time")?),
        received_at: Timestamp(row.required("received_at")?),
        kind: row.parse("event_kind", |word| {
            EventKind::ALL
                .into_iter()
                .find(|kind| kind.as_str() == word)
        })?,
        head: row.optional("head_sha", |sha| CommitId::parse(sha).ok())?,
        before: row.optional("head_before", |sha| CommitId::parse(sha).ok())?,
    })
}

fn bodies(row: &Part<'_>) -> Result<Vec<BodyDigest>, Fault> {
    if !row.names().any(|name| name == "bodies") {
        return Ok(Vec::new());
    }
    let digest = |value: &AttributeValue| BodyDigest::parse(value.as_s().ok()?).ok();
    let digests = row.list("bodies")?.iter().map(digest);
    digests
        .collect::<Option<_>>()
        .ok_or_else(|| row.fault("bodies"))
}

fn claim(row: &Part<'_>) -> Result<Option<ClaimInfo>, Fault> {
    match (row.text("claim_owner")?, row.number("claim_until")?) {
        (Some(owner), Some(until)) => Ok(Some(ClaimInfo {
            owner: owner.to_owned(),
            until: Timestamp(until),
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(row.fault("claim_until")),
        (None, Some(_)) => Err(row.fault("claim_owner")),
    }
}

fn desired(part: &Part<'_>) -> Result<Desired, Fault> {
    let spec = part.part("spec", spec)?;
    match part.text("presence")? {
        Some(PRESENT) => Ok(Desired::Present(spec.ok_or_else(|| part.fault("spec"))?)),
        Some(ABSENT) => Ok(Desired::Absent {
            reason: part.parse("reason", |word| {
                let mut reasons = AbsenceReason::ALL.into_iter();
                reasons.find(|reason| reason.as_str() == word)
            })?,
            last: spec,
        }),
        Some(_) | None => Err(part.fault("presence")),
    }
}

fn spec(part: &Part<'_>) -> Result<Spec, Fault> {
    Ok(Spec {
        pipeline: part.parse("pipeline", |name| PipelineName::parse(name).ok())?,
        template: part.parse("template", |name| PipelineName::parse(name).ok())?,
        branch: part.parse("branch", |name| Branch::parse(name).ok())?,
        rule: part.owned("rule")?,
        rule_digest: part.owned("rule_digest")?,
        base: part.optional("base", |name| Branch::parse(name).ok())?,
        title: part.text("title")?.map(str::to_owned),
        author: part.text("author")?.map(str::to_owned),
    })
}

fn resources(part: &Part<'_>) -> Result<Resources, Fault> {
    Ok(Resources {
        pipeline: part.part("pipeline", pipeline)?,
        projects: part.part("projects", projects)?.unwrap_or_default(),
        stacks: part.part("stacks", stacks)?.unwrap_or_default(),
        left: part.part("left_stacks", stacks)?.unwrap_or_default(),
        teardown_policy: part
            .optional("teardown_policy", |text| TeardownPolicy::parse(text).ok())?,
        teardown: part.part("teardown", teardown)?,
    })
}

fn stacks(part: &Part<'_>) -> Result<Vec<Stack>, Fault> {
    let mut found = Vec::new();
    for key in part.names() {
        let (region, name) = key.split_once('/').ok_or_else(|| part.fault(key))?;
        let one = part.part(key, |one| {
            let stack = Stack {
                name: name.to_owned(),
                region: Some(region.to_owned()).filter(|region| !region.is_empty()),
                role: one.text("role")?.map(str::to_owned),
                action_role: one.text("action_role")?.map(str::to_owned),
                id: one.optional("id", |id| StackId::parse(id).ok())?,
            };
            Ok((one.required("index")?, stack))
        })?;
        found.extend(one);
    }
    found.sort_by_key(|(index, _): &(u32, Stack)| *index);
    Ok(found.into_iter().map(|(_, stack)| stack).collect())
}

fn teardown(part: &Part<'_>) -> Result<Teardown, Fault> {
    let execution = part.optional("execution", |id| ExecutionId::parse(id).ok())?;
    let execution = execution.map(TeardownRun::Execution);
    let stack = part.optional("stack", |id| StackId::parse(id).ok())?;
    let stack = stack.map(TeardownRun::Stack);
    Ok(Teardown {
        run: execution.or(stack),
        failures: part.required("failures")?,
        retry_at: part.number("retry_at")?.map(Timestamp),
        is_finished: part.optional_flag("finished")?,
        is_remade: part.optional_flag("remade")?,
        deployed_until: part.number("deployed_until")?.map(Timestamp),
    })
}

fn projects(part: &Part<'_>) -> Result<Vec<ProjectResource>, Fault> {
    let mut found = Vec::new();
    for name in part.names() {
        let one = part.part(name, |one| {
            Ok(ProjectResource {
                name: ProjectName::parse(name).map_err(|_| part.fault(name))?,
                fingerprint: one.text("fingerprint")?.map(str::to_owned),
            })
        })?;
        found.extend(one);
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn pipeline(part: &Part<'_>) -> Result<PipelineResource, Fault> {
    Ok(PipelineResource {
        name: part.parse("name", |name| PipelineName::parse(name).ok())?,
        arn: part.optional("arn", |arn| PipelineArn::parse(arn).ok())?,
        version: part.number("version")?,
        template_version: part.number("template_version")?,
        fingerprint: part.part("fingerprint", fingerprint)?,
        created_at: part.optional("created_at", Timestamp::from_rfc3339)?,
    })
}

fn fingerprint(part: &Part<'_>) -> Result<CloneFingerprint, Fault> {
    let names = |key: &str| {
        let names = part.list(key)?.iter().map(|name| name.as_s().ok().cloned());
        Option::ok_or_else(names.collect(), || part.fault(key))
    };
    Ok(CloneFingerprint {
        digest: part.text("digest")?.map(str::to_owned),
        secrets: part.text("secrets")?.map(str::to_owned),
        source: part.text("source")?.map(str::to_owned),
        pinned_source: part.text("pinned_source")?.map(str::to_owned),
        variables: names("variables")?,
        left_out_stages: names("left_out_stages")?,
    })
}

fn observed(part: &Part<'_>) -> Result<Observed, Fault> {
    let executions = part.part("executions", executions)?;
    Ok(Observed {
        built: part.optional("built", |sha| CommitId::parse(sha).ok())?,
        executions: executions.ok_or_else(|| part.fault("executions"))?,
    })
}

fn executions(part: &Part<'_>) -> Result<Vec<Execution>, Fault> {
    let mut found = Vec::new();
    for id in part.names() {
        let one = part.part(id, |part| {
            Ok((part.required("index")?, execution(id, part)?))
        })?;
        found.extend(one);
    }
    found.sort_by_key(|(index, _): &(u32, Execution)| *index);
    Ok(found.into_iter().map(|(_, execution)| execution).collect())
}

fn execution(id: &str, part: &Part<'_>) -> Result<Execution, Fault> {
    Ok(Execution {
        id: id.to_owned(),
        state: part.owned("state")?,
        started: part.text("started")?.map(str::to_owned),
        updated: part.text("updated")?.map(str::to_owned),
        commit: part.text("commit")?.map(str::to_owned),
        link: part.text("link")?.map(str::to_owned),
    })
}

fn trail(part: &Part<'_>) -> Result<ChainHead, Fault> {
    Ok(ChainHead {
        sequence: part.required("sequence")?,
        hash: part.owned("hash")?,
    })
}

fn report(part: &Part<'_>) -> Result<ReportTarget, Fault> {
    Ok(ReportTarget {
        form: part.parse("form", ReportForm::parse)?,
        context: part.owned("context")?,
        installation: part.number("installation")?.map(InstallationId),
        comment: part.parse("comment", CommentPolicy::parse)?,
        deployment: part.optional("deployment", |text| FormatString::parse(text).ok())?,
    })
}

fn failed_stage(part: &Part<'_>) -> Result<FailedStage, Fault> {
    Ok(FailedStage {
        execution: part.parse("execution", |id| ExecutionId::parse(id).ok())?,
        attempt: part.required("attempt")?,
        stage: part.owned("stage")?,
    })
}

fn activity(part: &Part<'_>) -> Result<Activity, Fault> {
    let flag = |name| match part.names().any(|known| known == name) {
        true => part.flag(name),
        false => Ok(false),
    };
    let time = |name| Ok(part.number(name)?.map(Timestamp));
    let sleep = match (
        part.optional("asleep", SleepReason::parse)?,
        time("asleep_since")?,
    ) {
        (Some(reason), Some(since)) => Some(Sleep { reason, since }),
        (None, None) => None,
        (Some(_), None) => return Err(part.fault("asleep_since")),
        (None, Some(_)) => return Err(part.fault("asleep")),
    };
    Ok(Activity {
        last: time("last")?,
        is_draft: flag("draft")?,
        is_kept: flag("kept")?,
        removal_at: time("removal_at")?,
        sleep,
    })
}

fn approved(part: &Part<'_>) -> Result<Approved, Fault> {
    Ok(Approved {
        commit: part.parse("commit", |sha| CommitId::parse(sha).ok())?,
        by: part.owned("by")?,
        at: part.parse("at", Timestamp::from_rfc3339)?,
    })
}
