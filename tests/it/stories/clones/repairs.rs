//! What an audit finds, and what its repairs come to on the daemon's own path.

use branchline::ports::Queue;
use std::time::Duration;

use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::ids::{Owner, RepositoryName, Subject, SubjectKind};
use branchline::domain::intake::repair_request::{FindingKind, Repair, RepairKind};
use branchline::domain::outcome::outgoing::Destination;
use branchline::domain::rules::rule::{Rule, Update};
use branchline::inspect::account::Account;
use branchline::inspect::audit::Auditor;
use branchline::inspect::audit_report::{AuditReport, Finding};
use serde_json::{Value, json};

use super::updates::{change_template, store_of};
use crate::stories::clones::{built, pushed, rule};
use crate::world::clock::FakeClock;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{
    TEMPLATE, branch_rule, patterns, pipeline_name, pull_request_rule, template,
};
use crate::world::samples::tagged;
use crate::world::story::{World, owner, paused, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

pub(in crate::stories) async fn findings(world: &World, rules: Vec<Rule>) -> Vec<Finding> {
    report(world, rules, None).await.findings
}

/// Audits one subject, or everything.
pub(in crate::stories) async fn report(
    world: &World,
    rules: Vec<Rule>,
    subject: Option<&Subject>,
) -> AuditReport {
    let account = Account::new(world.store.clone(), world.account.clone());
    let auditor = Auditor {
        account: &account,
        index: &world.account,
        projects: &world.account,
        stacks: &world.account,
        rules: &branchline::domain::rules::rule::Rules::new(rules),
        owner: &owner(),
        clock: &world.clock,
    };
    match subject {
        Some(subject) => auditor.audit_subject(subject).await.unwrap().unwrap(),
        None => auditor.audit(|| {}).await.unwrap(),
    }
}

/// Each as `flaw subject pipeline`, with `!` where a repair cannot help.
async fn audit(world: &World, rules: Vec<Rule>) -> Vec<String> {
    let line = |found: &Finding| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let mark = if found.repairable { "" } else { " !" };
        let (subject, pipeline) = (text(&found.subject), text(&found.pipeline));
        format!("{} {subject} {pipeline}{mark}", found.kind.as_str())
    };
    findings(world, rules).await.iter().map(line).collect()
}

pub(super) async fn repair(world: &World, rules: Vec<Rule>) {
    send_repairs(world, findings(world, rules).await).await;
}

pub(super) async fn send_repairs(world: &World, findings: Vec<Finding>) {
    for found in findings {
        let (repair, repository) = found.repair.unwrap();
        let message = repair.to_message(&repository, &owner());
        let sent = world.queue.send(Destination::Internal, message);
        sent.await.unwrap();
    }
}

pub(in crate::stories) async fn outcomes(world: &World) -> Vec<String> {
    let journals = world.settle().await;
    world.clock.advance(Duration::from_secs(1));
    let outcomes = journals.iter().map(|journal| journal.outcome().to_owned());
    outcomes.collect()
}

pub(super) fn ours() -> Vec<Rule> {
    vec![pull_request_rule()]
}

#[test]
fn an_account_in_order_has_no_findings() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        world.deliver(pushed(1, 2)).await;
        world
            .deliver(Webhook::pull_request("opened").number(8))
            .await;
        world
            .deliver(Webhook::pull_request("closed").number(8))
            .await;
        world.add_pipeline(template("somebody-elses", REPOSITORY.1), Tags::new());
        assert_eq!(audit(world, ours()).await, Vec::<String>::new());
    });
}

#[test]
fn a_pipeline_that_somebody_deleted_is_made_again() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        assert!(world.account.remove("api-pr-7"));
        assert_eq!(audit(world, ours()).await, ["missing acme/api#7 api-pr-7"]);
        repair(world, ours()).await;
        assert_eq!(outcomes(world).await, ["created"]);
        assert_eq!(audit(world, ours()).await, Vec::<String>::new());
        assert_eq!(
            world.history("acme/api#7"),
            ["created unseen>active", "created active>active"]
        );
    });
}

#[test]
fn a_clone_that_somebody_edited_is_brought_back_once() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let mut edited = template("api-pr-7", REPOSITORY.1);
        *edited
            .pointer_mut("/stages/1/actions/0/configuration/ProjectName")
            .unwrap() = json!("mine");
        let kept = world.pipeline("api-pr-7").tags;
        world.add_pipeline(edited, kept);
        let found = findings(world, ours()).await;
        let differences = &found.first().unwrap().differences;
        assert!(
            differences
                .contains("+ stages/Build/actions/Build/configuration/ProjectName: \"mine\"")
        );
        assert!(
            differences.contains("BranchName"),
            "the branch too: {differences}"
        );

        repair(world, ours()).await;
        repair(world, ours()).await;
        assert_eq!(outcomes(world).await, ["updated", "unchanged"]);
        assert_eq!(audit(world, ours()).await, Vec::<String>::new());
        assert_eq!(
            world.pipeline("api-pr-7").source("BranchName"),
            Some("feature/x")
        );
    });
}

