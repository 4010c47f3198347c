//! Collects everything that is known of a subject or a delivery, for `why` and `explain
//! --delivery`.

use std::error::Error;

use crate::aws::DynamoStore;
use crate::cli::dlq::Which;
use crate::cli::options::QueueOptions;
use crate::cli::terminal::fault;
use crate::commands::dlq::collect::{CollectedMessage, collect};
use crate::commands::dlq::session::DlqSession;
use crate::commands::interrupt::Interrupt;
use crate::commands::status::names;
use crate::commands::system_clock::SystemClock;
use crate::domain::ids::{DeliveryId, RepositoryName, Subject, SubjectKind};
use crate::inspect::dlq::dead_letter::DeadLetter;
use crate::inspect::evidence::Evidence;
use crate::inspect::mappings::lookup::{self, Named};
use crate::inspect::status::{QueueStatus, daemons};
use crate::inspect::waiting::{Place, Waiting};
use crate::ports::{Clock, HeartbeatReader, PipelineReader, StoreReader, TrailReader};

/// What a person asks about.
pub(super) enum Question {
    /// A subject.
    Named(Named),
    /// A delivery, by GitHub's GUID.
    Delivery(DeliveryId),
}

impl Question {
    /// Parses the text of a person. Whatever looks like a GUID is one.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let groups: Vec<&str> = text.split('-').collect();
        let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
        let is_hex = |c: char| c == '-' || c.is_ascii_hexdigit();
        if lengths == [8, 4, 4, 4, 12] && text.chars().all(is_hex) {
            let delivery = DeliveryId::parse(text.to_ascii_lowercase());
            return delivery.map(Self::Delivery).map_err(|why| why.to_string());
        }
        lookup::parse(text).map(Self::Named)
    }
}

/// The evidence, and the messages that belong to it.
pub(super) struct Found {
    pub(super) evidence: Evidence,
    pub(super) dead_letters: Vec<CollectedMessage>,
    pub(super) quarantine: Vec<CollectedMessage>,
    /// Sessions with the two queues, to predict what would become of their messages.
    pub(super) sessions: [DlqSession; 2],
}

/// Collects everything. A source that cannot be read is noted, and does not hide the others.
pub(super) async fn collect_evidence(
    question: &Question,
    options: &QueueOptions,
    interrupt: &Interrupt,
) -> Result<Found, Box<dyn Error>> {
    let dead_letter_session = DlqSession::open_queue(options, Which::DeadLetters).await?;
    let quarantine_session = DlqSession::open_queue(options, Which::Quarantine).await?;
    let store = dead_letter_session.store();
    let mut evidence = Evidence::default();
    let (named, mut subject) = asked(question, &store).await?;
    evidence.subject = named;
    if let Question::Delivery(delivery) = question {
        evidence.delivery = Some(delivery.clone());
    }
    overview(&dead_letter_session, &store, &mut evidence).await;
    let text = evidence
        .subject
        .as_ref()
        .map(|(name, kind)| kind.display(name));
    let matches = |message: &DeadLetter| match question {
        Question::Delivery(delivery) => message.delivery.as_deref() == Some(delivery.as_str()),
        Question::Named(_) => {
            let is_text = |text: &String| {
                message
                    .subject
                    .as_ref()
                    .is_some_and(|one| one.eq_ignore_ascii_case(text))
            };
            (subject.is_some() && message.key == subject) || text.as_ref().is_some_and(is_text)
        }
    };
    let mut messages = [Vec::new(), Vec::new()];
    for (found, (session, which)) in messages.iter_mut().zip([
        (&dead_letter_session, Which::DeadLetters),
        (&quarantine_session, Which::Quarantine),
    ]) {
        match collect(session, |message, _| matches(message), interrupt).await {
            Ok(collected) => {
                *found = collected.messages;
                if collected.partial {
                    let why = "other consumers hold messages, which were not seen";
                    evidence.unknown.push(format!("{}: {why}", which.as_str()));
                }
            }
            Err(why) if interrupt.is_requested() => return Err(why),
            Err(why) => evidence.unknown.push(format!("{}: {why}", which.as_str())),
        }
    }
    let [mut dead_letters, quarantine] = messages;
    dead_letters.sort_by_key(|one| std::cmp::Reverse(one.sent_at));
    if subject.is_none() {
        subject = dead_letters.iter().find_map(|one| one.message.key.clone());
    }
    if let Some(subject) = &subject {
        table(subject, &dead_letter_session, &store, &mut evidence).await?;
        if evidence.subject.is_none() {
            evidence.subject = dead_letters.iter().find_map(|one| {
                let name = one.message.repository.as_deref()?;
                let name = RepositoryName::parse(name).ok()?;
                Some((name, subject.kind.clone()))
            });
        }
    }
    let shown = |messages: &[CollectedMessage]| -> Vec<DeadLetter> {
        messages.iter().map(|one| one.message.clone()).collect()
    };
    evidence.dead_letters = shown(&dead_letters);
    evidence.quarantine = shown(&quarantine);
    Ok(Found {
        evidence,
        dead_letters,
        quarantine,
        sessions: [dead_letter_session, quarantine_session],
    })
}

