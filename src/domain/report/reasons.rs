//! The sentences that a pull request shows where a commit has no execution: why, and what to do.
//!
//! They are fixed. A fault's detail may have account ids, role names or a template's values, and
//! everybody may read a public pull request; operators find the detail in the log, in the dead
//! letter and with `branchline why`.

use crate::domain::fault::Reason;
use crate::domain::ids::SubjectKind;
use crate::domain::report::record::CommitRecord;
use crate::domain::state::desired::AbsenceReason;

impl CommitRecord {
    /// Returns why the commit has no pipeline, and what to do about it.
    pub(super) fn absence(&self, reason: AbsenceReason) -> &'static str {
        // Without an execution, there may never have been a pipeline.
        absence(reason, self.execution.is_some(), &self.key.subject.kind)
    }
}

fn absence(reason: AbsenceReason, was_built: bool, kind: &SubjectKind) -> &'static str {
    match reason {
        AbsenceReason::Closed if was_built => {
            "The pull request was closed, so its pipeline is removed"
        }
        AbsenceReason::Closed => "The pull request was closed, so it has no pipeline",
        AbsenceReason::Deleted if was_built => "The branch was deleted, so its pipeline is removed",
        AbsenceReason::Deleted => "The branch was deleted, so it has no pipeline",
        AbsenceReason::Draft if was_built => {
            "It is a draft, so its pipeline is removed. Mark it as ready for review"
        }
        AbsenceReason::Draft => "Not built: it is a draft. Mark it as ready for review",
        AbsenceReason::Fork => "Not built: the head is in a fork, whose code has no access here",
        AbsenceReason::NoRule if was_built => {
            "No rule of branchline names this base and branch any more, so its pipeline is removed"
        }
        AbsenceReason::NoRule => {
            "Not built: no rule of branchline names this base and branch. Ask an operator for one"
        }
        AbsenceReason::Skipped => "Not built: the commit or the title asks to skip it",
        AbsenceReason::RepositoryDeleted => "The repository was deleted",
        AbsenceReason::RepositoryArchived => "The repository was archived",
        AbsenceReason::Orphan => "The pipeline was removed: nothing showed whose it was",
        AbsenceReason::Forgotten => match kind {
            SubjectKind::PullRequest(_) => {
                "An operator gave its pipeline up, and what it deployed may remain. To begin anew, push a commit; if it is closed, reopen it first"
            }
            SubjectKind::Branch(_) => {
                "An operator gave its pipeline up, and what it deployed may remain. To begin anew, push a commit"
            }
        },
    }
}

/// Returns what keeps a commit from being built, and what to do about it.
pub(super) fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::SignatureMissing
        | Reason::SignatureMalformed
        | Reason::SignatureMismatch
        | Reason::WrongSecret
        | Reason::WrongQueue
        | Reason::ForeignEvent
        | Reason::HeaderInvalid
        | Reason::InvalidPayload => "the webhook was refused. An operator finds it in the log",
        Reason::PipelineNameInvalid => {
            "the rule gives no valid pipeline name. An operator has to change pipeline_name"
        }
        Reason::PipelineIsTemplate => {
            "the pipeline would have a template's name. An operator has to change pipeline_name"
        }
        Reason::PipelineNameTaken => {
            "another pipeline has its name. An operator has to rename one of the two"
        }
        Reason::PipelineNotOurs => {
            "the pipeline lost branchline's tags. An operator has to delete it or restore them"
        }
        Reason::PipelineUntagged => "CodePipeline does not show the new pipeline's tags yet",
        Reason::TemplateMissing => {
            "the rule's template does not exist. An operator has to create or name it"
        }
        Reason::TemplateMasked => {
            "the template has a masked secret. An operator has to set secrets in the rule"
        }
        Reason::ProjectNotOurs => {
            "a CodeBuild project of its name is not branchline's. An operator has to rename it"
        }
        Reason::StackNotOurs => {
            "a stack of its name exists. An operator has to change stack_suffix in the rule, or delete the stack if nobody needs it"
        }
        Reason::StackNotDeleted => {
            "a stack could not be deleted in the end. An operator has to change preview in the rule"
        }
        Reason::TemplateSource => {
            "the template has no source action for this repository. An operator has to set one"
        }
        Reason::RuleTemplateMismatch => {
            "the rule does not fit its template. An operator has to correct the rule"
        }
        Reason::UnsafeClone => {
            "it would deploy to something shared with others. An operator has to give it its own"
        }
        Reason::InvalidValue => {
            "a value is not allowed in a pipeline: rename the branch, or ask an operator"
        }
        Reason::RepositoryFileInvalid => {
            "the repository's file for branchline cannot be used. Correct it and push again"
        }
        Reason::GitHubUnavailable | Reason::GitHubLimited => {
            "GitHub has not answered the request for the repository's file yet. branchline tries again"
        }
        Reason::GitHubDenied => {
            "GitHub does not let branchline read the repository's file. An operator has to correct permissions"
        }
        Reason::RuleFull => "all pipelines that the rule may have are in use. Close a pull request",
        Reason::RuleFailing => "other commits of this rule keep failing and come first",
        Reason::RateLimited => "CodePipeline's rate limit is used up for now",
        Reason::RepositoryUnfinished
        | Reason::SubjectBusy
        | Reason::ClaimLost
        | Reason::LeaseLost => "an earlier change is still being made",
        Reason::RuleMissing => "its rule was removed. Push again, or ask an operator",
        Reason::DeclarationRefused => {
            "AWS refused the pipeline. An operator has to correct template or rule"
        }
        Reason::MappingUnreadable => "branchline's record is damaged. An operator has to repair it",
        Reason::MappingNewer => "a newer version of branchline has it in work",
        Reason::AwsUnavailable | Reason::AwsConflict | Reason::AwsThrottled => {
            "AWS did not do it yet. branchline tries again"
        }
        Reason::AwsDenied => "AWS denies it. An operator has to correct permissions",
        Reason::AwsMissing => "something in AWS is missing. An operator finds it in the log",
        Reason::AwsQuota => {
            "the AWS account has no pipeline left. Close a pull request, or ask an operator to raise the quota"
        }
        Reason::ProjectQuota => {
            "the AWS account has no CodeBuild project left. An operator has to raise the quota"
        }
        Reason::MessageRefused | Reason::AwsUnknown => {
            "AWS refused it. An operator finds the reason in the log"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Branch;
    use crate::domain::report::TITLE_LIMIT;

    #[test]
    fn every_reason_has_one_sentence_that_fits() {
        let kinds = [
            SubjectKind::PullRequest(7),
            SubjectKind::Branch(Branch::parse("main").unwrap()),
        ];
        let absences = AbsenceReason::ALL.into_iter().flat_map(|reason| {
            let of = |was_built| {
                kinds
                    .each_ref()
                    .map(|kind| absence(reason, was_built, kind))
            };
            [of(false), of(true)].concat()
        });
        let absences = absences.map(str::to_owned);
        let faults = Reason::ALL.iter();
        let faults = faults.map(|reason| format!("Not built: {}", advice(*reason)));
        for sentence in absences.chain(faults) {
            let length = sentence.chars().count();
            assert!(length <= TITLE_LIMIT, "{length}: {sentence}");
            assert!(
                !sentence.ends_with('.') && !sentence.contains('\n'),
                "{sentence}"
            );
        }
    }
}
