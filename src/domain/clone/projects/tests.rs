use serde_json::{Value, json};

use super::*;
use crate::domain::clone::tags::project_tags;

const ARN: &str = "arn:aws:codepipeline:eu-west-1:123456789012:api-template";

fn build(stage: &str, name: &str, project: &str) -> Value {
    json!({
        "name": name,
        "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
        "configuration": {"ProjectName": project}, "region": "eu-west-1", "stage": stage,
    })
}

/// A template whose actions are builds: each with its name, stage and project.
fn template(actions: &[(&str, &str, &str)]) -> Declaration {
    let stage = |(stage, name, project): &(&str, &str, &str)| json!({"name": stage, "actions": [build(stage, name, project)]});
    let stages: Vec<Value> = actions.iter().map(stage).collect();
    Declaration::new(json!({"name": "api-template", "stages": stages})).unwrap()
}

fn image(image: &str) -> BuildSettings {
    BuildSettings {
        image: Some(image.to_owned()),
        ..BuildSettings::default()
    }
}

fn of_action(path: &str, settings: BuildSettings) -> (ActionPath, BuildSettings) {
    (ActionPath::parse(path).unwrap(), settings)
}

fn set(build: &BuildOverrides, clone: &mut Declaration) -> Result<Vec<ProjectClone>, Fault> {
    let pipeline = PipelineName::parse("api-pr-7").unwrap();
    build.set_projects(clone, &pipeline, &PipelineArn::parse(ARN).unwrap())
}

/// The project of each action of the clone, and the copied projects in order.
fn projects(build: &BuildOverrides, template: &Declaration) -> (Vec<String>, Vec<String>) {
    let mut clone = template.clone();
    let made = set(build, &mut clone).unwrap();
    let used = clone.actions();
    let used = used.map(|action| action.configured(PROJECT).unwrap_or_default().to_owned());
    let copied = made
        .iter()
        .map(|one| format!("{} {:?}", one.template, one.settings.image));
    (used.collect(), copied.collect())
}

#[test]
fn without_settings_the_clone_uses_the_templates_projects() {
    let template = template(&[("Build", "Build", "api")]);
    let mut clone = template.clone();
    assert_eq!(set(&BuildOverrides::default(), &mut clone), Ok(Vec::new()));
    assert_eq!(clone, template);
    let empty = BuildOverrides {
        actions: vec![of_action("No/Such", BuildSettings::default())],
        ..BuildOverrides::default()
    };
    assert_eq!(set(&empty, &mut clone), Ok(Vec::new()));
}

