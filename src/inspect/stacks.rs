//! Finds the stacks that outlived their subjects. CodePipeline does not tag stacks, so a stack is
//! known by the row that records it, or by its name alone.

use std::collections::BTreeSet;

use crate::domain::clone::overrides::TeardownPolicy;
use crate::domain::clone::stacks::{FoundStack, Stack, named_stacks};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{Subject, SubjectKind};
use crate::domain::intake::repair_request::FindingKind;
use crate::domain::rules::rule::Rule;
use crate::domain::state::mapping::{Mapping, State};
use crate::ports::{Clock, MappingPages, PipelineReader, StoreReader, TagIndex};

use crate::inspect::audit::Auditor;
use crate::inspect::audit_report::{AuditReport, Finding, of_mapping};

/// The stacks of the Region of the pipelines, listed before any row is read: one that is recorded
/// later is not among them.
pub(super) struct StackOverview {
    existing: Vec<FoundStack>,
    /// The stacks of subjects that have a pipeline, by name and Region.
    live: BTreeSet<(String, Option<String>)>,
    /// The numbers of the pull requests that have a pipeline, of any repository.
    open: BTreeSet<u64>,
}

impl StackOverview {
    /// Notes the stacks of a subject that has a pipeline.
    pub(super) fn note(&mut self, row: &Mapping) {
        let keys = row.resources.stacks.iter().map(|stack| self.key(stack));
        let keys: Vec<_> = keys.collect();
        self.live.extend(keys);
        self.note_pipeline(&row.subject);
    }

    /// Notes that a subject has a pipeline, which may deploy stacks.
    pub(super) fn note_pipeline(&mut self, subject: &Subject) {
        if let SubjectKind::PullRequest(number) = subject.kind {
            self.open.insert(number);
        }
    }

    /// Returns a stack by name and Region; `None` for the Region of the pipelines.
    fn key(&self, stack: &Stack) -> (String, Option<String>) {
        let home = self.existing.first().map(|one| one.id.region());
        let region = stack
            .region
            .as_deref()
            .filter(|region| Some(*region) != home);
        (stack.name.clone(), region.map(str::to_owned))
    }

    /// Returns true if the list has a stack.
    pub(super) fn shows(&self, stack: &Stack) -> bool {
        self.key(stack).1.is_none() && self.exists(&stack.name)
    }

    fn exists(&self, name: &str) -> bool {
        self.existing.iter().any(|one| one.id.name() == name)
    }
}

