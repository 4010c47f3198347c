//! Webhook secrets: the short form, and tables with a name or repositories.

use super::*;

/// Returns a configuration with these lines in place of `[github]`.
fn with(github: &str) -> &'static str {
    let (head, rest) = GOOD.split_once("[github]\n").unwrap();
    let (_, rules) = rest.split_once("[[rule]]").unwrap();
    format!("{head}{github}\n[[rule]]{rules}").leak()
}

#[test]
fn secrets_have_names_and_repositories() {
    let text = with(
        r#"
[github]
secrets = "env:NEW"
[[github.secret]]
value = "env:WEBSITE_SECRET"
repositories = ["acme/web*", "!acme/webmail"]
[[github.secret]]
name = "the old one"
value = "file:/run/old"
"#,
    );
    let config = load_text(text, &Overrides::default()).unwrap();
    let scopes: Vec<_> = config.secrets.scopes().collect();
    let names: Vec<&str> = scopes.iter().map(|scope| scope.name.as_str()).collect();
    assert_eq!(names, ["env:NEW", "env:WEBSITE_SECRET", "the old one"]);
    let covers = |name| {
        let repository = RepositoryName::parse(name).unwrap();
        let covers: Vec<bool> = scopes
            .iter()
            .map(|scope| scope.covers(&repository))
            .collect();
        covers
    };
    assert_eq!(covers("acme/website"), [true, true, true]);
    assert_eq!(covers("acme/webmail"), [true, false, true]);
    assert_eq!(covers("acme/api"), [true, false, true]);
}

#[test]
fn every_mistake_in_a_secret_is_reported() {
    let text = with(
        r#"
[github]
secrets = ["env:NEW", "env:NEW"]
[[github.secret]]
repositories = []
[[github.secret]]
value = "hunter2"
name = ""
repositories = ["a[b"]
[[github.secret]]
value = 5
repository = "acme/web"
[[github.secret]]
value = "env:GONE"
name = "env:NEW"
[[github.secret]]
name = "the same"
value = "env:NEW"
"#,
    );
    insta::assert_snapshot!(problems(text), @r#"
    branchline.toml:13: github.secrets: secret 2: another secret has the name 'env:NEW': give each its own with name, and list each reference once
    branchline.toml:14: github.secret[1].value: missing: set it to "env:NAME" or "file:PATH"
    branchline.toml:15: github.secret[1].repositories: an empty list binds it to nothing: give globs over owner/name, or remove it
    branchline.toml:17: github.secret[2].value: not a reference: expected env:NAME or file:PATH, never the secret itself
    branchline.toml:18: github.secret[2].name: expected 1 to 100 characters, without control characters
    branchline.toml:19: github.secret[2].repositories: invalid glob 'a[b': unclosed character class; missing ']'
    branchline.toml:21: github.secret[3].value: expected text in quotes
    branchline.toml:22: github.secret[3].repository: unknown key: did you mean 'repositories'?
    branchline.toml:24: github.secret[4].value: another secret has the name 'env:NEW': give each its own with name, and list each reference once
    branchline.toml:24: github.secret[4].value: the variable GONE is not set
    branchline.toml:28: github.secret[5].value: has the same value as 'env:NEW', so neither tells who signed: give each its own value
    "#);
    insta::assert_snapshot!(problems(with("[github]\nsecret = 5")), @"branchline.toml:12: github.secret: expected tables: [[github.secret]]");
}

#[test]
fn one_unreadable_secret_hides_no_other() {
    let text = r#"
[github]
secrets = ["env:GONE", "env:NEW"]
[[rule]]
secrets = { "Source/App/OAuthToken" = "env:GONE" }
"#;
    let read = |given: &[(&'static str, &'static str)]| {
        let environment = TestEnvironment(given.iter().copied().collect());
        webhook_secrets(&Overrides::default(), &environment)
    };
    let file = ("branchline.toml", text);
    let (secrets, unreadable) = read(&[file, ("NEW", "new-hunter2")]);
    let expected = Secrets::new(["new-hunter2"]).sign(b"body");
    assert_eq!(secrets.unwrap().sign(b"body"), expected);
    assert_eq!(
        unreadable,
        ["secret 'env:GONE': the variable GONE is not set"]
    );
    let (secrets, unreadable) = read(&[file]);
    assert!(secrets.is_none());
    assert_eq!(unreadable.len(), 2);
    assert!(read(&[]).0.is_none());
}

/// A secret with a mistake in its binding would otherwise prove every repository.
#[test]
fn a_secret_with_an_invalid_binding_is_not_readable() {
    let text = r#"
[[github.secret]]
value = "env:NEW"
repositories = ["a[b"]
"#;
    let given = [("branchline.toml", text), ("NEW", "new-hunter2")];
    let environment = TestEnvironment(HashMap::from(given));
    let (secrets, _) = webhook_secrets(&Overrides::default(), &environment);
    assert!(secrets.is_none());
}
