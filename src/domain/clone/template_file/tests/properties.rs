//! A file changes nothing that the rule does not allow: the declarations here are those of the
//! template with a few changes.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::domain::fault::Reason;

/// The keys that are set anywhere.
const KEYS: [&str; 24] = [
    "roleArn",
    "region",
    "name",
    "actionTypeId",
    "configuration",
    "ProjectName",
    "EnvironmentVariables",
    "BuildspecOverride",
    "ServiceRoleArnOverride",
    "BatchEnabled",
    "ConnectionArn",
    "FullRepositoryId",
    "RoleArn",
    "category",
    "owner",
    "provider",
    "artifactStore",
    "triggers",
    "pipelineType",
    "onFailure",
    "beforeEntry",
    "commands",
    "namespace",
    "inputArtifacts",
];

/// One change of a declaration.
#[derive(Clone, Debug)]
enum Break {
    /// Sets a key of an object, or replaces any other value.
    Set(usize, &'static str, Value),
    SetAt(String, &'static str, Value),
    /// Removes a stage, or exchanges it with the one after it.
    Stage(usize, bool),
    Remove(usize),
    /// Copies an item of a list to its end.
    Copy(usize, usize),
    Swap(usize, usize),
}

fn value() -> impl Strategy<Value = Value> {
    let texts = [
        "arn:aws:iam::666666666666:role/admin",
        "us-east-1",
        "api",
        "api-test",
        "api-migrate",
        "admin",
        "****",
        "Source",
        "Build",
        "Deploy",
        "Approve",
        "AWS",
        "Custom",
        "CodeBuild",
        "Commands",
        "Compute",
        "Lambda",
        "Invoke",
        "CloudFormation",
        "V1",
        "true",
        "#{variables.A}",
        "acme/web",
        "arn:aws:s3:::b/x.yml",
        "ci/x.yml",
        SECRET,
    ];
    let other = [
        json!([]),
        json!({}),
        json!(1),
        json!(["id"]),
        json!([{"name": "App"}]),
        json!({"category": "Compute", "owner": "AWS", "provider": "Commands", "version": "1"}),
        json!({"conditions": [{"rules": [{"ruleTypeId": {"provider": "LambdaInvoke"}}]}]}),
        json!({"ProjectName": "api-test", "ServiceRoleArnOverride": "arn:aws:iam::1:role/x"}),
        json!({"type": "S3", "location": "mine"}),
        json!("[{\"name\":\"A\",\"value\":\"x\",\"type\":\"PARAMETER_STORE\"}]"),
    ];
    prop_oneof![
        select(texts.to_vec()).prop_map(Value::from),
        select(other.to_vec())
    ]
}

/// Generates a change of a stage after the source, or of its first action.
fn attack() -> impl Strategy<Value = Break> {
    let parameter = "[{\"name\":\"A\",\"value\":\"x\",\"type\":\"PARAMETER_STORE\"}]";
    let conditions =
        json!({"conditions": [{"rules": [{"ruleTypeId": {"provider": "VariableCheck"}}]}]});
    let commands =
        json!({"category": "Compute", "owner": "AWS", "provider": "Commands", "version": "1"});
    let stage = [
        ("beforeEntry", conditions.clone()),
        ("onFailure", conditions),
        ("blockers", json!([{"name": "hold", "type": "Schedule"}])),
        ("name", json!("Deploy")),
        ("name", json!("Extra")),
    ];
    let action = [
        ("roleArn", json!("arn:aws:iam::666666666666:role/admin")),
        ("region", json!("us-east-1")),
        ("actionTypeId", commands),
        ("commands", json!(["id"])),
        ("name", json!("Extra")),
    ];
    let configuration = [
        ("ProjectName", json!("api")),
        ("ProjectName", json!("api-test")),
        ("ProjectName", json!("api-migrate")),
        ("EnvironmentVariables", json!(parameter)),
        ("EnvironmentVariables", json!(SECRET)),
        ("BatchEnabled", json!("true")),
        ("BuildspecOverride", json!("arn:aws:s3:::b/x.yml")),
        ("StackName", json!("web")),
        ("ServiceRoleArnOverride", json!("arn:aws:iam::1:role/x")),
    ];
    let at = |path: &'static str, all: &[(&'static str, Value)]| {
        let all = all.iter().cloned();
        all.map(|(key, value)| (path, key, value))
            .collect::<Vec<_>>()
    };
    let all = [
        at("", &stage),
        at("/actions/0", &action),
        at("/actions/0/configuration", &configuration),
    ];
    (1..5_usize, select(all.concat())).prop_map(|(stage, (path, key, value))| {
        Break::SetAt(format!("/stages/{stage}{path}"), key, value)
    })
}

