//! The table of reasons: why a message can fail, how each failure is handled, and what it affects.

use std::fmt;

use crate::domain::text::one_line;

/// The step in which a message failed. The first and the last step cannot fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Authenticating the message.
    Authenticated,
    /// Reading the event.
    Event,
    /// Applying the rules.
    Intent,
    /// Reading or writing the table.
    Mapping,
    /// Carrying out the plan in CodePipeline.
    Plan,
}

impl Step {
    /// Every step in which a message can fail.
    pub const ALL: [Self; 5] = [
        Self::Authenticated,
        Self::Event,
        Self::Intent,
        Self::Mapping,
        Self::Plan,
    ];

    /// Returns the word used in logs, metrics and `branchline-step`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authenticated => "authenticated",
            Self::Event => "event",
            Self::Intent => "intent",
            Self::Mapping => "mapping",
            Self::Plan => "plan",
        }
    }
}

/// The way in which a fault is handled. The disposition of a message depends on no other part of
/// the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The message is not authenticated. It is quarantined at once, unread.
    Unverified,
    /// No retry can help. The message is dead-lettered at once.
    Permanent,
    /// The commit itself is at fault. Its report says why, and the message is deleted: a person who
    /// corrects the commit sends another one.
    Refused,
    /// Another worker has the subject or the message. Retried within seconds, and not counted as a
    /// failure.
    Busy,
    /// The message was not tried, because branchline limits itself: other messages come first.
    /// Retried, and not counted as a failure.
    Deferred,
    /// AWS did not answer, or cannot do it now. Retried.
    Transient,
    /// AWS throttled the call. Retried more slowly.
    Throttled,
    /// A quota or a limit is reached. Retried over hours.
    Quota,
    /// An error that no table lists. Retried a few times, then dead-lettered.
    Unknown,
}

impl Class {
    /// Returns true if another attempt may succeed although nobody has done anything.
    #[must_use]
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Transient | Self::Throttled)
    }

    /// Returns true if the message did not fail: the fault counts no attempt, and the message is
    /// never dead-lettered for it.
    #[must_use]
    pub fn is_uncounted(self) -> bool {
        match self {
            Self::Busy | Self::Deferred => true,
            Self::Unverified
            | Self::Permanent
            | Self::Refused
            | Self::Transient
            | Self::Throttled
            | Self::Quota
            | Self::Unknown => false,
        }
    }

    /// Returns the word used in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Permanent => "permanent",
            Self::Refused => "refused",
            Self::Busy => "busy",
            Self::Deferred => "deferred",
            Self::Transient => "transient",
            Self::Throttled => "throttled",
            Self::Quota => "quota",
            Self::Unknown => "unknown",
        }
    }
}

/// The widest range of messages that a fault may affect. AWS's answer does not tell more: it may
/// deny a call for everybody, or for the pipelines of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// This message alone.
    Message,
    /// Every message of this subject.
    Subject,
    /// Every subject of this rule.
    Rule,
    /// Every clone of this template.
    Template,
    /// Everything in this account, until a person changes a setting.
    Account,
    /// Everything that needs this AWS service, until the service recovers.
    Service,
}

impl Scope {
    /// Returns true if every message may fail in the same way, whatever its content. A probe tells
    /// whether that is so.
    #[must_use]
    pub fn may_be_outage(self) -> bool {
        match self {
            Self::Account | Self::Service => true,
            Self::Message | Self::Subject | Self::Rule | Self::Template => false,
        }
    }
}

/// The sender of a message that failed, as far as a secret proves it. Each kind of sender has
/// limits of its own, so that a flood from one does not displace the messages of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    /// Anybody: no secret proves the message.
    Unproven,
    /// A person who knows a secret that is bound to other repositories.
    OtherSecret,
    /// GitHub or branchline: the message was authenticated.
    Authenticated,
}

/// Declares the reasons as one table: word (attribute, logs, filters), class and scope.
macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $class:ident, $scope:ident;)*) => {
        /// The reason of a failure. The words are stable: operators filter dead letters by them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason, for documentation and tests.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the stable word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Returns the class, which decides how the fault is handled.
            #[must_use]
            pub fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)* }
            }

            /// Returns the scope.
            #[must_use]
            pub fn scope(self) -> Scope {
                match self { $(Self::$name => Scope::$scope,)* }
            }
        }
    };
}

