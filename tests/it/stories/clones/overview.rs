//! An audit reads two lists for all clones, and CodePipeline itself for what they leave open.

use branchline::domain::clone::tags::Tags;
use branchline::domain::rules::rule::{Rule, Rules};
use branchline::inspect::account::Account;
use branchline::inspect::audit::Auditor;
use branchline::inspect::audit_report::AuditReport;
use branchline::ports::TagIndex;

use super::pushed;
use super::repairs::ours;
use crate::world::fault_injection::Op;
use crate::world::rules::template;
use crate::world::story::{World, owner, run_story};
use crate::world::tag_index::{Denied, Earlier};
use crate::world::webhook::{REPOSITORY, Webhook};

async fn audit(world: &World, rules: Vec<Rule>, index: &impl TagIndex) -> AuditReport {
    let account = Account::new(world.store.clone(), world.account.clone());
    let auditor = Auditor {
        account: &account,
        index,
        projects: &world.account,
        stacks: &world.account,
        rules: &Rules::new(rules),
        owner: &owner(),
        clock: &world.clock,
    };
    auditor.audit(|| {}).await.unwrap()
}

/// Returns the findings, each as `kind pipeline`.
fn found(report: &AuditReport) -> Vec<String> {
    let findings = report.findings.iter();
    let line = |one: &branchline::inspect::audit_report::Finding| {
        let pipeline = one.pipeline.as_deref().unwrap_or("-");
        format!("{} {pipeline}", one.kind.as_str())
    };
    let mut lines: Vec<String> = findings.map(line).collect();
    lines.sort();
    lines
}

/// Opens pull requests 7, 8 and 9, and pushes to one whose template has changed.
async fn three(world: &World) {
    for number in [7, 8, 9] {
        let opened = Webhook::pull_request("opened").number(number);
        world.deliver(opened).await;
    }
    world.deliver(pushed(1, 2)).await;
}

/// Returns the index as it is now.
async fn now(world: &World) -> Earlier {
    Earlier(world.account.clones(&owner()).await.unwrap())
}

#[test]
fn clones_in_order_cost_no_call_each() {
    run_story(async |world| {
        three(world).await;
        let before = world.faults.calls().len();
        let report = audit(world, ours(), &world.account).await;
        assert!(report.findings.is_empty() && report.without_index.is_none());
        let calls = world.faults.calls().split_off(before);
        let of = |op: Op| calls.iter().filter(|call| **call == op).count();
        assert_eq!(
            (of(Op::ListPipelines), of(Op::Template)),
            (1, 1),
            "{calls:?}"
        );
        assert_eq!((of(Op::Find), of(Op::FindByName)), (0, 0), "{calls:?}");
    });
}

#[test]
fn the_findings_are_the_same_without_the_index() {
    run_story(async |world| {
        three(world).await;
        assert!(world.account.remove("api-pr-7"));
        let tags = world.pipeline("api-pr-8").tags;
        world.add_pipeline(template("api-pr-8", REPOSITORY.1), tags.clone());
        world.add_pipeline(template("copy", REPOSITORY.1), tags);
        let with = audit(world, ours(), &world.account).await;
        assert_eq!(
            found(&with),
            ["drifted api-pr-8", "missing api-pr-7", "orphan copy"]
        );
        let without = audit(world, ours(), &Denied).await;
        assert_eq!(found(&without), found(&with));
        assert!(
            without
                .without_index
                .unwrap()
                .detail
                .contains("GetResources")
        );
        for name in ["copy", "api-pr-8"] {
            assert!(world.account.remove(name));
        }
        for number in [7, 8] {
            let closed = Webhook::pull_request("closed").number(number);
            world.deliver(closed).await;
        }
    });
}

#[test]
fn what_an_old_index_shows_is_read_again() {
    run_story(async |world| {
        let empty = now(world).await;
        three(world).await;
        // It does not show the new clones yet.
        assert!(audit(world, ours(), &empty).await.findings.is_empty());
        // It shows a clone that has lost its tags since: the repair would delete the pipeline of
        // another person.
        let old = now(world).await;
        world.add_pipeline(template("api-pr-7", REPOSITORY.1), Tags::new());
        let findings = found(&audit(world, Vec::new(), &old).await);
        assert!(
            findings.contains(&"not-ours api-pr-7".to_owned()),
            "{findings:?}"
        );
        assert!(world.account.remove("api-pr-7"));
        world.deliver(Webhook::pull_request("closed")).await;
    });
}