#[test]
fn a_clone_behind_its_template_is_told_and_one_that_never_follows_is_not() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        change_template(world);
        assert_eq!(audit(world, ours()).await, ["drifted acme/api#7 api-pr-7"]);
        let never = || vec![rule(|rule| rule.update = Update::Never)];
        assert_eq!(audit(world, never()).await, Vec::<String>::new());

        repair(world, ours()).await;
        assert_eq!(outcomes(world).await, ["updated"]);
        assert_eq!(store_of(world), json!("elsewhere"));
        assert_eq!(built(&world.account), [Some(1), Some(1)]);
        world.expect_built_twice("acme/api#7");
    });
}

#[test]
fn a_pipeline_without_a_mapping_is_deleted_by_its_tags_alone() {
    run_story(async |world| {
        // The table was restored from before they were made: their names are all that is known.
        let subject = |number: u64| {
            let webhook = Webhook::pull_request("opened").number(number);
            (webhook, format!("lost-{number}"))
        };
        world.deliver(subject(8).0).await;
        world
            .deliver(Webhook::pull_request("closed").number(8))
            .await;
        let gone = world.mapping("acme/api#8").subject;
        let seven = Subject {
            kind: SubjectKind::PullRequest(7),
            ..gone.clone()
        };
        let name = RepositoryName::parse(REPOSITORY.1).unwrap();
        for (subject, pipeline) in [(&seven, "lost-7"), (&gone, "lost-8")] {
            let tags = tagged(subject, &name, &owner());
            world.add_pipeline(template(pipeline, REPOSITORY.1), tags);
        }
        let elsewhere = tagged(&seven, &name, &Owner::parse("another-branchline").unwrap());
        world.add_pipeline(template("not-ours", REPOSITORY.1), elsewhere);
        let found = ["orphan acme/api#7 lost-7", "orphan acme/api#8 lost-8"];
        assert_eq!(audit(world, ours()).await, found);

        // The first deletion fails, and its message finishes it.
        world.faults.next(
            Op::Remove,
            1,
            Trouble::Fail(When::Before, Reason::AwsThrottled),
        );
        repair(world, ours()).await;
        assert_eq!(
            outcomes(world).await,
            ["aws-throttled", "deleted", "deleted"]
        );
        assert_eq!(audit(world, ours()).await, Vec::<String>::new());
        assert!(world.account.all().contains_key("not-ours"));
        assert_eq!(
            world.mapping("acme/api#7").absence().unwrap().as_str(),
            "orphan"
        );
        assert_eq!(
            world.mapping("acme/api#8").absence().unwrap().as_str(),
            "closed"
        );

        // Whatever GitHub said or says is news to it.
        world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(world.pipelines(), ["api-pr-7"]);
    });
}

#[test]
fn an_orphan_beside_its_subjects_own_pipeline_is_left_to_a_person() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let tags = world.pipeline("api-pr-7").tags;
        world.add_pipeline(template("copy", REPOSITORY.1), tags);
        assert_eq!(audit(world, ours()).await, ["orphan acme/api#7 copy !"]);
        assert!(world.account.remove("copy"));
    });
}

#[test]
fn a_repair_that_names_a_template_is_refused_and_leaves_no_mapping() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let subject = Subject {
            kind: SubjectKind::PullRequest(8),
            ..world.mapping("acme/api#7").subject
        };
        let repair = Repair {
            project: None,
            kind: RepairKind::Fix(FindingKind::Orphan),
            generation: 0,
            subject,
            pipeline: pipeline_name(TEMPLATE),
        };
        let repository = RepositoryName::parse(REPOSITORY.1).unwrap();
        world.send_repair(&repair, &repository);
        assert_eq!(outcomes(world).await, ["pipeline-is-template"]);
        assert_eq!(world.take_dead_letters().len(), 1);
        assert_eq!(world.store.rows().len(), 1, "that of acme/api#7");
    });
}

#[test]
fn a_clone_without_its_tags_is_told_and_left_alone() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let Value::Object(declaration) = json!(world.pipeline("api-pr-7").declaration) else {
            panic!("no object");
        };
        world.add_pipeline(Value::Object(declaration), Tags::new());
        // Whether a rule admits it or none does.
        for rules in [ours(), vec![branch_rule()]] {
            let found = audit(world, rules).await;
            assert_eq!(found, ["not-ours acme/api#7 api-pr-7 !"]);
        }
        assert!(world.account.remove("api-pr-7"));
        world.deliver(Webhook::pull_request("closed")).await;
    });
}

