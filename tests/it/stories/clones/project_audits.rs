//! What an audit finds of CodeBuild projects, and what its repairs come to.

use branchline::domain::rules::rule::Rule;
use branchline::inspect::audit_report::Finding;
use serde_json::{Value, json};

use super::projects::{PROJECT, begin, rule};
use super::repairs::{findings, outcomes, send_repairs};
use crate::world::fault_injection::Op;
use crate::world::projects::{project, setting};
use crate::world::rules::pull_request_rule;
use crate::world::story::{World, owner, run_story};
use crate::world::webhook::Webhook;

/// Each finding as `kind project: detail`, with `!` where a repair cannot help.
async fn audit(world: &World, rules: Vec<Rule>) -> Vec<String> {
    let line = |found: &Finding| {
        let mark = if found.repairable { "" } else { " !" };
        let name = found.project.as_deref().unwrap_or("-");
        format!("{} {name}{mark}: {}", found.kind.as_str(), found.detail)
    };
    findings(world, rules).await.iter().map(line).collect()
}

async fn repair(world: &World, rules: Vec<Rule>) -> Vec<String> {
    send_repairs(world, findings(world, rules).await).await;
    outcomes(world).await
}

/// A copy of the project under another name, with the tags of a clone's.
fn stray(world: &World, subject: &str) -> Value {
    let all = world.account.all_projects();
    let mut stray = Value::Object(all[PROJECT].as_json().clone());
    stray["name"] = json!("api-pr-7-old-0123abcd");
    let tags = stray["tags"].as_array_mut().unwrap();
    for tag in tags {
        if tag["key"] == "branchline:subject" {
            tag["value"] = json!(subject);
        }
    }
    stray
}

#[test]
fn a_world_in_order_has_no_finding_and_costs_a_call_only_with_projects() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        world.faults.clear();
        assert_eq!(audit(world, vec![pull_request_rule()]).await, [""; 0]);
        assert_eq!(world.faults.count(Op::ReadProjects), 0);
    });
    run_story(async |world| {
        begin(world, rule("ci:2"));
        world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(audit(world, vec![rule("ci:2")]).await, [""; 0]);
    });
}

#[test]
fn a_project_that_differs_is_drifted_and_a_repair_brings_it_back() {
    run_story(async |world| {
        begin(world, rule("ci:2"));
        world.deliver(Webhook::pull_request("opened")).await;
        world.account.remove_project(PROJECT);
        let line = |detail: &str| format!("drifted {PROJECT}: its CodeBuild project {detail}");
        let missing = line("does not exist: its next start, or a repair, creates it");
        assert_eq!(audit(world, vec![rule("ci:2")]).await, [missing]);
        assert_eq!(repair(world, vec![rule("ci:2")]).await, ["updated"]);
        assert_eq!(audit(world, vec![rule("ci:2")]).await, [""; 0]);

        let mut edited = Value::Object(world.account.all_projects()[PROJECT].as_json().clone());
        edited["environment"]["privilegedMode"] = json!(true);
        world.account.add_project(edited);
        let changed =
            line("has another environment, because it was edited since: a repair restores it");
        assert_eq!(audit(world, vec![rule("ci:2")]).await, [changed]);
        repair(world, vec![rule("ci:2")]).await;
        let projects = world.account.all_projects();
        assert_eq!(
            setting(&projects[PROJECT], "/environment/privilegedMode"),
            false
        );

        let mut template = project("api");
        template["timeoutInMinutes"] = json!(90);
        world.account.add_project(template);
        let older = line(
            "was made before 'api' or the rule changed: its next start, or a repair, updates it",
        );
        assert_eq!(audit(world, vec![rule("ci:2")]).await, [older]);
        repair(world, vec![rule("ci:2")]).await;
        assert_eq!(audit(world, vec![rule("ci:2")]).await, [""; 0]);
        world.expect_built_twice("acme/api#7");
    });
}

#[test]
fn a_project_without_a_mapping_is_an_orphan_and_a_repair_deletes_it() {
    run_story(async |world| {
        begin(world, rule("ci:2"));
        world.deliver(Webhook::pull_request("opened")).await;
        let lost = stray(world, "1001/pull/8");
        world.account.add_project(lost);
        let orphan = "orphan api-pr-7-old-0123abcd: it belongs to no mapping: a repair deletes it";
        assert_eq!(audit(world, vec![rule("ci:2")]).await, [orphan]);
        repair(world, vec![rule("ci:2")]).await;
        assert_eq!(world.account.own_projects(), [PROJECT]);
        assert_eq!(world.pipelines(), ["api-pr-7"], "of another subject");
    });
}

#[test]
fn a_project_that_its_subjects_mapping_forgot_is_recorded_and_goes_with_the_next_start() {
    run_story(async |world| {
        begin(world, rule("ci:2"));
        world.deliver(Webhook::pull_request("opened")).await;
        let lost = stray(world, "1001/pull/7");
        world.account.add_project(lost);
        let found = audit(world, vec![rule("ci:2")]).await;
        assert!(found[0].contains("mapping does not know it"), "{found:?}");
        assert_eq!(repair(world, vec![rule("ci:2")]).await, ["recorded"]);
        let found = audit(world, vec![rule("ci:2")]).await;
        assert!(found[0].contains("is not needed any more"), "{found:?}");
        let pushed = Webhook::pull_request("synchronize").before(1).sha(2);
        world.deliver(pushed).await;
        assert_eq!(world.account.own_projects(), [PROJECT]);
        assert_eq!(audit(world, vec![rule("ci:2")]).await, [""; 0]);
    });
}

#[test]
fn a_project_without_our_tags_is_no_finding_of_ours() {
    run_story(async |world| {
        begin(world, rule("ci:2"));
        world.deliver(Webhook::pull_request("opened")).await;
        let mut foreign = Value::Object(world.account.all_projects()[PROJECT].as_json().clone());
        foreign["tags"] = json!([{"key": "branchline:managed-by", "value": "other"}]);
        world.account.add_project(foreign.clone());
        assert_ne!(owner().as_str(), "other");
        let found = audit(world, vec![rule("ci:2")]).await;
        assert!(
            found[0].contains(" !: ") && found[0].contains("put them back"),
            "{found:?}"
        );
        world.account.remove_project(PROJECT);
        world.deliver(Webhook::pull_request("closed")).await;
    });
}
