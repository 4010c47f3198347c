//! How GitHub is reached: an App or a token, and the API's URL.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::config::RedactedEnvironment;
use crate::domain::github::hook::Hook;
use crate::domain::github::{Credentials, GitHubAccess};
use crate::domain::report::target::CommentPolicy;
use crate::domain::rules::rule::Rule;

/// Returns a private key that is made for the tests, so that the repository has none.
fn pem() -> &'static str {
    static PEM: OnceLock<String> = OnceLock::new();
    PEM.get_or_init(|| {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let text = STANDARD.encode(pair.as_der().unwrap().as_ref());
        format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----")
    })
}

/// Returns a configuration with these lines in `[github]`.
fn with(lines: &str) -> &'static str {
    let secrets = "secrets = [\"env:NEW\", \"file:/run/old\"]\n";
    let text = GOOD.replace(secrets, &format!("{secrets}{lines}\n"));
    assert_ne!(text, GOOD);
    text.leak()
}

fn environment(text: &'static str) -> TestEnvironment {
    let given = [
        ("branchline.toml", text),
        ("NEW", "new-hunter2"),
        ("/run/old", "old-hunter2"),
        ("KEY", pem()),
        ("TOKEN", "github_pat_hunter2"),
        ("INSTALLATION", "ghs_hunter2"),
        ("SPACES", "hunter2 hunter2"),
        ("LOCKED", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"),
    ];
    TestEnvironment(HashMap::from(given))
}

fn loaded(lines: &str) -> Result<Option<GitHubAccess>, String> {
    let config = load(&Overrides::default(), &environment(with(lines)));
    config
        .map(|config| config.github)
        .map_err(|problems| problems.to_string())
}

#[test]
fn without_credentials_github_is_not_called() {
    assert!(loaded("").unwrap().is_none());
}

#[test]
fn an_app_is_known_by_its_client_id_or_its_number() {
    for (app, id) in [
        ("\"Iv23liAbC\"", "Iv23liAbC"),
        ("123456", "123456"),
        ("\"123456\"", "123456"),
    ] {
        let access = loaded(&format!("app = {app}\nprivate_key = \"env:KEY\"")).unwrap();
        let access = access.unwrap();
        assert_eq!(access.api.as_str(), "https://api.github.com");
        let Credentials::App { id: found, key } = &access.credentials else {
            panic!("{access:?}")
        };
        assert_eq!(found.as_str(), id);
        assert!(key.sign(b"a message").is_some());
        assert!(!format!("{access:?}").contains("BEGIN"), "{access:?}");
    }
}

#[test]
fn a_token_serves_a_server_of_ones_own() {
    let lines = "token = \"env:TOKEN\"\napi_url = \"https://git.acme.com/api/v3/\"";
    let access = loaded(lines).unwrap().unwrap();
    assert_eq!(access.api.as_str(), "https://git.acme.com/api/v3");
    let Credentials::Token(token) = &access.credentials else {
        panic!("{access:?}")
    };
    assert_eq!(token.reveal(), "github_pat_hunter2");
    assert!(!format!("{access:?}").contains("hunter2"), "{access:?}");
}

#[test]
fn an_app_has_its_own_webhook_and_a_token_those_that_are_named() {
    let hooks = |lines: &str| {
        let access = loaded(lines).unwrap().unwrap();
        let paths = access.hooks.iter().map(Hook::to_string);
        paths.collect::<Vec<_>>()
    };
    let app = "app = 123456\nprivate_key = \"env:KEY\"";
    assert_eq!(hooks(app), ["app/hook"]);
    let token = "token = \"env:TOKEN\"";
    assert_eq!(hooks(token), [""; 0]);
    let named = format!("{token}\nhooks = [\"orgs/acme/hooks/123\", \"repos/acme/api/hooks/456\"]");
    assert_eq!(
        hooks(&named),
        ["orgs/acme/hooks/123", "repos/acme/api/hooks/456"]
    );
}

#[test]
fn every_mistake_is_one_line_with_its_place() {
    let mistakes = [
        "app = 123456",
        "private_key = \"env:KEY\"",
        "app = \"my-app\"\nprivate_key = \"env:LOCKED\"",
        "app = 0\nprivate_key = \"env:TOKEN\"",
        "app = true\nprivate_key = \"-----BEGIN PRIVATE KEY-----\"",
        "app = 123456\nprivate_key = \"file:/run/gone\"",
        "app = 123456\nprivate_key = \"env:KEY\"\ntoken = \"env:TOKEN\"",
        "token = \"ghp_hunter2\"",
        "token = \"env:INSTALLATION\"",
        "token = \"env:SPACES\"",
        "token = \"env:TOKEN\"\napi_url = \"https://git.acme.com\"",
        "token = \"env:TOKEN\"\napi_url = \"http://api.github.com\"",
        "api_url = \"https://git.acme.com/api/v3\"",
        "apiurl = \"https://git.acme.com/api/v3\"",
        "app = 123456\nprivate_key = \"env:KEY\"\nhooks = \"orgs/acme/hooks/1\"",
        "hooks = \"orgs/acme/hooks/1\"",
        "token = \"env:TOKEN\"\nhooks = [\"orgs/acme/hooks/1\", \"acme/api\"]",
        "token = \"env:TOKEN\"\nhooks = [\"orgs/acme/hooks/1\", \"orgs/acme/hooks/1\"]",
    ];
    let all = mistakes.map(|lines| loaded(lines).unwrap_err());
    for text in &all {
        assert!(!text.contains("hunter2"), "{text}");
    }
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn commands_that_need_no_secret_read_none() {
    for lines in [
        "app = 123456\nprivate_key = \"env:GONE\"",
        "token = \"env:GONE\"",
    ] {
        let process = environment(with(lines));
        let redacted = RedactedEnvironment {
            process: &process,
            config: None,
        };
        let access = load(&Overrides::default(), &redacted)
            .unwrap()
            .github
            .unwrap();
        match access.credentials {
            Credentials::App { key, .. } => assert!(key.sign(b"a message").is_none()),
            Credentials::Token(token) => assert_eq!(token.readable(), None),
        }
    }
}

#[test]
fn a_comment_needs_reports_and_a_pull_request() {
    let rules = |token: &str, first: &str, second: &str| {
        let text = with(token);
        let text = text.replacen("[[rule]]\n", &format!("[[rule]]\n{first}\n"), 1);
        let text = text.replace("on = \"branch\"", &format!("on = \"branch\"\n{second}"));
        load(&Overrides::default(), &environment(text.leak()))
            .map(|config| config.rules.all().to_vec())
    };
    let token = "token = \"env:TOKEN\"";
    let loaded = rules(token, "comment = \"failures\"", "comment = \"never\"").unwrap();
    let policies = loaded.iter().map(|rule| rule.comment);
    let expected = [CommentPolicy::Failures, CommentPolicy::Never];
    assert_eq!(policies.collect::<Vec<_>>(), expected);
    let default = rules(token, "", "").unwrap();
    assert_eq!(default[0].comment, CommentPolicy::Never);
    let mistakes = [
        (token, "comment = \"often\"", "comment = \"always\""),
        (token, "comment = \"always\"\nreport = \"none\"", ""),
        ("# no token", "comment = \"failures\"", ""),
    ];
    let texts = mistakes.map(|(token, first, second)| {
        let problems = rules(token, first, second).unwrap_err();
        problems.to_string()
    });
    insta::assert_snapshot!(texts.join("\n"), @r#"
    branchline.toml:15: rule[1].comment: expected "failures", "always" or "never"
    branchline.toml:23: rule[2].comment: only pull requests have a comment: remove it, or use on = "pull_request"
    branchline.toml:15: rule[1].comment: a comment needs reports: set github.app or github.token, and no report = "none"
    branchline.toml:15: rule[1].comment: a comment needs reports: set github.app or github.token, and no report = "none"
    "#);
}

#[test]
fn github_is_compared_with_the_mappings_every_hour_unless_a_period_is_given() {
    let period = |lines: &str| {
        let text = with(&format!("token = \"env:TOKEN\"\n{lines}"));
        let config = load(&Overrides::default(), &environment(text)).unwrap();
        config.periods.reconcile.map(|period| period.as_secs())
    };
    assert_eq!(period(""), Some(3_600));
    assert_eq!(period("reconcile = \"5m\""), Some(300));
    assert_eq!(period("reconcile = \"7d\""), Some(604_800));
    assert_eq!(period("reconcile = \"off\""), None);
    for wrong in ["\"4m\"", "\"8d\"", "\"never\"", "\"\""] {
        let why = loaded(&format!("token = \"env:TOKEN\"\nreconcile = {wrong}")).unwrap_err();
        let expected = "expected \"off\", or a period from \"5m\" to \"7d\"";
        assert!(why.ends_with(expected), "{wrong}: {why}");
    }
    let alone = loaded("reconcile = \"1h\"").unwrap_err();
    assert!(alone.contains("has no effect without app"), "{alone}");
}

#[test]
fn an_environment_has_deployments_unless_the_rule_says_otherwise() {
    let rules = |token: &str, first: &str, second: &str| {
        let text = with(token);
        let text = text.replacen("[[rule]]\n", &format!("[[rule]]\n{first}\n"), 1);
        let text = text.replace("on = \"branch\"", &format!("on = \"branch\"\n{second}"));
        load(&Overrides::default(), &environment(text.leak()))
            .map(|config| config.rules.all().to_vec())
    };
    let names = |token, first, second| -> Vec<Option<String>> {
        let rules = rules(token, first, second).unwrap().into_iter();
        let name = |rule: Rule| rule.deployment.map(|format| format.to_string());
        rules.map(name).collect()
    };
    let token = "token = \"env:TOKEN\"";
    let suffix = "preview = { stack_suffix = \"-pr-{number}\" }";
    let branch = "preview = { url = \"https://{branch_slug}.dev\" }";
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(
        names(token, suffix, branch),
        [some("preview/pr-{number}"), some("preview/{branch_slug}")]
    );
    let named = "preview = { environment = \"{repo} {number}\" }";
    let off = "preview = { url = \"https://x.dev\", deployment = false }";
    assert_eq!(names(token, named, off), [some("{repo} {number}"), None]);
    let none = "preview = { parameters = { Stage = \"dev\" } }";
    let asked = "preview = { deployment = true }";
    let default = some("preview/{branch_slug}");
    assert_eq!(names(token, none, asked), [None, default]);
    assert_eq!(names("# no token", suffix, ""), [None, None]);
    let mistakes = [
        (
            token,
            "preview = { environment = \"pr\" }",
            "preview = { environment = \"{sha}\" }",
        ),
        (
            token,
            "preview = { environment = \"{number}\", deployment = false }",
            "",
        ),
        (
            token,
            "preview = { deployment = 1 }",
            "preview = { environment = \"{number}\" }",
        ),
        (
            token,
            "report = \"none\"\npreview = { environment = \"pr-{number}\" }",
            "",
        ),
        ("# no token", "preview = { deployment = true }", ""),
    ];
    let texts = mistakes.map(|(token, first, second)| {
        let problems = rules(token, first, second).unwrap_err();
        problems.to_string()
    });
    insta::assert_snapshot!(texts.join("\n"), @r#"
    branchline.toml:15: rule[1].preview.environment: two pull requests would share an environment: the name needs {number}, such as "preview/pr-{number}"
    branchline.toml:23: rule[2].preview.environment: two branches would share an environment: the name needs {branch_slug} and no other placeholder but {repo}, such as "preview/{branch_slug}"
    branchline.toml:15: rule[1].preview.environment: has no effect with deployment = false: remove one of the two
    branchline.toml:15: rule[1].preview.deployment: expected true or false
    branchline.toml:23: rule[2].preview.environment: a branch has no {number}
    branchline.toml:16: rule[1].preview.environment: deployments need reports: set github.app or github.token, and no report = "none"
    branchline.toml:15: rule[1].preview.deployment: deployments need reports: set github.app or github.token, and no report = "none"
    "#);
}
