//! What the daemon needs of the account, looked at piece by piece: what is there, what is missing, and what mends it.

use serde::Serialize;

use crate::line::fault::{Fault, Reason};
use crate::line::freshness::{Kind, Moment};
use crate::line::ids::{
    Branch, CommitId, PipelineName, RepositoryId, RepositoryName, Subject, SubjectKind, Timestamp,
};
use crate::line::mapping::Mapping;
use crate::line::rule::{On, Rule};
use crate::line::template::Template;
use crate::line::wanted::Spec;
use crate::ports::{QueueFacts, TableFacts};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What: `queue of webhooks`, `table`, `template api-main`.
    pub what: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What is there, or what is wrong.
    pub detail: String,
    /// The command or the permission that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    fn good(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            ok: true,
            detail: detail.into(),
            mend: None,
        }
    }

    fn bad(what: impl Into<String>, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            ok: false,
            detail: detail.into(),
            mend: Some(mend.into()),
        }
    }

    /// Something that did not answer.
    #[must_use]
    pub fn of_fault(what: &str, fault: &Fault, permission: &str) -> Self {
        let missing = [Reason::AwsMissing, Reason::TemplateMissing].contains(&fault.reason);
        let mend = match missing {
            true => "make it in this account and Region, or correct the configuration".to_owned(),
            false => format!("allow {permission}, or check the credentials and the network"),
        };
        Self::bad(what, fault.to_string(), mend)
    }
}

/// SQS moves what was received so often: above our own limits by far, since it counts receives that are nobody's failure.
const LEAST_RECEIVES: u32 = 60;

/// The three queues. `webhooks` is what the other two are measured against.
#[must_use]
pub fn queues(
    webhooks: &QueueFacts,
    dead_letters: &QueueFacts,
    quarantine: &QueueFacts,
) -> Vec<Finding> {
    let what = "queue of webhooks";
    let mut found = Vec::new();
    let set = |facts: &QueueFacts, attributes: &str| {
        format!(
            "aws sqs set-queue-attributes --queue-url {} --attributes '{attributes}'",
            facts.url
        )
    };
    let policy = format!(
        "{{\"RedrivePolicy\":\"{{\\\"deadLetterTargetArn\\\":\\\"{}\\\",\\\"maxReceiveCount\\\":\\\"100\\\"}}\"}}",
        dead_letters.arn
    );
    match &webhooks.redrive {
        None => found.push(Finding::bad(
            what,
            "has no redrive policy: a message that nobody can finish comes back for ever",
            set(webhooks, &policy),
        )),
        Some(redrive) if redrive.target != dead_letters.arn => {
            let detail = format!(
                "redrives to {}, which is not the configured dead-letter queue",
                redrive.target
            );
            found.push(Finding::bad(what, detail, set(webhooks, &policy)));
        }
        Some(redrive) if redrive.max_receives < LEAST_RECEIVES => {
            let detail = format!(
                "maxReceiveCount is {}: SQS would move messages without a reason before branchline gives them up; want {LEAST_RECEIVES} or more",
                redrive.max_receives
            );
            found.push(Finding::bad(what, detail, set(webhooks, &policy)));
        }
        Some(redrive) => found.push(Finding::good(
            what,
            format!("redrives after {} receives", redrive.max_receives),
        )),
    }
    let what = "dead-letter queue";
    if dead_letters.redrive.is_some() {
        let detail = "has a redrive policy of its own: looking at its messages would move them on";
        found.push(Finding::bad(
            what,
            detail,
            set(dead_letters, "{\"RedrivePolicy\":\"\"}"),
        ));
    } else if dead_letters.retention_seconds <= webhooks.retention_seconds {
        let detail = format!(
            "keeps messages for {} s, the queue of webhooks for {} s: one that SQS moves keeps its age, and would expire before anybody looks",
            dead_letters.retention_seconds, webhooks.retention_seconds
        );
        found.push(Finding::bad(
            what,
            detail,
            set(dead_letters, "{\"MessageRetentionPeriod\":\"1209600\"}"),
        ));
    } else {
        found.push(Finding::good(
            what,
            format!(
                "keeps messages for {} days",
                dead_letters.retention_seconds / 86_400
            ),
        ));
    }
    let what = "quarantine";
    found.push(if quarantine.arn == dead_letters.arn {
        Finding::bad(
            what,
            "is the dead-letter queue: forgeries will drown what operators should see",
            "set queue.quarantine_url to a queue of its own",
        )
    } else {
        Finding::good(what, "a queue of its own")
    });
    found
}

