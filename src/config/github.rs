//! Reads how branchline reaches GitHub, from `[github]`.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::domain::github::api_url::ApiUrl;
use crate::domain::github::app_id::AppId;
use crate::domain::github::app_key::AppKey;
use crate::domain::github::{Credentials, GitHubAccess};
use crate::domain::jobs::Periods;
use crate::domain::secret::Secret;

use crate::config::environment::Environment;
use crate::config::secrets;
use crate::config::values::duration;
use crate::config::words::{Diagnostics, Located, Table};

/// What `app` and `private_key` need of each other.
const NEEDS_KEY: &str =
    "missing: an App signs in with its private key; set it to \"env:NAME\" or \"file:PATH\"";
const NEEDS_APP: &str =
    "missing: the private key is of an App; set it to the App's client id or App id";

/// What is wrong with a setting without credentials.
const WITHOUT_ACCESS: &str =
    "has no effect without app and private_key, or token: set them, or remove it";

/// How often GitHub may be compared with the mappings.
const RECONCILE: RangeInclusive<Duration> = Duration::from_mins(5)..=Duration::from_hours(7 * 24);
const NOT_A_PERIOD: &str = "expected \"off\", or a period from \"5m\" to \"7d\"";

/// Reads the periods of jobs.
pub(super) fn periods(diagnostics: &Diagnostics<'_>, github: &Table<'_, '_>) -> Periods {
    let default = Periods::default();
    let Some(given) = github.text("reconcile") else {
        return default;
    };
    if is_alone(github) {
        diagnostics.note(&given.place, WITHOUT_ACCESS);
    }
    let reconcile = match given.value.as_str() {
        "off" => Ok(None),
        text => match duration(text).filter(|one| RECONCILE.contains(one)) {
            Some(period) => Ok(Some(period)),
            None => Err(NOT_A_PERIOD),
        },
    };
    let reconcile = diagnostics.record_error(&given.place, reconcile);
    Periods {
        reconcile: reconcile.unwrap_or(default.reconcile),
    }
}

/// Reads the API and the credentials. `None` if there are none, or if they are wrong, which is
/// reported.
pub(super) fn read(
    diagnostics: &Diagnostics<'_>,
    github: &Table<'_, '_>,
    environment: &impl Environment,
) -> Option<GitHubAccess> {
    let (app, private_key) = (github.text_or_number("app"), github.text("private_key"));
    let (token, api_url) = (github.text("token"), github.text("api_url"));
    let api = match &api_url {
        Some(url) => diagnostics.record_error(&url.place, ApiUrl::parse(&url.value)),
        None => Some(ApiUrl::default()),
    };
    let missing = |key, what: &str| {
        if !github.has(key) {
            diagnostics.note(github.place().key(key), what);
        }
    };
    if let Some(token) = token.as_ref().filter(|_| github.has("app")) {
        let what = "there is an app as well: use either app and private_key, or a token";
        diagnostics.note(&token.place, what);
    }
    let id = app.as_ref().and_then(|app| {
        missing("private_key", NEEDS_KEY);
        diagnostics.record_error(&app.place, AppId::parse(app.value.clone()))
    });
    let key = private_key.as_ref().and_then(|reference| {
        missing("app", NEEDS_APP);
        diagnostics.record_error(&reference.place, key(reference, environment))
    });
    let token = token.and_then(|reference| {
        let secret = secrets::text(&reference.value, environment).and_then(is_token);
        diagnostics.record_error(&reference.place, secret)
    });
    if let Some(url) = api_url.filter(|_| is_alone(github)) {
        diagnostics.note(&url.place, WITHOUT_ACCESS);
    }
    let credentials = match (id, key, token) {
        (Some(id), Some(key), None) => Credentials::App { id, key },
        (None, None, Some(token)) => Credentials::Token(token),
        (_, _, _) => return None,
    };
    Some(GitHubAccess {
        api: api?,
        credentials,
    })
}

/// Returns true if there are no credentials.
fn is_alone(github: &Table<'_, '_>) -> bool {
    let keys = ["app", "private_key", "token"];
    !keys.iter().any(|key| github.has(key))
}

fn key(reference: &Located<String>, environment: &impl Environment) -> Result<AppKey, String> {
    let pem = secrets::resolve(&reference.value, environment)?;
    match environment.hides_secrets() {
        true => Ok(AppKey::hidden()),
        false => AppKey::from_pem(&pem).map_err(|why| format!("{} {why}", reference.value)),
    }
}

/// Accepts a token. GitHub's have no fixed length and form.
fn is_token(token: Secret) -> Result<Secret, String> {
    let is_visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    match token.readable() {
        Some(text) if !is_visible(text) => {
            Err("is not a token: it has spaces or characters that no token has".to_owned())
        }
        Some(text) if text.starts_with("ghs_") => Err(
            "is an installation token, which expires within an hour: use app and private_key, or a fine-grained personal access token".to_owned(),
        ),
        Some(_) | None => Ok(token),
    }
}
