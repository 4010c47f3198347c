//! The environment of a subject: its link, its name, its parameters.

use super::clones::rule;
use crate::domain::clone::overrides::PreviewUrl;

/// Returns the mistakes of rules for pull requests with these lines.
fn mistakes(lines: &[String]) -> String {
    let found = lines.iter().map(|line| rule("pull_request", line));
    let texts: Vec<String> = found.map(Result::unwrap_err).collect();
    texts.join("\n")
}

fn with_url(url: &str) -> String {
    format!("preview = {{ url = '{url}' }}")
}

#[test]
fn a_link_whose_host_people_could_choose_is_refused() {
    let urls = [
        "https://{branch}.example.com/x",
        "https://{branch_slug}",
        "https://{number}",
        "https://",
        "https://a b.example.com/{number}",
        "https://evil.example?{number}.example.com",
        "https://me:key@{number}.dev",
    ];
    insta::assert_snapshot!(mistakes(&urls.map(with_url)), @r#"
    branchline.toml:10: rule[1].preview.url: people write this part of the host, and could name a host of their own: use {number}, or the placeholder with _slug
    branchline.toml:10: rule[1].preview.url: the host must end with a domain, such as .example.com, and not with a placeholder
    branchline.toml:10: rule[1].preview.url: the host must end with a domain, such as .example.com, and not with a placeholder
    branchline.toml:10: rule[1].preview.url: the address has no host: expected one such as "https://pr-{number}.example.com"
    branchline.toml:10: rule[1].preview.url: the address has no host: expected one such as "https://pr-{number}.example.com"
    branchline.toml:10: rule[1].preview.url: the address has no host: expected one such as "https://pr-{number}.example.com"
    branchline.toml:10: rule[1].preview.url: a name or a password before the host would be shown to everyone who reads the pull request: remove it
    "#);
    for url in [
        "https://pr-{number}.example.com/{title}?pull={number}",
        "http://localhost:8080/{number}",
        "https://{branch_slug}.example.com",
    ] {
        assert!(rule("pull_request", &with_url(url)).is_ok(), "{url}");
    }
}

#[test]
fn a_link_that_would_never_be_shown_is_refused() {
    let long = format!("https://x.example.com/{}", "y".repeat(600));
    let urls = [
        "https://pr-{number}.example.com/?token=hunter2",
        "https://pr-{number}.example.com/?a=1&Api_Key=hunter2",
        "https://pr-{number}.example.com/#password=hunter2",
        "https://pr-{number}.example.com/ghp_0123456789abcdef",
        "https://pr-{number}.example.com/ü",
        &long,
        "Deploy/Url",
        "ftp://x.example.com",
    ];
    let none = "report = \"none\"\npreview = { url = \"Deploy/Stack/Url\" }";
    let lines: Vec<String> = urls.into_iter().map(with_url).collect();
    insta::assert_snapshot!(mistakes(&[lines, vec![none.to_owned()]].concat()), @r#"
    branchline.toml:10: rule[1].preview.url: a token or a password in the address would be shown to everyone who reads the pull request: remove it
    branchline.toml:10: rule[1].preview.url: a token or a password in the address would be shown to everyone who reads the pull request: remove it
    branchline.toml:10: rule[1].preview.url: a token or a password in the address would be shown to everyone who reads the pull request: remove it
    branchline.toml:10: rule[1].preview.url: a token or a password in the address would be shown to everyone who reads the pull request: remove it
    branchline.toml:10: rule[1].preview.url: it would not be linked: expected at most 600 visible ASCII characters, without quotes and < > \ ^ ` { | }
    branchline.toml:10: rule[1].preview.url: it would not be linked: expected at most 600 visible ASCII characters, without quotes and < > \ ^ ` { | }
    branchline.toml:10: rule[1].preview.url: expected "https://..." or an output variable, as "Stage/Action/Name"
    branchline.toml:10: rule[1].preview.url: expected "https://..." or an output variable, as "Stage/Action/Name"
    branchline.toml:11: rule[1].preview.url: nothing shows it without reports: set github.app or github.token, and no report = "none", or remove it
    "#);
}

#[test]
fn the_scheme_of_a_link_may_have_any_case() {
    for (given, read) in [
        (
            "HTTPS://pr-{number}.Example.com",
            "https://pr-{number}.Example.com",
        ),
        ("Http://localhost/{number}", "http://localhost/{number}"),
    ] {
        let rule = rule("pull_request", &with_url(given)).unwrap();
        let Some(PreviewUrl::Format(format)) = rule.overrides.preview.url else {
            panic!("{given} is a URL");
        };
        assert_eq!(format.to_string(), read);
    }
}

#[test]
fn what_exceeds_a_limit_of_github_or_aws_whatever_its_placeholders_are_is_refused() {
    let value = |length| "v".repeat(length);
    let fits = format!(
        "preview = {{ environment = \"{}{{number}}\", parameters = {{ Stage = \"{}\" }} }}",
        value(235),
        value(988)
    );
    assert!(rule("pull_request", &fits).is_ok());
    let lines = [
        format!("preview = {{ environment = \"{}{{number}}\" }}", value(236)),
        "preview = { environment = \"{repository}/{repository}-{number}\" }".to_owned(),
        format!(
            "preview = {{ parameters = {{ Stage = \"{}{{number}}\" }} }}",
            value(988)
        ),
        format!(
            "preview.parameters = {{ A = \"{}\", B = \"{}\" }}",
            value(500),
            value(500)
        ),
        "preview = { parameters = { \"\" = \"1\" } }".to_owned(),
        format!(
            "configuration = {{ \"Deploy/Stack/OutputFileName\" = \"{}\" }}",
            value(1_001)
        ),
    ];
    insta::assert_snapshot!(mistakes(&lines), @r#"
    branchline.toml:10: rule[1].preview.environment: too long: GitHub accepts the name of an environment with at most 255 characters, and this may have 256
    branchline.toml:10: rule[1].preview.environment: too long: GitHub accepts the name of an environment with at most 255 characters, and this may have 302
    branchline.toml:10: rule[1].preview.parameters: too long: CodePipeline accepts 1000 characters for the parameters of a stack, as JSON with those of the template, and these have 1001 or more
    branchline.toml:10: rule[1].preview.parameters: too long: CodePipeline accepts 1000 characters for the parameters of a stack, as JSON with those of the template, and these have 1015 or more
    branchline.toml:10: rule[1].preview.parameters.: not the name of a parameter of CloudFormation: expected 1 to 255 letters and digits
    branchline.toml:10: rule[1].configuration.Deploy/Stack/OutputFileName: AWS accepts a value of at most 1000 characters, and this has 1001 or more
    "#);
}

#[test]
fn a_preview_of_another_form_is_one_mistake() {
    let lines = [
        "preview = \"text\"",
        "[[rule.preview]]\nstack_suffix = \"-pr-{number}\"",
        "environment = { stack_suffix = \"-pr-{number}\" }",
    ];
    insta::assert_snapshot!(mistakes(&lines.map(str::to_owned)), @r#"
    branchline.toml:10: rule[1].preview: expected a table: preview = { ... }
    branchline.toml:10: rule[1].preview: expected a table: preview = { ... }
    branchline.toml:10: rule[1].environment.stack_suffix: is a key of preview, and environment has the variables of builds: write preview = { stack_suffix = "..." }
    "#);
}
