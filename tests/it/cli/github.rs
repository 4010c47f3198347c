//! `branchline check` with GitHub, and `branchline setup github-app`.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::account::Account;
use super::binary::{branchline, failure, json_lines, output, text};
use crate::github::server::{Server, reply};
use crate::github::signing_key;
use crate::world::webhook::{Webhook, commit};

/// Returns the findings about GitHub, each as `ok WHAT: DETAIL` or `NO WHAT: DETAIL`.
fn check(account: &Account, github: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let secrets = r#"secrets = ["env:WEBHOOK_SECRET"]"#;
    let rules = account.rules();
    let with_github = rules.replace(secrets, &format!("{secrets}, {github}"));
    assert_ne!(with_github, rules);
    let mut command = account.command(&["check"]);
    command
        .env("RULES", with_github)
        .env("APP_KEY", signing_key::pem())
        .env("TOKEN", "github_pat_hunter2");
    command.envs(variables.iter().copied());
    let output = output(&mut command);
    let (shown, error) = (text(output.stdout), text(output.stderr));
    for secret in ["hunter2", "PRIVATE KEY"] {
        assert!(
            !format!("{shown}{error}").contains(secret),
            "{shown}{error}"
        );
    }
    let findings = json_lines(&shown).into_iter();
    let ours = findings.filter(|finding| {
        let what = finding["what"].as_str().unwrap();
        what.contains("GitHub") || what == "clock"
    });
    let line = |finding: Value| {
        let mark = if finding["ok"] == true { "ok" } else { "NO" };
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        format!("{mark} {}: {}", text("what"), text("detail"))
    };
    ours.map(line).collect()
}

