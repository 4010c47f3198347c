//! Reading the records of commits.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{
    CheckRunId, CommitId, ExecutionId, InstallationId, PipelineName, RepositoryName, Subject,
    Timestamp,
};
use crate::domain::report::execution::{ExecutionState, StepState};
use crate::domain::report::fault::GitHubFaultKind;
use crate::domain::report::idle_note::IdleNote;
use crate::domain::report::record::{
    Attempt, CommitKey, CommitRecord, FailedReport, Phase, Reported, Sending,
};
use crate::domain::report::run::{ActionFailure, Approval, Run, StageRun};
use crate::domain::report::target::{CommentPolicy, ReportTarget};
use crate::domain::report::{ReportForm, ReportState};
use crate::domain::rules::placeholder::FormatString;
use crate::domain::state::activity::SleepReason;
use crate::domain::state::desired::AbsenceReason;
use crate::ports::CommitList;

use crate::aws::commits::keys::{COMMIT, SUBJECT};
use crate::aws::row::{Item, Part};

/// Returns the subject of a record.
pub(super) fn subject(item: &Item) -> Result<Subject, Fault> {
    Part::row(item).parse("pk", |pk| {
        Subject::from_table_key(pk.strip_prefix(SUBJECT)?)
    })
}

/// Returns the key of a record.
pub(super) fn key(item: &Item) -> Result<CommitKey, Fault> {
    let row = Part::row(item);
    Ok(CommitKey {
        subject: subject(item)?,
        commit: row.parse("sk", |sk| CommitId::parse(sk.strip_prefix(COMMIT)?).ok())?,
    })
}

/// Reads a record; `None` if it does not say where the commit is reported.
pub(super) fn record(item: &Item) -> Result<Option<CommitRecord>, Fault> {
    let row = Part::row(item);
    let Some(form) = row.optional("form", ReportForm::parse)? else {
        return Ok(None);
    };
    let execution = |name| row.optional(name, |id| Some(ExecutionId::parse(id).ok()));
    Ok(Some(CommitRecord {
        key: key(item)?,
        repository: row.parse("repository", |name| RepositoryName::parse(name).ok())?,
        target: ReportTarget {
            form,
            context: row.owned("context")?,
            installation: row.number("installation")?.map(InstallationId),
            comment: row.parse("comment", CommentPolicy::parse)?,
            deployment: row.optional("deployment", |text| FormatString::parse(text).ok())?,
        },
        event_time: row.parse("event_time", Timestamp::from_rfc3339)?,
        phase: phase(&row)?,
        superseded_by: row.optional("superseded_by", |sha| CommitId::parse(sha).ok())?,
        execution: execution("execution")?.flatten(),
        ended_execution: execution("ended_execution")?.flatten(),
        ended_at: row.optional("ended_at", Timestamp::from_rfc3339)?,
        outdated: row.part("outdated", attempt)?,
        idle: row.part("idle", idle)?,
        run: row.part("run", run)?,
        reported: row.part("reported", reported)?,
        sender: row.part("sender", sender)?,
        failed: row.part("failed", failed)?,
        is_unreported: row.text("state")? == Some(CommitList::Unreported.as_str()),
        version: row.required("version")?,
        updated_at: row.parse("updated_at", Timestamp::from_rfc3339)?,
    }))
}

fn phase(row: &Part<'_>) -> Result<Phase, Fault> {
    let reason = || {
        row.parse("reason", |word| {
            let mut all = Reason::ALL.iter().copied();
            all.find(|reason| reason.as_str() == word)
        })
    };
    let pipeline = || row.parse("pipeline", |name| PipelineName::parse(name).ok());
    let word = row.owned("phase")?;
    Ok(match word.as_str() {
        Phase::WAITING => Phase::Waiting {
            reason: reason()?,
            ahead: row.number("ahead")?,
        },
        Phase::BUILDING => Phase::Building {
            pipeline: pipeline()?,
            left_out_stages: row.texts("left_out_stages")?,
        },
        Phase::ABSENT => Phase::Absent(row.parse("reason", |word| {
            let mut all = AbsenceReason::ALL.into_iter();
            all.find(|reason| reason.as_str() == word)
        })?),
        Phase::REFUSED => Phase::Refused(reason()?),
        Phase::INVALID_FILE => Phase::InvalidFile(row.owned("detail")?),
        Phase::PIPELINE_LOST => Phase::PipelineLost(pipeline()?),
        _ => return Err(row.fault("phase")),
    })
}

