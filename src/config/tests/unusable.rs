//! Values that are well formed and cannot work.

use super::*;

fn rules(text: &str) -> String {
    let (head, _) = GOOD.split_once("[[rule]]").unwrap();
    problems(format!("{head}{text}").leak())
}

#[test]
fn a_glob_that_matches_no_repository_is_refused() {
    insta::assert_snapshot!(rules(r#"
[[rule]]
name = "owner alone"
repository = ["acme", "!*"]
on = "pull_request"
template = "t"
[[rule]]
name = "URL"
repository = "https://github.com/acme/api"
on = "pull_request"
template = "t"
[[rule]]
name = "host"
repository = "ghe.example.com/acme/api"
on = "pull_request"
template = "t"
[[rule]]
name = "clone URL"
repository = "acme/api.git"
on = "pull_request"
template = "t"
[[rule]]
name = "list in one text"
repository = "acme/api acme/web"
on = "pull_request"
template = "t"
[[rule]]
name = "braces"
repository = ["{acme/api,corp/*}", "**"]
on = "pull_request"
template = "t"
"#), @r#"
    branchline.toml:16: rule[1].repository: invalid glob 'acme': it matches no repository: give owner/name, such as acme/api or acme/*
    branchline.toml:21: rule[2].repository: invalid glob 'https://github.com/acme/api': it is a URL: give owner/name
    branchline.toml:26: rule[3].repository: invalid glob 'ghe.example.com/acme/api': it matches no repository: give owner/name, such as acme/api or acme/*
    branchline.toml:31: rule[4].repository: invalid glob 'acme/api.git': GitHub's names do not end in .git: remove it
    branchline.toml:36: rule[5].repository: invalid glob 'acme/api acme/web': no repository has a space in its name: give each glob its own text
    "#);
}

#[test]
fn a_ref_is_not_the_name_of_a_branch() {
    insta::assert_snapshot!(rules(r#"
[[rule]]
repository = "acme/*"
on = "pull_request"
base = "refs/heads/main"
branches = ["!refs/heads/wip/**", "feature/"]
template = "t"
"#), @r#"
    branchline.toml:17: rule[1].base: invalid glob 'refs/heads/main': branches are named without refs/heads/: write 'main'
    branchline.toml:18: rule[1].branches: invalid glob '!refs/heads/wip/**': branches are named without refs/heads/: write 'wip/**'
    "#);
}

#[test]
fn a_rule_that_an_earlier_one_shadows_is_refused() {
    insta::assert_snapshot!(rules(r#"
[[rule]]
name = "all"
repository = "acme/*"
on = "pull_request"
template = "t"
[[rule]]
name = "api"
repository = "Acme/API"
on = "pull_request"
base = "main"
template = "t"
[[rule]]
name = "branches of api"
repository = "acme/api"
on = "branch"
branches = "release/**"
template = "t"
[[rule]]
name = "one release"
repository = "acme/api"
on = "branch"
branches = ["release/*", "!release/old"]
template = "t"
[[rule]]
name = "others"
repository = ["acme/api", "corp/*"]
on = "pull_request"
template = "t"
"#), @r#"
    branchline.toml:19: rule[2]: never applies: 'all' above admits everything that this rule admits, and the first rule that matches is used; put this rule first, or narrow the other
    branchline.toml:31: rule[4]: never applies: 'branches of api' above admits everything that this rule admits, and the first rule that matches is used; put this rule first, or narrow the other
    "#);
}

#[test]
fn queues_of_two_regions_and_invalid_accounts_are_refused() {
    let text = GOOD
        .replace("sqs.eu-west-1.amazonaws.com/123456789012/dead", "sqs.us-east-1.amazonaws.com/123456789012/dead")
        .replace("123456789012/internal", "12345678901/internal")
        .replace(
            "[[rule]]\nname",
            "role_arn = \"arn:aws:iam::12345678901:role/x\"\naction_role_arn = \"arn:aws:iam::1234567890123:role/x\"\n[[rule]]\nname",
        );
    insta::assert_snapshot!(problems(text.leak()), @r#"
    branchline.toml:6: queue.internal_url: the account id '12345678901' has 11 digits: expected 12
    branchline.toml:7: queue.dead_letter_url: this queue is in us-east-1, but the Region is eu-west-1: all queues, the table and the pipelines must be in one Region
    branchline.toml:17: rule[1].role_arn: the account id '12345678901' has 11 digits: expected 12
    branchline.toml:18: rule[1].action_role_arn: the account id '1234567890123' has 13 digits: expected 12
    "#);
}

#[test]
fn the_region_is_that_of_the_queues() {
    let text = GOOD.replace("region = \"eu-west-1\"", "");
    let config = load_text(text.leak(), &Overrides::default()).unwrap();
    assert_eq!(config.region.as_deref(), Some("eu-west-1"));
    let overrides = Overrides {
        region: Some("us-east-1".into()),
        ..Overrides::default()
    };
    let problems = load_text(GOOD, &overrides).unwrap_err().to_string();
    assert_eq!(problems.lines().count(), 3, "{problems}");
}

#[test]
fn the_region_of_a_queue_is_read_from_every_host_of_aws() {
    let hosts = [
        "sqs.eu-west-1.amazonaws.com",
        "sqs.eu-west-1.amazonaws.com.cn",
        "sqs-fips.eu-west-1.amazonaws.com",
        "sqs.eu-west-1.api.aws",
        "eu-west-1.queue.amazonaws.com",
        "vpce-1-2.sqs.eu-west-1.vpce.amazonaws.com",
    ];
    for host in hosts {
        let url = format!("https://{host}/123456789012/name");
        assert_eq!(values::queue_region(&url), Some("eu-west-1"), "{host}");
        assert_eq!(values::queue_account(&url), Some("123456789012"), "{host}");
    }
    for url in [
        "http://127.0.0.1:5000/123456789012/name",
        "https://sqs.example.com/1/name",
    ] {
        assert_eq!(values::queue_region(url), None, "{url}");
        assert!(values::queue_url(url.to_owned()).is_ok(), "{url}");
    }
}

#[test]
fn a_branch_cannot_have_the_stack_of_a_pull_request() {
    let rule = |on: &str, template: &str, suffix: &str| {
        format!(
            "[[rule]]\nrepository = \"acme/api\"\non = \"{on}\"\ntemplate = \"{template}\"\npreview = {{ stack_suffix = \"{suffix}\" }}\n"
        )
    };
    let both = |suffix: &str, template: &str| {
        let pulls = rule("pull_request", "t", "-pr-{number}");
        pulls + &rule("branch", template, suffix)
    };
    for good in [
        both("-branch-{branch_slug}", "t"),
        both("-{branch_slug}", "u"),
    ] {
        let (head, _) = GOOD.split_once("[[rule]]").unwrap();
        let loaded = load_text(format!("{head}{good}").leak(), &Overrides::default());
        assert!(loaded.is_ok(), "{good}");
    }
    insta::assert_snapshot!(rules(&both("-{branch_slug}", "t")), @r#"branchline.toml:18: rule[2]: preview.stack_suffix: a branch could have the stack of a pull request of rule 'rule 1': let the two suffixes begin with different words, such as "-pr-{number}" and "-branch-{branch_slug}""#);
}

#[test]
fn a_suffix_that_no_stack_may_have_is_refused() {
    let long = format!("-pr-{{number}}{}", "x".repeat(61));
    let suffixes = ["_pr_{number}", "-{title_slug}{number}", &long];
    let suffixes = suffixes.map(|suffix| format!("preview = {{ stack_suffix = \"{suffix}\" }}"));
    let action = "configuration = { \"Preview/Stack\" = { ActionMode = \"CREATE_UPDATE\" } }";
    let variable = "variables = { PR = { raw = true } }";
    let keys = suffixes
        .iter()
        .map(String::as_str)
        .chain([action, variable]);
    let mistakes: Vec<String> = keys
        .map(|key| {
            rules(&format!(
                "[[rule]]\nrepository = \"acme/api\"\non = \"pull_request\"\ntemplate = \"t\"\n{key}\n"
            ))
        })
        .collect();
    insta::assert_snapshot!(mistakes.join("\n"), @r#"
    branchline.toml:17: rule[1].preview.stack_suffix: the names of stacks have letters, digits and - only, such as "-pr-{number}"
    branchline.toml:17: rule[1].preview.stack_suffix: two pull requests could share a stack: keep {number} apart from other digits and placeholders, such as "-pr-{number}"
    branchline.toml:17: rule[1].preview.stack_suffix: too long: expected at most 64 characters besides the placeholders, because the name of a stack has at most 128
    branchline.toml:17: rule[1].configuration.Preview/Stack: expected text in quotes, or { value = "...", raw = true }: write a key of action 'Preview/Stack' as "Preview/Stack/KEY" = "..."
    branchline.toml:17: rule[1].variables.PR: expected text in quotes, or { value = "...", raw = true }
    "#);
}

#[test]
fn a_failure_queue_that_is_also_a_source_queue_is_refused() {
    let source = "https://sqs.eu-west-1.amazonaws.com/123456789012/webhooks";
    let overrides = Overrides {
        quarantine_url: Some(source.into()),
        ..Overrides::default()
    };
    let problems = load_text(GOOD, &overrides).unwrap_err().to_string();
    assert!(
        problems.starts_with("branchline.toml:5: queue.url: is also the dead-letter"),
        "{problems}"
    );
}

#[test]
fn the_webhook_queue_is_not_the_internal_queue() {
    let overrides = Overrides {
        internal_queue_url: Some(
            "https://sqs.eu-west-1.amazonaws.com/123456789012/webhooks".into(),
        ),
        ..Overrides::default()
    };
    let problems = load_text(GOOD, &overrides).unwrap_err().to_string();
    assert!(
        problems.starts_with(
            "--internal-queue-url / BRANCHLINE_INTERNAL_QUEUE_URL: is also the webhook queue"
        ),
        "{problems}"
    );
}
