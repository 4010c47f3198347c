//! Predicts what the daemon would do with a message, and how the clone would differ from its
//! template. Nothing is changed: the daemon's own path runs over rehearsal ports.

use std::sync::Arc;

use serde::Serialize;

use crate::domain::clone::overrides::TeardownPolicy;
use crate::domain::fault::Fault;
use crate::domain::ids::Owner;
use crate::domain::intake::authenticated::Authenticator;
use crate::domain::intake::envelope::Envelope;
use crate::domain::outcome::audit_entry::AuditEntry;
use crate::domain::outcome::disposition::{Disposition, MaxAttempts};
use crate::domain::outcome::journal::{About, Journal};
use crate::domain::outcome::result::{JournalResult, Outcome};
use crate::domain::rules::rule::Rules;
use crate::domain::state::mapping::Mapping;
use crate::domain::state::slots::PipelineQuota;
use crate::inspect::given_file::{FilesAtPaths, GivenFiles};
use crate::inspect::predicted_report::PredictedReport;
use crate::inspect::rehearsal::{
    CloneComparison, PredictedEffect, PredictedProject, RehearsalPipelines, RehearsalProjects,
    RehearsalStacks, RehearsalStore,
};
use crate::inspect::unsigned_payload::is_no_delivery;
use crate::ports::{Clock, PipelineReader, ProjectReader, StackReader, StoreReader};
use crate::reconcile::{Reconciler, ReconcilerConfig};

/// The prediction of what would happen to a message.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The journal that the message would have.
    pub journal: Journal,
    /// The prediction as a sentence.
    pub prediction: String,
    /// The calls to CodePipeline that would be made, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<PredictedEffect>,
    /// The calls to CodeBuild that would be made, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<PredictedProject>,
    /// The comparison of the clone with its template, if it would be created or updated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clone: Option<CloneComparison>,
    /// What GitHub would show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<PredictedReport>,
    /// The audit entries of the delivery, if it was processed before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recorded: Vec<AuditEntry>,
    /// Where the delivery is, if it was asked for by its GUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whereabouts: Option<Whereabouts>,
    /// True if the message would be dead-lettered, quarantined or discarded; for a delivery, if it
    /// was.
    pub dead_lettered: bool,
}

/// Where a delivery is, and which source says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Whereabouts {
    /// `processed`, `waiting`, `dead-lettered`, `replayed`, `dropped`, `quarantined` or `unseen`.
    pub state: &'static str,
    /// The source.
    pub source: &'static str,
    /// What the source says.
    pub detail: String,
}

/// The configuration of a rehearsal.
pub struct RehearsalConfig {
    /// The rules.
    pub rules: Rules,
    /// The name of this installation.
    pub owner: Owner,
    /// Authenticates messages.
    pub authenticator: Authenticator,
    /// How many times the daemon lets a message fail.
    pub max_attempts: MaxAttempts,
    /// The Region of the pipelines, for links.
    pub region: String,
    /// The files that the rules read from repositories. The prediction names one that is missing
    /// here.
    pub files: GivenFiles,
    /// CodeBuild, for rules whose clones have projects.
    pub projects: Arc<dyn ProjectReader>,
    /// CloudFormation, for rules whose stacks the daemon deletes.
    pub stacks: Arc<dyn StackReader>,
}

/// The daemon's own path over rehearsal ports. Messages that are rehearsed one after the other see
/// each other's effects.
pub struct Rehearsal<S, P, C> {
    reconciler: Reconciler<RehearsalStore<S>, RehearsalPipelines<P>, C>,
    projects: Arc<RehearsalProjects>,
    owner: Owner,
    region: String,
    /// True if the file that declares a clone was given.
    has_template: bool,
    /// True if the file that changes a clone was given.
    has_file: bool,
}

