//! Properties of every clone of every valid template, under every name.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::domain::clone::declaration::ActionPath;
use crate::domain::clone::tests::configuration::configured;
use crate::domain::rules::pipeline_name::NamePattern;
use crate::domain::rules::placeholder::{FormatString, PlaceholderValues};

/// Generates branches that Git accepts, among them branches that are likely to collide.
fn branch() -> impl Strategy<Value = Branch> {
    let word = "[a-zA-Z0-9._/#@ü🦀 -]{1,120}";
    let hashed = "[a-z]{1,3}-[0-9a-f]{8}";
    prop_oneof![word, hashed].prop_filter_map("a branch", |text| Branch::parse(text).ok())
}

fn named(pattern: &str, branch: &Branch) -> PipelineName {
    let repository = RepositoryName::parse("acme/api").unwrap();
    let fill = PlaceholderValues {
        repository: &repository,
        branch,
        number: None,
        sha: None,
        base: None,
        author: None,
        title: None,
    };
    NamePattern::parse(pattern).unwrap().name(&fill).unwrap()
}

/// Generates templates of both types with one to four stages after the source, which may need
/// artifacts of each other.
fn any_template() -> impl Strategy<Value = Template> {
    let stage = (1..4_usize, any::<bool>());
    (any::<bool>(), prop::collection::vec(stage, 1..5)).prop_map(|(v2, stages)| {
        let mut whole = template(json!([source("App", "acme/api")]));
        let fields = &mut whole.declaration.0;
        if !v2 {
            for key in ["pipelineType", "executionMode", "triggers"] {
                fields.remove(key);
            }
        }
        let made = stages.iter().enumerate().map(|(place, (actions, needs))| {
            let action = |number: usize| {
                let input = if *needs && place > 0 { format!("Out{}", place - 1) } else { "App".to_owned() };
                let output = if number == 0 { json!([{"name": format!("Out{place}")}]) } else { json!([]) };
                json!({
                    "name": format!("Do{number}"),
                    "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
                    "configuration": {"ProjectName": "api"},
                    "inputArtifacts": [{"name": input}], "outputArtifacts": output,
                })
            };
            let actions: Vec<Value> = (0..*actions).map(action).collect();
            json!({"name": format!("Stage{place}"), "actions": actions})
        });
        let source = fields["stages"][0].clone();
        let stages: Vec<Value> = std::iter::once(source).chain(made).collect();
        fields.insert("stages".into(), Value::Array(stages));
        whole
    })
}

/// Generates rules that drop stages and actions, and set variables and configuration.
fn any_rule() -> impl Strategy<Value = Rule> {
    let stages = prop::collection::btree_set(select(vec!["Stage0", "Stage1", "Stage2"]), 0..3);
    let keys = select(vec![
        "Stage0/Do0/BuildspecOverride",
        "Stage1/Do1/PrimarySource",
        "Stage2/Do0/BatchEnabled",
    ]);
    let configuration = prop::option::of(keys);
    let buildspec = prop::option::of(Just("ci/pr.yml".to_owned()));
    let changes = (
        stages,
        any::<bool>(),
        any::<bool>(),
        buildspec,
        configuration,
    );
    changes.prop_map(|(stages, drops_action, tells, buildspec, configuration)| {
        let mut rule = rule();
        rule.overrides.buildspec = buildspec;
        let value = configuration.map(|path| configured(path, "x-{number}", false));
        rule.overrides.configuration = value.into_iter().collect();
        rule.overrides.drop_stages = stages.into_iter().map(str::to_owned).collect();
        if drops_action {
            rule.overrides.drop_actions = vec![ActionPath::parse("Stage0/Do0").unwrap()];
        }
        if tells {
            rule.overrides.environment = vec![(
                "PR".into(),
                FormatString::parse("{number}: {title}").unwrap(),
            )];
        }
        rule
    })
}

/// Checks those requirements of CodePipeline that dropping stages and actions could break.
fn is_valid(clone: &Declaration) -> Result<(), String> {
    let stages: Vec<&str> = clone.stages().collect();
    if stages.len() < 2 {
        return Err("fewer than two stages".into());
    }
    let mut made = BTreeSet::new();
    for stage in stages {
        let actions: Vec<_> = clone
            .actions()
            .filter(|action| action.stage == stage)
            .collect();
        if actions.is_empty() {
            return Err(format!("{stage} is empty"));
        }
        for action in &actions {
            if let Some(input) = action.inputs().find(|input| !made.contains(*input)) {
                return Err(format!("{} needs {input}", action.path()));
            }
        }
        made.extend(
            actions
                .iter()
                .flat_map(|action| action.outputs())
                .map(str::to_owned),
        );
    }
    Ok(())
}

