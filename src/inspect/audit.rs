//! What the table says, held against what is there: mappings, the pipelines that carry our tags, templates and rules.
//!
//! The daemon works meanwhile, so whatever looks wrong is looked at again before it is told.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::domain::clone::diff::{Difference, diff, lines};
use crate::domain::clone::overrides::MASK;
use crate::domain::clone::tags::{REPOSITORY, Tags, is_of_table, is_ours, subject_of};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{PipelineArn, PipelineName, RepositoryName};
use crate::domain::intake::repair_request::{FindingKind, Repair};
use crate::domain::rules::rule::{Rule, Rules, Update};
use crate::domain::state::desired::Spec;
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::plan::{Standing, standing};
use crate::ports::{Clock, PipelineReader, StoreReader};

use crate::inspect::account::Account;

/// Something that is wrong. The names are stable: they are the columns of `csv` and the keys of `json`.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// `orphan`, `missing`, `half-way`, `drifted`, `rule-gone`, `not-ours` or `unreadable`.
    pub kind: FindingKind,
    /// The subject, as people write it.
    pub subject: Option<String>,
    /// The pipeline concerned.
    pub pipeline: Option<String>,
    /// What exactly, and what to do where `--repair` cannot.
    pub detail: String,
    /// Whether `--repair` can.
    pub repairable: bool,
    /// A drifted clone's differences, a line each: `-` what it should be, `+` what it is.
    pub differences: String,
    /// Whether the repair deletes a pipeline.
    #[serde(skip)]
    pub deletes: bool,
    /// The repair, and the repository's name.
    #[serde(skip)]
    pub repair: Option<(Repair, RepositoryName)>,
}

impl Finding {
    /// The names of the fields, in their order.
    pub const FIELDS: &'static [&'static str] = &[
        "kind",
        "subject",
        "pipeline",
        "detail",
        "repairable",
        "differences",
    ];
}

/// What an audit looks at.
pub struct Auditor<'a, S, P, C> {
    /// The table and CodePipeline.
    pub account: &'a Account<S, P>,
    /// The rules of today. Their secrets may be hidden: what CodePipeline masks is not compared.
    pub rules: &'a Rules,
    /// The table's name, which marks our pipelines.
    pub table: &'a str,
    /// Now.
    pub clock: &'a C,
}