fn attempt(part: &Part<'_>) -> Result<Attempt, Fault> {
    Ok(Attempt {
        execution: part.parse("execution", |id| ExecutionId::parse(id).ok())?,
        attempt: part.required("attempt")?,
    })
}

fn idle(part: &Part<'_>) -> Result<IdleNote, Fault> {
    let removal_at = part.optional("removal_at", Timestamp::from_rfc3339)?;
    Ok(match removal_at {
        Some(at) => IdleNote::RemovalAt {
            at,
            with_environment: part.optional_flag("environment")?,
        },
        None => IdleNote::Asleep(part.parse("asleep", SleepReason::parse)?),
    })
}

fn run(part: &Part<'_>) -> Result<Run, Fault> {
    let mut stages = Vec::new();
    for value in part.list("stages")? {
        let AttributeValue::M(attributes) = value else {
            return Err(part.fault("stages"));
        };
        stages.push(stage(&part.inside("stages", attributes))?);
    }
    Ok(Run {
        execution: part.parse("execution", |id| ExecutionId::parse(id).ok())?,
        attempt: part.required("attempt")?,
        state: part.parse("state", ExecutionState::parse)?,
        started_at: part.optional("started_at", Timestamp::from_rfc3339)?,
        changed_at: part.parse("changed_at", Timestamp::from_rfc3339)?,
        stages,
        failure: part.part("failure", failure)?,
        approval: part.part("approval", approval)?,
        environment: part.text("environment")?.map(str::to_owned),
    })
}

fn stage(part: &Part<'_>) -> Result<StageRun, Fault> {
    Ok(StageRun {
        name: part.owned("name")?,
        attempt: part.required("attempt")?,
        state: part.parse("state", StepState::parse)?,
        started_at: part.optional("started_at", Timestamp::from_rfc3339)?,
        ended_at: part.optional("ended_at", Timestamp::from_rfc3339)?,
    })
}

fn failure(part: &Part<'_>) -> Result<ActionFailure, Fault> {
    let text = |name| Ok(part.text(name)?.map(str::to_owned));
    Ok(ActionFailure {
        attempt: part.required("attempt")?,
        at: part.parse("at", Timestamp::from_rfc3339)?,
        stage: part.owned("stage")?,
        action: part.owned("action")?,
        category: part.owned("category")?,
        summary: text("summary")?,
        error_code: text("error_code")?,
        url: text("url")?,
    })
}

fn approval(part: &Part<'_>) -> Result<Approval, Fault> {
    Ok(Approval {
        attempt: part.required("attempt")?,
        at: part.parse("at", Timestamp::from_rfc3339)?,
        stage: part.owned("stage")?,
        action: part.owned("action")?,
        is_answered: part.flag("answered")?,
    })
}

fn reported(part: &Part<'_>) -> Result<Reported, Fault> {
    Ok(Reported {
        check_run: part.number("check_run")?.map(CheckRunId),
        digest: part.owned("digest")?,
        state: part.parse("state", ReportState::parse)?,
        title: part.owned("title")?,
        at: part.parse("at", Timestamp::from_rfc3339)?,
    })
}

pub(super) fn sender(part: &Part<'_>) -> Result<Sending, Fault> {
    Ok(Sending {
        owner: part.owned("owner")?,
        until: part.parse("until", Timestamp::from_rfc3339)?,
    })
}

pub(super) fn failed(part: &Part<'_>) -> Result<FailedReport, Fault> {
    Ok(FailedReport {
        attempts: part.required("attempts")?,
        kind: part.parse("kind", GitHubFaultKind::parse)?,
        detail: part.owned("detail")?,
        retry_at: part.optional("retry_at", Timestamp::from_rfc3339)?,
        since: part.parse("since", Timestamp::from_rfc3339)?,
    })
}
