//! A template that is a file of the repository.

use super::*;
use crate::domain::rules::repository_file::FileFrom;
use crate::domain::rules::template_file::FileAction;

/// Returns a configuration whose first rule has this template, with or without a token for GitHub.
fn with(template: &str, token: &str) -> &'static str {
    let text = GOOD.replacen("template = \"api-main\"", template, 1);
    let text = text.replacen("[github]\n", &format!("[github]\n{token}"), 1);
    Box::leak(text.into_boxed_str())
}

#[test]
fn a_template_is_a_pipeline_or_a_file_with_a_fallback() {
    let token = "token = \"env:NEW\"\n";
    let plain = with("template = \"api-main\"", token);
    let plain = load_text(plain, &Overrides::default()).unwrap();
    assert_eq!(plain.rules.all()[0].template_file, None);
    let file = with(
        "template = { file = \"ci/pipeline.json\", fallback = \"api-main\" }",
        token,
    );
    let file = load_text(file, &Overrides::default()).unwrap();
    let rule = &file.rules.all()[0];
    assert_eq!(rule.template.as_str(), "api-main");
    let file = rule.template_file.clone().unwrap();
    assert_eq!((file.from, file.projects), (FileFrom::Base, None));
    assert_eq!(file.actions, FileAction::DEFAULT.into());
    let full = with(
        "template = { file = \"ci/pipeline.json\", fallback = \"api-main\", from = \"head\", actions = \"Compute/Commands\", projects = [\"api-pr\"] }",
        token,
    );
    let full = load_text(full, &Overrides::default()).unwrap();
    let file = full.rules.all()[0].template_file.clone().unwrap();
    assert_eq!(file.path, "ci/pipeline.json");
    assert_eq!(file.from, FileFrom::Head);
    assert_eq!(file.actions, [FileAction::Commands].into());
    assert_eq!(file.projects, Some(["api-pr".to_owned()].into()));
}

#[test]
fn a_template_that_cannot_be_used_says_why() {
    let token = "token = \"env:NEW\"\n";
    let found = [
        problems(with("template = 1", token)),
        problems(with("template = {}", token)),
        problems(with(
            "template = { file = \"../x\", fallback = \"a b\", from = \"main\", actions = [\"Deploy/S3\"], projects = [\"a b\"], role = \"x\" }",
            token,
        )),
        problems(with(
            "template = { file = \"ci/pipeline.json\", fallback = \"api-main\" }\nstart = \"push\"",
            "",
        )),
    ];
    insta::assert_snapshot!(found.join("\n"), @r#"
    branchline.toml:17: rule[1].template: expected text in quotes
    branchline.toml:17: rule[1].template.file: missing: name the file in the repository
    branchline.toml:17: rule[1].template.fallback: missing: name the pipeline that gives the clone its role, artifact stores and source, and that is cloned for a commit without the file
    branchline.toml:17: rule[1].template.file: not a path in the repository: expected A-Z a-z 0-9 . _ / @ + -, without '..', such as .branchline.toml
    branchline.toml:17: rule[1].template.from: expected "base" or "head"
    branchline.toml:17: rule[1].template.fallback: not a pipeline name: expected 1 to 100 of A-Z a-z 0-9 . @ _ -
    branchline.toml:17: rule[1].template.actions: expected a list of "Build/CodeBuild", "Test/CodeBuild", "Compute/Commands"
    branchline.toml:17: rule[1].template.projects: expected a list of names of CodeBuild projects
    branchline.toml:17: rule[1].template.role: unknown key: expected one of file, from, fallback, actions, projects
    branchline.toml:16: rule[1].template: is read when branchline starts an execution, and with start = "push" it starts none: use start = "commit"
    branchline.toml:16: rule[1].template: is read from GitHub, which needs credentials: set github.app and github.private_key, or github.token
    "#);
}

#[test]
fn a_file_that_is_a_text_is_one_mistake() {
    let token = "token = \"env:NEW\"\n";
    let text = "template = \"api-main\"\nrepository_file = \".branchline.toml\"";
    insta::assert_snapshot!(problems(with(text, token)), @"branchline.toml:18: rule[1].repository_file: expected a table: repository_file = { ... }");
}

#[test]
fn images_are_required_where_the_author_of_a_pull_request_chooses_the_file() {
    let token = "token = \"env:NEW\"\n";
    let with_base = |base: &str| {
        let text = format!(
            "template = \"api-main\"\n{base}repository_file = {{ path = \"a.toml\", allow = \"image\" }}"
        );
        match load_text(with(&text, token), &Overrides::default()) {
            Ok(_) => "fine".to_owned(),
            Err(_) => problems(with(&text, token)),
        }
    };
    assert_eq!(with_base("base = \"main\"\n"), "fine");
    insta::assert_snapshot!(with_base(""), @r#"branchline.toml:18: rule[1].repository_file.images: missing: with image in allow, and from = "head" or no base in the rule, a pull request would choose any image, which runs with the role of the build: name the images, such as ["aws/codebuild/*"]"#);
}
