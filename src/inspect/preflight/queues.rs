//! The three queues: what they lose, and what they hide.

use crate::domain::fault::Fault;
use crate::ports::{QueueAttributes, RedrivePolicy};
use crate::reconcile::lease::VISIBILITY;

use crate::inspect::preflight::Finding;

/// SQS moves what was received so often: above our own limits by far, since it counts receives that are nobody's failure.
const LEAST_RECEIVES: u32 = 60;
/// The largest message that SQS takes, in bytes: a webhook and what is buried of it may be as large (SQS, "Quotas").
const LARGEST: u64 = 1_048_576;
/// The longest that SQS keeps a message, in seconds: 14 days (SQS, "Quotas").
const LONGEST: u64 = 14 * DAY;
/// How long webhooks are kept where nobody has a better idea, in seconds: 4 days, SQS's own default.
const WEBHOOKS: u64 = 4 * DAY;
/// In seconds.
const DAY: u64 = 86_400;
/// The least visibility timeout of the queue of webhooks, in seconds: half of SQS's default. Only others depend on it.
const LEAST_VISIBILITY: u64 = 15;

/// What is known of a queue.
type Known<'a> = Result<&'a QueueAttributes, &'a Fault>;

/// The three queues. A queue that did not answer is told, and the others are judged without it.
#[must_use]
pub fn queues(webhooks: Known<'_>, dead_letters: Known<'_>, quarantine: Known<'_>) -> Vec<Finding> {
    let judged = [
        ("queue of webhooks", webhooks, of_webhooks as Judge),
        ("dead-letter queue", dead_letters, of_dead_letters),
        ("quarantine", quarantine, of_quarantine),
    ];
    let neighbours = Neighbours {
        webhooks: webhooks.ok(),
        dead_letters: dead_letters.ok(),
    };
    let mut found = Vec::new();
    for (what, known, judge) in judged {
        match known {
            Err(fault) => found.push(Finding::of_fault(what, fault, "sqs:GetQueueAttributes")),
            Ok(facts) => found.extend(told(what, facts, judge(facts, &neighbours))),
        }
    }
    found
}

/// What a queue is measured against, where it answered.
struct Neighbours<'a> {
    webhooks: Option<&'a QueueAttributes>,
    dead_letters: Option<&'a QueueAttributes>,
}