type Asked = (Option<(RepositoryName, SubjectKind)>, Option<Subject>);

/// Returns the subject as people name it, and as the table does, as far as they are known.
async fn asked(question: &Question, store: &DynamoStore) -> Result<Asked, Box<dyn Error>> {
    Ok(match question {
        Question::Delivery(delivery) => (None, store.delivered(delivery).await.map_err(fault)?),
        Question::Named(Named::Key(subject)) => (None, Some(subject.clone())),
        Question::Named(Named::Subject(name, kind)) => {
            let repository = store.repository(name).await.map_err(fault)?;
            let subject = repository.map(|repository| Subject {
                repository,
                kind: kind.clone(),
            });
            (Some((name.clone(), kind.clone())), subject)
        }
        Question::Named(Named::Pipeline(name)) => {
            (None, Some(lookup::subject(name.as_str(), store).await?))
        }
    })
}

/// Reads the daemons and the queues.
async fn overview(session: &DlqSession, store: &DynamoStore, evidence: &mut Evidence) {
    match store.heartbeats().await {
        Ok(heartbeats) => evidence.daemons = daemons(heartbeats, SystemClock.now()),
        Err(fault) => evidence
            .unknown
            .push(format!("daemons: {}", fault.for_operator())),
    }
    for (name, url) in names(&session.config.queues) {
        match session.aws.queue_counts(url).await {
            Ok(counts) => evidence.queues.push(QueueStatus::new(name, counts)),
            Err(fault) => evidence
                .unknown
                .push(format!("queue {name}: {}", fault.for_operator())),
        }
    }
}

/// Reads the mapping of a subject, its history and its pipeline.
async fn table(
    subject: &Subject,
    session: &DlqSession,
    store: &DynamoStore,
    evidence: &mut Evidence,
) -> Result<(), Box<dyn Error>> {
    evidence.history = store.history(subject).await.map_err(fault)?;
    let mapping = match store.mapping(subject).await {
        Ok(mapping) => mapping,
        Err(fault) => {
            evidence
                .unknown
                .push(format!("mapping: {}", fault.for_operator()));
            None
        }
    };
    if let Some(row) = &mapping {
        evidence.subject = Some((row.repository.clone(), subject.kind.clone()));
        let waiting = Waiting::of(row, store, SystemClock.now()).await;
        evidence.waiting = waiting.map_err(fault)?;
        evidence.place = Place::of(row, store).await.map_err(fault)?;
        if let Some((name, arn)) = row.pipeline_name().zip(row.pipeline_arn()) {
            let pipelines = session.aws.pipelines(session.config.codepipeline_rate);
            match pipelines.find(name, Some(arn)).await {
                Ok(found) => evidence.pipeline_exists = Some(found.is_some()),
                Err(fault) => evidence
                    .unknown
                    .push(format!("pipeline: {}", fault.for_operator())),
            }
        }
    }
    evidence.mapping = mapping;
    Ok(())
}
