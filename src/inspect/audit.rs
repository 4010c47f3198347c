//! Compares the table with the account: mappings, the pipelines that carry branchline's tags,
//! templates and rules.
//!
//! The daemon works at the same time, so whatever looks wrong is read again before it is reported.

use std::collections::BTreeSet;

use crate::domain::clone::diff::{Difference, diff, lines};
use crate::domain::clone::overrides::MASK;
use crate::domain::clone::tags::{MANAGED_BY, is_ours, other_owner};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{Owner, Subject};
use crate::domain::intake::repair_request::FindingKind;
use crate::domain::rules::rule::{Rule, Rules, Update};
use crate::domain::state::desired::Spec;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::plan::{Standing, standing};
use crate::ports::{
    Clock, CommitLog, DeploymentLog, MappingPages, PipelineReader, ProjectReader, StackReader,
    StoreReader, TagIndex,
};

use crate::inspect::account::Account;
use crate::inspect::audit_report::{
    AuditReport, Checked, Finding, half_way, left_behind, of_mapping, of_project, unreadable,
};
use crate::inspect::overview::Overview;
use crate::inspect::waiting::Waiting;

/// Whose the pipeline of a row is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ownership {
    /// It carries the tags of the row's subject.
    Ours,
    /// It does not. The other installation whose tag it carries, if there is one.
    NotOurs(Option<String>),
    /// It does not exist.
    Missing,
}

/// Audits one table and its account.
pub struct Auditor<'a, S, P, I, C> {
    /// The table and CodePipeline.
    pub account: &'a Account<S, P>,
    /// The tags of all clones.
    pub index: &'a I,
    /// CodeBuild.
    pub projects: &'a dyn ProjectReader,
    /// CloudFormation.
    pub stacks: &'a dyn StackReader,
    /// The current rules. Their secrets may be hidden: values that CodePipeline masks are not
    /// compared.
    pub rules: &'a Rules,
    /// The name of this installation, with which its clones are tagged.
    pub owner: &'a Owner,
    /// The clock.
    pub clock: &'a C,
}

