//! The result of an audit: the defects, and the number of mappings that wait for something.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::fault::Fault;
use crate::domain::ids::{PipelineName, ProjectName, RepositoryName};
use crate::domain::intake::repair_request::{FindingKind, Repair, RepairKind};
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::text::plural;
use crate::inspect::waiting::Waiting;

/// The result of an audit.
#[derive(Debug, Default)]
pub struct AuditReport {
    /// The defects.
    pub findings: Vec<Finding>,
    /// The mappings that wait for something, which is not a defect.
    pub waiting: BTreeMap<Waiting, usize>,
    /// The mappings that have a pipeline, or are getting one.
    pub mapped: usize,
    /// Why the tags of all clones could not be read together, so that each was read.
    pub without_index: Option<Fault>,
    /// Why the stacks could not be listed, so that none of them was looked for.
    pub without_stacks: Option<Fault>,
}

/// The result for one mapping.
pub(super) enum Checked {
    /// It is as it should be, or changed while it was checked.
    Good,
    /// It waits for something.
    Waits(Waiting),
    /// It has a defect.
    Defect(Box<Finding>),
}

/// What is wrong with a project of a mapping.
pub(super) struct ProjectDefect {
    /// The project.
    pub(super) project: ProjectName,
    /// What is wrong.
    pub(super) detail: String,
    /// True if a repair helps.
    pub(super) repairable: bool,
}

impl AuditReport {
    /// Adds the result for one mapping.
    pub(super) fn add(&mut self, checked: Checked) {
        match checked {
            Checked::Good => {}
            Checked::Waits(waiting) => *self.waiting.entry(waiting).or_default() += 1,
            Checked::Defect(finding) => self.findings.push(*finding),
        }
    }

    /// Returns the number of clones that a repair would delete because they belong to no mapping,
    /// if that is suspicious: there are more of them than mappings with a pipeline.
    ///
    /// Single clones become orphans, by a deletion that was cut off or by hand. If most clones are
    /// orphans, the table is not the one that they were recorded in: it is new, was restored, or is
    /// another installation's.
    #[must_use]
    pub fn suspicious_orphans(&self) -> Option<usize> {
        let is_repaired = |finding: &&Finding| {
            let is_pipeline = finding.kind == FindingKind::Orphan && finding.project.is_none();
            is_pipeline && finding.repair.is_some()
        };
        let orphans = self.findings.iter().filter(is_repaired).count();
        Some(orphans).filter(|orphans| *orphans > self.mapped)
    }

    /// Returns the totals in one line: `3 findings: 2 missing, 1 orphan; 2 mappings wait: 1
    /// rule-full, 1 dead-lettered`.
    #[must_use]
    pub fn totals(&self) -> String {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for finding in &self.findings {
            *kinds.entry(finding.kind.as_str()).or_default() += 1;
        }
        let waiting = self.waiting.iter();
        let waiting = waiting.map(|(waiting, count)| (waiting.as_str(), *count));
        let mut text = plural(self.findings.len(), "finding");
        if !kinds.is_empty() {
            text += &format!(": {}", listed(kinds));
        }
        let count = self.waiting.values().sum();
        if count > 0 {
            let verb = if count == 1 { "waits" } else { "wait" };
            let mappings = plural(count, "mapping");
            text += &format!("; {mappings} {verb}: {}", listed(waiting));
        }
        text
    }
}

/// Returns counts with their words, the highest first.
fn listed<'a>(counts: impl IntoIterator<Item = (&'a str, usize)>) -> String {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let parts = counts.iter().map(|(word, count)| format!("{count} {word}"));
    parts.collect::<Vec<_>>().join(", ")
}

/// A defect that the audit found. The field names are stable: they are the columns of `csv` and the
/// keys of `json`.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// One of the words of [`FindingKind`].
    pub kind: FindingKind,
    /// The subject, as people write it.
    pub subject: Option<String>,
    /// The pipeline concerned.
    pub pipeline: Option<String>,
    /// The CodeBuild project concerned.
    pub project: Option<String>,
    /// The details, and the fix if `--repair` cannot do it.
    pub detail: String,
    /// True if `--repair` can fix it.
    pub repairable: bool,
    /// True if it is an orphan for which `--adopt` can write a mapping.
    pub adoptable: bool,
    /// A drifted clone's differences, one per line: `-` is the expected value, `+` the actual one.
    pub differences: String,
    /// True if the repair deletes a pipeline.
    #[serde(skip)]
    pub deletes: bool,
    /// True if the environment of its subject is removed with the pipeline.
    #[serde(skip)]
    pub has_environment: bool,
    /// The repair, and the repository's name.
    #[serde(skip)]
    pub repair: Option<(Repair, RepositoryName)>,
    /// The adoption of an orphan, and the repository's name.
    #[serde(skip)]
    pub adoption: Option<(Repair, RepositoryName)>,
}