/// Something wrong with a queue: what, and what mends it.
type Flaw = (String, String);
type Judge = fn(&QueueAttributes, &Neighbours<'_>) -> (String, Vec<Flaw>);

fn told(
    what: &str,
    facts: &QueueAttributes,
    (good, mut flaws): (String, Vec<Flaw>),
) -> Vec<Finding> {
    flaws.extend(small(facts));
    if flaws.is_empty() {
        return vec![Finding::good(what, good)];
    }
    let bad = |(detail, mend)| Finding::bad(what, detail, mend);
    flaws.into_iter().map(bad).collect()
}

fn set(facts: &QueueAttributes, attributes: &str) -> String {
    format!(
        "aws sqs set-queue-attributes --queue-url {} --attributes '{attributes}'",
        facts.url
    )
}

fn keep(facts: &QueueAttributes, seconds: u64) -> String {
    set(
        facts,
        &format!("{{\"MessageRetentionPeriod\":\"{seconds}\"}}"),
    )
}

fn small(facts: &QueueAttributes) -> Option<Flaw> {
    let detail = format!(
        "takes messages of at most {} bytes: larger webhooks are lost; want {LARGEST}",
        facts.max_message_bytes
    );
    let mend = set(facts, &format!("{{\"MaximumMessageSize\":\"{LARGEST}\"}}"));
    (facts.max_message_bytes < LARGEST).then_some((detail, mend))
}

fn of_webhooks(facts: &QueueAttributes, near: &Neighbours<'_>) -> (String, Vec<Flaw>) {
    let mut flaws = Vec::new();
    flaws.extend(redrive(facts, near.dead_letters));
    if facts.retention_seconds < DAY {
        let detail = format!(
            "keeps messages for {}: what waits out an outage or a quota would expire; want a day or more",
            long(facts.retention_seconds)
        );
        flaws.push((detail, keep(facts, WEBHOOKS)));
    }
    if facts.visibility_seconds < LEAST_VISIBILITY {
        let detail = format!(
            "has a visibility timeout of {} s: the daemon asks for {} s of its own with each receive, but anybody else who looks would hand messages to two at once; want {LEAST_VISIBILITY} s or more",
            facts.visibility_seconds,
            VISIBILITY.as_secs()
        );
        flaws.push((detail, set(facts, "{\"VisibilityTimeout\":\"60\"}")));
    }
    let receives = facts
        .redrive
        .as_ref()
        .map_or(0, |redrive| redrive.max_receives);
    let good = format!(
        "redrives after {receives} receives, keeps messages for {}; hides what others receive for {} s (the daemon asks for {} s of its own, and renews them while it works and drains)",
        long(facts.retention_seconds),
        facts.visibility_seconds,
        VISIBILITY.as_secs()
    );
    (good, flaws)
}

/// `dead_letters` is where it should lead, where that queue answered.
fn redrive(facts: &QueueAttributes, dead_letters: Option<&QueueAttributes>) -> Option<Flaw> {
    let policy = |target: &str| {
        let policy = format!(
            "{{\"RedrivePolicy\":\"{{\\\"deadLetterTargetArn\\\":\\\"{target}\\\",\\\"maxReceiveCount\\\":\\\"100\\\"}}\"}}"
        );
        set(facts, &policy)
    };
    let wanted = dead_letters.map(|facts| facts.arn.as_str());
    match &facts.redrive {
        None => Some((
            "has no redrive policy: a message that nobody can finish comes back for ever"
                .to_owned(),
            policy(wanted.unwrap_or("ARN-OF-THE-DEAD-LETTER-QUEUE")),
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
        }) if *max_receives < LEAST_RECEIVES => Some((
            format!(
                "maxReceiveCount is {max_receives}: SQS would move messages without a reason before branchline gives them up; want {LEAST_RECEIVES} or more"
            ),
            policy(wanted.unwrap_or(target)),
        )),
        Some(_) => None,
    }
}

/// A grave that redrives loses its messages to whoever looks at them.
fn moves_on(facts: &QueueAttributes) -> Option<Flaw> {
    let detail = "has a redrive policy of its own: looking at its messages would move them on";
    let mend = set(facts, "{\"RedrivePolicy\":\"\"}");
    facts.redrive.is_some().then(|| (detail.to_owned(), mend))
}

fn of_dead_letters(facts: &QueueAttributes, near: &Neighbours<'_>) -> (String, Vec<Flaw>) {
    let mut flaws = Vec::new();
    flaws.extend(moves_on(facts));
    flaws.extend(near.webhooks.and_then(|webhooks| short(facts, webhooks)));
    (
        format!("keeps messages for {}", long(facts.retention_seconds)),
        flaws,
    )
}

/// Longer than the queue of webhooks: by more of this one, or where there is no more by less of that one.
fn short(facts: &QueueAttributes, webhooks: &QueueAttributes) -> Option<Flaw> {
    if facts.retention_seconds > webhooks.retention_seconds {
        return None;
    }
    let detail = format!(
        "keeps messages for {}, the queue of webhooks for {}: one that SQS moves keeps its age, and would expire before anybody looks",
        long(facts.retention_seconds),
        long(webhooks.retention_seconds)
    );
    let longer = (facts.retention_seconds < LONGEST).then(|| keep(facts, LONGEST));
    let less = (webhooks.retention_seconds >= LONGEST).then(|| keep(webhooks, WEBHOOKS));
    let mend: Vec<_> = longer.into_iter().chain(less).collect();
    Some((detail, mend.join(" && ")))
}

fn of_quarantine(facts: &QueueAttributes, near: &Neighbours<'_>) -> (String, Vec<Flaw>) {
    let kept = long(facts.retention_seconds);
    let good = format!("a queue of its own, keeps messages for {kept}");
    if near.dead_letters.is_some_and(|dead| dead.arn == facts.arn) {
        let detail = "is the dead-letter queue: forgeries will drown what operators should see";
        let mend = "set queue.quarantine_url to a queue of its own";
        return (good, vec![(detail.to_owned(), mend.to_owned())]);
    }
    let mut flaws = Vec::new();
    flaws.extend(moves_on(facts));
    if facts.retention_seconds < DAY {
        let detail = format!(
            "keeps messages for {kept}: webhooks that a changed secret sent here would expire before anybody looks; want a day or more"
        );
        flaws.push((detail, keep(facts, WEBHOOKS)));
    }
    (good, flaws)
}

/// A time as people say it, and exactly.
fn long(seconds: u64) -> String {
    let units = [(DAY, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let whole = units.iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
    let (count, name) = whole.map_or((seconds, "second"), |(unit, name)| (seconds / unit, *name));
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {name}{plural}")
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::*;
    use crate::domain::fault::{Reason, Step};

    fn queue(name: &str, seconds: u64, redrive: Option<(&str, u32)>) -> QueueAttributes {
        let arn = |name: &str| format!("arn:aws:sqs:eu-west-1:123456789012:{name}");
        QueueAttributes {
            url: format!("https://sqs/{name}"),
            arn: arn(name),
            retention_seconds: seconds,
            visibility_seconds: 30,
            max_message_bytes: LARGEST,
            redrive: redrive.map(|(target, max_receives)| RedrivePolicy {
                target: arn(target),
                max_receives,
            }),
        }
    }

    fn webhooks() -> QueueAttributes {
        queue("webhooks", 4 * DAY, Some(("dead", 100)))
    }

    fn bad(found: &[Finding]) -> Vec<&str> {
        let bad = found.iter().filter(|finding| finding.ok == Some(false));
        bad.map(|finding| finding.detail.as_str()).collect()
    }

    #[test]
    fn good_queues_are_good() {
        let (dead, quarantine) = (queue("dead", LONGEST, None), queue("quarantine", DAY, None));
        let found = queues(Ok(&webhooks()), Ok(&dead), Ok(&quarantine));
        assert_eq!(
            said(&found),
            [
                "ok queue of webhooks: redrives after 100 receives, keeps messages for 4 days; hides what others receive for 30 s (the daemon asks for 60 s of its own, and renews them while it works and drains)",
                "ok dead-letter queue: keeps messages for 14 days",
                "ok quarantine: a queue of its own, keeps messages for 1 day"
            ]
        );
    }

    #[test]
    fn what_loses_messages_is_found_with_what_mends_it() {
        let (dead, odd) = (queue("dead", LONGEST, None), queue("odd", 36 * 3_600, None));
        let early = queue("dead", 36 * 3_600, None);
        let moving = queue("dead", LONGEST, Some(("x", 5)));
        let small = QueueAttributes {
            max_message_bytes: 262_144,
            visibility_seconds: 0,
            retention_seconds: 5_400,
            ..webhooks()
        };
        let none = queue("webhooks", 4 * DAY, None);
        let other = queue("webhooks", 4 * DAY, Some(("other", 100)));
        let few = queue("webhooks", 4 * DAY, Some(("dead", 3)));
        let brief = queue("quarantine", 3_600, None);
        let cases: [(_, _, _, &[&str]); 6] = [
            (&none, &dead, &odd, &["has no redrive policy"]),
            (
                &other,
                &dead,
                &odd,
                &["is not the configured dead-letter queue"],
            ),
            (&few, &dead, &odd, &["maxReceiveCount is 3"]),
            (
                &small,
                &dead,
                &odd,
                &["90 minutes", "timeout of 0 s", "at most 262144 bytes"],
            ),
            (
                &few,
                &moving,
                &moving,
                &["maxReceiveCount", "a redrive policy of its own", "drown"],
            ),
            (
                &webhooks(),
                &early,
                &brief,
                &["36 hours, the queue of webhooks for 4 days", "for 1 hour"],
            ),
        ];
        for (webhooks, dead, quarantine, wanted) in cases {
            let found = queues(Ok(webhooks), Ok(dead), Ok(quarantine));
            let told = bad(&found);
            assert_eq!(told.len(), wanted.len(), "{told:?}");
            assert!(
                told.iter()
                    .zip(wanted)
                    .all(|(told, wanted)| told.contains(wanted)),
                "{told:?}"
            );
            assert!(
                found
                    .iter()
                    .all(|one| one.mend.is_some() != (one.ok == Some(true)))
            );
        }
    }

    #[test]
    fn what_mends_a_retention_does() {
        let mends = |webhooks: u64, dead: u64| {
            let (webhooks, dead) = (
                queue("w", webhooks * DAY, None),
                queue("d", dead * DAY, None),
            );
            short(&dead, &webhooks).unwrap().1
        };
        assert_eq!(mends(4, 4), keep(&queue("d", 0, None), LONGEST));
        assert_eq!(mends(14, 14), keep(&queue("w", 0, None), WEBHOOKS));
        let both = mends(14, 4);
        assert!(both.contains("/d --attr") && both.contains(" && ") && both.contains("/w --attr"));
    }

    #[test]
    fn a_queue_that_does_not_answer_hides_no_other() {
        let fault = Fault::new(Step::Queue, Reason::AwsDenied, "no");
        let brief = queue("quarantine", 3_600, None);
        let found = queues(Ok(&webhooks()), Err(&fault), Ok(&brief));
        let marks: Vec<_> = found
            .iter()
            .map(|one| (one.what.as_str(), one.ok))
            .collect();
        let wanted = [
            ("queue of webhooks", Some(true)),
            ("dead-letter queue", Some(false)),
            ("quarantine", Some(false)),
        ];
        assert_eq!(marks, wanted);
    }
}
