//! Audits the CodeBuild projects of clones: those that a mapping has, and those that none has.

use std::collections::BTreeSet;

use crate::domain::clone::NewPipeline;
use crate::domain::clone::projects::{Project, ProjectClone};
use crate::domain::clone::tags::{PIPELINE, REPOSITORY, Tags, is_ours, is_owned, subject_of};
use crate::domain::fault::Fault;
use crate::domain::ids::{PipelineName, ProjectName, RepositoryName, Subject};
use crate::domain::intake::repair_request::{FindingKind, Repair, RepairKind};
use crate::domain::state::mapping::Mapping;
use crate::ports::{Clock, PipelineReader, StoreReader, TagIndex};

use crate::inspect::audit::{Auditor, is_unreadable};
use crate::inspect::audit_report::{Finding, ProjectDefect};

impl<S: StoreReader, P: PipelineReader, I: TagIndex, C: Clock> Auditor<'_, S, P, I, C> {
    /// Returns what is wrong with the CodeBuild projects of a row. They are compared with those of
    /// `clone`, if one is given. A row without projects, whose clone needs none, costs no call.
    pub(super) async fn project_defect(
        &self,
        row: &Mapping,
        clone: Option<&NewPipeline>,
    ) -> Result<Option<ProjectDefect>, Fault> {
        let wanted = clone.map_or(&[][..], |clone| &clone.projects);
        let recorded = &row.resources.projects;
        let copied = wanted.iter().flat_map(|one| [&one.name, &one.template]);
        let names: BTreeSet<_> = recorded.iter().map(|one| &one.name).chain(copied).collect();
        let names: Vec<ProjectName> = names.into_iter().cloned().collect();
        if names.is_empty() {
            return Ok(None);
        }
        let found = self.projects.projects(&names).await?;
        for one in recorded {
            if let Some(defect) = self.absent(row, &one.name, found.get(&one.name)) {
                return Ok(Some(defect));
            }
        }
        for one in wanted {
            let live = (found.get(&one.template), found.get(&one.name));
            if let Some(detail) = drifted(row, one, live) {
                let project = one.name.clone();
                return Ok(Some(defect(project, detail)));
            }
        }
        let is_wanted = |name: &ProjectName| wanted.iter().any(|one| one.name == *name);
        let unused = recorded.iter().find(|one| !is_wanted(&one.name));
        Ok(unused.filter(|_| clone.is_some()).map(|one| {
            let detail = "is not needed any more: its next start, or a repair, deletes it";
            defect(one.name.clone(), detail.to_owned())
        }))
    }

    /// Returns what is wrong with a project that does not exist, or is not this subject's.
    fn absent(
        &self,
        row: &Mapping,
        name: &ProjectName,
        found: Option<&Project>,
    ) -> Option<ProjectDefect> {
        match found {
            None => {
                let detail = "does not exist: its next start, or a repair, creates it";
                Some(defect(name.clone(), detail.to_owned()))
            }
            Some(found) if is_ours(&found.tags(), &row.subject, self.owner) => None,
            Some(_) => Some(ProjectDefect {
                repairable: false,
                ..defect(
                    name.clone(),
                    "does not carry this subject's branchline tags: put them back, or delete it by hand".to_owned(),
                )
            }),
        }
    }

    /// Checks a project that belongs to no mapping, according to the index of tags.
    pub(super) async fn orphan_project(
        &self,
        name: &ProjectName,
    ) -> Result<Option<Finding>, Fault> {
        let Some(tags) = self.tags_of(name).await? else {
            return Ok(None);
        };
        let Some(subject) = subject_of(&tags, self.owner) else {
            let why = "its tags do not identify its subject";
            return Ok(Some(by_hand(name, &tags, why)));
        };
        let row = match self.account.store.mapping(&subject).await {
            // The row is a finding itself.
            Err(fault) if is_unreadable(&fault) => return Ok(None),
            row => row?,
        };
        let is_recorded = |row: &Mapping| {
            let mut recorded = row.resources.projects.iter();
            recorded.any(|one| one.name == *name) || row.claim_at(self.clock.now()).is_some()
        };
        // The daemon may have deleted it in the meantime.
        if row.as_ref().is_some_and(is_recorded) || self.tags_of(name).await?.is_none() {
            return Ok(None);
        }
        Ok(Some(orphan(name, &tags, &subject, row.as_ref())))
    }

    /// Returns the tags of a project of this installation, as CodeBuild has them.
    async fn tags_of(&self, name: &ProjectName) -> Result<Option<Tags>, Fault> {
        let found = self.projects.projects(std::slice::from_ref(name)).await?;
        let tags = found.get(name).map(Project::tags);
        Ok(tags.filter(|tags| is_owned(tags, self.owner)))
    }
}