/// The table.
#[must_use]
pub fn table(facts: &TableFacts) -> Vec<Finding> {
    let key = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let mut found = Vec::new();
    found.push(if facts.keys == key(&["pk", "sk"]) {
        Finding::good("table", format!("{} with pk and sk", facts.name))
    } else {
        let detail = format!("has the keys {}, want pk and sk", facts.keys.join(", "));
        Finding::bad("table", detail, "make a new table: keys cannot be changed")
    });
    found.push(match &facts.index {
        Some(keys) if *keys == key(&["state", "updated_at"]) => Finding::good("index by-state", "state, updated_at"),
        Some(keys) => Finding::bad("index by-state", format!("has the keys {}", keys.join(", ")), "delete it and make it anew on state and updated_at"),
        None => Finding::bad(
            "index by-state",
            "is missing: the sweep at start and `mappings list` need it",
            format!("aws dynamodb update-table --table-name {} --attribute-definitions AttributeName=state,AttributeType=S AttributeName=updated_at,AttributeType=S --global-secondary-index-updates '[{{\"Create\":{{\"IndexName\":\"by-state\",\"KeySchema\":[{{\"AttributeName\":\"state\",\"KeyType\":\"HASH\"}},{{\"AttributeName\":\"updated_at\",\"KeyType\":\"RANGE\"}}],\"Projection\":{{\"ProjectionType\":\"ALL\"}}}}}}]'", facts.name),
        ),
    });
    found.push(match facts.ttl.as_deref() {
        Some("expires_at") => Finding::good("time to live", "expires_at"),
        other => Finding::bad(
            "time to live",
            other.map_or("is off: delivery records would stay for ever".to_owned(), |other| format!("is on '{other}', want expires_at")),
            format!("aws dynamodb update-time-to-live --table-name {} --time-to-live-specification Enabled=true,AttributeName=expires_at", facts.name),
        ),
    });
    found
}

/// Whether a rule can clone its template, with a subject made up for it.
#[must_use]
pub fn template(rule: &Rule, template: &Template, table: &str) -> Finding {
    let what = format!("template {}", rule.template);
    let mut repositories = template.repositories();
    let admitted = repositories.find(|name| rule.repository.admit(name.as_str()));
    let Some((mapping, spec)) = admitted.and_then(|name| made_up(rule, name)) else {
        let detail = format!(
            "has no source action that fetches a repository of rule '{}'",
            rule.name
        );
        return Finding::bad(
            what,
            detail,
            "correct the template or the rule; for a mirror, see `branchline explain`",
        );
    };
    match template.clone_for(&mapping, &spec, rule, table) {
        Ok(_) => Finding::good(
            what,
            format!(
                "rule '{}' can clone it for {}",
                rule.name, mapping.repository
            ),
        ),
        Err(fault) => {
            let mend = format!("correct the template, or rule '{}'", rule.name);
            Finding::bad(what, fault.to_string(), mend)
        }
    }
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
    let moment = Moment {
        event: Timestamp(0),
        arrival: Timestamp(0),
        kind: Kind::Open,
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
        Mapping::unseen(subject, repository, moment, Timestamp(0)),
        spec,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Redrive;

    fn queue(name: &str, days: u64, redrive: Option<(&str, u32)>) -> QueueFacts {
        let arn = |name: &str| format!("arn:aws:sqs:eu-west-1:123456789012:{name}");
        QueueFacts {
            url: format!("https://sqs/{name}"),
            arn: arn(name),
            retention_seconds: days * 86_400,
            redrive: redrive.map(|(target, max_receives)| Redrive {
                target: arn(target),
                max_receives,
            }),
        }
    }

    fn said(found: &[Finding]) -> Vec<String> {
        let line = |finding: &Finding| {
            format!(
                "{} {}: {}",
                if finding.ok { "ok" } else { "NO" },
                finding.what,
                finding.detail
            )
        };
        found.iter().map(line).collect()
    }

    #[test]
    fn good_queues_are_good() {
        let (dead, quarantine) = (queue("dead", 14, None), queue("quarantine", 4, None));
        let found = queues(
            &queue("webhooks", 4, Some(("dead", 100))),
            &dead,
            &quarantine,
        );
        assert_eq!(
            said(&found),
            [
                "ok queue of webhooks: redrives after 100 receives",
                "ok dead-letter queue: keeps messages for 14 days",
                "ok quarantine: a queue of its own"
            ]
        );
    }

    #[test]
    fn what_loses_messages_is_found_with_what_mends_it() {
        let dead = queue("dead", 4, None);
        let cases = [
            (queue("webhooks", 4, None), "has no redrive policy"),
            (
                queue("webhooks", 4, Some(("other", 100))),
                "which is not the configured dead-letter queue",
            ),
            (
                queue("webhooks", 4, Some(("dead", 3))),
                "maxReceiveCount is 3",
            ),
        ];
        for (webhooks, wanted) in cases {
            let found = queues(&webhooks, &dead, &dead);
            assert!(found[0].detail.contains(wanted), "{found:?}");
            assert!(
                found[0]
                    .mend
                    .as_ref()
                    .unwrap()
                    .contains("set-queue-attributes --queue-url https://sqs/webhooks")
            );
            assert!(
                !found[1].ok && found[1].detail.contains("keeps its age"),
                "{found:?}"
            );
            assert!(!found[2].ok, "{found:?}");
        }
        let moving = queue("dead", 14, Some(("x", 5)));
        assert!(
            queues(&queue("w", 4, Some(("dead", 100))), &moving, &dead)[1]
                .detail
                .contains("a redrive policy of its own")
        );
    }

    #[test]
    fn a_table_needs_its_keys_its_index_and_its_time_to_live() {
        let keys = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        let good = TableFacts {
            name: "branchline".to_owned(),
            keys: keys(&["pk", "sk"]),
            index: Some(keys(&["state", "updated_at"])),
            ttl: Some("expires_at".to_owned()),
        };
        assert!(table(&good).iter().all(|finding| finding.ok));
        let bad = TableFacts {
            keys: keys(&["id"]),
            index: None,
            ttl: None,
            ..good
        };
        let found = table(&bad);
        assert!(
            found
                .iter()
                .all(|finding| !finding.ok && finding.mend.is_some()),
            "{found:?}"
        );
    }
}