impl<S, P, I, C> Auditor<'_, S, P, I, C>
where
    S: StoreReader + CommitLog + DeploymentLog,
    P: PipelineReader,
    I: TagIndex,
    C: Clock,
{
    /// Checks every mapping that has a pipeline or should have one, then every pipeline that
    /// belongs to no mapping. `checked` is called after each.
    ///
    /// This costs one query and one call to the index of tags per hundred mappings, one call to
    /// CodePipeline per thousand pipelines and one per template. A clone with CodeBuild projects
    /// costs one call to CodeBuild. A clone that these do not show to be in order costs up to four
    /// calls more, and without the index each costs at least one. If a rule makes stacks, one call
    /// per hundred stacks of the Region and one query per hundred tombstones come on top, and two
    /// reads for each environment.
    ///
    /// # Errors
    /// AWS did not answer.
    pub async fn audit(&self, checked: impl Fn()) -> Result<AuditReport, Fault> {
        let pipelines = &self.account.pipelines;
        let (overview, fault) = Overview::read(pipelines, self.index, self.owner).await?;
        let mut report = AuditReport {
            without_index: fault,
            ..AuditReport::default()
        };
        let mut stacks = self.list_stacks(&mut report).await?;
        let (mut mapped, mut projects) = (BTreeSet::new(), BTreeSet::new());
        let mut with_left = Vec::new();
        for state in State::ALL.into_iter().filter(|state| !state.is_removed()) {
            let mut pages = MappingPages::new(&self.account.store, state);
            while let Some(rows) = pages.next().await? {
                for row in rows {
                    match row {
                        Ok(row) => {
                            mapped.extend(row.pipeline_name().cloned());
                            let recorded = row.resources.projects.iter();
                            projects.extend(recorded.map(|one| one.name.clone()));
                            if let Some(stacks) = &mut stacks {
                                stacks.note(&row);
                            }
                            if !row.resources.left.is_empty() {
                                with_left.push(row.clone());
                            }
                            report.mapped += 1;
                            let checked = self.mapping(&row, Some(&overview)).await?;
                            let is_good = matches!(checked, Checked::Good);
                            report.add(checked);
                            if is_good {
                                let found = self.environment(&row, stacks.as_ref()).await?;
                                report.findings.extend(found);
                            }
                        }
                        Err(fault) => report.findings.push(unreadable(&fault, None, None)),
                    }
                    checked();
                }
            }
        }
        for name in overview.candidates() {
            if !mapped.contains(name) && !self.rules.has_template(name) {
                let finding = self.orphan(name).await?;
                // The pipeline of a row that could not be read leads to the same row.
                let is_reported = |finding: &Finding| {
                    report.findings.iter().any(|one: &Finding| {
                        one.kind == FindingKind::Unreadable && one.detail == finding.detail
                    })
                };
                let new = finding.filter(|finding| !is_reported(finding));
                let adoption = new.as_ref().and_then(|new| new.adoption.as_ref());
                if let (Some(stacks), Some((adoption, _))) = (&mut stacks, adoption) {
                    stacks.note_pipeline(&adoption.subject);
                }
                report.findings.extend(new);
            }
            checked();
        }
        for name in overview.projects().filter(|name| !projects.contains(*name)) {
            report.findings.extend(self.orphan_project(name).await?);
            checked();
        }
        self.left_stacks(with_left, stacks.as_ref(), &mut report)
            .await?;
        Ok(report)
    }

    /// Checks the mapping of one subject. If that has no pipeline, looks for pipelines with the
    /// tags of the subject. A mapping whose message was dead-lettered is a finding, because the
    /// message may have left the queue without branchline. Returns `None` if the subject has
    /// neither a mapping nor a pipeline.
    ///
    /// # Errors
    /// AWS did not answer.
    pub async fn audit_subject(&self, subject: &Subject) -> Result<Option<AuditReport>, Fault> {
        let mut report = AuditReport::default();
        match self.account.store.mapping(subject).await {
            Ok(None) => {
                self.orphans_of(subject, &mut report).await?;
                if report.findings.is_empty() {
                    return Ok(None);
                }
            }
            Ok(Some(row)) if row.state.is_removed() => {
                self.orphans_of(subject, &mut report).await?;
                report.findings.extend(self.left_of(&row).await?);
            }
            Ok(Some(row)) => {
                report.findings.extend(self.left_of(&row).await?);
                match self.mapping(&row, None).await? {
                    Checked::Waits(Waiting::DeadLettered) => {
                        report.add(self.check_twice(&row, None).await?);
                    }
                    Checked::Good => {
                        let stacks = match row.resources.stacks.is_empty() {
                            true => None,
                            false => self.list_stacks(&mut report).await?,
                        };
                        let found = self.environment(&row, stacks.as_ref()).await?;
                        report.findings.extend(found);
                    }
                    checked @ (Checked::Waits(_) | Checked::Defect(_)) => report.add(checked),
                }
            }
            Err(fault) if is_unreadable(&fault) => {
                report.findings.push(unreadable(&fault, None, None));
            }
            Err(fault) => return Err(fault),
        }
        Ok(Some(report))
    }

    /// Checks a mapping that waits for nothing, and reads it again if there is a finding: a mapping
    /// that has changed since is not reported.
    async fn mapping(&self, row: &Mapping, overview: Option<&Overview>) -> Result<Checked, Fault> {
        let waiting = Waiting::of(row, &self.account.store, self.clock.now()).await?;
        match waiting {
            Some(waiting) => Ok(Checked::Waits(waiting)),
            None => self.check_twice(row, overview).await,
        }
    }

    async fn check_twice(
        &self,
        row: &Mapping,
        overview: Option<&Overview>,
    ) -> Result<Checked, Fault> {
        let mut found = self.check(row, overview).await?;
        if found.is_some() && overview.is_some() {
            // The lists may be old.
            found = self.check(row, None).await?;
        }
        let Some(finding) = found else {
            return Ok(Checked::Good);
        };
        let current = self.account.store.mapping(&row.subject).await;
        let changed = match current {
            Err(fault) if is_unreadable(&fault) => true,
            current => current?.is_none_or(|current| current.as_seen() != row.as_seen()),
        };
        Ok(if changed {
            Checked::Good
        } else {
            Checked::Defect(Box::new(finding))
        })
    }

    async fn check(
        &self,
        row: &Mapping,
        overview: Option<&Overview>,
    ) -> Result<Option<Finding>, Fault> {
        if row.claim_at(self.clock.now()).is_some() {
            return Ok(None);
        }
        if State::HALF_WAY.contains(&row.state) {
            let standing = row.spec().map(|spec| standing(row, spec, self.rules));
            let is_admitted = !matches!(standing, Some(Standing::Gone));
            return Ok(Some(half_way(row, is_admitted)));
        }
        if row.state == State::Retiring {
            let left = left_behind(row, self.is_left(row).await?);
            return Ok(left.map(|detail| of_mapping(row, FindingKind::LeftBehind, detail, false)));
        }
        let Some(spec) = row.spec() else {
            return Ok(None);
        };
        let finding = |kind, detail, repairable| Some(of_mapping(row, kind, detail, repairable));
        let ownership = match overview.is_some_and(|lists| lists.shows(row, self.owner)) {
            true => Ownership::Ours,
            false => self.ownership(row, spec).await?,
        };
        // This comes before the rules: a pipeline that is not ours is not repaired, whatever they
        // say.
        if let Ownership::NotOurs(other) = &ownership {
            let detail = not_ours(other.as_deref(), self.owner);
            return Ok(finding(FindingKind::NotOurs, detail, false));
        }
        let (rule, moved) = match standing(row, spec, self.rules) {
            Standing::Gone => {
                let detail = format!(
                    "no rule admits it any more; rule '{}' created it: a repair deletes the pipeline{}",
                    spec.rule,
                    match row.resources.has_environment() {
                        true => " and its environment",
                        false => "",
                    }
                );
                return Ok(finding(FindingKind::RuleGone, detail, true));
            }
            Standing::Kept(rule) => (rule, false),
            Standing::Moved(rule) => (rule, true),
        };
        if ownership == Ownership::Missing {
            let detail = "the pipeline does not exist: a repair creates it".to_owned();
            return Ok(finding(FindingKind::Missing, detail, true));
        }
        // An adopted clone is compared once an event has said what it is for.
        // What a file of the repository changes is known at GitHub alone.
        let follows = rule.update != Update::Never && !rule.reads_files();
        if !follows || row.is_unheard() {
            let defect = self.project_defect(row, None).await?;
            let is_updated = rule.update == Update::NextStart;
            return Ok(defect.map(|defect| of_project(row, defect, is_updated)));
        }
        if moved {
            let detail = format!(
                "rule '{}' created it from '{}'; rule '{}' would create it from '{}' today",
                spec.rule, spec.template, rule.name, rule.template
            );
            return Ok(finding(FindingKind::Drifted, detail, true));
        }
        self.compare(row, spec, rule, overview).await
    }

    /// Finds out from CodePipeline itself whose the pipeline of a row is.
    async fn ownership(&self, row: &Mapping, spec: &Spec) -> Result<Ownership, Fault> {
        let pipelines = &self.account.pipelines;
        let live = pipelines.find(&spec.pipeline, row.pipeline_arn()).await?;
        Ok(match live {
            None => Ownership::Missing,
            Some(live) if is_ours(&live.tags, &row.subject, self.owner) => Ownership::Ours,
            Some(live) => {
                Ownership::NotOurs(other_owner(&live.tags, self.owner).map(ToOwned::to_owned))
            }
        })
    }

    async fn compare(
        &self,
        row: &Mapping,
        spec: &Spec,
        rule: &Rule,
        overview: Option<&Overview>,
    ) -> Result<Option<Finding>, Fault> {
        let expected = async {
            let template = self.account.template(&spec.template).await?;
            let clone = template.clone_for(&row.clone_request(spec, rule, self.owner))?;
            Ok((clone, template.version))
        };
        let (clone, version) = match expected.await {
            Ok(expected) => expected,
            Err(fault) if is_of_the_template(&fault) => {
                let detail = format!("it could not be created today: {fault}");
                return Ok(Some(of_mapping(row, FindingKind::Drifted, detail, false)));
            }
            Err(fault) => return Err(fault),
        };
        if let Some(defect) = self.project_defect(row, Some(&clone)).await? {
            return Ok(Some(of_project(row, defect, true)));
        }
        if overview.is_some_and(|lists| lists.is_as_written(row, &clone)) {
            return Ok(None);
        }
        let live = match self.account.pipelines.template(&spec.pipeline).await {
            Ok(live) => live,
            // Deleted since its tags were read.
            Err(fault) if fault.reason == Reason::TemplateMissing => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let differences: Vec<Difference> = diff(&clone.declaration, &live.declaration)
            .into_iter()
            .filter(|one| one.path != "version" && !is_masked(one))
            .collect();
        if differences.is_empty() {
            return Ok(None);
        }
        let why = match (version, row.template_version()) {
            (Some(now), Some(then)) if now != then => format!(
                "created from version {then} of '{}', which is at {now}: its next start, or a repair, updates it",
                spec.template
            ),
            (Some(_) | None, _) => {
                "it or its rule was edited since: a repair restores it".to_owned()
            }
        };
        let detail = format!("{why}; differences: {}", differences.len());
        let mut finding = of_mapping(row, FindingKind::Drifted, detail, true);
        finding.differences = lines(&differences).join("\n");
        Ok(Some(finding))
    }
}

/// Returns true if a row was not written by this version of branchline.
pub(super) fn is_unreadable(fault: &Fault) -> bool {
    matches!(
        fault.reason,
        Reason::MappingUnreadable | Reason::MappingNewer
    )
}

/// Returns true if the template does not exist, or cannot be cloned.
fn is_of_the_template(fault: &Fault) -> bool {
    !fault.reason.scope().may_be_outage() && !fault.reason.is_from_aws()
}

/// Returns true for a secret that GetPipeline masks.
fn is_masked(one: &Difference) -> bool {
    one.to.as_ref().is_some_and(|to| to.as_str() == Some(MASK))
}

/// Says what to do about a pipeline that does not carry the tags of its row's subject.
fn not_ours(other: Option<&str>, owner: &Owner) -> String {
    match other {
        Some(other) => format!(
            "it has the tag {MANAGED_BY} = '{other}', and this installation is '{}', so branchline will neither change nor delete it: if it is the same one, set owner = \"{other}\" in [store]; otherwise it is not this installation's, and `branchline mappings forget` ends the mapping",
            owner.as_str()
        ),
        None => "it does not carry this subject's branchline tags, so branchline will neither change nor delete it: put them back (aws codepipeline tag-resource), or delete it by hand".to_owned(),
    }
}
