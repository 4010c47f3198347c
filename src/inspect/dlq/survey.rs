//! What a selection holds, and what would become of it: said before anything is done.

use std::collections::BTreeMap;

use crate::domain::fault::Fault;
use crate::domain::ids::Timestamp;
use crate::domain::intake::authenticated::Secrets;
use crate::domain::intake::envelope::Envelope;
use crate::inspect::explain::{AccountReader, ExplainContext, Explanation, explain};
use crate::ports::Queue;

use crate::inspect::dlq::letter::DeadLetter;
use crate::inspect::dlq::scan::Scan;
use crate::inspect::dlq::select::DeadLetterFilter;

/// What was found.
#[derive(Debug, Default)]
pub struct ReplayPreview {
    /// The letters that are meant.
    pub letters: Vec<DeadLetter>,
    /// How many would come to what.
    would: BTreeMap<String, usize>,
    /// How many there are altogether.
    pub seen: usize,
}

/// What is asked of each letter.
pub struct PreviewQuery<'a, S> {
    /// Which are meant.
    pub selection: &'a DeadLetterFilter,
    /// What proves a body.
    pub secrets: &'a Secrets,
    /// The time.
    pub now: Timestamp,
    /// What is to be predicted by; `None` where nothing is.
    pub today: Option<&'a ExplainContext<'a, S>>,
}

/// Looks at every letter and asks what would become of those that are meant. The scan holds all of them, and is the
/// caller's to finish. `goes_on` is asked after each letter.
///
/// # Errors
/// SQS did not answer.
pub async fn preview<Q: Queue, S: AccountReader>(
    scan: &mut Scan<'_, Q>,
    asked: &PreviewQuery<'_, S>,
    goes_on: impl Fn() -> bool,
) -> Result<ReplayPreview, Fault> {
    let mut found = ReplayPreview::default();
    loop {
        let batch = scan.next().await?;
        if batch.is_empty() {
            return Ok(found);
        }
        for envelope in batch {
            scan.renew().await?;
            found.add(envelope, asked).await;
            if !goes_on() {
                return Ok(found);
            }
        }
    }
}

impl ReplayPreview {
    /// Looks at one letter. Whether it is meant.
    pub async fn add<S: AccountReader>(
        &mut self,
        envelope: Envelope,
        asked: &PreviewQuery<'_, S>,
    ) -> bool {
        self.seen += 1;
        let sent_at = envelope.sent_at;
        let (letter, envelope) = DeadLetter::read(envelope, asked.secrets, asked.now);
        let is_meant = asked.selection.admits(&letter, sent_at);
        if is_meant {
            if let Some(today) = asked.today {
                let said = explain(envelope, asked.secrets, today).await;
                *self.would.entry(would(said)).or_default() += 1;
            }
            self.letters.push(letter);
        }
        is_meant
    }

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
        let acts = self.would.keys().any(|would| would.starts_with("would-"));
        let unseen = "        by mappings and templates: pipelines' own tags and max_active are not looked at";
        std::iter::once(total)
            .chain(groups)
            .chain(would)
            .chain(acts.then(|| unseen.to_owned()))
            .collect()
    }
}

fn would(said: Result<Explanation, Fault>) -> String {
    let said = match said {
        Ok(said) => said,
        Err(fault) => return format!("cannot be told: {}", fault.reason.as_str()),
    };
    let outcome = said.journal.outcome;
    match &said.journal.detail {
        _ if said.buried => format!("buried again, {outcome}"),
        Some(detail) => format!("{outcome}: {detail}"),
        None => outcome.to_owned(),
    }
}
