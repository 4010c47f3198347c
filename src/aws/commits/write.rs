//! Writing the records of commits.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};

use crate::domain::fault::Fault;
use crate::domain::ids::{CommitId, ExecutionId, RepositoryName, Timestamp};
use crate::domain::report::idle_note::IdleNote;
use crate::domain::report::record::{
    Attempt, CommitKey, CommitRecord, CommitUpdate, FailedReport, Phase, Reported, ReportedHead,
    Sending,
};
use crate::domain::report::run::{ActionFailure, Approval, Run, StageRun};
use crate::domain::report::target::ReportTarget;
use crate::ports::CommitList;

use crate::aws::commits::keys::{commit_key, subject_key};
use crate::aws::expression::Expression;
use crate::aws::records::incomplete;
use crate::aws::row::{count, flag, map, n, s, text};

/// How long a record is kept after it was written last: 90 days, in seconds.
const KEPT: i64 = 90 * 24 * 60 * 60;

/// Returns an update as a part of a transaction.
pub(in crate::aws) fn part(
    table: &str,
    update: &CommitUpdate,
    now: Timestamp,
) -> Result<TransactWriteItem, Fault> {
    let change = changes(update, now);
    let CommitKey { subject, commit } = update.key();
    let update = Update::builder()
        .table_name(table)
        .key("pk", s(subject_key(subject)))
        .key("sk", s(commit_key(commit)))
        .update_expression(change.text())
        .set_expression_attribute_names(Some(change.names))
        .set_expression_attribute_values(Some(change.values));
    Ok(TransactWriteItem::builder()
        .update(update.build().map_err(incomplete)?)
        .build())
}

/// Returns the change of an update, which needs no record to be there.
pub(super) fn changes(update: &CommitUpdate, now: Timestamp) -> Expression {
    let mut change = touched(now, Some(CommitList::Unreported.as_str()));
    match update {
        CommitUpdate::Superseded { by, .. } => change.set("superseded_by", Some(s(by.as_str()))),
        CommitUpdate::Idle { note, .. } => {
            change.set("idle", note.as_ref().map(idle));
            if matches!(note, Some(IdleNote::Asleep(_))) {
                change.set("ended_at", Some(s(now.to_string())));
            }
        }
        CommitUpdate::Head {
            head,
            phase,
            execution,
            outdated,
        } => {
            self::head(&mut change, head, phase, execution.as_ref(), now);
            if let Some(outdated) = outdated {
                change.set("outdated", Some(attempt(outdated)));
            }
        }
    }
    change
}

/// Sets what [`CommitRecord::updated`] sets.
fn head(
    change: &mut Expression,
    head: &ReportedHead,
    phase: &Phase,
    execution: Option<&ExecutionId>,
    now: Timestamp,
) {
    place(change, &head.repository, &head.target);
    change.set("event_time", Some(s(head.event_time.to_string())));
    self::phase(change, phase);
    change.set("superseded_by", None);
    // A new report may be possible where an earlier one was not.
    change.set("failed", None);
    change.set("idle", None);
    if let Some(execution) = execution {
        change.set("execution", Some(s(execution.as_str())));
    }
    if phase.ends_executions(execution) {
        change.copy("execution", "ended_execution");
    } else if execution.is_some() {
        change.set("ended_execution", None);
    }
    if matches!(phase, Phase::Absent(_)) {
        change.set("ended_at", Some(s(now.to_string())));
    } else if execution.is_some() {
        change.set("ended_at", None);
    }
}

/// Returns the change that makes an item this record.
pub(super) fn replacement(record: &CommitRecord) -> Expression {
    let list = CommitList::of(record).map(CommitList::as_str);
    let mut change = touched(record.updated_at, list);
    place(&mut change, &record.repository, &record.target);
    change.set("event_time", Some(s(record.event_time.to_string())));
    phase(&mut change, &record.phase);
    let commit = |commit: &Option<CommitId>| commit.as_ref().map(|id| s(id.as_str()));
    let execution = |id: &Option<ExecutionId>| id.as_ref().map(|id| s(id.as_str()));
    change.set("superseded_by", commit(&record.superseded_by));
    change.set("execution", execution(&record.execution));
    change.set("ended_execution", execution(&record.ended_execution));
    change.set("ended_at", text(record.ended_at.as_ref()));
    change.set("outdated", record.outdated.as_ref().map(attempt));
    change.set("idle", record.idle.as_ref().map(idle));
    change.set("run", record.run.as_ref().map(run));
    change.set("reported", record.reported.as_ref().map(reported));
    change.set("sender", record.sender.as_ref().map(sender));
    change.set("failed", record.failed.as_ref().map(failed));
    change
}

/// Returns the change that every write of a record makes: its time, its list and its version.
pub(super) fn touched(now: Timestamp, list: Option<&str>) -> Expression {
    let expires_at = now.seconds().saturating_add(KEPT);
    written(now, list, Some(n(expires_at)))
}

/// Returns the same for a record that does not expire.
pub(super) fn touched_for_good(now: Timestamp, list: Option<&str>) -> Expression {
    written(now, list, None)
}

fn written(now: Timestamp, list: Option<&str>, expires_at: Option<AttributeValue>) -> Expression {
    let mut change = Expression::default();
    change.set("updated_at", Some(s(now.to_string())));
    change.set("state", list.map(s));
    change.set("expires_at", expires_at);
    change.count("version");
    change
}

