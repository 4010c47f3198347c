//! What differs between GitHub and the mappings.

use crate::domain::fault::Fault;
use crate::domain::ids::{CommitId, Subject, Timestamp};
use crate::domain::intake::sighting::{Seen, Sighting};
use crate::domain::report::record::CommitKey;
use crate::domain::rules::rule::Rules;
use crate::domain::state::difference::{Difference, difference};
use crate::domain::state::effect::Effect;
use crate::domain::state::intent::report_target;
use crate::domain::state::mapping::Mapping;
use crate::domain::text::plural;
use crate::ports::{CommitLog, StoreReader};

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What GitHub shows.
    pub sighting: Sighting,
    /// The subject; `None` for a repository as a whole.
    pub subject: Option<Subject>,
    /// What follows.
    pub change: Change,
    /// True if it is sent to the internal queue.
    pub is_sent: bool,
}

/// What follows from a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// What the plan says about one subject.
    Subject(Difference),
    /// All pipelines of the repository would be deleted, so many.
    DeleteAll(usize),
    /// The rows of the repository would have another name.
    Rename,
}

impl Finding {
    /// Returns the subject or the repository as people write it: `acme/api#7`.
    #[must_use]
    pub fn what(&self) -> String {
        let name = &self.sighting.name;
        self.subject
            .as_ref()
            .map_or_else(|| name.to_string(), |subject| subject.display(name))
    }

    /// Returns a word for what follows, for tables and metrics.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match &self.change {
            Change::Subject(Difference::Effect(Effect::Create(_))) => "create",
            Change::Subject(Difference::Effect(Effect::Start(_))) => "start",
            Change::Subject(Difference::Effect(Effect::Delete(_))) | Change::DeleteAll(_) => {
                "delete"
            }
            Change::Subject(
                Difference::Effect(Effect::Adopt(_)) | Difference::Recorded | Difference::Nothing,
            ) => "record",
            Change::Subject(Difference::Recent) => "recent",
            Change::Subject(Difference::Failing) => "failing",
            Change::Subject(Difference::Refused(_)) => "refused",
            Change::Rename => "rename",
        }
    }

    /// Describes it in a phrase.
    #[must_use]
    pub fn detail(&self) -> String {
        let seen = self.seen();
        match &self.change {
            Change::Subject(Difference::Effect(Effect::Create(spec))) => {
                format!(
                    "{seen}, and there is no pipeline: {} is created",
                    spec.pipeline
                )
            }
            Change::Subject(Difference::Effect(Effect::Start(spec))) => {
                format!(
                    "{seen}, and {} has not built it: it is started",
                    spec.pipeline
                )
            }
            Change::Subject(Difference::Effect(Effect::Delete(name))) => {
                format!("{seen}: {name} is deleted")
            }
            Change::Subject(
                Difference::Effect(Effect::Adopt(_)) | Difference::Recorded | Difference::Nothing,
            ) => {
                format!("{seen}: the mapping is updated")
            }
            Change::Subject(Difference::Recent) => {
                format!(
                    "{seen}: it changed in the last two minutes, and its webhook may still come"
                )
            }
            Change::Subject(Difference::Failing) => {
                format!(
                    "{seen}: the last attempt failed; see `branchline why {}`",
                    self.what()
                )
            }
            Change::Subject(Difference::Refused(fault)) => format!("{seen}: {fault}"),
            Change::DeleteAll(count) => {
                format!("{seen}: {} deleted", are(*count))
            }
            Change::Rename => format!("{seen}: the mappings get the new name"),
        }
    }

    fn seen(&self) -> String {
        match &self.sighting.seen {
            Seen::PullRequest(pull) if pull.open => format!("open at {}", short(&pull.sha)),
            Seen::PullRequest(_) => "closed".to_owned(),
            Seen::Branch(_, Some(head)) => format!("at {}", short(head)),
            Seen::Branch(_, None) => "the branch does not exist".to_owned(),
            Seen::Archived => "the repository is archived".to_owned(),
            Seen::RenamedFrom(before) => format!("{before} has this name now"),
        }
    }
}

fn short(commit: &CommitId) -> &str {
    commit.as_str().get(..8).unwrap_or_default()
}

fn are(count: usize) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{} {verb}", plural(count, "pipeline"))
}

/// Compares the subjects of one repository.
pub(super) struct Compare<'a, S> {
    store: &'a S,
    rules: &'a Rules,
    begun: Timestamp,
    rows: &'a [Mapping],
    pub(super) findings: Vec<Finding>,
}

impl<'a, S: StoreReader + CommitLog> Compare<'a, S> {
    pub(super) fn new(
        store: &'a S,
        rules: &'a Rules,
        begun: Timestamp,
        rows: &'a [Mapping],
    ) -> Self {
        Self {
            store,
            rules,
            begun,
            rows,
            findings: Vec::new(),
        }
    }

    /// Adds a finding about the repository as a whole.
    pub(super) fn repository(&mut self, sighting: Sighting, pipelines: usize) {
        let change = match &sighting.seen {
            Seen::Archived => Change::DeleteAll(pipelines),
            Seen::PullRequest(_) | Seen::Branch(..) | Seen::RenamedFrom(_) => Change::Rename,
        };
        self.findings.push(Finding {
            sighting,
            subject: None,
            change,
            is_sent: true,
        });
    }

    /// Compares a pull request or a branch with its row, and adds a finding if they differ.
    /// `changed_at` is when it last changed at GitHub, if that is known.
    pub(super) async fn subject(
        &mut self,
        sighting: Sighting,
        changed_at: Option<Timestamp>,
    ) -> Result<(), Fault> {
        let event = sighting.event();
        let Some(subject) = event.subject() else {
            return Ok(());
        };
        let read;
        let row = match self.rows.iter().find(|row| row.subject == subject) {
            Some(row) => Some(row),
            None => {
                read = self.store.mapping(&subject).await?;
                read.as_ref()
            }
        };
        let mut found = difference(&sighting, self.rules, row, self.begun);
        if let Some(changed_at) = changed_at {
            found = found.unless_recent(changed_at, self.begun);
        }
        let is_sent = match &found {
            Difference::Nothing => return Ok(()),
            Difference::Recent | Difference::Failing => false,
            Difference::Recorded => true,
            Difference::Effect(effect) => {
                let builds = matches!(effect, Effect::Create(_) | Effect::Start(_));
                let head = event.open_head().filter(|_| builds);
                if let Some(head) = head
                    && self.store.is_skipped(subject.repository, head).await?
                {
                    return Ok(());
                }
                true
            }
            // The daemon reports the refusal on the commit, once.
            Difference::Refused(_) => match event.open_head() {
                Some(head) if report_target(&event, self.rules).is_some() => {
                    let key = CommitKey {
                        subject: subject.clone(),
                        commit: head.clone(),
                    };
                    self.store.commit(&key).await?.is_none()
                }
                Some(_) | None => false,
            },
        };
        self.findings.push(Finding {
            sighting,
            subject: Some(subject),
            change: Change::Subject(found),
            is_sent,
        });
        Ok(())
    }
}
