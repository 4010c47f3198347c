//! How to create the GitHub App: its manifest, and the steps.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use url::form_urlencoded::Serializer;

use crate::domain::github::api_url::ApiUrl;
use crate::domain::github::needs::Uses;

/// In place of the URL of the webhook, which is a secret.
const WEBHOOK_URL: &str = "https://WEBHOOK-URL.invalid";

/// The App that is to be created.
#[derive(Clone, Copy, Debug)]
pub struct NewApp<'a> {
    /// The name.
    pub name: &'a str,
    /// The organization that owns it; `None` for a personal account.
    pub organization: Option<&'a str>,
    /// The API.
    pub api: &'a ApiUrl,
    /// What it is for.
    pub uses: Uses,
}

impl NewApp<'_> {
    /// Returns the manifest (GitHub Docs, "Registering a GitHub App from a manifest").
    #[must_use]
    pub fn manifest(&self) -> Value {
        let permissions = self.uses.permissions().into_iter();
        let permissions: Map<String, Value> = permissions
            .map(|one| (one.name.to_owned(), json!(one.level.as_str())))
            .collect();
        let events = self.uses.events().into_iter();
        json!({
            "name": self.name,
            "url": self.homepage(),
            "hook_attributes": { "url": WEBHOOK_URL, "active": true },
            "public": false,
            "default_permissions": permissions,
            "default_events": events.map(|event| event.name).collect::<Vec<_>>(),
        })
    }

    /// Returns the page of the owner, since the form demands one.
    fn homepage(&self) -> String {
        let website = self.api.website();
        match self.organization {
            Some(organization) => format!("{website}/{organization}"),
            None => website.to_owned(),
        }
    }

    /// Returns the page of the owner's settings that ends with this path.
    fn settings(&self, path: &str) -> String {
        let website = self.api.website();
        match self.organization {
            Some(organization) => format!("{website}/organizations/{organization}/settings/{path}"),
            None => format!("{website}/settings/{path}"),
        }
    }

    /// Returns the link to the form that is filled in (GitHub Docs, "Registering a GitHub App using
    /// URL parameters").
    fn link(&self) -> String {
        let mut query = Serializer::new(String::new());
        query
            .append_pair("name", self.name)
            .append_pair("url", &self.homepage())
            .append_pair("public", "false")
            .append_pair("webhook_active", "true");
        for permission in self.uses.permissions() {
            query.append_pair(permission.name, permission.level.as_str());
        }
        for event in self.uses.events() {
            query.append_pair("events[]", event.name);
        }
        format!("{}?{}", self.settings("apps/new"), query.finish())
    }

    /// Returns the steps for a person, with each permission and event and its reason.
    #[must_use]
    pub fn steps(&self) -> String {
        let mut text = String::from("Permissions of the repository\n");
        // Writing into a string cannot fail.
        for one in self.uses.permissions() {
            let level = one.level.as_str();
            let _ = writeln!(text, "  {:<15} {level:<6} {}", one.name, one.reason);
        }
        text.push_str("\nEvents\n");
        for event in self.uses.events() {
            let _ = writeln!(text, "  {:<15} {}", event.name, event.reason);
        }
        let _ = write!(
            text,
            "
Steps
  1. Open this link. It fills in the form of a new App with all of the above:
     {link}
  2. Enter the URL of the webhook and its secret, which are not printed here. With our Terraform:
     terraform output -json webhook_urls | jq -r .a
     aws secretsmanager get-secret-value --query SecretString --output text \\
       --secret-id \"$(terraform output -json webhook_secret_arns | jq -r .a)\"
  3. Create the App. Note its client id, and generate a private key: GitHub downloads a .pem file.
  4. Install the App in the repositories of your rules: its settings, Install App.
     {apps}
  5. Give the daemon the key, and configure the App:
     [github]
     app         = \"CLIENT ID\"
     private_key = \"file:/run/secrets/github-app.pem\"
{api_url}  6. Remove the webhooks of the repositories or the organization that the App replaces.
  7. Run `branchline check`, which compares the App with what the rules need.

docs/GITHUB.md explains each step.
",
            link = self.link(),
            apps = self.settings("apps"),
            api_url = self.api_url_line(),
        );
        text
    }

    fn api_url_line(&self) -> String {
        match self.api == &ApiUrl::default() {
            true => String::new(),
            false => format!("     api_url     = \"{}\"\n", self.api),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USES: Uses = Uses {
        checks: true,
        statuses: false,
        comments: true,
        deployments: true,
        merge_groups: true,
    };

    fn app<'a>(name: &'a str, organization: Option<&'a str>, api: &'a ApiUrl) -> NewApp<'a> {
        NewApp {
            name,
            organization,
            api,
            uses: USES,
        }
    }

    #[test]
    fn the_manifest_has_the_permissions_and_events() {
        let api = ApiUrl::default();
        let manifest = app("branchline", None, &api).manifest();
        insta::assert_snapshot!(serde_json::to_string_pretty(&manifest).unwrap());
    }

    #[test]
    fn the_steps_are_those_of_the_server_and_the_owner() {
        let api = ApiUrl::parse("https://git.acme.com/api/v3").unwrap();
        insta::assert_snapshot!(app("branchline for acme", Some("acme"), &api).steps());
    }

    #[test]
    fn a_personal_account_has_its_own_settings() {
        let api = ApiUrl::default();
        let steps = app("branchline", None, &api).steps();
        let link = "     https://github.com/settings/apps/new?name=branchline&url=https%3A%2F%2Fgithub.com&";
        assert!(
            steps.contains(link) && !steps.contains("api_url"),
            "{steps}"
        );
    }
}