fn place(change: &mut Expression, repository: &RepositoryName, target: &ReportTarget) {
    change.set("repository", Some(s(repository.as_str())));
    change.set("form", Some(s(target.form.as_str())));
    change.set("context", Some(s(target.context.as_str())));
    change.set("installation", target.installation.map(|id| n(id.0)));
    change.set("comment", Some(s(target.comment.as_str())));
    change.set("deployment", text(target.deployment.as_ref()));
}

fn phase(change: &mut Expression, phase: &Phase) {
    let reason = match phase {
        Phase::Waiting { reason, .. } | Phase::Refused(reason) => Some(reason.as_str()),
        Phase::Absent(reason) => Some(reason.as_str()),
        Phase::Building { .. } | Phase::InvalidFile(_) | Phase::PipelineLost(_) => None,
    };
    let detail = match phase {
        Phase::InvalidFile(detail) => Some(detail.as_str()),
        Phase::Waiting { .. }
        | Phase::Building { .. }
        | Phase::Absent(_)
        | Phase::Refused(_)
        | Phase::PipelineLost(_) => None,
    };
    let (pipeline, stages) = match phase {
        Phase::Building {
            pipeline,
            left_out_stages,
        } => (Some(pipeline), Some(left_out_stages)),
        Phase::PipelineLost(pipeline) => (Some(pipeline), None),
        Phase::Waiting { .. } | Phase::Refused(_) | Phase::InvalidFile(_) | Phase::Absent(_) => {
            (None, None)
        }
    };
    let ahead = match phase {
        Phase::Waiting { ahead, .. } => *ahead,
        Phase::Building { .. }
        | Phase::Absent(_)
        | Phase::Refused(_)
        | Phase::InvalidFile(_)
        | Phase::PipelineLost(_) => None,
    };
    let list = |names: &Vec<String>| AttributeValue::L(names.iter().map(s).collect());
    change.set("phase", Some(s(phase.as_str())));
    change.set("reason", reason.map(s));
    change.set("detail", detail.map(s));
    change.set("ahead", ahead.map(count));
    change.set("pipeline", text(pipeline));
    change.set("left_out_stages", stages.map(list));
}

fn idle(note: &IdleNote) -> AttributeValue {
    let (removal_at, environment, asleep) = match note {
        IdleNote::RemovalAt {
            at,
            with_environment,
        } => (Some(at), *with_environment, None),
        IdleNote::Asleep(reason) => (None, false, Some(s(reason.as_str()))),
    };
    map([
        ("removal_at", text(removal_at)),
        ("environment", flag(environment)),
        ("asleep", asleep),
    ])
}

fn attempt(attempt: &Attempt) -> AttributeValue {
    map([
        ("execution", text(Some(&attempt.execution))),
        ("attempt", Some(n(attempt.attempt))),
    ])
}

fn run(run: &Run) -> AttributeValue {
    map([
        ("execution", text(Some(&run.execution))),
        ("attempt", Some(n(run.attempt))),
        ("state", Some(s(run.state.as_str()))),
        ("started_at", text(run.started_at.as_ref())),
        ("changed_at", text(Some(&run.changed_at))),
        (
            "stages",
            Some(AttributeValue::L(run.stages.iter().map(stage).collect())),
        ),
        ("failure", run.failure.as_ref().map(failure)),
        ("approval", run.approval.as_ref().map(approval)),
        ("environment", text(run.environment.as_ref())),
    ])
}

fn stage(stage: &StageRun) -> AttributeValue {
    map([
        ("name", text(Some(&stage.name))),
        ("attempt", Some(n(stage.attempt))),
        ("state", Some(s(stage.state.as_str()))),
        ("started_at", text(stage.started_at.as_ref())),
        ("ended_at", text(stage.ended_at.as_ref())),
    ])
}

fn failure(failure: &ActionFailure) -> AttributeValue {
    map([
        ("attempt", Some(n(failure.attempt))),
        ("at", text(Some(&failure.at))),
        ("stage", text(Some(&failure.stage))),
        ("action", text(Some(&failure.action))),
        ("category", text(Some(&failure.category))),
        ("summary", text(failure.summary.as_ref())),
        ("error_code", text(failure.error_code.as_ref())),
        ("url", text(failure.url.as_ref())),
    ])
}

fn approval(approval: &Approval) -> AttributeValue {
    map([
        ("attempt", Some(n(approval.attempt))),
        ("at", text(Some(&approval.at))),
        ("stage", text(Some(&approval.stage))),
        ("action", text(Some(&approval.action))),
        ("answered", Some(AttributeValue::Bool(approval.is_answered))),
    ])
}

fn reported(reported: &Reported) -> AttributeValue {
    map([
        ("check_run", reported.check_run.map(|id| n(id.0))),
        ("digest", text(Some(&reported.digest))),
        ("state", Some(s(reported.state.as_str()))),
        ("title", text(Some(&reported.title))),
        ("at", text(Some(&reported.at))),
    ])
}

pub(super) fn sender(sender: &Sending) -> AttributeValue {
    map([
        ("owner", text(Some(&sender.owner))),
        ("until", text(Some(&sender.until))),
    ])
}

pub(super) fn failed(failed: &FailedReport) -> AttributeValue {
    map([
        ("attempts", Some(n(failed.attempts))),
        ("kind", Some(s(failed.kind.as_str()))),
        ("detail", text(Some(&failed.detail))),
        ("retry_at", text(failed.retry_at.as_ref())),
        ("since", text(Some(&failed.since))),
    ])
}