/// Returns the name of a subject's pipeline in a rule without `pipeline_name`.
fn default_name(on: On, repository: &str, branch: &str, number: u64) -> String {
    let repository = RepositoryName::parse(format!("acme/{repository}")).unwrap();
    let branch = Branch::parse(branch).unwrap();
    let values = PlaceholderValues {
        repository: &repository,
        branch: &branch,
        number: (on == On::PullRequest).then_some(number),
        sha: None,
        base: None,
        author: None,
        title: None,
    };
    let pattern = NamePattern::parse(on.default_pipeline_name()).unwrap();
    pattern.name(&values).unwrap().to_string()
}

/// Generates subjects of few characters, so that many are alike, with the names of their pipelines.
fn default_named() -> impl Strategy<Value = (String, String)> {
    let names = ("[a-]{1,3}(-pr-[12])?", "[a@-]{1,3}(-?pr-[12])?", 1..3_u64);
    (any::<bool>(), names).prop_map(|(is_pull, (repository, branch, number))| {
        let (on, subject) = match is_pull {
            true => (On::PullRequest, format!("{repository}#{number}")),
            false => (On::Branch, format!("{repository}@{branch}")),
        };
        (subject, default_name(on, &repository, &branch, number))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn names_are_legal_distinct_and_stable(one in branch(), two in branch()) {
        for pattern in ["{repo}-{branch}", "{branch}", "{owner}.{repo}.{branch_slug}-{branch}"] {
            let (first, second) = (named(pattern, &one), named(pattern, &two));
            prop_assert_eq!(first == second, one == two, "{} and {}", first, second);
            prop_assert_eq!(named(pattern, &one), first);
        }
    }

    #[test]
    fn the_default_names_of_two_subjects_differ(
        one in default_named(), two in default_named(), branch in "(pr-)?[0-9a-z@-]{1,4}", number in 0..20_u64,
    ) {
        prop_assert_eq!(one.1 == two.1, one.0 == two.0, "{:?} and {:?}", one, two);
        // The names that are most alike.
        let pull = default_name(On::PullRequest, "api", "x", number);
        for repository in ["api", "api-pr", "api-pr-1"] {
            prop_assert_ne!(&default_name(On::Branch, repository, &branch, 0), &pull);
        }
    }

    #[test]
    fn the_clone_of_a_valid_template_is_valid_or_refused_with_a_reason(template in any_template(), rule in any_rule()) {
        prop_assert_eq!(is_valid(&template.declaration), Ok(()));
        match clone_by(&rule, &template) {
            Ok(clone) => prop_assert_eq!(is_valid(&clone.declaration), Ok(())),
            Err(fault) => prop_assert_eq!(fault.reason, Reason::RuleTemplateMismatch),
        }
    }

    #[test]
    fn cloning_a_clone_changes_nothing(template in any_template(), rule in any_rule()) {
        if let Ok(clone) = clone_by(&rule, &template) {
            let mut plain = rule.clone();
            plain.overrides.drop_stages.clear();
            plain.overrides.drop_actions.clear();
            let again = Template { declaration: clone.declaration.clone(), ..template };
            let twice = clone_by(&plain, &again).unwrap();
            prop_assert_eq!(twice.declaration, clone.declaration);
            prop_assert_eq!(twice.fingerprint.digest, clone.fingerprint.digest);
        }
    }

    #[test]
    fn nothing_but_what_the_rule_names_differs(template in any_template(), rule in any_rule()) {
        if let Ok(clone) = clone_by(&rule, &template) {
            let named = |path: &str| {
                let stage = |name: &String| path == format!("stages/{name}");
                matches!(path, "name" | "version" | "triggers")
                    || path.starts_with("stages/Source/actions/App/configuration/")
                    || rule.overrides.drop_stages.iter().any(stage)
                    || rule.overrides.drop_actions.iter().any(|dropped| {
                        path == format!("stages/{}/actions/{}", dropped.stage, dropped.action)
                    })
                    || (rule.overrides.buildspec.is_some() && path.ends_with("/configuration/BuildspecOverride"))
                    || rule.overrides.configuration.iter().any(|value| {
                        let ActionPath { stage, action } = &value.action;
                        path == format!("stages/{stage}/actions/{action}/configuration/{}", value.key)
                    })
                    || (!rule.overrides.environment.is_empty() && path.ends_with("/configuration/EnvironmentVariables"))
            };
            for diff in diff(&template.declaration, &clone.declaration) {
                prop_assert!(named(&diff.path), "{}", diff.path);
            }
        }
    }
}
