//! Finds the clones that belong to no mapping, and says for each whether it can be adopted.

use crate::domain::clone::tags::{REPOSITORY, TaggedClone, Tags, is_owned, subject_of};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{Owner, PipelineArn, PipelineName, RepositoryName, Subject, SubjectKind};
use crate::domain::intake::repair_request::{FindingKind, Repair, RepairKind};
use crate::domain::rules::rule::Rules;
use crate::domain::state::mapping::Mapping;
use crate::ports::{Clock, PipelineReader, StoreReader, TagIndex};

use crate::inspect::audit::{Auditor, is_unreadable};
use crate::inspect::audit_report::{AuditReport, Finding, unreadable};
use crate::inspect::overview::Overview;

/// An orphan, and what may become of it.
struct Orphan<'a> {
    name: &'a PipelineName,
    tags: &'a Tags,
    owner: &'a Owner,
    rules: &'a Rules,
}

impl<S: StoreReader, P: PipelineReader, I: TagIndex, C: Clock> Auditor<'_, S, P, I, C> {
    /// Checks a pipeline that belongs to no mapping, according to the lists.
    pub(super) async fn orphan(&self, name: &PipelineName) -> Result<Option<Finding>, Fault> {
        let arn = self.sibling(name).await?;
        let pipelines = &self.account.pipelines;
        let pipeline = pipelines.find(name, arn.as_ref()).await?;
        let Some(tags) = pipeline.map(|pipeline| pipeline.tags) else {
            return Ok(None);
        };
        if !is_owned(&tags, self.owner) {
            return Ok(None);
        }
        let orphan = Orphan {
            name,
            tags: &tags,
            owner: self.owner,
            rules: self.rules,
        };
        let Some(subject) = subject_of(&tags, self.owner) else {
            return Ok(Some(orphan.by_hand("its tags do not identify its subject")));
        };
        let row = match self.account.store.mapping(&subject).await {
            Err(fault) if is_unreadable(&fault) => {
                return Ok(Some(unreadable(&fault, orphan.subject(), Some(name))));
            }
            row => row?,
        };
        let existing = row.as_ref().filter(|row| !row.state.is_removed());
        if existing.is_some_and(|row| row.pipeline_name() == Some(name)) {
            return Ok(None);
        }
        // The daemon may have deleted it in the meantime.
        if pipelines.find(name, arn.as_ref()).await?.is_none() {
            return Ok(None);
        }
        Ok(Some(match existing {
            Some(row) => orphan.by_hand(&format!(
                "its subject has another pipeline, and is {}",
                row.state.as_str()
            )),
            None => orphan.of(&subject, row.as_ref()),
        }))
    }

    /// Reports the pipelines that carry the tags of a subject without a pipeline.
    pub(super) async fn orphans_of(
        &self,
        subject: &Subject,
        report: &mut AuditReport,
    ) -> Result<(), Fault> {
        let pipelines = &self.account.pipelines;
        let (overview, fault) = Overview::read(pipelines, self.index, self.owner).await?;
        report.without_index = fault;
        for name in overview.clones_of(subject, self.owner) {
            report.findings.extend(self.orphan(name).await?);
        }
        Ok(())
    }

    /// Returns the ARN of a pipeline in this account, derived from a template's, which saves a
    /// call.
    async fn sibling(&self, name: &PipelineName) -> Result<Option<PipelineArn>, Fault> {
        for rule in self.rules.all() {
            match self.account.template(&rule.template).await {
                Ok(template) => return Ok(Some(template.arn.with_name(name))),
                Err(fault) if fault.reason == Reason::TemplateMissing => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(None)
    }
}

impl Orphan<'_> {
    /// Returns the finding of a clone that a person must delete.
    fn by_hand(&self, why: &str) -> Finding {
        let name = self.name;
        self.finding(format!(
            "{why}: delete it by hand: aws codepipeline delete-pipeline --name {name}"
        ))
    }

    /// Returns the finding of the clone of a subject without a mapping, or with a tombstone.
    fn of(&self, subject: &Subject, row: Option<&Mapping>) -> Finding {
        let clone = TaggedClone::read(self.tags, self.owner);
        let adopted = match &clone {
            Ok(_) => "`branchline audit --adopt` writes one".to_owned(),
            Err(tag) => format!("it cannot be adopted, because its tag {tag} does not say enough"),
        };
        let detail = match row.and_then(|row| row.absence().map(|reason| (row, reason))) {
            Some((row, reason)) => format!(
                "its mapping says since {} that it has no pipeline ({})",
                row.updated_at,
                reason.as_str()
            ),
            None => "it belongs to no mapping".to_owned(),
        };
        let environment = clone
            .as_ref()
            .ok()
            .filter(|clone| self.may_have_stacks(clone));
        let advice = match environment {
            None => format!("a repair deletes it, {adopted}"),
            Some(_) => format!(
                "no repair deletes it, because its environment would be left: {adopted}, and `branchline reconcile` then removes both if {} is closed at GitHub",
                match subject.kind {
                    SubjectKind::PullRequest(_) => "the pull request",
                    SubjectKind::Branch(_) => "the branch",
                }
            ),
        };
        let mut finding = self.finding(format!("{detail}: {advice}"));
        let request = |kind| Repair {
            subject: subject.clone(),
            generation: row.map_or(0, |row| row.generation),
            kind,
            pipeline: self.name.clone(),
            project: None,
        };
        let repository = self.repository().filter(|_| environment.is_none());
        finding.repair =
            repository.map(|name| (request(RepairKind::Fix(FindingKind::Orphan)), name));
        finding.adoption = clone
            .ok()
            .map(|clone| (request(RepairKind::Adopt), clone.repository));
        finding.repairable = finding.repair.is_some();
        finding.adoptable = finding.adoption.is_some();
        finding
    }

    /// Returns true if its rule makes environments, by today's rules.
    fn may_have_stacks(&self, clone: &TaggedClone) -> bool {
        let rule = self.rules.named(&clone.rule);
        let rule = rule.filter(|rule| rule.template == clone.template);
        rule.is_some_and(|rule| rule.overrides.tears_down())
    }

    fn finding(&self, detail: String) -> Finding {
        Finding {
            subject: self.subject(),
            pipeline: Some(self.name.to_string()),
            deletes: true,
            ..Finding::by_hand(FindingKind::Orphan, detail)
        }
    }

    fn repository(&self) -> Option<RepositoryName> {
        RepositoryName::parse(self.tags.get(REPOSITORY)?.as_str()).ok()
    }

    /// Returns the subject, as people write it.
    fn subject(&self) -> Option<String> {
        let repository = self.repository()?;
        Some(subject_of(self.tags, self.owner)?.display(&repository))
    }
}
