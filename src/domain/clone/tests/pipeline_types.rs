//! Tests of pipeline types V1 and V2.

use super::*;
use crate::domain::clone::overrides::ExecutionMode;
use crate::domain::rules::placeholder::FormatString;

fn v1() -> Template {
    let mut template = template(json!([source("App", "acme/api")]));
    for key in ["pipelineType", "executionMode", "triggers"] {
        template.declaration.0.remove(key);
    }
    template
}

#[test]
fn a_v1_clone_has_no_field_of_v2() {
    let mut superseded = rule();
    superseded.overrides.execution_mode = Some(ExecutionMode::Superseded);
    insta::assert_snapshot!(difference_or_fault(&superseded, &v1()), @r#"
    - name: "api-main"
    + name: "api-pr-7"
    - stages/Source/actions/App/configuration/BranchName: "main"
    + stages/Source/actions/App/configuration/BranchName: "feature/ü"
    + stages/Source/actions/App/configuration/DetectChanges: "false"
    - version: 12
    "#);
    assert_eq!(clone(&v1()).unwrap().fingerprint.pinned_source, None);
}

#[test]
fn features_of_v2_are_refused_for_v1() {
    type Change = fn(&mut Rule);
    let rules: [(&str, Change); 4] = [
        ("execution_mode = \"QUEUED\"", |rule| {
            rule.overrides.execution_mode = Some(ExecutionMode::Queued)
        }),
        ("execution_mode = \"PARALLEL\"", |rule| {
            rule.overrides.execution_mode = Some(ExecutionMode::Parallel)
        }),
        ("start = \"commit\"", |rule| rule.start = Start::Commit),
        ("variables", |rule| {
            rule.overrides.variables = vec![("A".into(), FormatString::parse("1").unwrap().into())]
        }),
    ];
    for (feature, change) in rules {
        let mut rule = rule();
        change(&mut rule);
        let fault = clone_by(&rule, &v1()).unwrap_err();
        assert_eq!(fault.reason, Reason::RuleTemplateMismatch);
        assert!(fault.detail.starts_with(feature), "{fault}");
        assert!(fault.detail.contains("'api-main' is V1"), "{fault}");
    }
}

#[test]
fn a_v2_clone_may_queue_but_not_roll_back_in_parallel() {
    let mut queued = rule();
    queued.overrides.execution_mode = Some(ExecutionMode::Queued);
    let mut template = template(json!([source("App", "acme/api")]));
    assert!(difference_or_fault(&queued, &template).contains(r#"+ executionMode: "QUEUED""#));
    assert_eq!(
        clone(&template)
            .unwrap()
            .fingerprint
            .pinned_source
            .as_deref(),
        Some("App")
    );

    let stage = template.declaration.0["stages"].pointer_mut("/1").unwrap();
    stage["onFailure"] = json!({"result": "ROLLBACK"});
    let mut parallel = rule();
    parallel.overrides.execution_mode = Some(ExecutionMode::Parallel);
    let fault = difference_or_fault(&parallel, &template);
    let rolls_back = "has a stage or a condition that rolls back";
    assert!(fault.contains(rolls_back), "{fault}");
    for kind in ["beforeEntry", "onSuccess", "onFailure"] {
        let with = |result: &str| {
            let mut template = template.clone();
            let stage = template.declaration.0["stages"].pointer_mut("/1").unwrap();
            stage["onFailure"] = json!({"result": "RETRY"});
            let rule = json!({"name": "a", "ruleTypeId": {"provider": "CloudWatchAlarm"}});
            stage[kind] = json!({"conditions": [{"result": result, "rules": [rule]}]});
            difference_or_fault(&parallel, &template)
        };
        assert!(with("ROLLBACK").contains(rolls_back), "{kind}");
        assert!(!with("FAIL").contains("rolls back"), "{kind}");
    }
}

#[test]
fn a_clone_of_a_large_template_keeps_unknown_fields() {
    let mut large = template(json!([source("App", "acme/api")]));
    let fields = &mut large.declaration.0;
    fields.remove("artifactStore");
    fields.insert("artifactStores".into(), json!({
        "eu-west-1": {"type": "S3", "location": "one"},
        "us-east-1": {"type": "S3", "location": "two", "encryptionKey": {"id": "k", "type": "KMS"}},
    }));
    fields.insert("somethingNew".into(), json!({"of": ["next", "year"]}));
    let stage = fields["stages"].pointer_mut("/1").unwrap();
    stage["beforeEntry"] = json!({"conditions": [{"result": "FAIL", "rules": [{
        "name": "window", "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "DeploymentWindow"},
    }]}]});
    stage["actions"][0]["region"] = json!("us-east-1");
    insta::assert_snapshot!(difference_or_fault(&rule(), &large), @r#"
    - name: "api-main"
    + name: "api-pr-7"
    - stages/Source/actions/App/configuration/BranchName: "main"
    + stages/Source/actions/App/configuration/BranchName: "feature/ü"
    + stages/Source/actions/App/configuration/DetectChanges: "false"
    - triggers: [{"providerType":"CodeStarSourceConnection","gitConfiguration":{"sourceActionName":"App"}}]
    - version: 12
    "#);
}
