//! The audit trail: what is in it, and what a verification finds once somebody has changed it.

#![expect(
    clippy::unwrap_used,
    reason = "a trail without the entry fails the test"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::domain::ids::{RepositoryId, Subject};
use branchline::domain::outcome::audit_entry::AuditEntry;
use branchline::domain::outcome::chain::Chain;
use branchline::domain::report::ReportForm;
use branchline::domain::rules::rule::Rule;
use branchline::inspect::trail::{Scope, TrailVerifier};
use branchline::ports::TrailReader;
use branchline::reconcile::UNKNOWN_PER_MINUTE;
use serde_json::Value;

use crate::stories::bound_secrets;
use crate::world::captured_logs::CapturedLogs;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::history::WEB;
use crate::world::pipeline_event::PipelineEvent;
use crate::world::rules::{TEMPLATE, pull_request_rule};
use crate::world::samples::{entry, pull};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook, commit};

/// The subject `acme/api#7`.
fn seven() -> Subject {
    pull(7)
}

fn changes() -> Chain {
    Chain::Changes(seven())
}

/// Returns the findings, each as `kind chain entry`.
async fn findings(world: &World, scope: &Scope) -> Vec<String> {
    let verifier = TrailVerifier {
        store: &world.store,
    };
    let report = verifier.verify(scope, || {}).await.unwrap();
    let findings = report.findings.into_iter();
    findings
        .map(|one| {
            let number = one.sequence.map_or("-".to_owned(), |n| n.to_string());
            let subject = one.subject.unwrap_or("-".to_owned());
            format!("{} {subject} {number}", one.kind.as_str())
        })
        .collect()
}

/// Checks that a change of the trail is found, whatever the scope, and undoes it.
async fn finds(
    world: &World,
    expected: &[&str],
    tamper: impl FnOnce(&mut BTreeMap<Chain, Vec<AuditEntry>>),
) {
    let mut whole = BTreeMap::new();
    world.store.tamper(|chains| {
        whole.clone_from(chains);
        tamper(chains);
    });
    for scope in [
        Scope::Everything,
        Scope::Repository(RepositoryId(1_001)),
        Scope::Subject(seven()),
    ] {
        assert_eq!(findings(world, &scope).await, expected, "{scope:?}");
    }
    let other = Scope::Repository(RepositoryId(2));
    assert_eq!(findings(world, &other).await, Vec::<String>::new());
    world.store.tamper(|chains| *chains = whole);
    assert_eq!(findings(world, &Scope::Everything).await, [""; 0]);
}

/// Opens, pushes to and closes pull request 7, and opens pull request 8.
async fn with_history(world: &World) {
    let pull = Webhook::pull_request;
    for webhook in [
        pull("opened"),
        pull("synchronize").before(1).sha(2),
        pull("closed").sha(2),
        pull("opened").number(8),
    ] {
        world.deliver(webhook).await;
    }
}

#[test]
fn every_change_of_the_trail_is_found() {
    run_story(async |world| {
        with_history(world).await;
        finds(world, &["altered acme/api#7 2"], |chains| {
            chains.get_mut(&changes()).unwrap()[1].actor = Some("nobody".to_owned());
        })
        .await;
        // A forged entry with a hash of its own.
        finds(world, &["replaced acme/api#7 2"], |chains| {
            let entries = chains.get_mut(&changes()).unwrap();
            let forged = entry("forged", "active");
            entries[1] = AuditEntry::link(&forged, &changes(), Some(&entries[0].head()));
        })
        .await;
        finds(world, &["missing acme/api#7 1"], |chains| {
            chains.get_mut(&changes()).unwrap().drain(..2);
        })
        .await;
        finds(world, &["truncated acme/api#7 2"], |chains| {
            chains.get_mut(&changes()).unwrap().pop();
        })
        .await;
        finds(world, &["truncated - -"], |chains| {
            chains.remove(&changes());
        })
        .await;
        // The last entry is forged, or one is added, so that the mapping alone shows it.
        finds(world, &["differs acme/api#7 3"], |chains| {
            let entries = chains.get_mut(&changes()).unwrap();
            let forged = entry("forged", "active");
            entries[2] = AuditEntry::link(&forged, &changes(), Some(&entries[1].head()));
        })
        .await;
        finds(world, &["differs acme/api#7 4"], |chains| {
            let entries = chains.get_mut(&changes()).unwrap();
            let head = entries.last().map(AuditEntry::head);
            let forged = entry("forged", "active");
            entries.push(AuditEntry::link(&forged, &changes(), head.as_ref()));
        })
        .await;
        finds(world, &["unreadable acme/api#7 3"], |chains| {
            let last = chains.get_mut(&changes()).unwrap().last_mut().unwrap();
            last.schema += 1;
        })
        .await;
    });
}

