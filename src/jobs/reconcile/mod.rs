//! Finds what webhooks that were lost would have changed, and sends it to the internal queue.

mod comparison;
mod finding;

use std::collections::BTreeMap;

use crate::domain::fault::Fault;
use crate::domain::outcome::outgoing::Destination;
use crate::domain::rules::rule::Rules;
use crate::domain::state::difference::Difference;
use crate::domain::text::{counted, plural};
use crate::ports::{Clock, CommitLog, Listing, Queue, StoreReader};
use crate::telemetry::metrics;

pub use comparison::{Comparison, LookFault, Unreadable};
pub use finding::{Change, Finding};

/// The most pipelines that one run has created: a rule that is too wide is noticed before it has
/// created thousands. The next run creates the rest.
const CREATED: usize = 200;

/// What a run found.
#[derive(Default)]
struct Found {
    sent: usize,
    created: usize,
    left_for_later: usize,
    recent: usize,
    failing: usize,
    looked_at: usize,
    unreadable: Vec<Unreadable>,
}

/// Compares what is open at GitHub with the mappings, sends every difference to the internal queue,
/// and returns what it did. What cannot be read is logged and left as it is.
///
/// # Errors
/// The table or the queue does not answer, or nothing at GitHub can be read.
///
/// If cancelled, the differences that were found are sent.
pub(super) async fn run<S: StoreReader + CommitLog, L: Listing, Q: Queue, C: Clock>(
    store: &S,
    github: &L,
    rules: &Rules,
    queue: &Q,
    clock: &C,
) -> Result<String, String> {
    let fault = |fault: Fault| fault.to_string();
    let begun = clock.now();
    let comparison = Comparison::begin(store, github, rules, begun)
        .await
        .map_err(fault)?;
    let repositories = comparison.repositories().await;
    let (mut repositories, unreadable) = repositories.map_err(|fault| fault.to_string())?;
    // A run that GitHub's rate limit ends has not looked at the same ones each time.
    fastrand::shuffle(&mut repositories);
    let mut found = Found {
        unreadable,
        ..Found::default()
    };
    for repository in &repositories {
        match comparison.look_at(repository).await {
            Ok(findings) => {
                found.looked_at += 1;
                for finding in findings {
                    found.take(finding, queue).await.map_err(fault)?;
                }
            }
            Err(LookFault::Table(why)) => return Err(fault(why)),
            Err(LookFault::GitHub(fault)) => found.unreadable.push(Unreadable {
                what: repository.place.name.to_string(),
                fault,
            }),
        }
    }
    found.warn();
    match found.unreadable.first() {
        Some(first) if found.looked_at == 0 => Err(format!("{}: {}", first.what, first.fault)),
        Some(_) | None => Ok(found.summary()),
    }
}

fn repositories(count: usize) -> String {
    match count {
        1 => "1 repository".to_owned(),
        count => format!("{count} repositories"),
    }
}

impl Found {
    async fn take<Q: Queue>(&mut self, finding: Finding, queue: &Q) -> Result<(), Fault> {
        let word = finding.word();
        if !finding.is_sent {
            match finding.change {
                Change::Subject(Difference::Recent) => self.recent += 1,
                Change::Subject(_) | Change::DeleteAll(_) | Change::Rename => self.failing += 1,
            }
            return Ok(());
        }
        if word == "create" {
            if self.created == CREATED {
                self.left_for_later += 1;
                return Ok(());
            }
            self.created += 1;
        }
        let message = finding.sighting.to_message();
        queue.send(Destination::Internal, message).await?;
        metrics::difference_found(word);
        tracing::info!(
            subject = finding.what(),
            difference = word,
            "GitHub and the mappings differ: {}: {}",
            finding.what(),
            finding.detail()
        );
        self.sent += 1;
        Ok(())
    }

    /// Logs what could not be read: one line for each fault, with the first that has it.
    fn warn(&self) {
        let mut by_kind: BTreeMap<&str, (usize, &Unreadable)> = BTreeMap::new();
        for one in &self.unreadable {
            let kind = by_kind.entry(one.fault.kind.as_str()).or_insert((0, one));
            kind.0 += 1;
        }
        for (count, first) in by_kind.into_values() {
            tracing::warn!(
                count,
                "{} could not be compared with the mappings, and nothing of it was changed: {}",
                first.what,
                first.fault
            );
        }
    }

    fn summary(&self) -> String {
        let mut parts = vec![
            format!("{} compared", repositories(self.looked_at)),
            format!("{} sent", plural(self.sent, "difference")),
        ];
        let rest = [
            (self.left_for_later, "left for the next run"),
            (self.recent, "too recent"),
            (self.failing, "failing"),
            (self.unreadable.len(), "unreadable"),
        ];
        parts.extend(counted(rest));
        parts.join(", ")
    }
}