#[test]
fn clones_of_a_rule_that_is_gone_go_by_the_daemons_own_rules() {
    run_story(async |world| {
        world.restart(vec![pull_request_rule(), branch_rule()]);
        world.deliver(Webhook::push("feature/x", 0, 1)).await;
        world.deliver(Webhook::pull_request("opened")).await;
        let without = ours();
        let found = ["rule-gone acme/api@feature/x api-feature-x-217d2bf5"];
        assert_eq!(audit(world, without.clone()).await, found);

        // Somebody audits with a configuration that is not the daemon's: the daemon knows better.
        let before = world.mapping("acme/api@feature/x");
        repair(world, without.clone()).await;
        assert_eq!(outcomes(world).await, ["unchanged"]);
        assert_eq!(world.pipelines(), ["api-feature-x-217d2bf5", "api-pr-7"]);
        assert_eq!(world.mapping("acme/api@feature/x"), before);

        world.restart(without.clone());
        repair(world, without.clone()).await;
        assert_eq!(outcomes(world).await, ["deleted"]);
        assert_eq!(world.pipelines(), ["api-pr-7"]);
        assert_eq!(audit(world, without).await, Vec::<String>::new());
    });
}

#[test]
fn a_clone_whose_rule_has_another_name_and_template_moves_over() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        world.add_pipeline(template("new-template", REPOSITORY.1), Tags::new());
        let renamed = || {
            vec![Rule {
                name: "new".to_owned(),
                template: pipeline_name("new-template"),
                branches: patterns(["feature/*"]),
                ..pull_request_rule()
            }]
        };
        world.restart(renamed());
        assert_eq!(
            audit(world, renamed()).await,
            ["drifted acme/api#7 api-pr-7"]
        );
        repair(world, renamed()).await;
        assert_eq!(outcomes(world).await, ["updated"]);
        let spec = world.mapping("acme/api#7").spec().cloned().unwrap();
        assert_eq!(
            (spec.rule.as_str(), spec.template.as_str()),
            ("new", "new-template")
        );
        assert_eq!(audit(world, renamed()).await, Vec::<String>::new());
        world.expect_built_twice("acme/api#7");
    });
}

#[test]
fn a_repair_is_late_where_the_mapping_moved_on() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        assert!(world.account.remove("api-pr-7"));
        repair(world, ours()).await;
        world.send(&Webhook::pull_request("closed"));
        outcomes(world).await;
        assert_eq!(world.pipelines(), Vec::<String>::new());
        assert_eq!(world.mapping("acme/api#7").state.as_str(), "gone");
    });
}

/// What may be wrong with an account of one clone.
const WRONGS: [fn(&World); 3] = [
    |world| assert!(world.account.remove("api-pr-7")),
    change_template,
    |world| {
        let row = world.mapping("acme/api#7");
        let subject = Subject {
            kind: SubjectKind::PullRequest(8),
            ..row.subject
        };
        let tags = tagged(&subject, &row.repository, &owner());
        world.add_pipeline(template("lost", REPOSITORY.1), tags);
    },
];

#[test]
fn a_repair_may_be_cut_off_at_every_call() {
    let runtime = paused();
    let play = async |wrong: fn(&World), trouble: Option<(usize, Trouble)>| {
        let world = World::new(FakeClock::new());
        world.deliver(Webhook::pull_request("opened")).await;
        wrong(&world);
        repair(&world, ours()).await;
        let before = world.faults.calls().len();
        if let Some((number, trouble)) = trouble {
            world.faults.at_call(before + number, trouble);
        }
        world.settle().await;
        let calls = world.faults.calls().len() - before;
        world.faults.clear();
        assert_eq!(
            audit(&world, ours()).await,
            Vec::<String>::new(),
            "{trouble:?}"
        );
        assert_eq!(world.pipelines(), ["api-pr-7"]);
        assert_eq!(world.take_dead_letters().len(), 0);
        calls
    };
    let mut worlds = 0;
    for wrong in WRONGS {
        let calls = runtime.block_on(play(wrong, None));
        for number in 1..=calls {
            for when in [When::Before, When::After] {
                for trouble in [
                    Trouble::Fail(when, Reason::AwsUnavailable),
                    Trouble::Hang(when),
                ] {
                    runtime.block_on(play(wrong, Some((number, trouble))));
                    worlds += 1;
                }
            }
        }
    }
    assert!(worlds >= 100, "{worlds}");
}
