//! How GitHub is reached: an App or a token, and the API's URL.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::config::RedactedEnvironment;
use crate::domain::github::{Credentials, GitHubAccess};
use crate::domain::report::target::CommentPolicy;

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
        load(&Overrides::default(), &environment(text.leak())).map(|config| config.rules.0)
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
