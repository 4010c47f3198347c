//! What a selection holds, and what would become of it: said before anything is done.

use std::collections::BTreeMap;

use crate::line::delivery::Secrets;
use crate::line::fault::Fault;
use crate::line::ids::Timestamp;
use crate::operate::explain::{Sight, Today, explain};
use crate::ports::Queue;

use super::letter::Letter;
use super::scan::{Scan, Seen};
use super::select::Selection;

/// What was found.
#[derive(Debug, Default)]
pub struct Survey {
    /// The letters that are meant.
    pub letters: Vec<Letter>,
    /// How many would come to what.
    would: BTreeMap<String, usize>,
    /// How many there are altogether.
    pub seen: usize,
}

/// Looks at every letter, hands all of them back, and asks what would become of those that are meant.
///
/// # Errors
/// SQS did not answer, or the table or CodePipeline did not.
pub async fn survey<Q: Queue, S: Sight>(
    queue: &Q,
    selection: &Selection,
    secrets: &Secrets,
    now: Timestamp,
    today: Option<&Today<'_, S>>,
) -> Result<Survey, Fault> {
    let mut found = Survey::default();
    let mut scan = Scan::of(queue);
    loop {
        let batch = scan.next().await?;
        if batch.is_empty() {
            break;
        }
        for envelope in batch {
            let (sent_at, receipt) = (envelope.sent_at, envelope.receipt.clone());
            let (letter, envelope) = Letter::read(envelope, secrets, now);
            scan.keep(receipt);
            if !selection.admits(&letter, sent_at) {
                continue;
            }
            if let Some(today) = today {
                let said = explain(envelope, secrets, today).await?;
                let outcome = said.journal.outcome;
                let would = match &said.journal.detail {
                    _ if said.buried => format!("buried again, {outcome}"),
                    Some(detail) => format!("{outcome}: {detail}"),
                    None => outcome.to_owned(),
                };
                *found.would.entry(would).or_default() += 1;
            }
            found.letters.push(letter);
        }
    }
    let Seen { letters, .. } = scan.finish().await?;
    found.seen = letters;
    Ok(found)
}

impl Survey {
    /// In lines, for people: how many of which reason and repository, and what would become of them.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut groups: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for letter in &self.letters {
            let reason = letter.reason.as_deref().unwrap_or("moved by SQS");
            let repository = letter.repository.as_deref().unwrap_or("-");
            *groups.entry((reason, repository)).or_default() += 1;
        }
        let total = format!("{} of {} messages", self.letters.len(), self.seen);
        let groups = groups
            .into_iter()
            .map(|((reason, repository), count)| format!("{count:6}  {reason}  {repository}"));
        let would = self
            .would
            .iter()
            .map(|(would, count)| format!("{count:6}  today: {would}"));
        std::iter::once(total).chain(groups).chain(would).collect()
    }
}
