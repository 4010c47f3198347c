//! Sends repairs and adoptions to the internal queue, once the operator has confirmed them.

use std::error::Error;

use crate::aws::Aws;
use crate::cli::audit::Audit;
use crate::cli::terminal::{YES, confirms, note};
use crate::commands::connect::urls;
use crate::config::{AccountConfig, Queues};
use crate::domain::ids::{Owner, RepositoryName};
use crate::domain::intake::repair_request::Repair;
use crate::domain::outcome::outgoing::Destination;
use crate::domain::text::plural;
use crate::inspect::audit_report::{AuditReport, Finding};
use crate::ports::Queue;
use crate::reconcile::lease::VISIBILITY;

/// What is to be sent.
pub(super) struct Requests<'a> {
    /// What one of them is.
    noun: &'static str,
    /// Each request, with the name of its repository.
    all: Vec<&'a (Repair, RepositoryName)>,
    /// How many of them delete a pipeline.
    deletions: usize,
    /// How many of these remove an environment with it.
    environments: usize,
}

impl<'a> Requests<'a> {
    /// Returns the adoption of each clone that can be adopted.
    pub(super) fn adoptions(findings: &'a [Finding]) -> Self {
        Self {
            noun: "adoption",
            all: findings
                .iter()
                .filter_map(|one| one.adoption.as_ref())
                .collect(),
            deletions: 0,
            environments: 0,
        }
    }

    /// Returns a repair for each finding that one can fix.
    ///
    /// # Errors
    /// So many clones belong to no mapping that the table seems to be the wrong one.
    pub(super) fn repairs(
        args: &Audit,
        config: &AccountConfig,
        report: &'a AuditReport,
    ) -> Result<Self, String> {
        let orphans = report.suspicious_orphans();
        if let Some(orphans) = orphans.filter(|_| !args.delete_orphans) {
            let (clones, rows) = (plural(orphans, "clone"), plural(report.mapped, "mapping"));
            return Err(format!(
                "{clones} of owner '{}' without a mapping, and {rows} with a pipeline in table '{}': if the table is new or was restored, use `branchline audit --adopt` (docs/RESTORE.md); to delete these clones, add --delete-orphans; nothing was sent",
                config.owner, config.table
            ));
        }
        let repaired = || report.findings.iter().filter(|one| one.repair.is_some());
        let deletions = || repaired().filter(|one| one.deletes);
        Ok(Self {
            noun: "repair",
            all: repaired().filter_map(|one| one.repair.as_ref()).collect(),
            deletions: deletions().count(),
            environments: deletions().filter(|one| one.has_environment).count(),
        })
    }

    /// Sends them.
    pub(super) async fn send(
        &self,
        args: &Audit,
        aws: &Aws,
        owner: &Owner,
        queues: &Queues,
    ) -> Result<(), Box<dyn Error>> {
        if self.all.is_empty() {
            return Ok(());
        }
        let pipelines = plural(self.deletions, "pipeline");
        let warning = match (self.deletions, self.environments) {
            (0, _) => "deletes no pipeline".to_owned(),
            (_, 0) => format!("deletes {pipelines}"),
            (_, count) => format!("deletes {pipelines} and {}", plural(count, "environment")),
        };
        let count = plural(self.all.len(), self.noun);
        if args.yes {
            note(&format!("{count}: {warning}"))?;
        }
        let question = format!("Send {count} to {} ({warning})? [y/N]", queues.internal);
        if !args.yes && !confirms(&question, YES)? {
            return Err("not confirmed: nothing was sent".into());
        }
        let queue = aws.queue(urls(queues), Destination::Internal, VISIBILITY);
        for (sent, (request, repository)) in self.all.iter().enumerate() {
            let message = request.to_message(repository, owner);
            queue
                .send(Destination::Internal, message)
                .await
                .map_err(|why| {
                    format!("only {sent} of {count} sent; run the command again: {why}")
                })?;
        }
        note(&format!(
            "{count} sent to the internal queue; for the results see `branchline mappings history SUBJECT`"
        ))?;
        Ok(())
    }
}