impl<S: StoreReader, P: PipelineReader, C: Clock> Rehearsal<S, P, C> {
    /// Creates a rehearsal over this table and this CodePipeline.
    pub fn new(store: S, pipelines: P, clock: C, config: RehearsalConfig) -> Self {
        let (owner, region) = (config.owner, config.region);
        let files = config.files;
        let has_template = files.template_file.is_some();
        let has_file = files.repository_file.is_some();
        let files = FilesAtPaths::new(files, &config.rules);
        let projects = Arc::new(RehearsalProjects::new(config.projects));
        let config = ReconcilerConfig {
            rules: config.rules,
            authenticator: config.authenticator,
            owner: owner.clone(),
            worker: "rehearsal".to_owned(),
            max_attempts: config.max_attempts,
            region: region.clone(),
            // A prediction looks at nobody else's pipelines.
            files: Some(Arc::new(files)),
            projects: projects.clone(),
            stacks: Arc::new(RehearsalStacks::new(config.stacks)),
            quota: PipelineQuota {
                limit: u32::MAX,
                reserve: 0,
            },
        };
        let store = RehearsalStore::new(store);
        let pipelines = RehearsalPipelines::new(pipelines);
        Self {
            reconciler: Reconciler::new(store, pipelines, clock, config),
            projects,
            owner,
            region,
            has_template,
            has_file,
        }
    }

    /// Predicts what would become of a message that is sent now, as a replay sends a dead letter.
    /// Earlier receives do not count: a replay is a new message.
    ///
    /// # Errors
    /// The table or CodePipeline did not answer, so nothing can be predicted. A fault of the
    /// message itself is part of the explanation.
    ///
    /// If cancelled, nothing was changed.
    pub async fn explain(&self, mut envelope: Envelope) -> Result<Explanation, Fault> {
        envelope.receive_count = 1;
        let processed = self.reconciler.process(envelope, None).await;
        let (effects, clone) = self.reconciler.pipelines().take();
        let mut journal = processed.journal;
        let store = self.reconciler.store();
        let mut records = journal
            .commits
            .iter()
            .rev()
            .filter_map(|key| store.rehearsed_commit(key));
        let report =
            records.find_map(|record| PredictedReport::new(&record, &self.owner, &self.region));
        // No execution was started, and a payload from a file was never delivered.
        journal.execution = None;
        if journal.delivery.take_if(|id| is_no_delivery(id)).is_some() {
            journal.proved_by = None;
        }
        let dead_lettered = match (&processed.disposition, journal.fault()) {
            (Disposition::DeadLetter(_) | Disposition::Quarantine(_) | Disposition::Discard, _) => {
                true
            }
            (Disposition::Retry { .. }, Some(fault)) if fault.reason.is_from_aws() => {
                return Err(fault.clone());
            }
            (Disposition::Delete | Disposition::Retry { .. }, _) => false,
        };
        let mut prediction = self.sentence(&journal, &processed.disposition, clone.as_ref());
        if !effects.is_empty() {
            prediction.push_str(&self.unread_files(&journal));
        }
        Ok(Explanation {
            prediction,
            journal,
            effects,
            projects: self.projects.take(),
            clone,
            report,
            recorded: Vec::new(),
            whereabouts: None,
            dead_lettered,
        })
    }

    /// Says which files the rule reads and the prediction has not; empty if there are none.
    fn unread_files(&self, journal: &Journal) -> String {
        let rule = journal.rule.as_deref();
        let Some(rule) = rule.and_then(|name| self.reconciler.rules().named(name)) else {
            return String::new();
        };
        let template = rule.template_file.as_ref().map(|file| &file.path);
        let file = rule.repository_file.as_ref().map(|file| &file.path);
        let unread = [
            (template.filter(|_| !self.has_template), "--template-file"),
            (file.filter(|_| !self.has_file), "--repository-file"),
        ];
        let unread = unread
            .iter()
            .filter_map(|(path, flag)| Some((path.as_ref()?.as_str(), *flag)));
        let (paths, flags): (Vec<&str>, Vec<&str>) = unread.unzip();
        if paths.is_empty() {
            return String::new();
        }
        format!(
            ", as for a commit without {} (give {})",
            paths.join(" and "),
            flags.join(" and ")
        )
    }

    fn sentence(
        &self,
        journal: &Journal,
        disposition: &Disposition,
        clone: Option<&CloneComparison>,
    ) -> String {
        let row = match &journal.about {
            Some(About::Subject(subject)) => self.reconciler.store().rehearsed(subject),
            Some(About::Repository) | None => None,
        };
        match &journal.result {
            JournalResult::Open => "do nothing".to_owned(),
            JournalResult::Failed(fault) => failure(fault, disposition),
            JournalResult::Ended(outcome) => success(outcome, journal, row.as_ref(), clone),
        }
    }
}

