//! How branchline reaches GitHub, and who it is there.
//!
//! Pure: `src/github/` makes the calls.

pub mod api_url;
pub mod app_id;
pub mod app_key;
pub mod clock;
pub mod hook;
pub mod needs;

use crate::domain::github::api_url::ApiUrl;
use crate::domain::github::app_id::AppId;
use crate::domain::github::app_key::AppKey;
use crate::domain::github::hook::Hook;
use crate::domain::secret::Secret;

/// The access to GitHub, as configured.
#[derive(Clone, Debug)]
pub struct GitHubAccess {
    /// The API.
    pub api: ApiUrl,
    /// Who makes the calls.
    pub credentials: Credentials,
    /// The webhooks that send to branchline, as far as their deliveries may be read: that of the
    /// App, or those that the configuration names for a token.
    pub hooks: Vec<Hook>,
}

/// Who makes the calls.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A GitHub App.
    App {
        /// Its client id or App id.
        id: AppId,
        /// Its private key.
        key: AppKey,
    },
    /// The owner of a token. GitHub lets only Apps create check runs, so a token is for commit
    /// statuses and comments.
    Token(Secret),
}
