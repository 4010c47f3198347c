//! Explains a delivery that GitHub made: where it is, and what was done for it.

use crate::domain::fault::Fault;
use crate::domain::ids::{DeliveryId, Owner};
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::outcome::chain::Chain;
use crate::domain::outcome::journal::Journal;
use crate::domain::rules::rule::Rules;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::plan::rule_of;
use crate::domain::text::plural;
use crate::inspect::account::Account;
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::inspect::evidence::Evidence;
use crate::inspect::explain::{Explanation, Whereabouts};
use crate::inspect::rehearsal::CloneComparison;
use crate::inspect::status::last_seen;
use crate::inspect::waiting::Waiting;
use crate::ports::{PipelineReader, StoreReader};

/// Finds where a delivery is. The first source that has it decides: the dead-letter queue, the
/// audit trail, the mapping, quarantine, and at last that none of them has it.
#[must_use]
pub fn whereabouts(delivery: &DeliveryId, evidence: &Evidence) -> Whereabouts {
    let place = |state, source, detail: String| Whereabouts {
        state,
        source,
        detail,
    };
    if let Some(message) = evidence.dead_letters.first() {
        let detail = described(message);
        return place("dead-lettered", "the dead-letter queue", detail);
    }
    let entries = of_delivery(delivery, &evidence.history);
    if let Some(last) = entries.last() {
        let is_change = matches!(Chain::from_text(&last.chain), Some(Chain::Changes(_)));
        let detail = format!("{} at {}", last.outcome, last.processed_at);
        return match (is_change, last.outcome.as_str()) {
            (false, "dropped") => place("dropped", "the audit trail", detail),
            (false, "replayed") => place("replayed", "the audit trail", detail),
            (false, _) => place("dead-lettered", "the audit trail", detail),
            (true, _) => place("processed", "the audit trail", detail),
        };
    }
    if let Some(row) = &evidence.mapping {
        return given_up(row, evidence);
    }
    if let Some(message) = evidence.quarantine.first() {
        let detail = described(message);
        return place("quarantined", "the quarantine queue", detail);
    }
    unseen(evidence)
}

/// Describes a delivery that failed for now, and of which the audit trail has nothing.
fn given_up(row: &Mapping, evidence: &Evidence) -> Whereabouts {
    if !State::HALF_WAY.contains(&row.state) {
        return Whereabouts {
            state: "superseded",
            source: "the mapping",
            detail: format!(
                "it failed, and a later event settled its subject ({} since {}): it changed nothing, or will change nothing at its next attempt",
                row.state.as_str(),
                row.updated_at
            ),
        };
    }
    let error = row.last_error.as_deref().unwrap_or("no error is recorded");
    let waits = match evidence.waiting {
        Some(Waiting::BackingOff) => "for its next attempt",
        Some(waiting) => waiting.as_str(),
        None => "unfinished",
    };
    let attempts = plural(
        usize::try_from(row.attempts).unwrap_or(usize::MAX),
        "failed attempt",
    );
    Whereabouts {
        state: "waiting",
        source: "the mapping",
        detail: format!("{waits}; {}, {attempts}: {error}", row.state.as_str()),
    }
}

/// Describes a delivery that neither the table nor a queue for failures has.
fn unseen(evidence: &Evidence) -> Whereabouts {
    let backlog = evidence.webhook_backlog();
    if backlog > 0 {
        let messages = plural(backlog, "message");
        let runs = evidence.daemons.iter().any(|daemon| daemon.running);
        let daemon = match runs {
            true => String::new(),
            false => format!("; no daemon is running: {}", last_seen(&evidence.daemons)),
        };
        return Whereabouts {
            state: "waiting",
            source: "the webhook queue",
            detail: format!(
                "the queue has {messages}, whose deliveries SQS does not tell, so this one may be among them{daemon}"
            ),
        };
    }
    Whereabouts {
        state: "unseen",
        source: "every source",
        detail: "the webhook queue is empty and nothing else has it: it was ignored, changed nothing, never arrived (`branchline deliveries list --missed`), or is more than 30 days old; the daemon's log has a line for each delivery that arrived (delivery.id)".to_owned(),
    }
}

fn described(message: &DeadLetter) -> String {
    let reason = message.reason.as_deref().unwrap_or("moved by SQS");
    let detail = message.detail.as_deref().unwrap_or("-");
    format!("message {}: {reason}: {detail}", message.id)
}

fn of_delivery(delivery: &DeliveryId, entries: &[AuditEntry]) -> Vec<AuditEntry> {
    let is_of = |entry: &&AuditEntry| {
        let cause = entry.cause();
        cause.as_ref().and_then(|cause| cause.delivery()) == Some(delivery)
    };
    entries.iter().filter(is_of).cloned().collect()
}

/// Explains a delivery that is in no queue for failures: its audit entries, and its subject's clone
/// as it would be created today.
///
/// # Errors
/// The table or CodePipeline did not answer.
pub async fn recall<S: StoreReader, P: PipelineReader>(
    delivery: &DeliveryId,
    evidence: &Evidence,
    rules: &Rules,
    owner: &Owner,
    account: &Account<S, P>,
) -> Result<Explanation, Fault> {
    let place = whereabouts(delivery, evidence);
    let mapping = evidence.mapping.as_ref();
    let compared = match mapping {
        Some(mapping) => compare(mapping, rules, owner, account).await,
        None => Ok(None),
    };
    let (clone, why) = match compared {
        Ok(clone) => (clone, None),
        Err(fault) if fault.reason.is_from_aws() => return Err(fault),
        Err(fault) => (None, Some(fault)),
    };
    let today = match (&clone, why) {
        (Some(_), _) => "; this is its subject's clone as it would be created today".to_owned(),
        (None, Some(fault)) => {
            format!("; its subject's clone could not be created today: {fault}")
        }
        (None, None) => String::new(),
    };
    let prediction = match place.state {
        "processed" => format!("do nothing: it was processed{today}"),
        state => format!("{state}, by {}: {}{today}", place.source, place.detail),
    };
    Ok(Explanation {
        journal: Journal::recall(delivery, mapping),
        prediction,
        effects: Vec::new(),
        projects: Vec::new(),
        clone,
        report: None,
        recorded: of_delivery(delivery, &evidence.history),
        dead_lettered: place.state == "dead-lettered",
        whereabouts: Some(place),
    })
}

/// Compares a mapping's clone with its template, as the rules and the template are today. Returns
/// `None` if the mapping's rule no longer exists.
async fn compare<S: StoreReader, P: PipelineReader>(
    mapping: &Mapping,
    rules: &Rules,
    owner: &Owner,
    account: &Account<S, P>,
) -> Result<Option<CloneComparison>, Fault> {
    let Some(spec) = mapping.spec() else {
        return Ok(None);
    };
    let Some(rule) = rule_of(mapping, spec, rules) else {
        return Ok(None);
    };
    let template = account.template(&spec.template).await?;
    let clone = template.clone_for(&mapping.clone_request(spec, rule, owner))?;
    Ok(Some(CloneComparison::new(&template, &clone)))
}