fn failure(fault: &Fault, disposition: &Disposition) -> String {
    match disposition {
        Disposition::DeadLetter(_) => format!("dead-letter it: {fault}"),
        Disposition::Quarantine(_) => format!("quarantine it: {fault}"),
        Disposition::Discard => format!("discard it: {fault}"),
        Disposition::Retry { class, .. } if class.is_uncounted() => {
            format!("wait: {}", fault.detail)
        }
        Disposition::Retry { .. } => format!("wait: {fault}"),
        Disposition::Delete => format!("build nothing: {fault}"),
    }
}

fn success(
    outcome: &Outcome,
    journal: &Journal,
    row: Option<&Mapping>,
    clone: Option<&CloneComparison>,
) -> String {
    let pipeline = journal
        .pipeline
        .as_ref()
        .map_or("the pipeline", |name| name.as_str());
    let template = clone.map_or("its template", |clone| clone.template.as_str());
    let head = row.and_then(|row| row.order.head.as_ref());
    let commit = head.map_or("its branch's head", |head| head.as_str());
    let absence = row.and_then(Mapping::absence);
    let sleep = row.and_then(|row| row.activity.sleep);
    let detail = outcome.detail().unwrap_or_default();
    match outcome {
        Outcome::Ignored(_) => format!("ignore it: {detail}"),
        Outcome::Unchanged(_) => format!("do nothing: {detail}"),
        Outcome::Recorded(None) if sleep.is_some() => {
            "record it, and create no pipeline before the next activity".to_owned()
        }
        Outcome::Recorded(Some(_)) => format!("{}: {detail}", recorded(row)),
        Outcome::Recorded(None) => recorded(row).to_owned(),
        Outcome::Created => format!("create {pipeline} from {template}"),
        Outcome::AlreadyCreated => format!("record that {pipeline} exists already"),
        Outcome::Adopted => format!("record that {pipeline} exists, whose mapping was lost"),
        Outcome::Started => format!("start {pipeline} at {commit}"),
        Outcome::Retried => format!("retry the failed stage of {pipeline} at {commit}"),
        Outcome::Updated => {
            format!("update {pipeline} to {template}, then start it at {commit}")
        }
        Outcome::ExecutionRecorded => format!("record an execution of {pipeline}"),
        Outcome::TeardownStarted => teardown(pipeline, row),
        Outcome::TeardownFailed(_) => format!(
            "fail to let {pipeline} remove the environment of its subject, and try again later: {detail}"
        ),
        Outcome::LeftBehind => format!(
            "record that {pipeline} does not exist, and that the environment of its subject is left behind"
        ),
        Outcome::Deleted => {
            let asleep = sleep.map(|sleep| sleep.reason.as_str());
            let why = absence.map(|why| why.as_str()).or(asleep);
            let why = why.unwrap_or("closed");
            format!("delete {pipeline}: {why}")
        }
        Outcome::AlreadyDeleted => format!("record that {pipeline} does not exist"),
        Outcome::SkippedForeign => {
            format!("leave {pipeline} alone: branchline did not create it for this subject")
        }
        Outcome::RepositoryRemoved(_) => {
            let repository = journal.repository.as_ref();
            let repository = repository.map_or("the repository", |name| name.as_str());
            format!("remove every clone of {repository}: {detail}")
        }
        Outcome::RepositoryRenamed { .. } => {
            let repository = journal.repository.as_ref();
            let repository = repository.map_or("the repository", |name| name.as_str());
            format!("record the new name {repository}: {detail}")
        }
        Outcome::AlreadyProcessed => "do nothing: it was processed".to_owned(),
    }
}

/// Says what is done about an event that is only recorded.
fn recorded(row: Option<&Mapping>) -> &'static str {
    match row.is_some_and(|row| row.state.is_removed()) {
        true => "record it, and create no pipeline",
        false => "record it, and leave its pipeline as it is",
    }
}

/// Says how the environment of a subject is removed.
fn teardown(pipeline: &str, row: Option<&Mapping>) -> String {
    let policy = row.and_then(|row| row.resources.teardown_policy.clone());
    match policy.unwrap_or_default() {
        TeardownPolicy::Pipeline(template) => format!(
            "let {pipeline} remove the environment of its subject, as a clone of {template}, then delete it"
        ),
        TeardownPolicy::Stacks => {
            format!("delete {pipeline}, then the stacks of its subject, one after the other")
        }
        TeardownPolicy::Run | TeardownPolicy::None => {
            format!("let {pipeline} delete the stacks of its subject, then delete it")
        }
    }
}
