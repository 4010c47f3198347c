//! What the line would do with a message, and how the clone would differ from its template. Nothing is touched.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;

use serde::Serialize;

use crate::domain::clone::Template;
use crate::domain::clone::diff::{Difference, diff};
use crate::domain::fault::{Fault, Reason, Step};
use crate::domain::ids::{DeliveryId, PipelineName, Subject, Timestamp};
use crate::domain::intake::authenticated::Secrets;
use crate::domain::intake::envelope::Envelope;
use crate::domain::intake::event::{Decision, Event};
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::outcome::journal::{Journal, Outcome};
use crate::domain::rules::rule::{Rule, Rules, Update};
use crate::domain::state::desired::Spec;
use crate::domain::state::intent::{Intent, Request};
use crate::domain::state::mapping::{ClaimInfo, Mapping};
use crate::domain::state::plan::{Effect, Plan, mend, plan};
use crate::ports::{Ledger, Pipelines, Store};

use crate::inspect::unsigned_payload::DELIVERY;

/// What an explanation looks at.
pub trait AccountReader {
    /// A subject's row.
    fn mapping(&self, subject: &Subject) -> impl Future<Output = Result<Option<Mapping>, Fault>>;
    /// A template.
    fn template(&self, name: &PipelineName) -> impl Future<Output = Result<Template, Fault>>;
}

/// The table and CodePipeline as they are. A template is asked for once.
pub struct Account<S, P> {
    /// The table.
    pub ledger: S,
    /// CodePipeline.
    pub pipelines: P,
    templates: RefCell<BTreeMap<PipelineName, Result<Template, Fault>>>,
}

impl<S, P> Account<S, P> {
    /// Over these ports.
    pub fn new(ledger: S, pipelines: P) -> Self {
        Self {
            ledger,
            pipelines,
            templates: RefCell::default(),
        }
    }
}

impl<S: Store, P: Pipelines> AccountReader for Account<S, P> {
    async fn mapping(&self, subject: &Subject) -> Result<Option<Mapping>, Fault> {
        self.ledger.mapping(subject).await
    }

    async fn template(&self, name: &PipelineName) -> Result<Template, Fault> {
        if let Some(known) = self.templates.borrow().get(name) {
            return known.clone();
        }
        let said = self.pipelines.template(name).await;
        self.templates
            .borrow_mut()
            .insert(name.clone(), said.clone());
        said
    }
}

/// What would happen to a message.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// How far it would get, and what it would come to.
    pub journal: Journal,
    /// The same in a sentence.
    pub would: String,
    /// The clone beside its template, where one would be made or written anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clone: Option<Compared>,
    /// What was recorded of the delivery, where it was one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recorded: Vec<AuditEntry>,
    /// Whether it would be buried.
    pub buried: bool,
}

/// A clone and its template.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// The template's name.
    pub template: String,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_version: Option<i32>,
    /// The clone's name.
    pub pipeline: String,
    /// In what it differs.
    pub differences: Vec<Difference>,
}

/// What a dry walk goes by.
pub struct ExplainContext<'a, S> {
    /// The rules.
    pub rules: &'a Rules,
    /// The table's name.
    pub table: &'a str,
    /// The table and CodePipeline.
    pub sight: &'a S,
    /// The time: a claim that was held when the message came may be nobody's now.
    pub now: Timestamp,
}

/// Explains a message. The mapping and the template are looked at; the tags of a clone that is there and the places of a
/// rule with `max_active` are not.
///
/// # Errors
/// What kept us from looking: the table or CodePipeline did not answer. A fault of the message itself is part of the
/// explanation.
pub async fn explain<S: AccountReader>(
    envelope: Envelope,
    secrets: &Secrets,
    today: &ExplainContext<'_, S>,
) -> Result<Explanation, Fault> {
    let mut journal = Journal::open(&envelope);
    let walked = walk(envelope, secrets, today, &mut journal).await;
    let (would, clone, buried) = match walked {
        Ok((would, clone)) => (would, clone, false),
        Err(fault) if fault.reason.is_of_aws() => return Err(fault),
        Err(fault) => {
            journal.fail(&fault);
            (format!("bury it: {fault}"), None, true)
        }
    };
    journal.delivery.take_if(|delivery| delivery == DELIVERY);
    Ok(Explanation {
        journal,
        would,
        clone,
        recorded: Vec::new(),
        buried,
    })
}

type Walked = Result<(String, Option<Compared>), Fault>;

