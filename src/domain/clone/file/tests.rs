use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::domain::clone::diff::{diff, lines};
use crate::domain::clone::overrides::StageSelection;
use crate::domain::clone::tests::{clone_of, rule, template_with_stages};
use crate::domain::fault::Reason;
use crate::domain::ids::CommitId;
use crate::domain::rules::glob::GlobFilter;
use crate::domain::rules::repository_file::{FileFrom, FileKey, FileRule};

fn file_rule(allow: &[FileKey]) -> FileRule {
    FileRule {
        path: ".branchline.toml".to_owned(),
        from: FileFrom::Base,
        allow: allow.iter().copied().collect::<BTreeSet<_>>(),
        images: GlobFilter::parse_images(["aws/codebuild/*"]).unwrap(),
    }
}

/// Reads a file that may set these keys, under a rule that sets `PR`.
fn read_for(text: &str, allow: &[FileKey]) -> Result<RepositoryFile, Fault> {
    let commit = CommitId::parse("1a2b3c4d".repeat(5)).unwrap();
    let content = FileContent::Bytes(text.as_bytes().to_vec());
    RepositoryFile::read(&content, Some(&commit), &strict(), &file_rule(allow))
}

fn read(text: &str) -> Result<RepositoryFile, Fault> {
    read_for(text, &FileKey::ALL)
}

/// Returns a rule with a variable and an environment variable of its own, named `PR`.
fn strict() -> Rule {
    let mut rule = rule();
    let format = FormatString::parse("{number}").unwrap();
    rule.overrides.variables = vec![("PR".to_owned(), format.clone().into())];
    rule.overrides.environment = vec![("PR".to_owned(), format)];
    rule
}

/// Returns a template with the stages Source, Build and Test.
fn template() -> Template {
    template_with_stages(&["Build", "Test"])
}

/// Returns what the file changes in the clone, or the fault.
fn changes(text: &str) -> String {
    let done = read(text).and_then(|file| {
        let without = clone_of(&strict(), |request| template().clone_for(request))?;
        let with = clone_of(&strict(), |request| file.clone_for(&template(), request))?;
        Ok(lines(&diff(&without.declaration, &with.declaration)).join("\n"))
    });
    done.unwrap_or_else(|fault| fault.to_string())
}

