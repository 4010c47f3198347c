//! Where GitHub's REST API is.

use std::fmt;

use url::{Host, Url};

/// The API of github.com.
pub const GITHUB_COM: &str = "https://api.github.com";
/// The path of the API on a GitHub Enterprise Server.
const SERVER_PATH: &str = "api/v3";
/// The domain of GitHub Enterprise Cloud with data residency.
const RESIDENCY: &str = ".ghe.com";

/// The URL of the API, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiUrl {
    text: String,
    website: String,
    is_loopback: bool,
}

impl ApiUrl {
    /// Parses the URL of the API: `https://api.github.com`, `https://HOST/api/v3` of a GitHub
    /// Enterprise Server, or `https://api.SUBDOMAIN.ghe.com`. Plain HTTP and other paths are for
    /// loopback addresses only, where an emulator is.
    ///
    /// # Errors
    /// One phrase that says what is wrong and what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|_| format!("expected a URL such as {GITHUB_COM}"))?;
        let has_more = !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        if has_more {
            return Err(format!(
                "expected a URL without user, query and fragment, such as {GITHUB_COM}"
            ));
        }
        let host = url
            .host()
            .ok_or_else(|| format!("expected a URL such as {GITHUB_COM}"))?;
        let is_loopback = is_loopback(&host);
        if url.scheme() != "https" && !(is_loopback && url.scheme() == "http") {
            return Err("expected https://: every request carries a token".to_owned());
        }
        let name = host.to_string();
        let path = url.path().trim_matches('/');
        if !is_loopback {
            check_path(&name, path)?;
        }
        let port = url
            .port()
            .map_or_else(String::new, |port| format!(":{port}"));
        let origin = |name: &str| format!("{}://{name}{port}", url.scheme());
        let (separator, of_api) = if path.is_empty() {
            ("", "")
        } else {
            ("/", path)
        };
        let website = match name.strip_prefix("api.") {
            Some(website) if path.is_empty() && !is_loopback => origin(website),
            Some(_) | None => origin(&name),
        };
        Ok(Self {
            text: format!("{}{separator}{of_api}", origin(&name)),
            website,
            is_loopback,
        })
    }

    /// Returns the URL of the API, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the URL of the website, without a slash at its end.
    #[must_use]
    pub fn website(&self) -> &str {
        &self.website
    }

    /// Returns true for an address of this machine, which no proxy reaches.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.is_loopback
    }
}

impl Default for ApiUrl {
    fn default() -> Self {
        Self {
            text: GITHUB_COM.to_owned(),
            website: "https://github.com".to_owned(),
            is_loopback: false,
        }
    }
}

impl fmt::Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Refuses websites, and paths that are not of the API.
fn check_path(host: &str, path: &str) -> Result<(), String> {
    let expect = |url: &str| Err(format!("is not the URL of the API: expected {url}"));
    if host.ends_with("github.com") {
        return match (host, path) {
            ("api.github.com", "") => Ok(()),
            _ => expect(GITHUB_COM),
        };
    }
    if let Some(name) = host.strip_suffix(RESIDENCY) {
        return match (name.strip_prefix("api."), path) {
            (Some(_), "") => Ok(()),
            (name_without, _) => {
                let name = name_without.unwrap_or(name);
                expect(&format!("https://api.{name}{RESIDENCY}"))
            }
        };
    }
    match path {
        SERVER_PATH => Ok(()),
        _ => expect(&format!(
            "https://{host}/{SERVER_PATH}, as on every GitHub Enterprise Server"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_github_has_an_api_and_a_website() {
        let cases = [
            (GITHUB_COM, GITHUB_COM, "https://github.com"),
            ("https://api.github.com/", GITHUB_COM, "https://github.com"),
            (
                "https://git.acme.com/api/v3/",
                "https://git.acme.com/api/v3",
                "https://git.acme.com",
            ),
            (
                "https://GIT.acme.com:8443/api/v3",
                "https://git.acme.com:8443/api/v3",
                "https://git.acme.com:8443",
            ),
            (
                "https://api.acme.ghe.com",
                "https://api.acme.ghe.com",
                "https://acme.ghe.com",
            ),
            (
                "http://127.0.0.1:5001",
                "http://127.0.0.1:5001",
                "http://127.0.0.1:5001",
            ),
            (
                "http://localhost:5001/api/v3",
                "http://localhost:5001/api/v3",
                "http://localhost:5001",
            ),
            (
                "http://[::1]:5001/",
                "http://[::1]:5001",
                "http://[::1]:5001",
            ),
        ];
        for (text, api, website) in cases {
            let url = ApiUrl::parse(text).unwrap();
            assert_eq!((url.as_str(), url.website()), (api, website), "{text}");
        }
        assert_eq!(ApiUrl::default(), ApiUrl::parse(GITHUB_COM).unwrap());
    }

    #[test]
    fn what_is_no_api_is_explained() {
        let cases = [
            ("", "expected a URL such as https://api.github.com"),
            (
                "api.github.com",
                "expected a URL such as https://api.github.com",
            ),
            (
                "mailto:a@b",
                "expected a URL such as https://api.github.com",
            ),
            (
                "http://api.github.com",
                "expected https://: every request carries a token",
            ),
            (
                "ftp://127.0.0.1",
                "expected https://: every request carries a token",
            ),
            (
                "https://github.com",
                "is not the URL of the API: expected https://api.github.com",
            ),
            (
                "https://api.github.com/v3",
                "is not the URL of the API: expected https://api.github.com",
            ),
            (
                "https://acme.ghe.com",
                "is not the URL of the API: expected https://api.acme.ghe.com",
            ),
            (
                "https://api.acme.ghe.com/api/v3",
                "is not the URL of the API: expected https://api.acme.ghe.com",
            ),
            (
                "https://git.acme.com",
                "is not the URL of the API: expected https://git.acme.com/api/v3, as on every GitHub Enterprise Server",
            ),
            (
                "https://git.acme.com/api/graphql",
                "is not the URL of the API: expected https://git.acme.com/api/v3, as on every GitHub Enterprise Server",
            ),
            (
                "https://me:x@api.github.com",
                "expected a URL without user, query and fragment, such as https://api.github.com",
            ),
            (
                "https://api.github.com?x",
                "expected a URL without user, query and fragment, such as https://api.github.com",
            ),
        ];
        for (text, why) in cases {
            assert_eq!(ApiUrl::parse(text), Err(why.to_owned()), "{text}");
        }
    }
}
