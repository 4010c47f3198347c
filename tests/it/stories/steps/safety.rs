//! What strangers can do: with the code of a pull request, and with a message of their own.

use branchline::domain::clone::overrides::StageSelection;
use branchline::inspect::preflight;
use branchline::ports::PipelineReader;
use serde_json::{Value, json};

use crate::world::fault_injection::Op;
use crate::world::rules::{TEMPLATE, branch_rule, pipeline_name, pull_request_rule, template};
use crate::world::story::{owner, run_story};
use crate::world::webhook::Webhook;

/// Returns the template with a stage that deploys a stack.
fn with_production() -> Value {
    let mut with_production = template(TEMPLATE, "acme/api");
    let production = json!({
        "name": "Production",
        "actions": [{
            "name": "Stack",
            "actionTypeId": {
                "category": "Deploy", "owner": "AWS", "provider": "CloudFormation", "version": "1",
            },
            "runOrder": 1,
            "configuration": {"ActionMode": "CREATE_UPDATE", "StackName": "api"},
            "outputArtifacts": [],
            "inputArtifacts": [{"name": "App"}],
        }],
    });
    let stages = with_production
        .get_mut("stages")
        .and_then(Value::as_array_mut);
    stages
        .into_iter()
        .for_each(|stages| stages.push(production.clone()));
    with_production
}

#[test]
fn a_rule_of_four_lines_deploys_nothing_and_the_mapping_says_what_was_left_out() {
    run_story(async |world| {
        world.add_pipeline(with_production(), [].into());
        world.deliver(Webhook::pull_request("opened")).await;
        let pipeline = world.pipeline("api-pr-7");
        let stages = pipeline.declaration["stages"].as_array().unwrap();
        assert_eq!(stages.len(), 2);
        let mapping = world.mapping("acme/api#7");
        assert_eq!(
            mapping.fingerprint().unwrap().left_out_stages,
            ["Production"]
        );
        let entries = world.store.audit(&mapping.subject);
        let journal: Value = serde_json::from_str(&entries[0].journal).unwrap();
        assert_eq!(journal["left_out_stages"], json!(["Production"]));
    });
}

#[test]
fn check_names_what_is_left_out_and_what_a_rule_allows() {
    run_story(async |world| {
        world.add_pipeline(with_production(), [].into());
        let name = pipeline_name(TEMPLATE);
        let template = world.account.template(&name).await.unwrap();
        let check = |stages: StageSelection, shared_targets: bool| {
            let mut rule = pull_request_rule();
            rule.overrides.stages = stages;
            rule.overrides.shared_targets = shared_targets;
            preflight::template(&rule, &template, &owner()).finding
        };
        let safe = check(StageSelection::Safe, false);
        let role = "action 'Build/Build' runs code of the pull request with the role of its CodeBuild project: set build_role_arn";
        assert_eq!(
            (safe.ok, safe.dangers.as_slice()),
            (Some(true), [role.to_owned()].as_slice())
        );
        assert!(
            safe.detail
                .ends_with("for acme/api, without stages Production"),
            "{}",
            safe.detail
        );
        let refused = check(StageSelection::All, false);
        assert_eq!(refused.ok, Some(false));
        assert!(
            refused.detail.contains("shared_targets = true"),
            "{}",
            refused.detail
        );
        let all = check(StageSelection::All, true);
        let production = "action 'Production/Stack' (CloudFormation) changes the template's own target StackName=api";
        let dangers = [production, role].map(str::to_owned);
        assert_eq!(
            (all.ok, all.dangers.as_slice()),
            (Some(true), dangers.as_slice())
        );
    });
}

#[test]
fn a_branch_that_codepipeline_reads_as_a_variable_is_refused_before_aws_is_asked() {
    run_story(async |world| {
        world.restart(vec![pull_request_rule(), branch_rule()]);
        let branch = "fix/#{SourceVariables.CommitId}";
        world
            .deliver(Webhook::pull_request("opened").head(branch))
            .await;
        world.deliver(Webhook::push(branch, 0, 1)).await;
        let dead_letters = world.take_dead_letters();
        assert_eq!(dead_letters.len(), 2);
        for dead_letter in dead_letters {
            let reason = dead_letter.text("branchline-reason");
            assert_eq!(reason, Some("invalid-value"));
        }
        assert_eq!(world.faults.count(Op::Template), 0);
        assert_eq!(world.faults.count(Op::Claim), 0);
    });
}

#[test]
fn a_message_without_a_signature_is_discarded() {
    run_story(async |world| {
        let opened = Webhook::pull_request("opened");
        let unsigned = world.deliver(opened.unsigned()).await;
        assert!(unsigned[0].starts_with("signature-missing"), "{unsigned:?}");
        assert!(world.take_quarantined().is_empty());
        assert!(world.queue.waiting().is_empty(), "it was deleted");
        assert!(world.mappings().is_empty());
    });
}