#[test]
fn a_mapping_that_was_removed_is_found_until_its_next_event() {
    run_story(async |world| {
        with_history(world).await;
        world.store.remove_row(&seven());
        let gone = ["mapping-gone acme/api#7 3"];
        assert_eq!(findings(world, &Scope::Everything).await, gone);
        // The chain goes on, and nothing of it is lost.
        world
            .deliver(Webhook::pull_request("reopened").sha(2))
            .await;
        assert_eq!(findings(world, &Scope::Everything).await, [""; 0]);
        let expected = [
            "created unseen>active",
            "started active>active",
            "deleted active>gone",
            "created unseen>active",
        ];
        assert_eq!(world.history("acme/api#7"), expected);
    });
}

#[test]
fn a_dead_letter_is_in_the_trail_of_its_subject() {
    run_story(async |world| {
        world.account.remove(TEMPLATE);
        let opened = Webhook::pull_request("opened").delivery("d-1");
        world.deliver(opened).await;
        assert_eq!(world.take_dead_letters().len(), 1);
        world.expect_half_way("acme/api#7");

        let entries = world.store.chain_of(&Chain::DeadLetters(seven()));
        let [entry] = entries.as_slice() else {
            panic!("{entries:?}");
        };
        assert_eq!(
            (entry.outcome.as_str(), entry.cause.as_str()),
            ("dead-lettered", "dead-letter:d-1")
        );
        assert_eq!(entry.repository.as_deref(), Some("acme/api"));
        let journal: Value = serde_json::from_str(&entry.journal).unwrap();
        assert_eq!(journal["outcome"], "template-missing");
        assert_eq!(journal["subject"], "acme/api#7");
    });
}

#[test]
fn a_dead_letter_that_no_rule_could_take_is_in_the_trail_of_its_subject() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let branch = Webhook::pull_request("synchronize").before(1).sha(2);
        let branch = branch.with("/pull_request/head/ref", "a#{b}");
        world.deliver(branch.delivery("d-2")).await;
        assert_eq!(world.take_dead_letters().len(), 1);
        let history = world.store.history(&seven()).await.unwrap();
        let last = history.last().unwrap();
        assert_eq!(
            (last.outcome.as_str(), last.cause.as_str()),
            ("dead-lettered", "dead-letter:d-2")
        );
        let journal: Value = serde_json::from_str(&last.journal).unwrap();
        assert_eq!(journal["outcome"], "invalid-value");
    });
}

/// Returns the entries of messages without a known subject, as the world's reconciler writes them.
fn unknown(world: &World) -> Vec<AuditEntry> {
    world.store.chain_of(&Chain::Messages("w1".to_owned()))
}

#[test]
fn nothing_of_an_unverified_message_is_in_the_trail() {
    run_story(async |world| {
        let forged = Webhook::pull_request("opened").delivery("d-forged");
        world.deliver(forged.signed_with("a guess")).await;
        assert_eq!(world.take_quarantined().len(), 1);
        let entries = unknown(world);
        let [entry] = entries.as_slice() else {
            panic!("{entries:?}");
        };
        assert_eq!(entry.outcome, "quarantined");
        assert_eq!(entry.cause, "message:m-1");
        let journal: Value = serde_json::from_str(&entry.journal).unwrap();
        let mut names: Vec<_> = journal.as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, ["message", "outcome", "receives", "sent_at"]);
        let text = serde_json::to_string(entry).unwrap();
        for unverified in ["d-forged", "acme", "octocat", "pull_request", "feature"] {
            assert!(!text.contains(unverified), "{unverified} in {text}");
        }
    });
}

#[test]
fn nothing_of_a_body_under_another_repositorys_secret_is_in_the_trail() {
    run_story(async |world| {
        bound_secrets::prepare(world);
        world.deliver(Webhook::pull_request("opened")).await;
        let (api, _) = REPOSITORY;
        let closed = Webhook::pull_request("closed").of(api, WEB.1);
        let forged = closed.delivery("d-forged").by("mallory");
        world
            .deliver(forged.signed_with(bound_secrets::WEB_SECRET))
            .await;
        assert_eq!(world.take_quarantined().len(), 1);
        let entries = unknown(world);
        let [entry] = entries.as_slice() else {
            panic!("{entries:?}");
        };
        let text = serde_json::to_string(entry).unwrap();
        for unverified in ["d-forged", "acme", "mallory", "pull_request", "feature"] {
            assert!(!text.contains(unverified), "{unverified} in {text}");
        }
        world.deliver(Webhook::pull_request("closed")).await;
    });
}