async fn walk<S: AccountReader>(
    envelope: Envelope,
    secrets: &Secrets,
    today: &ExplainContext<'_, S>,
    journal: &mut Journal,
) -> Walked {
    let ExplainContext {
        rules,
        table,
        sight,
        now,
    } = *today;
    let delivery = envelope.verify(secrets).map_err(|refused| refused.fault)?;
    journal.delivery(&delivery);
    let ignored = |journal: &mut Journal, why| {
        let outcome = Outcome::Ignored(why);
        journal.close(&outcome);
        let detail = journal.detail.clone().unwrap_or_default();
        Ok((format!("ignore it: {detail}"), None))
    };
    let event = match Event::read(&delivery)? {
        Decision::Handle(event) => event,
        Decision::Ignore(why) => return ignored(journal, why),
    };
    journal.event(&event);
    let aim = match Intent::read(event, rules, delivery.id(), delivery.received_at())? {
        Decision::Handle(aim) => aim,
        Decision::Ignore(why) => return ignored(journal, why),
    };
    let claim = ClaimInfo {
        owner: "explain".to_owned(),
        until: now,
    };
    let plan = match aim {
        Request::Subject(intent) => {
            journal.intent(&intent);
            let seen = sight.mapping(&intent.subject).await?;
            journal.found(seen.as_ref());
            plan(&intent, seen.as_ref(), claim, now)
        }
        Request::Repair(asked) => {
            journal.mend(&asked);
            let seen = sight.mapping(&asked.repair.subject).await?;
            journal.found(seen.as_ref());
            mend(&asked, seen.as_ref(), rules, claim, now)
        }
        Request::Repository(leave) => {
            journal.leave(&leave);
            journal.outcome = "would-leave";
            return Ok((format!("remove every clone of {}", leave.name), None));
        }
    };
    match plan {
        Plan::Nothing(why) => {
            journal.close(&Outcome::Unchanged(why));
            Ok((format!("do nothing: {}", why.as_str()), None))
        }
        Plan::Busy { until } => {
            journal.outcome = "would-wait";
            Ok((
                format!("wait: another worker holds this subject until {until}"),
                None,
            ))
        }
        Plan::Record(transition) => {
            journal.close(&Outcome::Recorded(transition.next.absence));
            let why = transition
                .next
                .absence
                .map_or("nothing to do", |why| why.as_str());
            Ok((
                format!("record it, and leave its pipeline as it is: {why}"),
                None,
            ))
        }
        Plan::Act { transition, effect } => {
            act(&transition.next, &effect, rules, table, sight, journal).await
        }
    }
}

async fn act(
    next: &Mapping,
    effect: &Effect,
    rules: &Rules,
    table: &str,
    sight: &impl AccountReader,
    journal: &mut Journal,
) -> Walked {
    match effect {
        Effect::Create(spec) => {
            let (compared, _) = compare(next, spec, rules, table, sight).await?;
            journal.outcome = "would-create";
            let would = format!("create {} from {}", spec.pipeline, spec.template);
            Ok((would, Some(compared)))
        }
        Effect::Start(spec) => {
            let follows = rule(rules, spec)?.update == Update::NextStart;
            let (compared, digest) = compare(next, spec, rules, table, sight).await?;
            let same = next
                .fingerprint
                .as_ref()
                .is_some_and(|fingerprint| fingerprint.digest == digest);
            let commit = next
                .order
                .head
                .as_ref()
                .map_or("its branch's head", |head| head.as_str());
            if same || !follows {
                journal.outcome = "would-start";
                return Ok((format!("start {} at {commit}", spec.pipeline), None));
            }
            journal.outcome = "would-update";
            let would = format!(
                "bring {} up to date with {}, then start it at {commit}",
                spec.pipeline, spec.template
            );
            Ok((would, Some(compared)))
        }
        Effect::Delete(spec) => {
            journal.outcome = "would-delete";
            let why = next.absence.map_or("closed", |why| why.as_str());
            Ok((format!("delete {}: {why}", spec.pipeline), None))
        }
    }
}

/// The clone beside its template, as rules and template have it today, and its digest.
async fn compare(
    mapping: &Mapping,
    spec: &Spec,
    rules: &Rules,
    table: &str,
    sight: &impl AccountReader,
) -> Result<(Compared, Option<String>), Fault> {
    let template = sight.template(&spec.template).await?;
    let clone = template.clone_for(&mapping.clone_request(spec, rule(rules, spec)?, table))?;
    let compared = Compared {
        template: template.declaration.name().to_owned(),
        template_version: template.version,
        pipeline: spec.pipeline.to_string(),
        differences: diff(&template.declaration, &clone.declaration),
    };
    Ok((compared, clone.fingerprint.digest))
}

fn rule<'a>(rules: &'a Rules, spec: &Spec) -> Result<&'a Rule, Fault> {
    rules.named(&spec.rule).ok_or_else(|| {
        let detail = format!("no rule '{}' any more", spec.rule);
        Fault::new(Step::Plan, Reason::RuleMissing, detail)
    })
}

/// Explains a delivery that was processed: what was recorded, and its subject's clone as it would be made today.
/// `None` where the table knows no such delivery.
///
/// # Errors
/// As [`explain`].
pub async fn recall<S: Ledger, P: Pipelines>(
    delivery: &DeliveryId,
    rules: &Rules,
    table: &str,
    account: &Account<S, P>,
) -> Result<Option<Explanation>, Fault> {
    let Some(subject) = account.ledger.delivered(delivery).await? else {
        return Ok(None);
    };
    let mut recorded = account.ledger.history(&subject).await?;
    // What a person did with it goes under `replay:GUID`.
    recorded.retain(|entry| entry.cause.rsplit(':').next() == Some(delivery.as_str()));
    let mapping = account.ledger.mapping(&subject).await?;
    let mut journal = mapping.as_ref().map(Journal::resume).unwrap_or_default();
    journal.delivery = Some(delivery.to_string());
    journal.outcome = "recalled";
    let spec = mapping
        .as_ref()
        .and_then(|mapping| Some((mapping, mapping.spec.as_ref()?)));
    let clone = match spec {
        None => Ok(None),
        Some((mapping, spec)) => compare(mapping, spec, rules, table, account)
            .await
            .map(|(compared, _)| Some(compared)),
    };
    let (clone, would) = match clone {
        Ok(clone) => (
            clone,
            "do nothing: it was processed; this is its subject's clone as it would be made today"
                .to_owned(),
        ),
        Err(fault) if fault.reason.is_of_aws() => return Err(fault),
        Err(fault) => (
            None,
            format!(
                "do nothing: it was processed; its subject's clone could not be made today: {fault}"
            ),
        ),
    };
    Ok(Some(Explanation {
        journal,
        would,
        clone,
        recorded,
        buried: false,
    }))
}