/// Returns the difference between a project and the one that the rule produces today.
fn drifted(
    row: &Mapping,
    wanted: &ProjectClone,
    (template, live): (Option<&Project>, Option<&Project>),
) -> Option<String> {
    let Some(template) = template else {
        return Some(format!(
            "is a copy of '{}', which does not exist: correct the template",
            wanted.template
        ));
    };
    let new = match wanted.from_template(template) {
        Ok(new) => new,
        Err(fault) => return Some(format!("could not be created today: {fault}")),
    };
    let mut recorded = row.resources.projects.iter();
    let recorded = recorded.find(|one| one.name == wanted.name);
    let written = recorded.and_then(|one| one.fingerprint.as_ref());
    if written != Some(&new.fingerprint) {
        return Some(format!(
            "was made before '{}' or the rule changed: its next start, or a repair, updates it",
            wanted.template
        ));
    }
    let member = live.and_then(|live| live.differs_from(&new))?;
    Some(format!(
        "has another {member}, because it was edited since: a repair restores it"
    ))
}

fn defect(project: ProjectName, detail: String) -> ProjectDefect {
    ProjectDefect {
        project,
        detail,
        repairable: true,
    }
}

/// Returns the finding of a project that a repair deletes.
fn orphan(name: &ProjectName, tags: &Tags, subject: &Subject, row: Option<&Mapping>) -> Finding {
    let pipeline = tags.get(PIPELINE).cloned();
    let pipeline = pipeline.and_then(|name| PipelineName::parse(name).ok());
    let (Some(pipeline), Some(repository)) = (pipeline, repository(tags)) else {
        return by_hand(name, tags, "its tags do not say enough for a repair");
    };
    let existing = row.filter(|row| !row.state.is_removed());
    let what = match existing {
        Some(_) => {
            "its subject's mapping does not know it: a repair records it, and the next start or the end of its pipeline deletes it"
        }
        None => "it belongs to no mapping: a repair deletes it",
    };
    let repair = Repair {
        subject: subject.clone(),
        generation: row.map_or(0, |row| row.generation),
        kind: RepairKind::Fix(FindingKind::Orphan),
        pipeline: pipeline.clone(),
        project: Some(name.clone()),
    };
    Finding {
        subject: Some(subject.display(&repository)),
        pipeline: Some(pipeline.to_string()),
        repairable: true,
        repair: Some((repair, repository)),
        detail: what.to_owned(),
        ..by_hand(name, tags, what)
    }
}

/// Returns the finding of a project that a person must delete.
fn by_hand(name: &ProjectName, tags: &Tags, why: &str) -> Finding {
    let detail = format!("{why}: delete it by hand: aws codebuild delete-project --name {name}");
    Finding {
        pipeline: tags.get(PIPELINE).cloned(),
        project: Some(name.to_string()),
        ..Finding::by_hand(FindingKind::Orphan, detail)
    }
}

fn repository(tags: &Tags) -> Option<RepositoryName> {
    RepositoryName::parse(tags.get(REPOSITORY)?.as_str()).ok()
}