impl<S: StoreReader, P: PipelineReader, I: TagIndex, C: Clock> Auditor<'_, S, P, I, C> {
    /// Lists the stacks, if a rule makes some. Without the permission, the report says so.
    pub(super) async fn list_stacks(
        &self,
        report: &mut AuditReport,
    ) -> Result<Option<StackOverview>, Fault> {
        if !self.rules.all().iter().any(makes_stacks) {
            return Ok(None);
        }
        match self.stacks.all(None).await {
            Ok(existing) => Ok(Some(StackOverview {
                existing,
                live: BTreeSet::new(),
                open: BTreeSet::new(),
            })),
            Err(fault) if fault.reason == Reason::AwsDenied => {
                report.without_stacks = Some(fault);
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Reports the stacks that exist, and that no pipeline has: those that were left when a subject
    /// was given up, and those whose names a rule would give to a pull request. If no rule makes
    /// stacks any more, the recorded ones are reported. `rows` are the mappings with a pipeline
    /// that have something left; the others are read here.
    pub(super) async fn left_stacks(
        &self,
        mut rows: Vec<Mapping>,
        seen: Option<&StackOverview>,
        report: &mut AuditReport,
    ) -> Result<(), Fault> {
        if report.without_stacks.is_some() {
            return Ok(());
        }
        for state in State::ALL.into_iter().filter(|state| state.is_removed()) {
            let mut pages = MappingPages::new(&self.account.store, state);
            while let Some(page) = pages.next().await? {
                // A row that cannot be read is found by its own name.
                let read = page.into_iter().flatten();
                rows.extend(read.filter(|row| !row.resources.left.is_empty()));
            }
        }
        let mut recorded = Vec::new();
        for row in rows {
            recorded.extend(row.resources.left.iter().cloned());
            match self.left_of_listed(&row, seen).await {
                Ok(found) => report.findings.extend(found),
                Err(fault) if fault.reason == Reason::AwsDenied => {
                    report.without_stacks = Some(fault);
                    return Ok(());
                }
                Err(fault) => return Err(fault),
            }
        }
        let Some(seen) = seen else {
            return Ok(());
        };
        let recorded: BTreeSet<_> = recorded.iter().map(|stack| seen.key(stack)).collect();
        let unrecorded = seen.existing.iter().filter(|found| {
            let key = (found.id.name().to_owned(), None);
            !seen.live.contains(&key) && !recorded.contains(&key)
        });
        let names = self.names_by_rule().await?;
        let named = unrecorded.filter_map(|found| named_by_rule(found, &names, &seen.open));
        report.findings.extend(named);
        Ok(())
    }

    /// Returns those of a mapping that was not read for itself.
    async fn left_of_listed(
        &self,
        row: &Mapping,
        seen: Option<&StackOverview>,
    ) -> Result<Vec<Finding>, Fault> {
        let Some(seen) = seen else {
            return self.left_of(row).await;
        };
        let mut findings = Vec::new();
        for stack in &row.resources.left {
            if self.outlived(row, stack, seen).await? {
                findings.push(of_row(row, stack));
            }
        }
        Ok(findings)
    }

    /// Returns true if something of an environment may be left whose teardown was given up.
    pub(super) async fn is_left(&self, row: &Mapping) -> Result<bool, Fault> {
        for stack in &row.resources.stacks {
            let is_known = stack.id.is_some();
            match self.stacks.recorded(stack).await {
                Ok(None) if is_known => {}
                Ok(_) => return Ok(true),
                Err(fault) if fault.reason == Reason::AwsDenied => return Ok(true),
                Err(fault) => return Err(fault),
            }
        }
        Ok(row.resources.stacks.is_empty())
    }

    /// Returns the stacks that exist and were left when a subject was given up.
    pub(super) async fn left_of(&self, row: &Mapping) -> Result<Vec<Finding>, Fault> {
        let mut findings = Vec::new();
        for stack in &row.resources.left {
            if self.stacks.recorded(stack).await?.is_some() {
                findings.push(of_row(row, stack));
            }
        }
        Ok(findings)
    }

    /// Returns the rules that give their clones stacks by a suffix, each with the names of its
    /// template's stacks. A rule whose template does not exist makes none.
    async fn names_by_rule(&self) -> Result<Vec<(&Rule, Vec<String>)>, Fault> {
        let mut all = Vec::new();
        for rule in self.rules.all().iter().filter(|rule| makes_stacks(rule)) {
            match self.account.template(&rule.template).await {
                Ok(template) => all.push((rule, named_stacks(&template.declaration))),
                Err(fault) if fault.reason == Reason::TemplateMissing => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(all)
    }

    /// Returns true if a stack exists whose subject has no pipeline, and no other subject has it.
    async fn outlived(
        &self,
        row: &Mapping,
        stack: &Stack,
        seen: &StackOverview,
    ) -> Result<bool, Fault> {
        let key = seen.key(stack);
        if seen.live.contains(&key) || (key.1.is_none() && !seen.exists(&stack.name)) {
            return Ok(false);
        }
        Ok(self.stacks.recorded(stack).await?.is_some() && !self.has_changed(row).await?)
    }

    /// Returns true if a row is not what it was when it was read.
    pub(super) async fn has_changed(&self, row: &Mapping) -> Result<bool, Fault> {
        let current = self.account.store.mapping(&row.subject).await?;
        Ok(current.is_none_or(|current| current.as_seen() != row.as_seen()))
    }
}

/// The rules of one repository may name a stack of another one, whose rule records none. So a stack
/// is not reported while a pull request of its number has a pipeline.
fn named_by_rule(
    found: &FoundStack,
    rules: &[(&Rule, Vec<String>)],
    open: &BTreeSet<u64>,
) -> Option<Finding> {
    let name = found.id.name();
    let named = rules.iter().find_map(|(rule, templates)| {
        let suffix = rule.overrides.preview.stack_suffix.as_ref()?;
        let (number, before) = suffix.number_at_end(name)?;
        let mut templates = templates.iter();
        templates
            .any(|template| before.starts_with(template.as_str()))
            .then_some((rule, number))
    });
    let (rule, number) = named.filter(|(_, number)| !open.contains(number))?;
    let detail = format!(
        "stack {name} exists, and no mapping has it: rule '{}' would give this name to pull request {number}; if it is a leftover of a closed pull request, and not made by others, delete it: aws cloudformation delete-stack --stack-name {}",
        rule.name, found.id
    );
    Some(Finding::by_hand(FindingKind::StackLeft, detail))
}

/// Returns true if the clones of a rule have stacks that are recorded.
fn makes_stacks(rule: &Rule) -> bool {
    let preview = &rule.overrides.preview;
    preview.teardown != TeardownPolicy::None && rule.overrides.has_stacks()
}

fn of_row(row: &Mapping, stack: &Stack) -> Finding {
    let detail = format!(
        "its stack {} was left when the mapping was forgotten, and exists: delete it: {}",
        stack.name,
        stack.deletion_command()
    );
    of_mapping(row, FindingKind::StackLeft, detail, false)
}
