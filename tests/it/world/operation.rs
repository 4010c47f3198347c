//! The operations of the ports.

/// An operation of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Op {
    /// ReceiveMessage on the queue of webhooks.
    Receive,
    /// ReceiveMessage on the internal queue.
    ReceiveInternal,
    Delete,
    ChangeVisibility,
    Send,
    Claim,
    Record,
    GiveUp,
    Mapping,
    InState,
    /// Query on a chain of the audit trail.
    Chain,
    /// PutItem of an entry without a mapping.
    Note,
    /// The probe of the table.
    Probe,
    /// GetItem of the name of a pipeline.
    Owner,
    /// GetItem of the record of a commit.
    Commit,
    /// Query on the records of a subject's commits.
    Commits,
    UpdateCommit,
    ReplaceCommit,
    ListCommits,
    /// Query on the records of jobs.
    Jobs,
    BeginJob,
    EndJob,
    /// A report to GitHub.
    Report,
    /// A list or a read at GitHub.
    List,
    /// GetItem of the record of a comment.
    Comment,
    ReplaceComment,
    ListComments,
    /// The comment of a pull request at GitHub.
    WriteComment,
    /// GetItem of the record of deployments.
    Deployments,
    ReplaceDeployments,
    ListDeployments,
    /// The calls about deployments at GitHub.
    CreateDeployment,
    FindDeployments,
    ShowDeployment,
    /// A page of the attempts of GitHub to deliver events.
    ListDeliveries,
    /// One attempt with its payload.
    ReadDelivery,
    /// The request for another attempt.
    Redeliver,
    /// GetItem of the record of a delivery.
    Delivered,
    Template,
    ListPipelines,
    OfRepository,
    AcquireSlot,
    ReleaseSlot,
    StopWaiting,
    NotePipelines,
    WaitForAccount,
    /// GetItem of the pipelines of the account.
    AccountUse,
    /// GetItem of the slots of a rule.
    Slots,
    CountSlots,
    RememberReceived,
    IsSkipped,
    RememberSkipped,
    RememberEnd,
    /// Three calls, for the names of a repository that was renamed.
    RememberNames,
    /// GetItem of the record of a repository.
    RepositoryRecord,
    /// BatchGetItem of a row and the record of its repository.
    Known,
    Create,
    Update,
    Start,
    Retry,
    Executions,
    Stop,
    Find,
    FindByName,
    /// GetPipeline for the time of a pipeline's creation.
    CreatedAt,
    Remove,
    /// BatchGetProjects.
    ReadProjects,
    CreateProject,
    UpdateProject,
    DeleteProject,
    /// DescribeStacks, and DescribeStackResources.
    FindStack,
    /// ListStacks.
    ListStacks,
    DeleteStack,
}

impl Op {
    /// Returns its cost in AWS calls that a message does not share with others. Queue operations go
    /// in batches.
    pub(super) fn cost(self) -> usize {
        match self {
            Self::Receive | Self::ReceiveInternal => 0,
            Self::Delete | Self::ChangeVisibility | Self::Send => 0,
            Self::Claim | Self::Record | Self::GiveUp | Self::InState => 1,
            Self::Mapping | Self::ListPipelines | Self::Chain | Self::Note | Self::Probe => 1,
            Self::OfRepository | Self::AcquireSlot | Self::ReleaseSlot | Self::CountSlots => 1,
            Self::Slots | Self::StopWaiting | Self::NotePipelines => 1,
            Self::WaitForAccount | Self::AccountUse => 1,
            Self::RememberReceived | Self::RememberEnd => 1,
            Self::RepositoryRecord | Self::Known => 1,
            Self::Owner | Self::Commit | Self::Commits | Self::UpdateCommit => 1,
            Self::ReplaceCommit | Self::ListCommits | Self::Report | Self::List => 1,
            Self::Comment | Self::ReplaceComment | Self::ListComments | Self::WriteComment => 1,
            Self::Deployments | Self::ReplaceDeployments | Self::ListDeployments => 1,
            Self::CreateDeployment | Self::FindDeployments | Self::ShowDeployment => 1,
            Self::Jobs | Self::BeginJob | Self::EndJob | Self::Delivered => 1,
            Self::ListDeliveries | Self::ReadDelivery | Self::Redeliver => 1,
            Self::RememberNames => 3,
            Self::IsSkipped | Self::RememberSkipped => 1,
            Self::Template | Self::Create | Self::Find | Self::Remove => 1,
            Self::Update | Self::Start | Self::Retry | Self::Executions | Self::Stop => 1,
            Self::CreatedAt => 1,
            Self::ReadProjects | Self::CreateProject => 1,
            Self::UpdateProject | Self::DeleteProject => 1,
            Self::FindStack | Self::ListStacks | Self::DeleteStack => 1,
            // GetPipeline for the ARN, then ListTagsForResource.
            Self::FindByName => 2,
        }
    }

    /// Returns true if it happens under a claim or under a sender's lease, which was checked just
    /// before.
    pub(super) fn is_under_a_lease(self) -> bool {
        matches!(
            self,
            Self::Create
                | Self::Update
                | Self::Start
                | Self::Retry
                | Self::Stop
                | Self::Remove
                | Self::CreateProject
                | Self::UpdateProject
                | Self::DeleteProject
                | Self::DeleteStack
                | Self::AcquireSlot
                | Self::ReleaseSlot
                | Self::Report
                | Self::CreateDeployment
                | Self::ShowDeployment
        )
    }
}
