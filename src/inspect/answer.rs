//! The sentence that answers why a subject has no pipeline, and what to do.

use std::fmt::Write as _;

use crate::domain::clone::overrides::TeardownPolicy;
use crate::domain::ids::Timestamp;
use crate::domain::state::activity::{Sleep, SleepReason};
use crate::domain::state::desired::AbsenceReason;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::ordering::EventKind;
use crate::domain::state::teardown::{Teardown, TeardownRun};
use crate::domain::text::plural;
use crate::inspect::conditions::CheckedRule;
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::inspect::evidence::Evidence;
use crate::inspect::status::last_seen;
use crate::inspect::waiting::Waiting;

/// The answer.
pub(super) struct Answer {
    /// One sentence.
    pub(super) sentence: String,
    /// What to do, step by step.
    pub(super) what_to_do: Vec<String>,
    /// True if the subject has its pipeline.
    pub(super) has_pipeline: bool,
}

impl Answer {
    fn none(sentence: impl Into<String>, what_to_do: &[&str]) -> Self {
        Self {
            sentence: sentence.into(),
            what_to_do: what_to_do.iter().map(|step| (*step).to_owned()).collect(),
            has_pipeline: false,
        }
    }
}

/// Finds the answer: the first source that explains it.
pub(super) fn answer(evidence: &Evidence, rules: &[CheckedRule]) -> Answer {
    let mut answer = match &evidence.mapping {
        Some(row) => of_mapping(row, evidence, rules),
        None => of_nothing(evidence, rules),
    };
    let is_read = !evidence
        .unknown
        .iter()
        .any(|one| one.starts_with("daemons"));
    let runs = evidence.daemons.iter().any(|daemon| daemon.running);
    if is_read && !runs && !answer.has_pipeline {
        let step = format!("no daemon is running: {}", last_seen(&evidence.daemons));
        answer.what_to_do.insert(0, step);
    }
    answer
}

fn subject(evidence: &Evidence) -> String {
    match (&evidence.subject, &evidence.delivery) {
        (Some((name, kind)), _) => kind.display(name),
        (None, Some(delivery)) => format!("delivery {delivery}"),
        (None, None) => "it".to_owned(),
    }
}

fn of_mapping(row: &Mapping, evidence: &Evidence, rules: &[CheckedRule]) -> Answer {
    let subject = subject(evidence);
    let (state, since) = (row.state.as_str(), row.updated_at);
    let error = row.last_error.as_deref().unwrap_or("no error is recorded");
    if row.state == State::Active {
        return of_active(row, evidence);
    }
    // Its webhook may be dead-lettered by now: it keeps its place.
    if let Some(place) = &evidence.place {
        return Answer::none(
            format!("{subject} waits for its turn: {place}"),
            &[
                "wait: it is woken when it is its turn; or close pull requests, or raise the limit",
                "branchline quota",
            ],
        );
    }
    let mut messages = evidence.dead_letters.iter();
    if let Some(message) = messages.find(|message| !is_over(message, row)) {
        return of_dead_letter(&subject, message, evidence);
    }
    match (row.state, row.activity.sleep) {
        (State::Gone, _) => {
            let mut answer = with_left(of_absence(&subject, row, rules), row);
            let older = evidence.dead_letters.iter().map(|message| &message.id);
            answer.what_to_do.extend(older.map(|id| {
                format!("nothing about the older webhook of it in the dead-letter queue, which needs no replay: branchline dlq show {id}")
            }));
            return answer;
        }
        (State::Asleep, Some(sleep)) => return of_sleep(&subject, sleep),
        (State::Retiring, _) => return of_teardown(&subject, row),
        (_, _) => {}
    }
    match evidence.waiting {
        Some(Waiting::InWork) => Answer::none(
            format!("a daemon is working on {subject}: its mapping is {state} since {since}"),
            &["wait: the daemon finishes it, or another one takes it over within two minutes"],
        ),
        Some(Waiting::RuleFull) => Answer::none(
            format!("{subject} waits for a slot: {error}"),
            &[
                "close pull requests, or raise max_active of the rule; its webhook is tried again within an hour",
            ],
        ),
        Some(Waiting::BackingOff) => Answer::none(
            format!("the last attempt for {subject} failed, and is tried again: {error}"),
            &["fix the cause; the webhook is tried again by itself"],
        ),
        Some(Waiting::DeadLettered) => Answer::none(
            format!("the webhook of {subject} was dead-lettered: {error}"),
            &[
                "fix the cause",
                "find the message with `branchline dlq list` (again after a minute, if another command or consumer holds it), and replay it",
            ],
        ),
        Some(Waiting::InvalidFile) => Answer::none(
            format!("the repository's file for branchline cannot be used: {error}"),
            &[
                "correct the file in the commit that the error names, and push: for a file of the base, to the base branch; `branchline explain` checks it with --repository-file or --template-file",
            ],
        ),
        None => Answer::none(
            format!(
                "a change of {subject} was not finished: its mapping is {state} since {since}: {error}"
            ),
            &[&format!("branchline audit {subject} --repair")],
        ),
    }
}

