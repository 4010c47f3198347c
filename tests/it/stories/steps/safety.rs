//! What a rule without further keys does with the code of a pull request.

use serde_json::{Value, json};

use crate::world::fault_injection::Op;
use crate::world::rules::{TEMPLATE, branch_rule, pull_request_rule, template};
use crate::world::story::run_story;
use crate::world::webhook::Webhook;

#[test]
fn a_rule_of_four_lines_deploys_nothing_and_the_mapping_says_what_was_left_out() {
    run_story(async |world| {
        let mut with_production = template(TEMPLATE, "acme/api");
        with_production["stages"].as_array_mut().unwrap().push(json!({
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
        }));
        world.add_pipeline(with_production, [].into());
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
