//! Sends one request and reads its answer. It retries nothing: the caller sends a report again.

use std::time::Duration;

use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, IF_NONE_MATCH, LOCATION,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, Url};
use serde_json::Value;

use crate::domain::github::api_url::ApiUrl;
use crate::domain::secret::Secret;

/// The time limit of a TCP and TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest answer that is read, in bytes. A page of 30 comments of 65,536 characters fits.
const MAX_ANSWER: usize = 8 * 1024 * 1024;
/// The most redirects that are followed.
const REDIRECTS: usize = 3;
/// The version of the REST API (GitHub Docs, "API Versions").
const API_VERSION: &str = "2022-11-28";
const USER_AGENT: &str = concat!("branchline/", env!("CARGO_PKG_VERSION"));

/// A request.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    /// The path below the API's URL, with its query.
    pub(super) path: &'a str,
    pub(super) token: &'a Secret,
    /// The version of the answer that is known.
    pub(super) etag: Option<&'a str>,
    pub(super) body: Option<&'a Value>,
}

/// An answer of any status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) content: Vec<u8>,
}

/// Why there is no answer.
pub(super) enum NoAnswer {
    /// The connection failed, or took too long.
    Failed(String),
    /// The answer cannot be used, however often it is asked for.
    Unusable(String),
}

/// The HTTP client.
pub(super) struct Transport {
    client: Client,
    api: String,
    timeout: Duration,
}

impl Transport {
    /// Creates the client. The proxy is that of the environment: `HTTPS_PROXY` and `NO_PROXY`.
    pub(super) fn new(api: &ApiUrl, timeout: Duration) -> Result<Self, reqwest::Error> {
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            // reqwest would send a GET after a redirected POST.
            .redirect(Policy::none());
        if api.is_loopback() {
            builder = builder.no_proxy();
        }
        Ok(Self {
            client: builder.build()?,
            api: api.as_str().to_owned(),
            timeout,
        })
    }

    /// Sends a request, and follows redirects on the same host.
    ///
    /// If cancelled, the request may have taken effect.
    pub(super) async fn send(&self, request: &Request<'_>) -> Result<Answer, NoAnswer> {
        let answer = tokio::time::timeout(self.timeout, self.follow(request)).await;
        answer.unwrap_or_else(|_| {
            let seconds = self.timeout.as_secs_f32();
            Err(NoAnswer::Failed(format!("no answer within {seconds} s")))
        })
    }

    async fn follow(&self, request: &Request<'_>) -> Result<Answer, NoAnswer> {
        let unusable = |_| NoAnswer::Unusable("the URL is not valid".to_owned());
        let mut url = Url::parse(&format!("{}{}", self.api, request.path)).map_err(unusable)?;
        for _ in 0..=REDIRECTS {
            let response = self.once(request, url.clone()).await?;
            match redirect(&url, &response) {
                Some(next) => url = next?,
                None => return read(response).await,
            }
        }
        Err(NoAnswer::Unusable(format!(
            "more than {REDIRECTS} redirects"
        )))
    }

    async fn once(&self, request: &Request<'_>, url: Url) -> Result<Response, NoAnswer> {
        let bearer = HeaderValue::from_str(&format!("Bearer {}", request.token.reveal()));
        let mut bearer = bearer.map_err(|_| {
            NoAnswer::Unusable("the token has characters that no token has".to_owned())
        })?;
        bearer.set_sensitive(true);
        let mut builder = self
            .client
            .request(request.method.clone(), url)
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", API_VERSION);
        if let Some(etag) = request.etag {
            builder = builder.header(IF_NONE_MATCH, etag);
        }
        if let Some(body) = request.body {
            builder = builder
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        builder.send().await.map_err(failed)
    }
}

/// Returns where a redirect leads; `None` if the answer is none. Another host would get the token,
/// so it is not followed there.
fn redirect(url: &Url, response: &Response) -> Option<Result<Url, NoAnswer>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 307 | 308) {
        return None;
    }
    let target = response.headers().get(LOCATION)?.to_str().ok()?;
    let next = match url.join(target) {
        Ok(next) if next.origin() == url.origin() => Ok(next),
        Ok(next) => Err(NoAnswer::Unusable(format!(
            "redirects to another host, {}: correct github.api_url",
            next.origin().ascii_serialization()
        ))),
        Err(_) => Err(NoAnswer::Unusable("redirects to an invalid URL".to_owned())),
    };
    Some(next)
}

async fn read(mut response: Response) -> Result<Answer, NoAnswer> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut content = Vec::new();
    while let Some(part) = response.chunk().await.map_err(failed)? {
        if content.len() + part.len() > MAX_ANSWER {
            let what = format!("the answer is longer than {MAX_ANSWER} bytes");
            return Err(NoAnswer::Unusable(what));
        }
        content.extend_from_slice(&part);
    }
    Ok(Answer {
        status,
        headers,
        content,
    })
}

/// Describes an error of the HTTP client with its causes, without the URL.
fn failed(error: reqwest::Error) -> NoAnswer {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    NoAnswer::Failed(text)
}
