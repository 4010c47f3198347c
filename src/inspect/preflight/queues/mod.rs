//! Checks the queues: their retention, visibility timeouts and redrive policies, and who may send
//! to the internal queue.

use crate::domain::fault::Fault;
use crate::ports::{QueueAttributes, RedrivePolicy};
use crate::reconcile::lease::VISIBILITY;

use crate::inspect::preflight::Finding;

mod policy;

/// The lowest `maxReceiveCount` after which SQS may move a message. It is far above branchline's
/// own limits, because SQS also counts receives that are not failures.
const MIN_RECEIVES: u32 = 60;
/// The largest message that SQS accepts, in bytes. A webhook and its dead letter may be as large
/// (SQS, "Quotas").
const MAX_MESSAGE: u64 = 1_048_576;
/// The longest retention that SQS allows, in seconds: 14 days (SQS, "Quotas").
const MAX_RETENTION: u64 = 14 * DAY;
/// The retention of webhooks that a fix suggests, in seconds: 4 days, which is SQS's own default.
const SOURCE_RETENTION: u64 = 4 * DAY;
/// A day, in seconds.
const DAY: u64 = 86_400;
/// The shortest visibility timeout of a source queue, in seconds: half of SQS's default. It matters
/// only for consumers other than the daemon.
const MIN_VISIBILITY: u64 = 15;

/// The answer to a request for a queue's attributes.
pub type Answer<'a> = Result<&'a QueueAttributes, &'a Fault>;

/// The answers for all queues.
#[derive(Clone, Copy, Debug)]
pub struct Queues<'a> {
    /// The queue of webhooks.
    pub webhooks: Answer<'a>,
    /// The internal queue.
    pub internal: Answer<'a>,
    /// The dead-letter queue.
    pub dead_letters: Answer<'a>,
    /// The quarantine queue.
    pub quarantine: Answer<'a>,
    /// True if a rule reports to GitHub how executions end.
    pub reports: bool,
}

/// Checks the queues. A queue that did not answer is a finding, and the others are checked without
/// it.
#[must_use]
pub fn queues(queues: &Queues<'_>) -> Vec<Finding> {
    let checks = [
        ("queue of webhooks", queues.webhooks, check_source as Check),
        ("internal queue", queues.internal, check_source),
        ("dead-letter queue", queues.dead_letters, check_dead_letters),
        ("quarantine", queues.quarantine, check_quarantine),
    ];
    let neighbours = Neighbours {
        webhooks: queues.webhooks.ok(),
        dead_letters: queues.dead_letters.ok(),
    };
    let mut findings = Vec::new();
    for (what, answer, check) in checks {
        match answer {
            Err(fault) => {
                findings.push(Finding::from_fault(what, fault, "sqs:GetQueueAttributes"));
            }
            Ok(queue) => findings.extend(to_findings(what, queue, check(queue, &neighbours))),
        }
    }
    let internal = queues.internal.ok();
    let events = |queue| policy::pipeline_events(queue, queues.reports);
    findings.extend(internal.into_iter().flat_map(events));
    findings
}

/// The queues that others are compared with, if they answered.
struct Neighbours<'a> {
    webhooks: Option<&'a QueueAttributes>,
    dead_letters: Option<&'a QueueAttributes>,
}