reasons! {
    /// The message has no `X-Hub-Signature-256`.
    SignatureMissing = "signature-missing", Unverified, Message;
    /// The signature is not `sha256=` followed by 64 hexadecimal digits.
    SignatureMalformed = "signature-malformed", Unverified, Message;
    /// No configured secret produces this signature for this body.
    SignatureMismatch = "signature-mismatch", Unverified, Message;
    /// The signature is valid, but its secret is bound to other repositories.
    WrongSecret = "wrong-secret", Unverified, Message;
    /// A message of branchline's own is on the webhook queue, to which only GitHub may write.
    WrongQueue = "wrong-queue", Unverified, Message;
    /// An event of another AWS service, account or Region is on the internal queue.
    ForeignEvent = "foreign-event", Unverified, Message;
    /// The body is signed, but `X-GitHub-Event` or `X-GitHub-Delivery` is missing or malformed.
    HeaderInvalid = "header-invalid", Permanent, Message;
    /// The body is authenticated, but it is not a payload as the sender documents it.
    InvalidPayload = "invalid-payload", Permanent, Message;
    /// The rule's `pipeline_name` does not produce a valid pipeline name for this subject.
    PipelineNameInvalid = "pipeline-name-invalid", Permanent, Rule;
    /// The clone would have the name of a template.
    PipelineIsTemplate = "pipeline-is-template", Permanent, Rule;
    /// A pipeline of this name exists and belongs to another subject, or is not branchline's.
    PipelineNameTaken = "pipeline-name-taken", Permanent, Subject;
    /// The pipeline in the mapping no longer carries branchline's tags.
    PipelineNotOurs = "pipeline-not-ours", Permanent, Subject;
    /// A new pipeline of this name shows none of branchline's tags. CodePipeline may show the tags
    /// of a new pipeline a moment after the pipeline.
    PipelineUntagged = "pipeline-untagged", Transient, Subject;
    /// A CodeBuild project that the clone needs exists, and is not branchline's for this subject.
    ProjectNotOurs = "project-not-ours", Permanent, Subject;
    /// A stack that the clone would deploy exists, and no clone of this subject has deployed it.
    StackNotOurs = "stack-not-ours", Permanent, Subject;
    /// CloudFormation refuses to delete a stack of the subject, or branchline does.
    StackNotDeleted = "stack-not-deleted", Permanent, Subject;
    /// The rule's template does not exist, or a CodeBuild project of it.
    TemplateMissing = "template-missing", Permanent, Template;
    /// The template holds a secret that `GetPipeline` masks.
    TemplateMasked = "template-masked", Permanent, Template;
    /// The template has no source action for this repository, or several.
    TemplateSource = "template-source", Permanent, Template;
    /// The rule's overrides do not match its template, or would leave an invalid pipeline.
    RuleTemplateMismatch = "rule-template-mismatch", Permanent, Rule;
    /// The clone would run stages or roles that a rule must name before a pull request may run
    /// them, or no two stages would be left.
    UnsafeClone = "unsafe-clone", Permanent, Rule;
    /// A value that the rule would write into the clone exceeds a limit of AWS, or AWS would read
    /// it as code.
    InvalidValue = "invalid-value", Permanent, Rule;
    /// A file of the repository (`repository_file` or `template` of the rule) cannot be used.
    RepositoryFileInvalid = "repository-file-invalid", Refused, Subject;
    /// GitHub, from which a file of the rule is read, failed or could not be reached.
    GitHubUnavailable = "github-unavailable", Transient, Rule;
    /// GitHub's rate limit is reached, so that a file of the rule is not read.
    GitHubLimited = "github-limited", Throttled, Rule;
    /// GitHub does not let branchline read a file of the rule.
    GitHubDenied = "github-denied", Transient, Rule;
    /// The rule already has its `max_active` clones.
    RuleFull = "rule-full", Quota, Rule;
    /// The message's rule or repository keeps failing, and enough of its messages are in work.
    RuleFailing = "rule-failing", Deferred, Rule;
    /// A call to CodePipeline waited too long for its turn under `codepipeline_rate`, and was not
    /// sent.
    RateLimited = "rate-limited", Deferred, Message;
    /// A repository has more subjects than one step removes. The next receive goes on.
    RepositoryUnfinished = "repository-unfinished", Busy, Message;
    /// The rule of a mapping in the middle of a change is no longer in the configuration.
    RuleMissing = "rule-missing", Permanent, Rule;
    /// CodePipeline refused the declaration, or CodeBuild a project of the clone.
    DeclarationRefused = "declaration-refused", Permanent, Template;
    /// The mapping's row cannot be read: something other than branchline wrote it.
    MappingUnreadable = "mapping-unreadable", Permanent, Subject;
    /// A newer version of branchline wrote the mapping's row in a format that this version does not
    /// know.
    MappingNewer = "mapping-newer", Transient, Subject;
    /// Another worker holds the claim.
    SubjectBusy = "subject-busy", Busy, Subject;
    /// Our claim expired, and another worker took it over.
    ClaimLost = "claim-lost", Busy, Subject;
    /// The message's visibility timeout ended during processing, so another worker may have
    /// received it.
    LeaseLost = "lease-lost", Busy, Message;
    /// The service failed, timed out, or could not be reached.
    AwsUnavailable = "aws-unavailable", Transient, Service;
    /// Another change of the same resource was in progress.
    AwsConflict = "aws-conflict", Transient, Subject;
    /// Credentials or permissions are missing or expired.
    AwsDenied = "aws-denied", Transient, Account;
    /// A queue, table or other resource does not exist.
    AwsMissing = "aws-missing", Transient, Account;
    /// AWS throttled the call.
    AwsThrottled = "aws-throttled", Throttled, Service;
    /// An account quota is reached.
    AwsQuota = "aws-quota", Quota, Subject;
    /// The account has no CodeBuild project left under its quota.
    ProjectQuota = "project-quota", Quota, Subject;
    /// SQS refused this message, whatever the others are: it is larger than its queue accepts, for
    /// instance.
    MessageRefused = "message-refused", Permanent, Message;
    /// An error code that `aws/fault.rs` does not list.
    AwsUnknown = "aws-unknown", Unknown, Message;
}

