//! The JSON Web Token by which an App signs in (GitHub Docs, "Generating a JSON Web Token (JWT) for
//! a GitHub App").

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::domain::github::app_id::AppId;
use crate::domain::github::app_key::AppKey;
use crate::domain::ids::Timestamp;
use crate::domain::secret::Secret;

/// The seconds before the present at which it was issued, as GitHub recommends for clocks that
/// differ.
const ISSUED_BEFORE_SECONDS: i64 = 60;
/// The time after which it expires. GitHub allows ten minutes.
const LIFETIME: Duration = Duration::from_mins(9);

/// Signs a token. Returns `None` if the key was not read.
pub(super) fn sign(id: &AppId, key: &AppKey, now: Timestamp) -> Option<Secret> {
    // GitHub Enterprise Server before 3.14 expects a number.
    let issuer = id
        .number()
        .map_or_else(|| json!(id.as_str()), |number| json!(number));
    let claims = json!({
        "iat": now.seconds() - ISSUED_BEFORE_SECONDS,
        "exp": now.plus(LIFETIME).seconds(),
        "iss": issuer,
    });
    let head = json!({ "alg": "RS256", "typ": "JWT" });
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&head), part(&claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())?);
    Some(Secret::new(format!("{signed}.{signature}")))
}