impl Finding {
    /// The names of the fields, in order.
    pub const FIELDS: &'static [&'static str] = &[
        "kind",
        "subject",
        "pipeline",
        "project",
        "detail",
        "repairable",
        "adoptable",
        "differences",
    ];

    /// Returns a finding about nothing in particular, which `--repair` does not change.
    pub(super) fn by_hand(kind: FindingKind, detail: String) -> Self {
        Self {
            kind,
            subject: None,
            pipeline: None,
            project: None,
            detail,
            repairable: false,
            adoptable: false,
            differences: String::new(),
            deletes: false,
            has_environment: false,
            repair: None,
            adoption: None,
        }
    }
}

pub(super) fn of_mapping(
    row: &Mapping,
    kind: FindingKind,
    detail: String,
    repairable: bool,
) -> Finding {
    let pipeline = row.pipeline_name().cloned();
    let repair = pipeline.clone().filter(|_| repairable).map(|pipeline| {
        let repair = Repair {
            subject: row.subject.clone(),
            generation: row.generation,
            kind: RepairKind::Fix(kind),
            pipeline,
            project: None,
        };
        (repair, row.repository.clone())
    });
    Finding {
        kind,
        subject: Some(row.subject.display(&row.repository)),
        pipeline: pipeline.map(|pipeline| pipeline.to_string()),
        project: None,
        detail,
        repairable: repair.is_some(),
        adoptable: false,
        differences: String::new(),
        deletes: kind == FindingKind::RuleGone || row.state == State::Deleting,
        has_environment: row.resources.has_environment(),
        repair,
        adoption: None,
    }
}

/// Returns the finding of a CodeBuild project of a mapping.
pub(super) fn of_project(row: &Mapping, defect: ProjectDefect, is_updated: bool) -> Finding {
    let ProjectDefect {
        project,
        detail,
        repairable,
    } = defect;
    let detail = format!("its CodeBuild project {detail}");
    let repairable = repairable && is_updated;
    Finding {
        project: Some(project.to_string()),
        ..of_mapping(row, FindingKind::Drifted, detail, repairable)
    }
}

/// Returns the finding of a change that was not finished. If no rule admits the subject any more, a
/// repair deletes the pipeline.
pub(super) fn half_way(row: &Mapping, is_admitted: bool) -> Finding {
    let why = row.last_error.as_deref().unwrap_or("its worker died");
    let detail = format!(
        "{} since {}, {}: {why}",
        row.state.as_str(),
        row.updated_at,
        plural(
            usize::try_from(row.attempts).unwrap_or(usize::MAX),
            "attempt"
        )
    );
    let mut finding = of_mapping(row, FindingKind::HalfWay, detail, true);
    finding.deletes |= !is_admitted;
    finding
}

pub(super) fn unreadable(
    fault: &Fault,
    subject: Option<String>,
    pipeline: Option<&PipelineName>,
) -> Finding {
    Finding {
        subject,
        pipeline: pipeline.map(ToString::to_string),
        ..Finding::by_hand(FindingKind::Unreadable, fault.detail.clone())
    }
}

/// Says what to do about an environment that is left behind; `None` while it is being removed.
pub(super) fn left_behind(row: &Mapping, is_left: bool) -> Option<String> {
    let teardown = row.resources.teardown.as_ref()?;
    teardown.is_left_behind().then(|| {
        let error = row.last_error.as_deref();
        if !is_left {
            return "the stacks that were left behind are deleted by now: `branchline mappings forget` ends the mapping".to_owned();
        }
        format!(
            "its environment is left behind: {} ({}): remove it by hand, then `branchline mappings forget` ends the mapping",
            row.resources.environment(),
            error.unwrap_or("the pipeline that would remove it is gone")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fault::Reason;

    #[test]
    fn totals_are_counted_by_kind_and_by_what_mappings_wait_for() {
        let mut report = AuditReport::default();
        assert_eq!(report.totals(), "0 findings");
        let fault = Fault::new(Reason::MappingUnreadable, "no");
        report.findings = vec![unreadable(&fault, None, None); 2];
        report.findings[0].kind = FindingKind::Orphan;
        report.findings.push(unreadable(&fault, None, None));
        report.add(Checked::Waits(Waiting::RuleFull));
        assert_eq!(
            report.totals(),
            "3 findings: 2 unreadable, 1 orphan; 1 mapping waits: 1 rule-full"
        );
        report.add(Checked::Waits(Waiting::DeadLettered));
        assert!(
            report
                .totals()
                .ends_with("2 mappings wait: 1 rule-full, 1 dead-lettered")
        );
    }
}