impl Reason {
    /// Returns the sender of a message that failed for this reason.
    #[must_use]
    pub fn sender(self) -> Sender {
        match self.class() {
            Class::Unverified if self == Self::WrongSecret => Sender::OtherSecret,
            Class::Unverified => Sender::Unproven,
            Class::Permanent
            | Class::Refused
            | Class::Busy
            | Class::Deferred
            | Class::Transient
            | Class::Throttled
            | Class::Quota
            | Class::Unknown => Sender::Authenticated,
        }
    }

    /// Returns the reason of a fault that was written as text.
    #[must_use]
    pub fn of_text(fault: &str) -> Option<Self> {
        let word = fault.split(':').next();
        let mut all = Self::ALL.iter().copied();
        all.find(|reason| Some(reason.as_str()) == word)
    }

    /// Returns true if the message has no well-formed signature, so that GitHub did not send it
    /// with a secret. There is nothing to replay.
    #[must_use]
    pub fn is_without_signature(self) -> bool {
        matches!(self, Self::SignatureMissing | Self::SignatureMalformed)
    }

    /// Returns true if the fault comes from an answer of AWS (or from none), whatever the message's
    /// content.
    #[must_use]
    pub fn is_from_aws(self) -> bool {
        match self.class() {
            _ if self.is_from_github() => false,
            // The row says it, and AWS has answered.
            Class::Transient => self != Self::MappingNewer,
            Class::Throttled | Class::Unknown => true,
            Class::Unverified
            | Class::Permanent
            | Class::Refused
            | Class::Busy
            | Class::Deferred
            | Class::Quota => false,
        }
    }

    /// Returns true if the fault comes from an answer of GitHub, or from none.
    #[must_use]
    pub fn is_from_github(self) -> bool {
        matches!(
            self,
            Self::GitHubUnavailable | Self::GitHubLimited | Self::GitHubDenied
        )
    }
}

/// One failure: its reason, and a detail for a person. It never contains a body or a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    /// The reason.
    pub reason: Reason,
    /// One line for a person: the failure, its place, and what to do.
    pub detail: String,
    /// What to do, where the detail is the text of a service. It is for logs and the terminal, and
    /// is not stored.
    pub remedy: Option<String>,
}

impl Fault {
    /// Creates a fault. The detail is escaped to one line and cut to 1,000 characters.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: one_line(&detail.into(), DETAIL_LIMIT),
            remedy: None,
        }
    }

    /// Returns the fault and what to do about it, in one line.
    #[must_use]
    pub fn for_operator(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{self}: {remedy}"),
            None if self.reason == Reason::AwsDenied => format!("{self}: {PERMISSION}"),
            None => self.to_string(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.as_str(), self.detail)
    }
}

/// What to do about a denial that does not name the action.
const PERMISSION: &str = "allow the call to these credentials; `branchline check --daemon-role ARN` checks the permissions of a daemon";

/// The longest detail, in characters. It travels as a message attribute and counts towards the
/// message's 1 MiB.
const DETAIL_LIMIT: usize = 1_000;

#[cfg(test)]
mod tests;
