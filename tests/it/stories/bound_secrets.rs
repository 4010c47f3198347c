//! Secrets that are bound to repositories: whoever knows the secret of one repository proves
//! nothing about another.

use branchline::domain::clone::tags::Tags;
use branchline::domain::intake::authenticated::{SecretScope, Secrets};
use branchline::domain::rules::rule::Rule;
use serde_json::json;

use crate::world::history::{WEB, WEB_TEMPLATE};
use crate::world::rules::{branch_rule, patterns, pipeline_name, pull_request_rule, template};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, SECRET, Webhook};

pub(super) const WEB_SECRET: &str = "the secret of acme/web";

/// The secret of `acme/api` is bound to it, and so is that of `acme/web`.
pub(super) fn secrets() -> Secrets {
    let mut secrets = Secrets::default();
    for (name, globs, value) in [
        ("env:API", ["acme/api"], SECRET),
        ("env:WEB", ["acme/we*"], WEB_SECRET),
    ] {
        let scope = SecretScope {
            name: name.to_owned(),
            repositories: Some(patterns(globs)),
        };
        secrets.add(scope, value);
    }
    secrets
}

/// Gives pull requests of `acme/api` and branches of `acme/web` a pipeline.
pub(super) fn prepare(world: &World) {
    world.add_pipeline(template(WEB_TEMPLATE, WEB.1), Tags::new());
    let web = Rule {
        repository: patterns([WEB.1]),
        template: pipeline_name(WEB_TEMPLATE),
        ..branch_rule()
    };
    world.restart_with_secrets(vec![pull_request_rule(), web], secrets());
}

fn web(webhook: Webhook) -> Webhook {
    webhook.of(WEB.0, WEB.1).signed_with(WEB_SECRET)
}

fn repository(action: &str, id: u64, name: &str) -> Webhook {
    let repository = json!({"id": id, "full_name": name, "updated_at": "2026-02-01T00:00:00Z"});
    let payload = json!({"action": action, "repository": repository});
    Webhook::event("repository", payload)
}

/// Delivers a webhook, which must be quarantined. Returns the detail.
async fn quarantined(world: &World, webhook: Webhook) -> String {
    let (picture, rows) = (world.picture(true), world.store.rows());
    world.deliver(webhook).await;
    assert_eq!((world.picture(true), world.store.rows()), (picture, rows));
    let messages = world.take_quarantined();
    assert_eq!(messages.len(), 1);
    let text = |name| messages.first().and_then(|message| message.text(name));
    assert_eq!(text("branchline-reason"), Some("wrong-secret"));
    assert_eq!(text("branchline-step"), Some("authenticated"));
    text("branchline-detail").unwrap_or_default().to_owned()
}

#[test]
fn a_bound_secret_proves_the_webhooks_of_its_repositories_alone() {
    run_story(async |world| {
        prepare(world);
        world.deliver(Webhook::pull_request("opened")).await;
        world.deliver(web(Webhook::push("x", 0, 1))).await;
        assert_eq!(world.pipelines(), ["api-pr-7", "web-x"]);
        let journals: Vec<_> = world.store.audit(&world.mapping("acme/web@x").subject);
        assert!(journals[0].journal.contains(r#""proved_by":"env:WEB""#));

        let forged = Webhook::pull_request("closed").signed_with(WEB_SECRET);
        let detail = quarantined(world, forged).await;
        insta::assert_snapshot!(detail, @"the signature is valid under the secret 'env:WEB', which is bound to other repositories, and the webhook is about acme/api: correct the secret at GitHub, or repositories in [[github.secret]]");
        let forged = Webhook::pull_request("opened").number(8);
        quarantined(world, forged.signed_with(WEB_SECRET)).await;
        let forged = Webhook::push("x", 1, 0).of(WEB.0, WEB.1);
        quarantined(world, forged).await;
        close(world).await;
    });
}

#[test]
fn a_name_under_which_another_repositorys_number_is_sent_proves_nothing() {
    run_story(async |world| {
        prepare(world);
        world.deliver(Webhook::pull_request("opened")).await;
        world.deliver(web(Webhook::push("x", 0, 1))).await;
        let (api, _) = REPOSITORY;
        let forge = |webhook: Webhook| webhook.of(api, WEB.1).signed_with(WEB_SECRET);
        let closed = quarantined(world, forge(Webhook::pull_request("closed"))).await;
        insta::assert_snapshot!(closed, @"the signature is valid under the secret 'env:WEB', which is bound to other repositories, and the webhook is about acme/web, with the number of acme/api: correct the secret at GitHub, or repositories in [[github.secret]]");
        quarantined(world, forge(Webhook::push("new", 0, 1))).await;
        let deleted = repository("deleted", api, WEB.1).signed_with(WEB_SECRET);
        quarantined(world, deleted).await;
        close(world).await;
    });
}

#[test]
fn a_body_without_a_repository_is_not_proven_by_a_bound_secret() {
    run_story(async |world| {
        prepare(world);
        for body in ["{", "{}", "[]", r#"{"repository": {"full_name": 5}}"#] {
            let detail = quarantined(world, Webhook::pull_request("opened").body(body)).await;
            assert!(detail.contains("the body names no repository"), "{detail}");
        }
    });
}

#[test]
fn a_renamed_repository_is_covered_under_both_names() {
    run_story(async |world| {
        prepare(world);
        world.deliver(web(Webhook::push("x", 0, 1))).await;
        let renamed = Webhook::push("x", 1, 2).of(WEB.0, "acme/site");
        let renamed = renamed.signed_with(WEB_SECRET);
        quarantined(world, renamed).await;
        let renamed = Webhook::push("x", 1, 0).of(WEB.0, "acme/website");
        let outcomes = world.deliver(renamed.signed_with(WEB_SECRET)).await;
        assert_eq!(
            outcomes,
            ["deleted"],
            "no rule names it, and its number is known"
        );
        close(world).await;
    });
}

async fn close(world: &World) {
    world.deliver(Webhook::pull_request("closed")).await;
    world.deliver(web(Webhook::delete("x"))).await;
    assert!(world.pipelines().is_empty());
}