/// A defect of a queue, and how to fix it.
type Defect = (String, String);
/// Returns the description of a queue without defects, and the defects.
type Check = fn(&QueueAttributes, &Neighbours<'_>) -> (String, Vec<Defect>);

fn to_findings(
    what: &str,
    queue: &QueueAttributes,
    (good, mut defects): (String, Vec<Defect>),
) -> Vec<Finding> {
    defects.extend(message_size(queue));
    if defects.is_empty() {
        return vec![Finding::good(what, good)];
    }
    let bad = |(detail, fix)| Finding::bad(what, detail, fix);
    defects.into_iter().map(bad).collect()
}

/// Returns the command that sets attributes of a queue.
fn set(queue: &QueueAttributes, attributes: &str) -> String {
    format!(
        "aws sqs set-queue-attributes --queue-url {} --attributes '{attributes}'",
        queue.url
    )
}

/// Returns the command that sets the retention of a queue.
fn set_retention(queue: &QueueAttributes, seconds: u64) -> String {
    set(
        queue,
        &format!("{{\"MessageRetentionPeriod\":\"{seconds}\"}}"),
    )
}

fn message_size(queue: &QueueAttributes) -> Option<Defect> {
    let detail = format!(
        "accepts messages of at most {} bytes: larger webhooks are lost; set {MAX_MESSAGE}",
        queue.max_message_bytes
    );
    let fix = set(
        queue,
        &format!("{{\"MaximumMessageSize\":\"{MAX_MESSAGE}\"}}"),
    );
    (queue.max_message_bytes < MAX_MESSAGE).then_some((detail, fix))
}

fn check_source(queue: &QueueAttributes, neighbours: &Neighbours<'_>) -> (String, Vec<Defect>) {
    let mut defects = Vec::new();
    defects.extend(redrive(queue, neighbours.dead_letters));
    if queue.retention_seconds < DAY {
        let detail = format!(
            "keeps messages for {}: messages that wait for the end of an outage or for a quota would expire; set a day or more",
            duration(queue.retention_seconds)
        );
        defects.push((detail, set_retention(queue, SOURCE_RETENTION)));
    }
    if queue.visibility_seconds < MIN_VISIBILITY {
        let detail = format!(
            "has a visibility timeout of {} s: the daemon sets {} s with each receive, but any other consumer would receive messages that are in work; set {MIN_VISIBILITY} s or more",
            queue.visibility_seconds,
            VISIBILITY.as_secs()
        );
        defects.push((detail, set(queue, "{\"VisibilityTimeout\":\"60\"}")));
    }
    let receives = queue
        .redrive
        .as_ref()
        .map_or(0, |redrive| redrive.max_receives);
    let good = format!(
        "redrives after {receives} receives, keeps messages for {}; has a visibility timeout of {} s (the daemon sets {} s with each receive, and renews it while it works and drains)",
        duration(queue.retention_seconds),
        queue.visibility_seconds,
        VISIBILITY.as_secs()
    );
    (good, defects)
}

/// Checks a source queue's redrive policy. `dead_letters` is the queue that it should lead to, if
/// that queue answered.
fn redrive(queue: &QueueAttributes, dead_letters: Option<&QueueAttributes>) -> Option<Defect> {
    let policy = |target: &str| {
        let policy = format!(
            "{{\"RedrivePolicy\":\"{{\\\"deadLetterTargetArn\\\":\\\"{target}\\\",\\\"maxReceiveCount\\\":\\\"100\\\"}}\"}}"
        );
        set(queue, &policy)
    };
    let wanted = dead_letters.map(|queue| queue.arn.as_str());
    match &queue.redrive {
        None => Some((
            "has no redrive policy: a message that cannot be processed would return until it expires"
                .to_owned(),
            policy(wanted.unwrap_or("ARN_OF_THE_DEAD_LETTER_QUEUE")),
        )),
        Some(RedrivePolicy { target, .. }) if wanted.is_some_and(|wanted| wanted != target) => {
            Some((
                format!("redrives to {target}, which is not the configured dead-letter queue"),
                policy(wanted.unwrap_or(target)),
            ))
        }
        Some(RedrivePolicy {
            target,
            max_receives,
        }) if *max_receives < MIN_RECEIVES => Some((
            format!(
                "maxReceiveCount is {max_receives}: SQS would move messages without a reason before branchline dead-letters them; set {MIN_RECEIVES} or more"
            ),
            policy(wanted.unwrap_or(target)),
        )),
        Some(_) => None,
    }
}

/// Requires that a dead-letter or quarantine queue has no redrive policy, which would move messages
/// away when they are listed.
fn no_redrive(queue: &QueueAttributes) -> Option<Defect> {
    let detail =
        "has its own redrive policy: listing its messages would move them to another queue";
    let fix = set(queue, "{\"RedrivePolicy\":\"\"}");
    queue.redrive.is_some().then(|| (detail.to_owned(), fix))
}

fn check_dead_letters(
    queue: &QueueAttributes,
    neighbours: &Neighbours<'_>,
) -> (String, Vec<Defect>) {
    let mut defects = Vec::new();
    defects.extend(no_redrive(queue));
    defects.extend(
        neighbours
            .webhooks
            .and_then(|webhooks| retention(queue, webhooks)),
    );
    (
        format!("keeps messages for {}", duration(queue.retention_seconds)),
        defects,
    )
}

/// Requires that the dead-letter queue keeps messages longer than the queue of webhooks. The fix
/// raises this queue's retention, or lowers the other's if this one is at the maximum.
fn retention(queue: &QueueAttributes, webhooks: &QueueAttributes) -> Option<Defect> {
    if queue.retention_seconds > webhooks.retention_seconds {
        return None;
    }
    let detail = format!(
        "keeps messages for {}, the queue of webhooks for {}: a message that SQS moves keeps its age, and would expire before anyone reads it",
        duration(queue.retention_seconds),
        duration(webhooks.retention_seconds)
    );
    let raise =
        (queue.retention_seconds < MAX_RETENTION).then(|| set_retention(queue, MAX_RETENTION));
    let lower = (webhooks.retention_seconds >= MAX_RETENTION)
        .then(|| set_retention(webhooks, SOURCE_RETENTION));
    let fix: Vec<_> = raise.into_iter().chain(lower).collect();
    Some((detail, fix.join(" && ")))
}

fn check_quarantine(queue: &QueueAttributes, neighbours: &Neighbours<'_>) -> (String, Vec<Defect>) {
    let kept = duration(queue.retention_seconds);
    let good = format!("a queue of its own, keeps messages for {kept}");
    if neighbours
        .dead_letters
        .is_some_and(|dead_letters| dead_letters.arn == queue.arn)
    {
        let detail = "is the dead-letter queue: forged messages would hide the ones that operators should see";
        let fix = "set queue.quarantine_url to a separate queue";
        return (good, vec![(detail.to_owned(), fix.to_owned())]);
    }
    let mut defects = Vec::new();
    defects.extend(no_redrive(queue));
    if queue.retention_seconds < DAY {
        let detail = format!(
            "keeps messages for {kept}: webhooks that a changed secret sent here would expire before anyone reads them; set a day or more"
        );
        defects.push((detail, set_retention(queue, SOURCE_RETENTION)));
    }
    (good, defects)
}

/// Formats a duration in the largest unit that is exact.
fn duration(seconds: u64) -> String {
    let units = [(DAY, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let exact = units.iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
    let (count, name) = exact.map_or((seconds, "second"), |(unit, name)| (seconds / unit, *name));
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {name}{plural}")
}

#[cfg(test)]
mod tests;