/// The test's thread waits for the command, so the server needs another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_is_compared_with_what_the_rules_need() {
    let account = Account::new("check-github-app").await;
    account.template().await;
    let server = Server::start().await;
    let events = [
        "pull_request",
        "push",
        "create",
        "delete",
        "repository",
        "check_run",
    ];
    let permissions = json!({
        "metadata": "read", "contents": "read", "pull_requests": "read", "checks": "write",
    });
    let app = json!({ "id": 7, "slug": "acme-ci", "permissions": permissions, "events": events });
    let installed = json!({ "id": 5, "permissions": { "metadata": "read" }, "events": [] });
    server
        .on(
            "GET /app",
            reply(200, &app).with("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
        )
        .on("GET /repos/acme/api/installation", reply(200, &installed));
    let github = format!(
        r#"app = 7, private_key = "env:APP_KEY", api_url = "{}""#,
        server.url
    );
    let found = check(&account, &github, &[]);
    let begins = [
        format!("ok GitHub: signed in at {} as the App acme-ci", server.url),
        "ok permissions of the GitHub App: metadata: read".to_owned(),
        "NO events of the GitHub App: its webhook does not send: check_suite".to_owned(),
        "NO clock: this machine's clock is ".to_owned(),
        "NO GitHub App in acme/api: missing: contents: read".to_owned(),
    ];
    assert_eq!(found.len(), begins.len(), "{found:?}");
    for (line, begin) in found.iter().zip(&begins) {
        assert!(line.starts_with(begin), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_expired_is_found() {
    let account = Account::new("check-github-token").await;
    let server = Server::start().await;
    server.on(
        "GET /user",
        reply(401, &json!({ "message": "Bad credentials" })),
    );
    let github = format!(r#"token = "env:TOKEN", api_url = "{}""#, server.url);
    assert_eq!(
        check(&account, &github, &[]),
        [
            "NO GitHub: github-misconfigured: GET /user: 401: Bad credentials: check github.token: it may have expired or been revoked"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn github_is_called_through_the_proxy_of_the_environment() {
    let account = Account::new("check-github-proxy").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut line = String::new();
        BufReader::new(&mut stream)
            .read_line(&mut line)
            .await
            .unwrap();
        stream
            .write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
            .await
            .unwrap();
        line
    });
    let github = r#"token = "env:TOKEN", api_url = "https://git.branchline.invalid/api/v3""#;
    let found = check(&account, github, &[("HTTPS_PROXY", &proxy)]);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("NO GitHub: github-unavailable: GET /user: "),
        "{found:?}"
    );
    assert_eq!(
        asked.await.unwrap(),
        "CONNECT git.branchline.invalid:443 HTTP/1.1\r\n"
    );
}

#[test]
fn the_setup_of_an_app_needs_no_configuration() {
    let arguments = ["setup", "github-app", "--organization", "acme", "--output"];
    let run = |format| {
        let output = output(&mut branchline(&[&arguments[..], &[format]].concat()));
        assert_eq!(output.status.code(), Some(0));
        text(output.stdout)
    };
    let steps = run("table");
    assert!(
        steps.contains("https://github.com/organizations/acme/settings/apps/new?name=branchline&"),
        "{steps}"
    );
    let manifest: Value = serde_json::from_str(&run("json")).unwrap();
    assert_eq!(manifest["default_permissions"]["checks"], "write");
}

#[test]
fn a_website_is_no_api() {
    let arguments = ["setup", "github-app", "--api-url", "https://github.com"];
    let (code, error) = failure(&mut branchline(&arguments));
    assert_eq!(code, Some(2));
    assert_eq!(
        error,
        "error: invalid value 'https://github.com' for '--api-url <URL>': is not the URL of the API: expected https://api.github.com; see `branchline setup github-app --help`\n"
    );
}

/// The test's thread waits for the daemon, so the server needs another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mapping_shows_what_github_has_and_what_it_lacks() {
    let account = Account::new("mappings-show-github").await;
    account.template().await;
    let server = Server::start().await;
    let denied = reply(403, &json!({ "message": "Resource not accessible" }));
    server
        .on(
            &format!("POST /repos/acme/api/statuses/{}", commit(1)),
            reply(201, &json!({})),
        )
        .on("GET /user", reply(200, &json!({ "id": 1, "login": "ada" })))
        .on(
            "GET /repos/acme/api/issues/7/comments",
            reply(200, &json!([])),
        )
        .on(
            "POST /repos/acme/api/issues/7/comments",
            denied.with("x-accepted-github-permissions", "pull_requests=write"),
        );
    let secrets = r#"secrets = ["env:WEBHOOK_SECRET"]"#;
    let github = format!(
        r#"{secrets}, token = "env:TOKEN", api_url = "{}""#,
        server.url
    );
    let rules = account.rules().replace(secrets, &github).replace(
        "on = \"pull_request\"",
        "on = \"pull_request\"\ncomment = \"always\"",
    );
    account.send(Webhook::pull_request("opened")).await;
    let daemon = || {
        let mut daemon = account.daemon(&["--until-empty"]);
        daemon.env("RULES", &rules).env("TOKEN", "github_pat_1");
        daemon
    };
    account.process_all_by(daemon).await;
    let shown = |format: &str| {
        let mut command = account.command(&["mappings", "show", "acme/api#7", "--output", format]);
        let output = output(command.env("RULES", &rules).env_remove("TOKEN"));
        assert_eq!(output.status.code(), Some(0), "{}", text(output.stderr));
        text(output.stdout)
    };
    let json: Value = serde_json::from_str(&shown("json")).unwrap();
    let report = &json["github"]["commits"][0];
    assert_eq!(report["commit"], commit(1), "{report}");
    assert_eq!(
        (&report["form"], &report["state"]),
        (&json!("status"), &json!("in-progress"))
    );
    assert_eq!(
        (&report["unsent"], &report["failure"]),
        (&Value::Null, &Value::Null)
    );
    let failure = &json["github"]["comment"]["failure"];
    assert_eq!(failure["kind"], "github-denied", "{json}");
    assert!(
        failure["detail"]
            .as_str()
            .unwrap()
            .contains("pull_requests")
    );
    let table = shown("table");
    assert!(
        table.contains("\nreported         in-progress  000000000000 "),
        "{table}"
    );
    assert!(table.contains("\ncomment          nothing"), "{table}");
}