fn of_active(row: &Mapping, evidence: &Evidence) -> Answer {
    let subject = subject(evidence);
    let name = row
        .pipeline_name()
        .map_or("a pipeline", |name| name.as_str());
    if evidence.pipeline_exists == Some(false) {
        return Answer::none(
            format!("the pipeline {name} of {subject} does not exist any more"),
            &[&format!("branchline audit {subject} --repair")],
        );
    }
    let mut answer = Answer {
        sentence: format!("{subject} has the pipeline {name}"),
        what_to_do: Vec::new(),
        has_pipeline: true,
    };
    if let Some(message) = evidence.dead_letters.first() {
        let later = of_dead_letter(&subject, message, evidence);
        answer.sentence = format!("{}, and {}", answer.sentence, later.sentence);
        answer.what_to_do = later.what_to_do;
    }
    answer
}

fn of_dead_letter(subject: &str, message: &DeadLetter, evidence: &Evidence) -> Answer {
    let count = evidence.dead_letters.len();
    let messages = match count {
        1 => "a webhook".to_owned(),
        count => plural(count, "webhook"),
    };
    let reason = message
        .reason
        .as_deref()
        .unwrap_or("SQS moved it after too many receives");
    let detail = message.detail.as_deref().unwrap_or("without a detail");
    let select = match &evidence.subject {
        Some(_) => format!("--subject '{subject}'"),
        None => message.id.clone(),
    };
    let verb = if count == 1 { "is" } else { "are" };
    Answer::none(
        format!("{messages} of {subject} {verb} in the dead-letter queue: {reason}: {detail}"),
        &[
            "fix the cause, which the detail states",
            &format!("branchline dlq show {}", message.id),
            &format!("branchline dlq replay {select} --wait"),
        ],
    )
}

/// Returns true if a message was dead-lettered before its subject ended, which is what counts.
fn is_over(message: &DeadLetter, row: &Mapping) -> bool {
    let has_ended = match row.absence() {
        Some(AbsenceReason::Closed | AbsenceReason::Deleted) => row.state == State::Gone,
        Some(
            AbsenceReason::NoRule
            | AbsenceReason::Draft
            | AbsenceReason::Fork
            | AbsenceReason::Skipped
            | AbsenceReason::RepositoryDeleted
            | AbsenceReason::RepositoryArchived
            | AbsenceReason::Orphan
            | AbsenceReason::Forgotten,
        )
        | None => false,
    };
    let since = Timestamp::from_rfc3339(&message.since);
    has_ended && since.is_some_and(|since| since <= row.updated_at)
}

