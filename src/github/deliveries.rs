//! The attempts of GitHub to deliver events to a webhook (GitHub Docs, "REST API endpoints for
//! repository webhooks", "for organization webhooks" and "for GitHub App webhooks").

use reqwest::header::LINK;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::domain::deliveries::{DeliveredPullRequest, DeliveryAttempt};
use crate::domain::github::Credentials;
use crate::domain::github::hook::Hook;
use crate::domain::ids::{DeliveryAttemptId, DeliveryId, RepositoryId, Timestamp};
use crate::domain::report::fault::GitHubFault;
use crate::domain::text::one_line;
use crate::ports::{Clock, DeliveryCursor, DeliveryPage, DeliveryReader, Redelivery};

use crate::github::call::Call;
use crate::github::call_queues::Caller;
use crate::github::client::GitHubClient;
use crate::github::fault::Failed;
use crate::github::transport::Answer;

/// Attempts on a page of a list.
const PAGE: usize = 100;
/// The longest word or sentence of an attempt that is kept, in characters.
const TEXT: usize = 100;

#[derive(Deserialize)]
struct Listed {
    id: u64,
    guid: String,
    delivered_at: String,
    redelivery: bool,
    status: String,
    status_code: u16,
    event: String,
    action: Option<String>,
    repository_id: Option<u64>,
    throttled_at: Option<String>,
}

impl Listed {
    /// Returns `None` if a value is not what GitHub documents.
    fn read(self, hook: &Hook) -> Option<DeliveryAttempt> {
        Some(DeliveryAttempt {
            hook: hook.clone(),
            id: DeliveryAttemptId(self.id),
            delivery: DeliveryId::parse(self.guid).ok()?,
            at: Timestamp::from_rfc3339(&self.delivered_at)?,
            is_redelivery: self.redelivery,
            status: one_line(&self.status, TEXT),
            status_code: self.status_code,
            event: one_line(&self.event, TEXT),
            action: self.action.map(|action| one_line(&action, TEXT)),
            repository: self.repository_id.map(RepositoryId),
            is_throttled: self.throttled_at.is_some(),
        })
    }
}

/// One attempt with the payload that it carried, of which few fields are read.
#[derive(Deserialize)]
struct Detailed {
    request: Sent,
}

#[derive(Deserialize)]
struct Sent {
    payload: Option<Value>,
}

impl<C: Clock> DeliveryReader for GitHubClient<C> {
    fn hooks(&self) -> &[Hook] {
        &self.hooks
    }

    async fn deliveries(
        &self,
        hook: &Hook,
        after: Option<&DeliveryCursor>,
    ) -> Result<DeliveryPage, GitHubFault> {
        let path = format!("/{hook}/deliveries?{}", query(after));
        // GitHub does not say whether "304 Not Modified" has the link to the next page.
        let call = Call::get("ListDeliveries", path).without_etag();
        let answer = match self.at_hook(hook, &call).await {
            // The path names nothing that could be missing but the webhook itself.
            Err(failed) if failed.status == Some(404) && *hook == Hook::App => {
                return Ok(DeliveryPage::default());
            }
            answer => answer?,
        };
        let listed: Vec<Listed> = call.read(&answer)?;
        let attempts = listed.into_iter().map(|one| one.read(hook));
        let attempts: Option<Vec<DeliveryAttempt>> = attempts.collect();
        Ok(DeliveryPage {
            attempts: attempts.ok_or_else(|| call.unreadable())?,
            next: next_page(&answer),
        })
    }

    async fn delivered_pull_request(
        &self,
        hook: &Hook,
        attempt: DeliveryAttemptId,
    ) -> Result<Option<DeliveredPullRequest>, GitHubFault> {
        let path = format!("/{hook}/deliveries/{attempt}");
        let call = Call::get("GetDelivery", path).without_etag();
        let answer = self.at_hook(hook, &call).await?;
        let detailed: Detailed = call.read(&answer)?;
        Ok(detailed.request.payload.as_ref().and_then(pull_request))
    }
}

impl<C: Clock> Redelivery for GitHubClient<C> {
    async fn redeliver(&self, hook: &Hook, attempt: DeliveryAttemptId) -> Result<(), GitHubFault> {
        let path = format!("/{hook}/deliveries/{attempt}/attempts");
        let call = Call::post("RedeliverDelivery", path, json!({}));
        self.at_hook(hook, &call).await?;
        Ok(())
    }
}

impl<C: Clock> GitHubClient<C> {
    /// Makes a call about a webhook, as the App or with the token.
    async fn at_hook(&self, hook: &Hook, call: &Call) -> Result<Answer, Failed> {
        match (&self.credentials, hook) {
            (Credentials::Token(token), Hook::Organization { .. } | Hook::Repository { .. }) => {
                self.exchange(Caller::Token, token, call).await
            }
            (Credentials::App { .. } | Credentials::Token(_), _) => self.as_app(call).await,
        }
    }
}

fn query(after: Option<&DeliveryCursor>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("per_page", &PAGE.to_string());
    if let Some(DeliveryCursor(cursor)) = after {
        query.append_pair("cursor", cursor);
    }
    query.finish()
}

/// Returns the cursor in the link to the next page. The link itself is not followed, so that the
/// token stays with the configured API.
fn next_page(answer: &Answer) -> Option<DeliveryCursor> {
    let links = answer.headers.get(LINK)?.to_str().ok()?;
    let next = links.split(',').find(|link| {
        let mut parameters = link.split(';').skip(1);
        parameters.any(|one| one.trim() == "rel=\"next\"")
    })?;
    let url = next.split(';').next()?.trim();
    let url = url.strip_prefix('<')?.strip_suffix('>')?;
    let url = Url::parse(url).ok()?;
    let mut pairs = url.query_pairs();
    let (_, cursor) = pairs.find(|(name, _)| name == "cursor")?;
    Some(DeliveryCursor(cursor.into_owned()))
}

fn pull_request(payload: &Value) -> Option<DeliveredPullRequest> {
    let updated_at = payload.pointer("/pull_request/updated_at")?.as_str()?;
    Some(DeliveredPullRequest {
        number: payload.get("number")?.as_u64()?,
        updated_at: Timestamp::from_rfc3339(updated_at)?,
    })
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn the_cursor_of_the_next_page_is_taken_from_its_link() {
        let cursor = |link: &'static str| {
            let answer = Answer {
                status: 200,
                headers: HeaderMap::from_iter([(LINK, HeaderValue::from_static(link))]),
                content: Vec::new(),
            };
            next_page(&answer).map(|DeliveryCursor(cursor)| cursor)
        };
        let url = "https://api.github.com/app/hook/deliveries?per_page=100&cursor=v1_12%3D";
        let link: &'static str = format!("<{url}>; rel=\"next\"").leak();
        assert_eq!(cursor(link).as_deref(), Some("v1_12="));
        let links = format!("<{url}>; rel=\"prev\", <https://x/?cursor=b>; rel=\"next\"").leak();
        assert_eq!(cursor(links).as_deref(), Some("b"));
        for link in [
            "",
            "<https://x/?page=2>; rel=\"next\"",
            "<https://x/?cursor=a>; rel=\"prev\"",
            "<nothing?cursor=a>; rel=\"next\"",
        ] {
            assert_eq!(cursor(link), None, "{link}");
        }
    }
}