#[test]
fn a_flood_of_forgeries_leaves_few_entries_and_their_number() {
    run_story(async |world| {
        let limit = UNKNOWN_PER_MINUTE as usize;
        let forged = Webhook::ping().signed_with("a guess");
        for _ in 0..limit + 10 {
            world.send(&forged);
        }
        world.settle().await;
        assert_eq!(unknown(world).len(), limit);
        // The flood leaves out no entry of an authenticated message.
        let invalid = Webhook::pull_request("opened").body("{");
        world.deliver(invalid).await;
        world.clock.advance(Duration::from_secs(60));
        world.deliver(forged).await;
        let journals: Vec<Value> = unknown(world)
            .iter()
            .skip(limit)
            .map(|entry| serde_json::from_str(&entry.journal).unwrap())
            .collect();
        let of = |name| journals.iter().map(move |journal| &journal[name]);
        assert!(of("outcome").eq(["invalid-payload", "signature-mismatch"]));
        assert!(of("omitted").eq([&Value::Null, &Value::from(10)]));
        assert_eq!(world.take_quarantined().len(), limit + 11);
        assert_eq!(world.take_dead_letters().len(), 1);
    });
}

#[test]
fn a_trail_that_cannot_be_written_holds_no_dead_letter_up() {
    run_story(async |world| {
        world.account.remove(TEMPLATE);
        for trouble in [
            Trouble::Fail(When::Before, Reason::AwsUnavailable),
            Trouble::Fail(When::After, Reason::AwsDenied),
        ] {
            let logs = CapturedLogs::start();
            world.faults.next(Op::Note, 1, trouble);
            world.deliver(Webhook::pull_request("opened")).await;
            assert_eq!(world.take_dead_letters().len(), 1);
            let line = "A message that failed is missing in the audit trail";
            assert_eq!(logs.lines(line).len(), 1);
        }
        world.expect_half_way("acme/api#7");
        assert_eq!(findings(world, &Scope::Everything).await, [""; 0]);
    });
}

#[test]
fn what_github_showed_at_the_end_is_in_the_trail_of_its_subject() {
    run_story(async |world| {
        let reported = Rule {
            report: Some(ReportForm::Check),
            ..pull_request_rule()
        };
        world.restart(vec![reported]);
        world.deliver(Webhook::pull_request("opened")).await;
        world.tell().await;
        for (state, attempt) in [("FAILED", 1), ("RESUMED", 2), ("SUCCEEDED", 2)] {
            let event = PipelineEvent::execution("api-pr-7", "api-pr-7-1", state);
            world.send_event(&event.attempt(attempt));
            world.settle().await;
            world.faults.clear();
            world.tell().await;
            let final_report = usize::from(state != "RESUMED");
            assert_eq!(world.faults.count(Op::Note), final_report, "{state}");
        }
        let entries = world.store.chain_of(&Chain::Reports(seven()));
        let shown: Vec<String> = entries
            .iter()
            .map(|entry| {
                let journal: Value = serde_json::from_str(&entry.journal).unwrap();
                let from = entry.from.as_deref().unwrap_or("-");
                let title = journal["title"].as_str().unwrap();
                format!(
                    "{} {} {from}>{} {title}",
                    entry.cause, entry.outcome, entry.to
                )
            })
            .collect();
        let first = commit(1);
        assert_eq!(
            shown,
            [
                format!("report:{first} reported in-progress>failure Failed"),
                format!("report:{first} reported in-progress>success Succeeded in 1 s"),
            ]
        );
        assert_eq!(findings(world, &Scope::Everything).await, [""; 0]);
        // A trail that does not answer delays no report.
        let failing = Trouble::Fail(When::Before, Reason::AwsUnavailable);
        world.faults.next(Op::Note, 1, failing);
        world.deliver(Webhook::pull_request("closed")).await;
        let next = Webhook::pull_request("opened").number(8).draft();
        let drafts = Rule {
            report: Some(ReportForm::Check),
            drafts: false,
            ..pull_request_rule()
        };
        world.restart(vec![drafts]);
        world.deliver(next.sha(8)).await;
        world.tell().await;
        assert!(world.github.page(&commit(8))[0].starts_with("skipped"));
    });
}