#[test]
fn a_file_changes_the_clone_as_far_as_it_may() {
    let text = r#"
buildspec = "ci/pull-request.yml"
keep_stages = ["Source", "Build"]

[variables]
NODE = "22.{number}"

[environment]
TITLE = "{title} \"quoted\""
"#;
    insta::assert_snapshot!(changes(text), @r#"
    + stages/Build/actions/Build/configuration/BuildspecOverride: "ci/pull-request.yml"
    - stages/Build/actions/Build/configuration/EnvironmentVariables: "[{\"name\":\"PR\",\"value\":\"7\",\"type\":\"PLAINTEXT\"}]"
    + stages/Build/actions/Build/configuration/EnvironmentVariables: "[{\"name\":\"PR\",\"value\":\"7\",\"type\":\"PLAINTEXT\"},{\"name\":\"TITLE\",\"value\":\"Add \\\"login\\\" \\\"quoted\\\"\",\"type\":\"PLAINTEXT\"}]"
    - stages/Test: {"name":"Test","actions":[{"name":"Build","actionTypeId":{"category":"Build","owner":"AWS","provider":"CodeBuild","version":"1"},"configuration":{"ProjectName":"api","EnvironmentVariables":"[{\"name\":\"PR\",\"value\":\"7\",\"type\":\"PLAINTEXT\"}]"},"inputArtifacts":[{"name":"App"}]}]}
    + variables/NODE: {"name":"NODE","defaultValue":"22.7"}
    "#);
    assert_eq!(changes(""), "");
    let missing = RepositoryFile::read(&FileContent::Missing, None, &strict(), &file_rule(&[]));
    assert_eq!(missing.unwrap(), RepositoryFile::default());
}

#[test]
fn a_mistake_has_its_line_and_column() {
    let mistakes = [
        "[variables",
        "[variables]\nA = 1",
        "image = \"x\"",
        "image = \"a b\"\ncompute = \"LARGE\"\ntimeout = 1",
        "privileged = true",
        "variables = { \"a b\" = \"x\" }",
        "[variables]\nPR = \"1\"",
        "[environment]\nPR = \"1\"",
        "[variables]\n  A = \"$(id)\"",
        "[variables]\nA = \"-x\"",
        "[variables]\nA = \"https://x\"",
        "[variables]\nA = \"{tilte}\"",
        "[environment]\nA = \"#{Build.SECRET}\"",
        "[environment]\n1A = \"x\"",
        "buildspec = \"arn:aws:s3:::bucket/x.yml\"",
        "buildspec = \"../x.yml\"",
        "keep_stages = []",
        "keep_stages = [\"Source\", \"Build\", \"Deploy\"]",
        "keep_stages = [\"Source\"]",
        "keep_stages = [\"Build\", \"Test\"]",
        "[variables]\nA = \"\"",
        "# ä\n[environment]\nA = \"1\"\nPR = \"2\"\n1B = \"3\"\n2B = \"3\"\n3B = \"3\"",
    ];
    let faults = mistakes.map(changes).join("\n");
    insta::assert_snapshot!(faults, @"
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 1, column 11: not TOML: unclosed table, expected `]`
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 2, column 5: expected text in quotes
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 1, column 9: image: rule 'rule 1' permits aws/codebuild/* (repository_file.images): choose one of these
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 1, column 9: image: not the name of an image: expected A-Z a-z 0-9 . _ / : @ -, such as aws/codebuild/standard:7.0; line 2, column 11: compute: not a compute type: expected one of CodeBuild's, such as BUILD_GENERAL1_MEDIUM; line 3, column 11: timeout: expected 5 to 2160 minutes
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 1, column 1: unknown key 'privileged': expected variables, environment, buildspec, keep_stages, image, compute, timeout
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 1, column 15: variables.a b: not a pipeline variable name: expected 1 to 128 of A-Z a-z 0-9 @ - _
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 2, column 1: variables.PR: rule 'rule 1' sets it: remove it here
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 2, column 1: environment.PR: rule 'rule 1' sets it: remove it here
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 2, column 7: variables.A: has characters that a shell or JSON may read as code, and CodePipeline does not escape variables (A-Z a-z 0-9 . _ / @ : + - are allowed): use environment
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 2, column 5: variables.A: begins with '-' or '@', which a program may read as an option or a file: use environment
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 2, column 5: variables.A: has '://' or '..', which a program may read as a URL or the folder above: use environment
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 2, column 5: variables.A: unknown placeholder '{tilte}': use {repository}, {owner}, {repo}, {branch}, {branch_slug}, {number}, {sha}, {base}, {author}, {title}, {base_slug}, {author_slug}, {title_slug}
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 2, column 5: environment.A: has '#{', which CodePipeline reads as a variable
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 2, column 1: environment.1A: not an environment variable name: expected A-Z a-z 0-9 _, not beginning with a digit
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 1, column 13: buildspec: not the path of a buildspec: expected a path in the repository of A-Z a-z 0-9 . _ / @ + -, without '..', such as ci/pull-request.yml
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 1, column 13: buildspec: not the path of a buildspec: expected a path in the repository of A-Z a-z 0-9 . _ / @ + -, without '..', such as ci/pull-request.yml
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 1, column 15: keep_stages: an empty list keeps no stage: name the stages to keep
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 1, column 35: keep_stages: 'Deploy' is not a stage of the clone, which has Source, Build, Test: remove it
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 1, column 16: keep_stages: leaves only Source, and a pipeline needs two stages: name another one of Source, Build, Test
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: with this file, the rule leaves 'Build' as the first stage, which must hold the source actions
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 2, column 5: variables.A: has 0 characters here, but AWS accepts 1 to 1000
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 4, column 1: environment.PR: rule 'rule 1' sets it: remove it here; line 5, column 1: environment.1B: not an environment variable name: expected A-Z a-z 0-9 _, not beginning with a digit; line 6, column 1: environment.2B: not an environment variable name: expected A-Z a-z 0-9 _, not beginning with a digit
    ");
    let long = format!("[environment]\nA = \"{}\"", "x".repeat(1_000));
    insta::assert_snapshot!(changes(&long), @"repository-file-invalid: .branchline.toml of the base at 1a2b3c4: with this file, EnvironmentVariables of Build/Build would have 1089 characters, but AWS accepts a value of 1 to 1000 and a key of 1 to 50");
}

#[test]
fn what_is_not_the_text_of_a_file_is_refused() {
    let read = |content: &FileContent| {
        let read = RepositoryFile::read(content, None, &strict(), &file_rule(&FileKey::ALL));
        read.unwrap_err().to_string()
    };
    let contents = [
        FileContent::TooLong,
        FileContent::NotAFile,
        FileContent::Bytes(vec![0xff]),
    ];
    insta::assert_snapshot!(contents.each_ref().map(read).join("\n"), @r"
    repository-file-invalid: .branchline.toml: it has more than 65536 bytes: shorten it
    repository-file-invalid: .branchline.toml: it is not a file: replace it with one, or remove it
    repository-file-invalid: .branchline.toml: it is not UTF-8 text
    ");
}

#[test]
fn a_key_that_the_rule_does_not_allow_is_refused_with_the_setting() {
    let text = "buildspec = \"x.yml\"\nkeep_stages = [\"Source\"]\n[variables]\nA = \"1\"\n";
    let faults = read_for(text, &[FileKey::Environment]).unwrap_err();
    insta::assert_snapshot!(faults, @"repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 1, column 13: buildspec: rule 'rule 1' does not allow it here (repository_file.allow): remove it; line 2, column 15: keep_stages: rule 'rule 1' does not allow it here (repository_file.allow): remove it; line 3, column 1: variables: rule 'rule 1' does not allow it here (repository_file.allow): remove it");
}

#[test]
fn a_rule_that_is_wrong_itself_stays_at_fault() {
    let file = read("buildspec = \"x.yml\"").unwrap();
    let mut wrong = strict();
    wrong.overrides.drop_stages = vec!["Nothing".to_owned()];
    let fault = clone_of(&wrong, |request| file.clone_for(&template(), request));
    assert_eq!(fault.unwrap_err().reason, Reason::RuleTemplateMismatch);
}

#[test]
fn the_variables_of_the_file_are_given_to_each_execution() {
    let file = read("[variables]\nNODE = \"22\"\n").unwrap();
    let clone = clone_of(&strict(), |request| file.clone_for(&template(), request)).unwrap();
    assert_eq!(clone.fingerprint.variables, ["PR", "NODE"]);
    let given = clone_of(&strict(), |request| {
        file.variables(&strict(), &request.values)
    });
    let given = given.unwrap();
    assert_eq!(
        given,
        [("PR".into(), "7".into()), ("NODE".into(), "22".into())]
    );
}

#[test]
fn a_stage_that_acts_is_kept_only_with_those_before_it() {
    let approve = serde_json::json!({"name": "Approve", "actions": [{
        "name": "Ask", "actionTypeId": {"category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1"},
    }]});
    let deploying = |name: &str| {
        serde_json::json!({"name": name, "actions": [{
            "name": "Ship", "actionTypeId": {"category": "Deploy", "owner": "AWS", "provider": "S3", "version": "1"},
        }]})
    };
    let mut template = template();
    let stages = template.declaration.0.get_mut("stages").unwrap();
    let added = [approve, deploying("Preview"), deploying("Live")];
    stages.as_array_mut().unwrap().extend(added);
    let mut rule = strict();
    rule.overrides.shared_targets = true;
    let all = ["Source", "Build", "Test", "Approve", "Preview", "Live"];
    rule.overrides.stages = StageSelection::Named(all.map(str::to_owned).into());
    let kept = |names: &[&str]| {
        let file = read(&format!("keep_stages = {names:?}")).unwrap();
        let clone = clone_of(&rule, |request| file.clone_for(&template, request));
        clone.map(|clone| clone.declaration.stages().collect::<Vec<_>>().join(", "))
    };
    for fine in [
        &all[..],
        &all[..5],
        &all[..4],
        &all[..3],
        &["Source", "Test", "Approve", "Preview"],
    ] {
        assert_eq!(kept(fine), Ok(fine.join(", ")));
    }
    insta::assert_snapshot!(kept(&["Source", "Build", "Preview"]).unwrap_err(), @"repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 1, column 35: keep_stages: 'Approve' comes before 'Preview' and may be its approval: name 'Approve' as well, or remove 'Preview'");
    insta::assert_snapshot!(kept(&["Source", "Build", "Approve", "Live"]).unwrap_err(), @"repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 1, column 46: keep_stages: 'Preview' comes before 'Live' and may be its approval: name 'Preview' as well, or remove 'Live'");
}

#[test]
fn a_value_that_does_not_fit_the_subject_has_its_place_and_no_advice_of_a_rule() {
    let many = (0..51).map(|number| format!("A{number} = \"1\"\n"));
    let long = format!("[variables]\nA = \"{}\"\n", "x".repeat(1_001));
    let texts = [
        "[variables]\nA = \"1\"\nT = \"{title}\"\n",
        &long,
        "\nkeep_stages = [\"Test\"]\n",
        &format!("[environment]\n{}", many.collect::<String>()),
    ];
    insta::assert_snapshot!(texts.map(changes).join("\n"), @r#"
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 3, column 5: variables.T: {title} has characters here that a shell or JSON may read as code, and CodePipeline does not escape variables (A-Z a-z 0-9 . _ / @ : + - are allowed): use {title_slug}, or environment
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 2, column 5: variables.A: has 1001 characters here, but AWS accepts 1 to 1000
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 2, column 16: keep_stages: leaves only Test, and a pipeline needs two stages: name another one of Source, Build, Test
    repository-file-invalid: .branchline.toml of the base at 1a2b3c4: line 1, column 1: environment: has 51 variables, and AWS accepts at most 50
    "#);
}

#[test]
fn the_file_of_the_base_says_so_and_that_of_the_head_does_not() {
    let of = |from: FileFrom| {
        let commit = CommitId::parse("1a2b3c4d".repeat(5)).unwrap();
        let rule = FileRule {
            from,
            ..file_rule(&FileKey::ALL)
        };
        let read = RepositoryFile::read(&FileContent::NotAFile, Some(&commit), &strict(), &rule);
        read.unwrap_err().to_string()
    };
    insta::assert_snapshot!(of(FileFrom::Base), @"repository-file-invalid: .branchline.toml of the base at 1a2b3c4: it is not a file: replace it with one, or remove it");
    insta::assert_snapshot!(of(FileFrom::Head), @"repository-file-invalid: .branchline.toml at 1a2b3c4: it is not a file: replace it with one, or remove it");
}

/// The lines of a file for each key.
const LINES: [(FileKey, &str); 8] = [
    (FileKey::Buildspec, "buildspec = \"ci/x.yml\"\n"),
    (
        FileKey::KeepStages,
        "keep_stages = [\"Source\", \"Test\"]\n",
    ),
    (
        FileKey::KeepStages,
        "keep_stages = [\"Source\", \"Build\", \"Deploy\"]\n",
    ),
    (FileKey::Variables, "variables = { A = \"1\" }\n"),
    (
        FileKey::Environment,
        "environment = { A = \"#1 of {title}\" }\n",
    ),
    (FileKey::Image, "image = \"aws/codebuild/standard:8.0\"\n"),
    (FileKey::Compute, "compute = \"BUILD_GENERAL1_LARGE\"\n"),
    (FileKey::Timeout, "timeout = 30\n"),
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_changes_nothing_that_the_rule_does_not_allow(
        allow in subsequence(FileKey::ALL.to_vec(), 0..=7),
        lines in subsequence(LINES.to_vec(), 0..=6),
        rest in select(vec!["", "image = \"x\"\n", "privileged = true\n", "cache = \"none\"\n", "role_arn = \"x\"\n", "[tags]\na = \"b\"\n", "= 1"]),
    ) {
        let text: String = lines.iter().map(|(_, line)| *line).chain([rest]).collect();
        let without = clone_of(&strict(), |request| template().clone_for(request)).unwrap();
        let with = read_for(&text, &allow)
            .and_then(|file| clone_of(&strict(), |request| file.clone_for(&template(), request)));
        let with = match with {
            Ok(with) => with,
            Err(fault) => {
                prop_assert_eq!(fault.reason, Reason::RepositoryFileInvalid);
                return Ok(());
            }
        };
        prop_assert!(lines.iter().all(|(key, _)| allow.contains(key)) && rest.is_empty());
        prop_assert_eq!(&with.tags, &without.tags);
        for project in &with.projects {
            let BuildSettings { image, compute, timeout, privileged, cache } = &project.settings;
            prop_assert!(image.is_none() || allow.contains(&FileKey::Image));
            prop_assert!(compute.is_none() || allow.contains(&FileKey::Compute));
            prop_assert!(timeout.is_none() || allow.contains(&FileKey::Timeout));
            prop_assert!(privileged.is_none() && cache.is_none());
        }
        for one in diff(&without.declaration, &with.declaration) {
            let is_allowed = |key: FileKey, is_it: bool| allow.contains(&key) && is_it;
            let is_removed = one.to.is_none() && one.path.matches('/').count() == 1;
            prop_assert!(
                is_allowed(FileKey::Buildspec, one.path.ends_with("/configuration/BuildspecOverride"))
                    || is_allowed(FileKey::Environment, one.path.ends_with("/configuration/EnvironmentVariables"))
                    || one.path.ends_with("/configuration/ProjectName") && !with.projects.is_empty()
                    || is_allowed(FileKey::Variables, one.path == "variables/A")
                    || is_allowed(FileKey::KeepStages, one.path.starts_with("stages/") && is_removed),
                "{}", one.path
            );
        }
    }

    #[test]
    fn no_bytes_are_read_as_more_than_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let read = RepositoryFile::read(&FileContent::Bytes(bytes), None, &strict(), &file_rule(&FileKey::ALL));
        if let Err(fault) = read {
            prop_assert_eq!(fault.reason, Reason::RepositoryFileInvalid);
        }
    }
}

#[test]
fn the_schema_agrees_with_the_reader() {
    let schema: serde_json::Value = serde_json::from_str(FILE_SCHEMA).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let is_valid = |text: &str| {
        let table: toml::Table = text.parse().unwrap();
        validator.is_valid(&serde_json::to_value(table).unwrap())
    };
    for (_, line) in LINES {
        assert!(is_valid(line) && read(line).is_ok(), "{line}");
    }
    let mistakes = [
        "image = \"a b\"",
        "compute = \"LARGE\"",
        "timeout = 4",
        "buildspec = \"/x\"",
        "keep_stages = []",
        "variables = { A = \"$(id)\" }",
        "variables = { A = \"-x\" }",
        "environment = { 1A = \"x\" }",
        "environment = { A = \"#{B.C}\" }",
        "environment = { A = 1 }",
    ];
    for text in mistakes {
        assert!(!is_valid(text), "the schema accepts {text}");
        assert!(read(text).is_err(), "the reader accepts {text}");
    }
    let keys = schema["properties"].as_object().unwrap().keys();
    let keys: BTreeSet<&str> = keys.map(String::as_str).collect();
    assert_eq!(keys, FileKey::ALL.map(FileKey::as_str).into());
}