#[test]
fn actions_with_the_same_project_and_settings_share_one() {
    let template = template(&[
        ("Build", "Build", "api"),
        ("Test", "Unit", "api"),
        ("Test2", "End", "e2e"),
    ]);
    let all = BuildOverrides {
        all: image("a"),
        actions: Vec::new(),
    };
    let (used, copied) = projects(&all, &template);
    assert_eq!(copied, [r#"api Some("a")"#, r#"e2e Some("a")"#]);
    assert_eq!(used[0], used[1]);
    assert_ne!(used[1], used[2]);
    let one_differs = BuildOverrides {
        all: image("a"),
        actions: vec![of_action("Test/Unit", image("b"))],
    };
    let (other, copied) = projects(&one_differs, &template);
    assert_eq!(copied.len(), 3);
    assert_eq!(other[0], used[0], "the name of the others stays");
    assert_ne!(other[1], used[1]);
    let alone = BuildOverrides {
        all: BuildSettings::default(),
        actions: vec![of_action("Test/Unit", image("b"))],
    };
    let (used, _) = projects(&alone, &template);
    assert_eq!((used[0].as_str(), used[2].as_str()), ("api", "e2e"));
    assert_eq!(used[1], other[1], "and that of the one too");
}

#[test]
fn what_cannot_be_copied_is_a_fault_that_names_the_action() {
    let all = BuildOverrides {
        all: image("a"),
        actions: vec![of_action("Test/Unit", image("b"))],
    };
    let fault = set(&all, &mut template(&[("Build", "Build", "api")])).unwrap_err();
    assert!(
        fault.detail.contains("no CodeBuild action 'Test/Unit'")
            && fault.detail.contains("Build/Build"),
        "{fault}"
    );
    let all = BuildOverrides {
        all: image("a"),
        actions: Vec::new(),
    };
    for (key, value, what) in [
        ("region", json!("us-east-1"), "another Region"),
        (
            "roleArn",
            json!("arn:aws:iam::999999999999:role/x"),
            "another account",
        ),
        (
            "configuration",
            json!({"ProjectName": "#{variables.P}"}),
            "not the name",
        ),
        ("configuration", json!({}), "not the name"),
    ] {
        let mut action = build("Build", "Build", "api");
        action[key] = value;
        let mut clone =
            Declaration::new(json!({"stages": [{"name": "Build", "actions": [action]}]})).unwrap();
        let fault = set(&all, &mut clone).unwrap_err();
        assert!(
            fault.detail.contains(what) && fault.detail.contains("Build/Build"),
            "{fault}"
        );
        assert_eq!(fault.reason, Reason::RuleTemplateMismatch);
    }
}

/// A project of a template.
fn project(environment: Value) -> Project {
    Project::new(json!({
        "name": "api", "arn": "arn", "created": 1.5, "lastModified": 2.5, "description": "the API",
        "source": {"type": "CODEPIPELINE"}, "artifacts": {"type": "CODEPIPELINE", "encryptionDisabled": false},
        "environment": environment, "serviceRole": "role", "timeoutInMinutes": 60,
        "cache": {"type": "S3", "location": "cache/main"}, "newMember": {"x": [1]},
        "tags": [{"key": "team", "value": "api"}, {"key": "aws:x", "value": "y"},
                 {"key": "branchline:rule", "value": "of a person"}],
        "webhook": {"url": "u"}, "badge": {"badgeEnabled": true}, "projectVisibility": "PUBLIC_READ",
        "publicProjectAlias": "alias", "resourceAccessRole": "reader",
    })).unwrap()
}

fn curated() -> Value {
    json!({"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL",
           "imagePullCredentialsType": "CODEBUILD", "environmentVariables": [{"name": "A", "value": "1"}]})
}

fn copy(settings: BuildSettings) -> ProjectClone {
    let template = ProjectName::parse("api").unwrap();
    let pipeline = PipelineName::parse("api-pr-7").unwrap();
    let ours = Tags::from([("branchline:rule".to_owned(), "pulls".to_owned())]);
    ProjectClone {
        name: ProjectName::parse("api-pr-7-api").unwrap(),
        tags: project_tags(&ours, &pipeline, &template),
        template,
        settings,
    }
}

fn request(settings: BuildSettings, environment: Value) -> Value {
    let new = copy(settings).from_template(&project(environment)).unwrap();
    Value::Object(new.request)
}

#[test]
fn the_copy_is_the_templates_project_with_the_settings() {
    let settings = BuildSettings {
        image: Some("123456789012.dkr.ecr.eu-west-1.amazonaws.com/ci:2".into()),
        compute: Some("BUILD_GENERAL1_LARGE".into()),
        privileged: Some(true),
        timeout: Some(20),
        cache: Some(BuildCache::None),
    };
    let mut environment = curated();
    environment["image"] = json!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/ci:2");
    environment["imagePullCredentialsType"] = json!("SERVICE_ROLE");
    environment["computeType"] = json!("BUILD_GENERAL1_LARGE");
    environment["privilegedMode"] = json!(true);
    assert_eq!(
        request(settings, curated()),
        json!({
            "name": "api-pr-7-api", "description": "the API",
            "source": {"type": "CODEPIPELINE"}, "artifacts": {"type": "CODEPIPELINE"},
            "environment": environment, "serviceRole": "role", "timeoutInMinutes": 20,
            "cache": {"type": "NO_CACHE"}, "newMember": {"x": [1]},
            "logsConfig": {"cloudWatchLogs": {
                "status": "ENABLED", "groupName": "/aws/codebuild/api", "streamName": "api-pr-7-api",
            }},
            "tags": [
                {"key": "branchline:pipeline", "value": "api-pr-7"}, {"key": "branchline:project", "value": "api"},
                {"key": "branchline:rule", "value": "pulls"}, {"key": "team", "value": "api"},
            ],
        })
    );
}

#[test]
fn without_an_image_nothing_changes_in_how_it_is_pulled() {
    let private = json!({"image": "registry.example.com/a:1", "imagePullCredentialsType": "SERVICE_ROLE",
                         "registryCredential": {"credential": "secret"}});
    let settings = BuildSettings {
        timeout: Some(20),
        ..BuildSettings::default()
    };
    assert_eq!(request(settings, private.clone())["environment"], private);
}

#[test]
fn the_password_of_a_registry_is_sent_to_no_other() {
    let private = |at: &str| {
        json!({"image": at, "imagePullCredentialsType": "SERVICE_ROLE",
               "registryCredential": {"credential": "secret"}})
    };
    let cases = [
        ("registry.example.com/a:1", "registry.example.com/b:2", true),
        (
            "registry.example.com/a:1",
            "registry.example.com.evil.org/a:1",
            false,
        ),
        (
            "registry.example.com/a:1",
            "evil.org/registry.example.com/a:1",
            false,
        ),
        (
            "registry.example.com/a:1",
            "registry.example.com:8443/a:1",
            false,
        ),
        ("registry.example.com/a:1", "a:1", false),
        ("acme/a:1", "ubuntu:24.04", true),
        ("acme/a:1", "aws/codebuild/standard:7.0", false),
    ];
    for (before, after, kept) in cases {
        let environment = &request(image(after), private(before))["environment"];
        let has = environment.get("registryCredential").is_some();
        assert_eq!(has, kept, "{before} -> {after}");
        let curated = after.starts_with("aws/codebuild/");
        let wanted = if curated { "CODEBUILD" } else { "SERVICE_ROLE" };
        assert_eq!(environment["imagePullCredentialsType"], wanted, "{after}");
    }
}

#[test]
fn logs_go_where_the_templates_go_unless_it_has_none() {
    let log = |config: Value| {
        let mut template = project(curated()).as_json().clone();
        template.insert("logsConfig".to_owned(), config);
        let template = Project::new(Value::Object(template)).unwrap();
        let new = copy(image("a")).from_template(&template).unwrap();
        new.request["logsConfig"].clone()
    };
    let own = json!({"cloudWatchLogs": {"status": "ENABLED", "groupName": "builds", "streamName": "main"}});
    let with_stream = json!({"cloudWatchLogs": {"status": "ENABLED", "groupName": "builds", "streamName": "api-pr-7-api"}});
    assert_eq!(log(own), with_stream);
    let off = json!({"cloudWatchLogs": {"status": "DISABLED"}, "s3Logs": {"status": "ENABLED", "location": "b"}});
    assert_eq!(log(off.clone()), off);
}

#[test]
fn a_fleet_decides_the_compute_type() {
    let mut environment = curated();
    environment["fleet"] = json!({"fleetArn": "arn"});
    let settings = BuildSettings {
        compute: Some("BUILD_GENERAL1_LARGE".into()),
        ..BuildSettings::default()
    };
    let fault = copy(settings)
        .from_template(&project(environment))
        .unwrap_err();
    assert!(fault.detail.contains("fleet"), "{fault}");
}

#[test]
fn what_an_update_cannot_take_away_needs_a_new_project() {
    let new = copy(image("a")).from_template(&project(curated())).unwrap();
    let as_made = new.as_made().as_json().clone();
    let with = |key: &str| {
        let mut fields = as_made.clone();
        fields.insert(key.to_owned(), json!({}));
        Project::new(Value::Object(fields)).unwrap()
    };
    assert!(with("created").is_already(&new));
    assert!(!with("vpcConfig").is_already(&new));
    let other = copy(image("b")).from_template(&project(curated())).unwrap();
    assert!(!with("created").is_already(&other));
    let mut tags = as_made.clone();
    tags["tags"].as_array_mut().unwrap().reverse();
    assert!(
        Project::new(Value::Object(tags.clone()))
            .unwrap()
            .is_already(&new)
    );
    tags["tags"].as_array_mut().unwrap().pop();
    assert!(!Project::new(Value::Object(tags)).unwrap().is_already(&new));
    assert!(with("created").can_become(&new));
    assert!(with("badge").can_become(&new));
    assert!(!with("vpcConfig").can_become(&new));
}

#[test]
fn the_fingerprint_follows_the_settings_and_the_template() {
    let of = |settings, environment| {
        copy(settings)
            .from_template(&project(environment))
            .unwrap()
            .fingerprint
    };
    assert_eq!(of(image("a"), curated()), of(image("a"), curated()));
    assert_ne!(of(image("a"), curated()), of(image("b"), curated()));
    let mut other = curated();
    other["environmentVariables"][0]["value"] = json!("2");
    assert_ne!(of(image("a"), curated()), of(image("a"), other));
}

#[test]
fn only_names_of_images_and_compute_types_are_accepted() {
    for text in [
        "aws/codebuild/standard:7.0",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/ci/build@sha256:0123",
        "ubuntu",
        "localhost:5000/a_b-c",
    ] {
        assert!(build_image(text.to_owned()).is_ok(), "{text}");
    }
    for text in [
        "",
        "a b",
        "/a",
        "a//b",
        "a/../b",
        "${x}",
        "#{variables.X}",
        "-a",
        "a\n",
    ] {
        assert!(build_image(text.to_owned()).is_err(), "{text}");
    }
    for text in ["BUILD_GENERAL1_SMALL", "BUILD_LAMBDA_10GB"] {
        assert!(build_compute(text.to_owned()).is_ok(), "{text}");
    }
    for text in [
        "",
        "BUILD_",
        "small",
        "CUSTOM_INSTANCE_TYPE",
        "ATTRIBUTE_BASED_COMPUTE",
        "BUILD_a",
    ] {
        assert!(build_compute(text.to_owned()).is_err(), "{text}");
    }
    assert_eq!(
        [4, 5, 2_160, 2_161].map(|minutes| build_timeout(minutes).is_ok()),
        [false, true, true, false]
    );
}