fn broken() -> impl Strategy<Value = Vec<Break>> {
    let at = any::<prop::sample::Index>().prop_map(|index| index.index(usize::MAX));
    let set = (any::<usize>(), select(KEYS.to_vec()), value());
    let one = prop_oneof![
        6 => attack(),
        2 => (1..5_usize, any::<bool>()).prop_map(|(place, removed)| Break::Stage(place, removed)),
        2 => set.prop_map(|(at, key, value)| Break::Set(at, key, value)),
        1 => at.prop_map(Break::Remove),
        1 => any::<(usize, usize)>().prop_map(|(at, item)| Break::Copy(at, item)),
        2 => any::<(usize, usize)>().prop_map(|(at, item)| Break::Swap(at, item)),
    ];
    prop::collection::vec(one, 0..5)
}

/// Returns the paths of every value in the JSON.
fn paths(json: &Value, path: &str, all: &mut Vec<String>) {
    all.push(path.to_owned());
    match json {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, value)| paths(value, &format!("{path}/{key}"), all)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(place, value)| paths(value, &format!("{path}/{place}"), all)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn apply(json: &mut Value, change: &Break) {
    let mut all = Vec::new();
    paths(json, "", &mut all);
    let path = match change {
        Break::SetAt(path, ..) => path,
        Break::Stage(..) => "/stages",
        Break::Set(at, ..) | Break::Remove(at) | Break::Copy(at, _) | Break::Swap(at, _) => {
            &all[at % all.len()]
        }
    };
    let Some(at) = json.pointer_mut(path) else {
        return;
    };
    match (change, at) {
        (Break::Set(_, key, value) | Break::SetAt(_, key, value), Value::Object(fields)) => {
            fields.insert((*key).to_owned(), value.clone());
        }
        (Break::Set(_, _, value) | Break::SetAt(_, _, value), at) => *at = value.clone(),
        (Break::Copy(_, item), Value::Array(items)) if !items.is_empty() => {
            let copy = items[item % items.len()].clone();
            items.push(copy);
        }
        (Break::Swap(_, item), Value::Array(items)) if items.len() > 1 => {
            let last = items.len() - 1;
            items.swap(item % last, last);
        }
        (Break::Remove(_), at) => *at = Value::Null,
        (Break::Stage(place, true), Value::Array(stages)) if *place < stages.len() => {
            stages.remove(*place);
        }
        (Break::Stage(place, false), Value::Array(stages)) if place + 1 < stages.len() => {
            stages.swap(*place, place + 1);
        }
        (Break::Copy(..) | Break::Swap(..) | Break::Stage(..), _) => {}
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let stages = select(vec![
        StageSelection::Safe,
        StageSelection::All,
        keeping(&["Source", "Build", "Approve", "Deploy"])
            .overrides
            .stages,
        keeping(&["Source", "Build", "Test"]).overrides.stages,
    ]);
    (stages, any::<bool>(), any::<bool>()).prop_map(|(stages, drops, commands)| {
        let mut rule = rule();
        rule.overrides.stages = stages;
        if drops && rule.overrides.stages == StageSelection::All {
            rule.overrides.drop_stages = vec!["Deploy".to_owned()];
        }
        if commands {
            rule.overrides.roles.pipeline = Some(RoleChoice::Template);
            let file = rule.template_file.as_mut().unwrap();
            file.actions.insert(FileAction::Commands);
        }
        rule
    })
}

/// Returns the stages of a clone, by name.
fn stages(clone: &NewPipeline) -> Vec<Value> {
    let stages = clone.declaration.as_json().get("stages").unwrap();
    stages.as_array().unwrap().clone()
}

fn text<'a>(json: &'a Value, pointer: &str) -> &'a str {
    json.pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Returns where an action of CodeBuild runs, and with which roles and secrets.
fn powers(action: &Value) -> Vec<String> {
    let environment = text(action, "/configuration/EnvironmentVariables");
    let environment: Vec<Value> = serde_json::from_str(environment).unwrap_or_default();
    let is_secret = |one: &&Value| !["", "PLAINTEXT"].contains(&text(one, "/type"));
    let secrets = environment.iter().filter(is_secret);
    let secrets: BTreeSet<&str> = secrets.map(|one| text(one, "/value")).collect();
    [
        text(action, "/configuration/ProjectName").to_owned(),
        text(action, "/roleArn").to_owned(),
        text(action, "/region").to_owned(),
        text(action, "/configuration/ServiceRoleArnOverride").to_owned(),
        text(action, "/configuration/BatchEnabled").to_owned(),
        secrets.into_iter().collect(),
    ]
    .into()
}

/// Returns the powers of the builds of the template's clone, each also without its secrets.
fn known_powers(stages: &[Value]) -> BTreeSet<Vec<String>> {
    let actions = stages
        .iter()
        .flat_map(|stage| stage["actions"].as_array().unwrap());
    let full = actions.map(powers);
    full.flat_map(|full| {
        let mut less = full.clone();
        *less.last_mut().unwrap() = String::new();
        [full, less]
    })
    .collect()
}

/// Returns true if a stage changes something outside, or asks a person. Its name does not say so: a
/// file may give a stage that builds any name.
fn acts(stage: &Value) -> bool {
    let mut actions = stage["actions"].as_array().unwrap().iter();
    actions.any(|action| ["Approval", "Deploy"].contains(&text(action, "/actionTypeId/category")))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_changes_nothing_that_the_rule_does_not_allow(rule in any_rule(), breaks in broken()) {
        let file = changed(|pipeline| breaks.iter().for_each(|one| apply(pipeline, one)));
        let without = clone_of(&rule, |request| template().clone_for(request)).unwrap();
        let with = match clone_by(&rule, &file) {
            Ok(with) => with,
            Err(fault) => {
                prop_assert_eq!(fault.reason, Reason::RepositoryFileInvalid, "{}", fault);
                return Ok(());
            }
        };
        for (key, value) in without.declaration.as_json() {
            if !["stages", "variables"].contains(&key.as_str()) {
                prop_assert_eq!(with.declaration.as_json().get(key), Some(value));
            }
        }
        for key in with.declaration.as_json().keys() {
            prop_assert!(key == "variables" || without.declaration.as_json().contains_key(key), "{}", key);
        }
        prop_assert_eq!(&with.tags, &without.tags);
        let (own, stages) = (stages(&without), stages(&with));
        prop_assert_eq!(&stages[0], &own[0], "the source");
        // What acts is the template's own, whole and in order, or not there.
        let first = |stages: &[Value]| stages.iter().position(acts).unwrap_or(stages.len());
        let (building, acting) = stages.split_at(first(&stages));
        let (own_building, own_acting) = own.split_at(first(&own));
        prop_assert!(acting.is_empty() || Value::from(acting) == Value::from(own_acting), "{:?}", acting);
        let known = known_powers(own_building);
        for stage in &building[1..] {
            for key in stage.as_object().unwrap().keys() {
                prop_assert!(["name", "actions", "onFailure"].contains(&key.as_str()), "{}", key);
            }
            for action in stage["actions"].as_array().unwrap() {
                let kind = format!("{}/{}/{}", text(action, "/actionTypeId/category"), text(action, "/actionTypeId/owner"), text(action, "/actionTypeId/provider"));
                if kind == "Compute/AWS/Commands" {
                    prop_assert!(rule.overrides.roles.pipeline.is_some());
                    prop_assert!(action.get("roleArn").is_none() && action.get("region").is_none());
                    continue;
                }
                prop_assert!(["Build/AWS/CodeBuild", "Test/AWS/CodeBuild"].contains(&kind.as_str()), "{}", kind);
                prop_assert!(known.contains(&powers(action)), "{}", action);
                prop_assert!(!text(action, "/configuration/BuildspecOverride").contains("arn:"));
            }
        }
    }

    #[test]
    fn no_bytes_are_read_as_more_than_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(fault) = TemplateFile::read(&FileContent::Bytes(bytes), None, &file_rule()) {
            prop_assert_eq!(fault.reason, Reason::RepositoryFileInvalid);
        }
    }
}