/// Adds the stacks that a mapping still records although it was forgotten.
fn with_left(mut answer: Answer, row: &Mapping) -> Answer {
    if !row.resources.left.is_empty() {
        let left = row.resources.left_in_words();
        let _ = write!(answer.sentence, "; what may be left of it is {left}");
        answer.what_to_do.push(
            "`branchline audit --only stack-left` says which stacks are still there, and how to delete them: as long as one is, the subject gets no pipeline".to_owned(),
        );
    }
    answer
}

fn of_absence(subject: &str, row: &Mapping, rules: &[CheckedRule]) -> Answer {
    const REOPEN: &str =
        "if it is open at GitHub, redeliver its last webhook: page Webhooks, Recent deliveries";
    match row.absence() {
        Some(AbsenceReason::NoRule) => no_rule(subject, rules),
        Some(AbsenceReason::Closed) => Answer::none(format!("{subject} is closed"), &[REOPEN]),
        Some(AbsenceReason::Deleted) => Answer::none(
            format!("the branch of {subject} is deleted"),
            &[
                "if it exists at GitHub, push a commit, or redeliver its last webhook: page Webhooks, Recent deliveries",
            ],
        ),
        Some(AbsenceReason::Draft) => Answer::none(
            format!("{subject} is a draft, and its rule excludes drafts"),
            &[
                "mark it as ready for review, or set drafts = true in the rule and edit the pull request",
            ],
        ),
        Some(AbsenceReason::Fork) => Answer::none(
            format!("the head of {subject} is in a fork, and forks are not built"),
            &["push the branch to the repository itself"],
        ),
        Some(AbsenceReason::Skipped) => Answer::none(
            format!("the only commit of {subject} asks for no build"),
            &["push another commit"],
        ),
        Some(AbsenceReason::RepositoryDeleted) => {
            Answer::none(format!("the repository of {subject} was deleted"), &[])
        }
        Some(AbsenceReason::RepositoryArchived) => {
            Answer::none(format!("the repository of {subject} is archived"), &[])
        }
        Some(AbsenceReason::Orphan) => Answer::none(
            format!("the pipeline of {subject} was found without a mapping, and deleted"),
            &[REOPEN],
        ),
        Some(AbsenceReason::Forgotten) => Answer::none(
            format!("an operator forgot the mapping of {subject}, which could not settle"),
            &[match row.order.kind {
                EventKind::Closed => "to begin anew, reopen the pull request",
                EventKind::Open
                | EventKind::Reopened
                | EventKind::Pushed
                | EventKind::Deleted
                | EventKind::Removed
                | EventKind::Recreated => "to begin anew, push a commit",
            }],
        ),
        None => Answer::none(format!("no event of {subject} was accepted"), &[REOPEN]),
    }
}

fn of_sleep(subject: &str, sleep: Sleep) -> Answer {
    let since = sleep.since;
    let why = match sleep.reason {
        SleepReason::Idle => "nothing had happened for the rule's idle",
        SleepReason::MaxAge => "it had reached the rule's max_age",
        SleepReason::Evicted => "it was idle and another subject needed its slot (on_full)",
    };
    Answer::none(
        format!("{subject} is asleep: its pipeline was removed at {since}, because {why}"),
        &[
            "push a commit, or re-run the check, to have the pipeline again",
            "to keep such pipelines, change idle, max_age or on_full of the rule, or set keep_label",
        ],
    )
}

