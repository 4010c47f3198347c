use super::*;
use crate::domain::fault::Reason;
use crate::inspect::preflight::tests::lines;

fn queue(name: &str, seconds: u64, redrive: Option<(&str, u32)>) -> QueueAttributes {
    let arn = |name: &str| format!("arn:aws:sqs:eu-west-1:123456789012:{name}");
    QueueAttributes {
        url: format!("https://sqs/{name}"),
        arn: arn(name),
        retention_seconds: seconds,
        visibility_seconds: 30,
        max_message_bytes: MAX_MESSAGE,
        redrive: redrive.map(|(target, max_receives)| RedrivePolicy {
            target: arn(target),
            max_receives,
        }),
        policy: None,
    }
}

fn webhooks() -> QueueAttributes {
    queue("webhooks", 4 * DAY, Some(("dead", 100)))
}

/// Returns the findings, with an internal queue that has no defects.
fn all(webhooks: Answer<'_>, dead_letters: Answer<'_>, quarantine: Answer<'_>) -> Vec<Finding> {
    let target = match dead_letters {
        Ok(queue) => queue.arn.rsplit(':').next().unwrap(),
        Err(_) => "dead",
    };
    let internal = queue("internal", 4 * DAY, Some((target, 100)));
    let internal = QueueAttributes {
        retention_seconds: match dead_letters {
            Ok(queue) => queue.retention_seconds.min(4 * DAY),
            Err(_) => 4 * DAY,
        },
        ..internal
    };
    queues(&Queues {
        webhooks,
        internal: Ok(&internal),
        dead_letters,
        quarantine,
        reports: false,
    })
}

fn bad(findings: &[Finding]) -> Vec<&str> {
    let bad = findings.iter().filter(|finding| finding.ok == Some(false));
    bad.map(|finding| finding.detail.as_str()).collect()
}

#[test]
fn good_queues_are_good() {
    let (dead, quarantine) = (
        queue("dead", MAX_RETENTION, None),
        queue("quarantine", DAY, None),
    );
    let webhooks = webhooks();
    let findings = all(Ok(&webhooks), Ok(&dead), Ok(&quarantine));
    assert_eq!(
        lines(&findings),
        [
            "ok queue of webhooks: redrives after 100 receives, keeps messages for 4 days; has a visibility timeout of 30 s (the daemon sets 60 s with each receive, and renews it while it works and drains)",
            "ok internal queue: redrives after 100 receives, keeps messages for 4 days; has a visibility timeout of 30 s (the daemon sets 60 s with each receive, and renews it while it works and drains)",
            "ok dead-letter queue: keeps messages for 14 days",
            "ok quarantine: a queue of its own, keeps messages for 1 day",
            "-- pipeline events: the policy of the internal queue lets EventBridge send nothing: how an execution ends is only known when the daemon asks CodePipeline"
        ]
    );
}

#[test]
fn a_setting_that_loses_messages_is_found_with_its_fix() {
    let (dead, odd) = (
        queue("dead", MAX_RETENTION, None),
        queue("odd", 36 * 3_600, None),
    );
    let early = queue("dead", 36 * 3_600, None);
    let moving = queue("dead", MAX_RETENTION, Some(("x", 5)));
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
            &[
                "maxReceiveCount",
                "its own redrive policy",
                "forged messages",
            ],
        ),
        (
            &webhooks(),
            &early,
            &brief,
            &["36 hours, the queue of webhooks for 4 days", "for 1 hour"],
        ),
    ];
    for (webhooks, dead, quarantine, wanted) in cases {
        let findings = all(Ok(webhooks), Ok(dead), Ok(quarantine));
        let details = bad(&findings);
        assert_eq!(details.len(), wanted.len(), "{details:?}");
        assert!(
            details
                .iter()
                .zip(wanted)
                .all(|(detail, wanted)| detail.contains(wanted)),
            "{details:?}"
        );
        assert!(
            findings
                .iter()
                .all(|one| one.fix.is_some() == (one.ok == Some(false)))
        );
    }
}

#[test]
fn the_fix_of_a_retention_raises_one_queue_or_lowers_the_other() {
    let fix = |webhooks: u64, dead: u64| {
        let (webhooks, dead) = (
            queue("w", webhooks * DAY, None),
            queue("d", dead * DAY, None),
        );
        retention(&dead, &webhooks).unwrap().1
    };
    assert_eq!(
        fix(4, 4),
        set_retention(&queue("d", 0, None), MAX_RETENTION)
    );
    assert_eq!(
        fix(14, 14),
        set_retention(&queue("w", 0, None), SOURCE_RETENTION)
    );
    let both = fix(14, 4);
    assert!(both.contains("/d --attr") && both.contains(" && ") && both.contains("/w --attr"));
}

#[test]
fn a_queue_that_does_not_answer_does_not_hide_another() {
    let fault = Fault::new(Reason::AwsDenied, "no");
    let brief = queue("quarantine", 3_600, None);
    let webhooks = webhooks();
    let findings = all(Ok(&webhooks), Err(&fault), Ok(&brief));
    let marks: Vec<_> = findings
        .iter()
        .map(|one| (one.what.as_str(), one.ok))
        .collect();
    let wanted = [
        ("queue of webhooks", Some(true)),
        ("internal queue", Some(true)),
        ("dead-letter queue", Some(false)),
        ("quarantine", Some(false)),
        ("pipeline events", None),
    ];
    assert_eq!(marks, wanted);
}
