//! A webhook at GitHub, as its REST API names it.

use std::fmt;

use crate::domain::ids::RepositoryName;

/// What [`Hook::parse`] expects.
const EXPECTED: &str =
    "expected orgs/NAME/hooks/NUMBER or repos/OWNER/NAME/hooks/NUMBER, as in GitHub's REST API";

/// A webhook whose deliveries are read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// The webhook of the GitHub App.
    App,
    /// A webhook of an organization.
    Organization {
        /// The organization.
        name: String,
        /// GitHub's number for the webhook.
        id: u64,
    },
    /// A webhook of a repository.
    Repository {
        /// The repository.
        name: RepositoryName,
        /// GitHub's number for the webhook.
        id: u64,
    },
}

impl Hook {
    /// Parses the path of a webhook of an organization or a repository.
    ///
    /// # Errors
    /// One phrase that says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let hook = match parts.as_slice() {
            ["orgs", name, "hooks", id] => organization(name, id),
            ["repos", owner, name, "hooks", id] => repository(owner, name, id),
            _ => None,
        };
        hook.ok_or_else(|| EXPECTED.to_owned())
    }
}

/// The path below the API's URL, without a slash at its beginning.
impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App => f.write_str("app/hook"),
            Self::Organization { name, id } => write!(f, "orgs/{name}/hooks/{id}"),
            Self::Repository { name, id } => write!(f, "repos/{name}/hooks/{id}"),
        }
    }
}

fn organization(name: &str, id: &str) -> Option<Hook> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let is_valid = !name.is_empty() && name.chars().all(is_name);
    Some(Hook::Organization {
        name: is_valid.then(|| name.to_owned())?,
        id: number(id)?,
    })
}

fn repository(owner: &str, name: &str, id: &str) -> Option<Hook> {
    Some(Hook::Repository {
        name: RepositoryName::parse(format!("{owner}/{name}")).ok()?,
        id: number(id)?,
    })
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|id| *id > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_named_by_its_path() {
        for path in ["orgs/acme-inc/hooks/123", "repos/acme/api.js/hooks/456"] {
            assert_eq!(Hook::parse(path).unwrap().to_string(), path);
        }
        assert_eq!(Hook::App.to_string(), "app/hook");
    }

    #[test]
    fn other_texts_are_no_webhook() {
        for text in [
            "",
            "123",
            "app/hook",
            "orgs/acme/hooks/0",
            "orgs/acme/hooks/x",
            "orgs/ac me/hooks/1",
            "orgs//hooks/1",
            "orgs/acme/hooks/1/deliveries",
            "repos/acme/hooks/1",
            "repos/acme/a b/hooks/1",
            "/repos/acme/api/hooks/1",
            "https://github.com/acme/api/settings/hooks/1",
        ] {
            assert_eq!(Hook::parse(text), Err(EXPECTED.to_owned()), "{text}");
        }
    }
}