fn of_teardown(subject: &str, row: &Mapping) -> Answer {
    let environment = row.resources.environment();
    let teardown = row.resources.teardown.as_ref();
    if teardown.is_some_and(Teardown::is_left_behind) {
        let error = row.last_error.as_deref();
        let error = error.unwrap_or("the pipeline that would remove it is gone");
        return Answer::none(
            format!("the environment of {subject} is left behind: {environment} ({error})"),
            &[
                "remove it by hand",
                &format!("branchline mappings forget {subject}"),
            ],
        );
    }
    let retry_at = teardown.and_then(|teardown| teardown.retry_at);
    let how = match (retry_at, row.last_error.as_deref()) {
        (Some(at), Some(error)) => format!("; {error}; the next attempt is at {at}"),
        (Some(_) | None, _) => String::new(),
    };
    let by_daemon = match teardown.and_then(|teardown| teardown.run.as_ref()) {
        Some(TeardownRun::Stack(_)) => true,
        Some(TeardownRun::Execution(_)) => false,
        None => row.resources.teardown_policy == Some(TeardownPolicy::Stacks),
    };
    let has_failed = retry_at.is_some() && teardown.is_some_and(|teardown| teardown.failures > 0);
    let then = match (row.absence(), row.activity.sleep) {
        (None, None) if has_failed => {
            "correct what made it fail, or wait: it is tried again, and then its pipeline is made again"
        }
        _ if has_failed => "correct what made it fail, or wait: it is tried again",
        (None, None) => "wait: then it gets its pipeline again",
        (Some(_) | None, _) if by_daemon => {
            "wait: its pipeline is deleted first, and then its stacks, one after the other"
        }
        (Some(_) | None, _) => "wait: its pipeline removes it, and is deleted after that",
    };
    Answer::none(
        format!("the environment of {subject} is being removed: {environment}{how}"),
        &[then],
    )
}

/// Names the condition that failed, of each rule about this repository.
fn no_rule(subject: &str, rules: &[CheckedRule]) -> Answer {
    const REDELIVER: &str =
        "correct the rule, restart the daemon, and edit the pull request or redeliver its webhook";
    let failed = |rule: &CheckedRule| {
        let condition = rule.failed()?;
        let actual = condition.actual.as_deref().unwrap_or("unknown");
        Some(format!(
            "rule '{}' wants {} = {}, and it is {actual}",
            rule.rule, condition.key, condition.expected
        ))
    };
    let about: Vec<_> = rules.iter().filter(|rule| rule.concerns()).collect();
    let why: Vec<String> = match about.is_empty() {
        true => rules.iter().filter_map(failed).collect(),
        false => about.into_iter().filter_map(failed).collect(),
    };
    let why = match why.is_empty() {
        true => String::new(),
        false => format!(": {}", why.join("; ")),
    };
    Answer::none(format!("no rule admits {subject}{why}"), &[REDELIVER])
}

fn of_nothing(evidence: &Evidence, rules: &[CheckedRule]) -> Answer {
    let subject = subject(evidence);
    if let Some(message) = evidence.dead_letters.first() {
        return of_dead_letter(&subject, message, evidence);
    }
    if let Some(message) = evidence.quarantine.first() {
        let reason = message.reason.as_deref().unwrap_or("unknown");
        return Answer::none(
            format!("{subject} is in quarantine: {reason}"),
            &[
                "if GitHub sent it, add the secret of the webhook to github.secrets and restart the daemon",
                &format!("branchline dlq replay --queue quarantine {}", message.id),
            ],
        );
    }
    if !rules.is_empty() && rules.iter().all(|rule| rule.admits == Some(false)) {
        return no_rule(&subject, rules);
    }
    let backlog = evidence.webhook_backlog();
    if backlog > 0 {
        let messages = plural(backlog, "webhook");
        return Answer::none(
            format!(
                "branchline has not processed {subject} yet, and the webhook queue has {messages}"
            ),
            &["wait until the queue is empty, and ask again"],
        );
    }
    if let Some(last) = evidence.history.last() {
        return Answer::none(
            format!(
                "branchline has no mapping of {subject}; the last entry of its history is {}",
                last.outcome
            ),
            &[&format!("branchline mappings history {subject}")],
        );
    }
    Answer::none(
        format!(
            "branchline has no trace of {subject}: its webhook never arrived, or changed nothing"
        ),
        &[
            "GitHub: page Webhooks, Recent deliveries: was it sent, and what was the answer?",
            "branchline deliveries list --missed names the webhooks that GitHub could not deliver",
            "the daemon's log has a line for each delivery: its field delivery.id is GitHub's GUID",
            "branchline explain payload.json --event pull_request predicts what would happen to it",
        ],
    )
}
