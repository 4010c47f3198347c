//! Reads the attempts to deliver events to all webhooks, page by page.

use crate::domain::deliveries::DeliveryAttempt;
use crate::domain::github::hook::Hook;
use crate::domain::ids::Timestamp;
use crate::domain::intake::event::is_handled;
use crate::domain::report::fault::GitHubFault;
use crate::ports::deliveries::DeliveryReader;

/// The most pages of a webhook that are read: 20,000 attempts.
const MOST_PAGES: usize = 200;

/// The attempts that were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadAttempts {
    /// The attempts with events that branchline handles.
    pub attempts: Vec<DeliveryAttempt>,
    /// The number of pages.
    pub pages: usize,
    /// Attempts before this time were not read, because there are too many; `None` if all were.
    pub unread_before: Option<Timestamp>,
}

/// Reads the attempts of all webhooks since a time. A list is the newest first, so it ends with the
/// first attempt before that time. `on_page` is called for each page.
///
/// # Errors
/// A fault of any webhook. What was read of the others is lost, so that nothing is decided from a
/// part.
pub async fn attempts_since<G: DeliveryReader>(
    github: &G,
    since: Timestamp,
    mut on_page: impl FnMut() + Send,
) -> Result<ReadAttempts, GitHubFault> {
    let mut read = ReadAttempts::default();
    for hook in github.hooks() {
        read_hook(github, hook, since, &mut read, &mut on_page).await?;
    }
    Ok(read)
}

async fn read_hook<G: DeliveryReader>(
    github: &G,
    hook: &Hook,
    since: Timestamp,
    read: &mut ReadAttempts,
    on_page: &mut (impl FnMut() + Send),
) -> Result<(), GitHubFault> {
    let mut after = None;
    let mut oldest = None;
    for _ in 0..MOST_PAGES {
        let page = github.deliveries(hook, after.as_ref()).await?;
        read.pages += 1;
        on_page();
        oldest = page.attempts.last().map(|last| last.at).or(oldest);
        let handled = page.attempts.into_iter().filter(|attempt| {
            attempt.at >= since && is_handled(&attempt.event, attempt.action.as_deref())
        });
        read.attempts.extend(handled);
        after = page.next;
        if after.is_none() || oldest.is_some_and(|oldest| oldest < since) {
            return Ok(());
        }
    }
    read.unread_before = read.unread_before.max(oldest);
    Ok(())
}