impl<S: StoreReader, P: PipelineReader, C: Clock> Auditor<'_, S, P, C> {
    /// Looks at every mapping that has a pipeline or should have one, then at every pipeline that no mapping has. `looked`
    /// is told after each.
    ///
    /// Costs a query a hundred mappings, two calls to CodePipeline a mapping, one a pipeline that no mapping has, and one
    /// a template.
    ///
    /// # Errors
    /// AWS did not answer.
    pub async fn audit(&self, looked: impl Fn()) -> Result<Vec<Finding>, Fault> {
        let mut found = Vec::new();
        let mut known = BTreeSet::new();
        for state in State::ALL.into_iter().filter(|state| *state != State::Gone) {
            let mut after = None;
            loop {
                let page = self.account.store.in_state(state, after).await?;
                for row in page.rows {
                    match row {
                        Ok(row) => {
                            known.extend(row.pipeline_name().cloned());
                            found.extend(self.mapping(&row).await?);
                        }
                        Err(fault) => found.push(unreadable(&fault, None, None)),
                    }
                    looked();
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        for name in self.account.pipelines.names().await? {
            if !known.contains(&name) && !self.rules.has_template(&name) {
                let flawed = self.pipeline(&name).await?;
                // The pipeline of a row that could not be read leads to the same row.
                let told = |flawed: &Finding| {
                    let mut found = found.iter();
                    found.any(|one| {
                        one.kind == FindingKind::Unreadable && one.detail == flawed.detail
                    })
                };
                found.extend(flawed.filter(|flawed| !told(flawed)));
            }
            looked();
        }
        Ok(found)
    }

    async fn mapping(&self, row: &Mapping) -> Result<Option<Finding>, Fault> {
        let Some(flawed) = self.judge(row).await? else {
            return Ok(None);
        };
        let now = self.account.store.mapping(&row.subject).await;
        let moved = match now {
            Err(fault) if fault.reason == Reason::MappingUnreadable => true,
            now => now?.is_none_or(|now| now.as_seen() != row.as_seen()),
        };
        Ok((!moved).then_some(flawed))
    }

    async fn judge(&self, row: &Mapping) -> Result<Option<Finding>, Fault> {
        if row.claim_at(self.clock.now()).is_some() {
            return Ok(None);
        }
        if State::HALF_WAY.contains(&row.state) {
            return Ok(Some(half_way(row)));
        }
        let Some(spec) = row.spec() else {
            return Ok(None);
        };
        let finding = |kind, detail, mends| Some(of_mapping(row, kind, detail, mends));
        let pipelines = &self.account.pipelines;
        let live = pipelines.find(&spec.pipeline, row.pipeline_arn()).await?;
        // Before the rules are asked: what is not ours is not repaired, whatever they say.
        if live
            .as_ref()
            .is_some_and(|live| !is_ours(&live.tags, &row.subject, self.table))
        {
            let detail = "it does not carry this subject's branchline tags, so branchline will neither change nor delete it: put them back (aws codepipeline tag-resource), or delete it by hand".to_owned();
            return Ok(finding(FindingKind::NotOurs, detail, false));
        }
        let (rule, moved) = match standing(row, spec, self.rules) {
            Standing::Gone => {
                let detail = format!(
                    "no rule admits it any more; rule '{}' made it: a repair deletes the pipeline",
                    spec.rule
                );
                return Ok(finding(FindingKind::RuleGone, detail, true));
            }
            Standing::Kept(rule) => (rule, false),
            Standing::Moved(rule) => (rule, true),
        };
        if live.is_none() {
            let detail = "the pipeline is not there: a repair makes it".to_owned();
            return Ok(finding(FindingKind::Missing, detail, true));
        }
        if rule.update == Update::Never {
            return Ok(None);
        }
        if moved {
            let detail = format!(
                "rule '{}' made it from '{}'; rule '{}' would make it from '{}' today",
                spec.rule, spec.template, rule.name, rule.template
            );
            return Ok(finding(FindingKind::Drifted, detail, true));
        }
        self.compare(row, spec, rule).await
    }

    async fn compare(
        &self,
        row: &Mapping,
        spec: &Spec,
        rule: &Rule,
    ) -> Result<Option<Finding>, Fault> {
        let made = async {
            let template = self.account.template(&spec.template).await?;
            let clone = template.clone_for(&row.clone_request(spec, rule, self.table))?;
            Ok((clone, template.version))
        };
        let (clone, version) = match made.await {
            Ok(made) => made,
            Err(fault) if is_of_the_template(&fault) => {
                let detail = format!("it could not be made today: {fault}");
                return Ok(Some(of_mapping(row, FindingKind::Drifted, detail, false)));
            }
            Err(fault) => return Err(fault),
        };
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
                "made from version {then} of '{}', which is at {now}: its next start, or a repair, brings it up to date",
                spec.template
            ),
            (Some(_) | None, _) => {
                "it was edited, or its rule was, since: a repair brings it back".to_owned()
            }
        };
        let detail = format!("{why}; differences: {}", differences.len());
        let mut finding = of_mapping(row, FindingKind::Drifted, detail, true);
        finding.differences = lines(&differences).join("\n");
        Ok(Some(finding))
    }

    /// A pipeline that no mapping has, as far as the listing told.
    async fn pipeline(&self, name: &PipelineName) -> Result<Option<Finding>, Fault> {
        let arn = self.sibling(name).await?;
        let pipelines = &self.account.pipelines;
        let found = pipelines.find(name, arn.as_ref()).await?;
        let Some(tags) = found.map(|found| found.tags) else {
            return Ok(None);
        };
        if !is_of_table(&tags, self.table) {
            return Ok(None);
        }
        let by_hand = format!("delete it by hand: aws codepipeline delete-pipeline --name {name}");
        let finding = |detail, repair: Option<(Repair, RepositoryName)>| Finding {
            kind: FindingKind::Orphan,
            subject: shown(&tags, self.table),
            pipeline: Some(name.to_string()),
            detail,
            repairable: repair.is_some(),
            differences: String::new(),
            deletes: true,
            repair,
        };
        let Some(subject) = subject_of(&tags, self.table) else {
            let detail = format!("its tags do not tell its subject: {by_hand}");
            return Ok(Some(finding(detail, None)));
        };
        let row = match self.account.store.mapping(&subject).await {
            Err(fault) if fault.reason == Reason::MappingUnreadable => {
                return Ok(Some(unreadable(
                    &fault,
                    shown(&tags, self.table),
                    Some(name),
                )));
            }
            row => row?,
        };
        let has = row.as_ref().filter(|row| row.state != State::Gone);
        if has.is_some_and(|row| row.pipeline_name() == Some(name)) {
            return Ok(None);
        }
        // Gone by now where the daemon was about to delete it.
        if pipelines.find(name, arn.as_ref()).await?.is_none() {
            return Ok(None);
        }
        if let Some(row) = has {
            let detail = format!(
                "its subject has another pipeline, and is {}: {by_hand}",
                row.state.as_str()
            );
            return Ok(Some(finding(detail, None)));
        }
        let repository = tags
            .get(REPOSITORY)
            .and_then(|name| RepositoryName::parse(name.as_str()).ok());
        let repair = repository.map(|repository| {
            let repair = Repair {
                subject,
                generation: row.as_ref().map_or(0, |row| row.generation),
                kind: FindingKind::Orphan,
                pipeline: name.clone(),
            };
            (repair, repository)
        });
        let detail = "no mapping has it: a repair deletes it".to_owned();
        Ok(Some(finding(detail, repair)))
    }

    /// The ARN of a pipeline of this account, where a template tells what they look like: that spares a call.
    async fn sibling(&self, name: &PipelineName) -> Result<Option<PipelineArn>, Fault> {
        for rule in &self.rules.0 {
            match self.account.template(&rule.template).await {
                Ok(template) => return Ok(Some(template.arn.with_name(name))),
                Err(fault) if fault.reason == Reason::TemplateMissing => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(None)
    }
}

fn of_mapping(row: &Mapping, kind: FindingKind, detail: String, mends: bool) -> Finding {
    let pipeline = row.pipeline_name().cloned();
    let repair = pipeline.clone().filter(|_| mends).map(|pipeline| {
        let repair = Repair {
            subject: row.subject.clone(),
            generation: row.generation,
            kind,
            pipeline,
        };
        (repair, row.repository.clone())
    });
    Finding {
        kind,
        subject: Some(row.subject.display(&row.repository)),
        pipeline: pipeline.map(|pipeline| pipeline.to_string()),
        detail,
        repairable: repair.is_some(),
        differences: String::new(),
        deletes: kind == FindingKind::RuleGone || row.state == State::Deleting,
        repair,
    }
}

fn half_way(row: &Mapping) -> Finding {
    let why = row.last_error.as_deref().unwrap_or("its worker died");
    let detail = format!(
        "{} since {}, {} attempts: {why}",
        row.state.as_str(),
        row.updated_at,
        row.attempts
    );
    of_mapping(row, FindingKind::HalfWay, detail, true)
}

fn unreadable(fault: &Fault, subject: Option<String>, pipeline: Option<&PipelineName>) -> Finding {
    Finding {
        kind: FindingKind::Unreadable,
        subject,
        pipeline: pipeline.map(ToString::to_string),
        detail: fault.detail.clone(),
        repairable: false,
        differences: String::new(),
        deletes: false,
        repair: None,
    }
}

/// The subject of a pipeline without a mapping, as its tags tell it.
fn shown(tags: &Tags, table: &str) -> Option<String> {
    let repository = RepositoryName::parse(tags.get(REPOSITORY)?.as_str()).ok()?;
    Some(subject_of(tags, table)?.display(&repository))
}

/// The template is not there, or makes no clone.
fn is_of_the_template(fault: &Fault) -> bool {
    !fault.reason.scope().is_outage() && !fault.reason.is_from_aws()
}

/// A secret, as GetPipeline shows it.
fn is_masked(one: &Difference) -> bool {
    one.to.as_ref().is_some_and(|to| to.as_str() == Some(MASK))
}
