//! Finds environments that are not what GitHub shows: one without its deployment, and one whose
//! stack another user of the account deleted.

use std::time::Duration;

use crate::domain::clone::stacks::Stack;
use crate::domain::fault::Fault;
use crate::domain::intake::repair_request::FindingKind;
use crate::domain::report::deployment::has_deployment;
use crate::domain::report::execution::ExecutionState;
use crate::domain::report::record::{CommitKey, CommitRecord};
use crate::domain::state::mapping::{Mapping, State};
use crate::domain::state::plan::rule_of;
use crate::ports::{Clock, CommitLog, DeploymentLog, PipelineReader, StoreReader, TagIndex};

use crate::inspect::audit::Auditor;
use crate::inspect::audit_report::{Finding, of_mapping};
use crate::inspect::stacks::StackOverview;

/// How long after the last change of a commit its deployment may be on its way to GitHub.
const ON_ITS_WAY: Duration = Duration::from_mins(10);

impl<S, P, I, C> Auditor<'_, S, P, I, C>
where
    S: StoreReader + CommitLog + DeploymentLog,
    P: PipelineReader,
    I: TagIndex,
    C: Clock,
{
    /// Checks the environment of a mapping that has its pipeline. What was deployed is known by the
    /// record of the head commit alone, so nothing is found under rules without reports.
    pub(super) async fn environment(
        &self,
        row: &Mapping,
        stacks: Option<&StackOverview>,
    ) -> Result<Vec<Finding>, Fault> {
        let is_settled = row.state == State::Active && row.claim_at(self.clock.now()).is_none();
        let rule = row.spec().and_then(|spec| rule_of(row, spec, self.rules));
        let has_deployments = rule.is_some_and(|rule| rule.deployment.is_some());
        let stacks = stacks.filter(|_| !row.resources.stacks.is_empty());
        let commit = row.order.head.clone();
        let commit = commit.filter(|_| is_settled && (has_deployments || stacks.is_some()));
        let Some(commit) = commit else {
            return Ok(Vec::new());
        };
        let subject = row.subject.clone();
        let Some(head) = self
            .account
            .store
            .commit(&CommitKey { subject, commit })
            .await?
        else {
            return Ok(Vec::new());
        };
        let mut findings = Vec::new();
        if has_deployments && let Some(why) = self.without_deployment(&head).await? {
            findings.push(of_mapping(row, FindingKind::DeploymentMissing, why, false));
        }
        let is_deployed = head
            .counted_run()
            .is_some_and(|run| run.state == ExecutionState::Succeeded);
        if let Some(stacks) = stacks.filter(|_| is_deployed) {
            for stack in &row.resources.stacks {
                if self.is_missing(stack, stacks).await? {
                    findings.push(of_stack(row, stack));
                }
            }
        }
        // It may be on its way out.
        let is_changed = !findings.is_empty() && self.has_changed(row).await?;
        findings.retain(|_| !is_changed);
        Ok(findings)
    }

    /// Says why GitHub shows no deployment of a commit; `None` if it shows one, or need not yet.
    async fn without_deployment(&self, head: &CommitRecord) -> Result<Option<String>, Fault> {
        if !has_deployment(head) {
            return Ok(None);
        }
        let record = self.account.store.deployments(&head.key.subject).await?;
        let record = record.filter(|record| record.commit == head.key.commit);
        if record
            .as_ref()
            .is_some_and(|record| record.newest().is_some())
        {
            return Ok(None);
        }
        let failed = record.and_then(|record| record.failed);
        Ok(match failed {
            Some(failed) => Some(format!(
                "GitHub shows no deployment of its environment: {}: {}",
                failed.kind.as_str(),
                failed.detail
            )),
            None if head.updated_at.plus(ON_ITS_WAY) > self.clock.now() => None,
            None => Some(
                "GitHub shows no deployment of its environment: its next commit gets one"
                    .to_owned(),
            ),
        })
    }

    /// The list may be old, and has the stacks of one Region only.
    async fn is_missing(&self, stack: &Stack, seen: &StackOverview) -> Result<bool, Fault> {
        Ok(!seen.shows(stack) && self.stacks.recorded(stack).await?.is_none())
    }
}

fn of_stack(row: &Mapping, stack: &Stack) -> Finding {
    let detail = format!(
        "its stack {} does not exist, although its last execution succeeded: re-run its check at GitHub, or push a commit, and it is deployed again",
        stack.name
    );
    of_mapping(row, FindingKind::StackMissing, detail, false)
}
