//! Counts the messages that a filter matches and predicts what would become of them, before any
//! action.

use std::collections::BTreeMap;

use crate::domain::fault::Fault;
use crate::domain::ids::Timestamp;
use crate::domain::intake::authenticated::Authenticator;
use crate::domain::intake::envelope::Envelope;
use crate::domain::text::plural;
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::inspect::dlq::filter::DeadLetterFilter;
use crate::inspect::dlq::scan::Scan;
use crate::inspect::explain::{Explanation, Rehearsal};
use crate::ports::{Clock, PipelineReader, Queue, StoreReader};

/// The messages that match, and the predictions.
#[derive(Debug, Default)]
pub struct ReplayPreview {
    /// The messages that match.
    pub messages: Vec<DeadLetter>,
    /// The number of messages by prediction.
    predictions: BTreeMap<String, usize>,
    /// The messages that match and are left out, because the daemon would not believe them.
    pub left_out: Vec<DeadLetter>,
    /// The number of messages in the queue that were seen.
    pub seen: usize,
}

/// The filter, and how each message is read and predicted.
pub struct PreviewQuery<'a, S, P, C> {
    /// The filter.
    pub filter: &'a DeadLetterFilter,
    /// Authenticates messages.
    pub authenticator: &'a Authenticator,
    /// The time.
    pub now: Timestamp,
    /// Predicts what would become of a message; `None` for no predictions.
    pub rehearsal: Option<&'a Rehearsal<S, P, C>>,
    /// Leaves out the messages that the daemon would not believe: a replay would lose them.
    pub only_proven: bool,
}

/// Reads every message and predicts what would become of those that match. The scan holds all of
/// them, and the caller finishes it. `goes_on` is called after each message.
///
/// # Errors
/// SQS did not answer.
pub async fn preview<Q: Queue, S: StoreReader, P: PipelineReader, C: Clock>(
    scan: &mut Scan<'_, Q>,
    query: &PreviewQuery<'_, S, P, C>,
    goes_on: impl Fn() -> bool,
) -> Result<ReplayPreview, Fault> {
    let mut preview = ReplayPreview::default();
    loop {
        let batch = scan.next().await?;
        if batch.is_empty() {
            return Ok(preview);
        }
        for envelope in batch {
            scan.renew().await?;
            preview.add(envelope, query).await;
            if !goes_on() {
                return Ok(preview);
            }
        }
    }
}

impl ReplayPreview {
    /// Adds one message. Returns true if it matches and is not left out.
    pub async fn add<S: StoreReader, P: PipelineReader, C: Clock>(
        &mut self,
        envelope: Envelope,
        query: &PreviewQuery<'_, S, P, C>,
    ) -> bool {
        self.seen += 1;
        let sent_at = envelope.sent_at;
        let (message, envelope) = DeadLetter::read(envelope, query.authenticator, query.now);
        if !query.filter.admits(&message, sent_at) {
            return false;
        }
        if query.only_proven && message.signature.unproven().is_some() {
            self.left_out.push(message);
            return false;
        }
        if let Some(rehearsal) = query.rehearsal {
            let explanation = rehearsal.explain(envelope).await;
            *self.predictions.entry(summary(explanation)).or_default() += 1;
        }
        self.messages.push(message);
        true
    }

    /// Returns lines for people: the number of messages by reason and repository, by prediction,
    /// and of those that are left out.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut groups: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for message in &self.messages {
            let reason = message.reason.as_deref().unwrap_or("moved by SQS");
            let repository = message.repository.as_deref().unwrap_or("-");
            *groups.entry((reason, repository)).or_default() += 1;
        }
        let total = format!(
            "{} of {}",
            self.messages.len(),
            plural(self.seen, "message")
        );
        let groups = groups
            .into_iter()
            .map(|((reason, repository), count)| format!("{count:6}  {reason}  {repository}"));
        let predictions = self
            .predictions
            .iter()
            .map(|(prediction, count)| format!("{count:6}  today: {prediction}"));
        let mut left_out: BTreeMap<&str, usize> = BTreeMap::new();
        for why in self
            .left_out
            .iter()
            .filter_map(|message| message.signature.unproven())
        {
            *left_out.entry(why).or_default() += 1;
        }
        let left_out = left_out.into_iter().map(|(why, count)| {
            format!("{count:6}  stays, the daemon would not believe it: {why}")
        });
        std::iter::once(total)
            .chain(groups)
            .chain(predictions)
            .chain(left_out)
            .collect()
    }
}

fn summary(explanation: Result<Explanation, Fault>) -> String {
    let explanation = match explanation {
        Ok(explanation) => explanation,
        Err(fault) => return format!("cannot be predicted: {}", fault.reason.as_str()),
    };
    let outcome = explanation.journal.outcome();
    match explanation.journal.detail() {
        _ if explanation.dead_lettered => format!("dead-lettered again, {outcome}"),
        Some(detail) => format!("{outcome}: {detail}"),
        None => outcome.to_owned(),
    }
}
