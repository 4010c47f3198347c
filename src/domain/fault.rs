//! What went wrong, by name: every reason a message can fail for, the class it belongs to, and the room it failed in.

use std::fmt;

use crate::domain::text::one_line;

/// The room of the line in which a message failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The signature did not prove the body.
    Delivery,
    /// The body did not say what GitHub's documentation says it says.
    Event,
    /// The rules could not say what should be true.
    Intent,
    /// The table refused or did not answer.
    Mapping,
    /// The pipeline could not be made or removed.
    Plan,
    /// The queue did not answer: before the first room, or behind the last.
    Queue,
}

impl Step {
    /// Every room.
    pub const ALL: [Self; 6] = [
        Self::Delivery,
        Self::Event,
        Self::Intent,
        Self::Mapping,
        Self::Plan,
        Self::Queue,
    ];

    /// The word used in logs and in `branchline-step`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Event => "event",
            Self::Intent => "intent",
            Self::Mapping => "mapping",
            Self::Plan => "plan",
            Self::Queue => "queue",
        }
    }
}

/// How a fault is answered. The judge (`verdict.rs`) knows nothing else about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Not proven to be GitHub's: to the quarantine, unread.
    Unverified,
    /// No retry can mend it: buried at once.
    Permanent,
    /// Somebody else has the subject or the message: again in seconds, and not counted.
    Busy,
    /// AWS did not answer, or not now.
    Transient,
    /// AWS asks us to slow down.
    Throttled,
    /// The account is full: a long wait, or a larger quota.
    Quota,
    /// Nobody has told us what this is: a few retries, then buried.
    Unknown,
}

impl Class {
    /// The word used in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Permanent => "permanent",
            Self::Busy => "busy",
            Self::Transient => "transient",
            Self::Throttled => "throttled",
            Self::Quota => "quota",
            Self::Unknown => "unknown",
        }
    }
}

/// Who has to do something about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// This message, its subject or its rule: others may fare better.
    Message,
    /// AWS or our access to it, for every message alike, and waiting may mend it.
    Weather,
    /// Our setup in the account, for every message alike, and only a person can mend it.
    Setup,
}

/// Declares the reasons, their stable words (attributes, logs, filters) and their classes, as one table.
macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $class:ident;)*) => {
        /// Why a message failed. The words are stable: operators filter dead letters by them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason there is, for documentation and tests.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// How it is answered.
            #[must_use]
            pub fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)* }
            }
        }
    };
}

reasons! {
    /// No `X-Hub-Signature-256`.
    SignatureMissing = "signature-missing", Unverified;
    /// A signature that is not `sha256=` and 64 hexadecimal digits.
    SignatureMalformed = "signature-malformed", Unverified;
    /// No configured secret makes this signature of this body.
    SignatureMismatch = "signature-mismatch", Unverified;
    /// Signed, but `X-GitHub-Event` or `X-GitHub-Delivery` is missing or not of GitHub's form.
    HeaderInvalid = "header-invalid", Permanent;
    /// Signed, but not a payload as GitHub documents it.
    BodyNotGitHubs = "body-not-githubs", Permanent;
    /// The rule's `pipeline_name` makes no legal name here.
    PipelineNameInvalid = "pipeline-name-invalid", Permanent;
    /// The clone would have the name of a template.
    PipelineIsTemplate = "pipeline-is-template", Permanent;
    /// A pipeline of this name exists and is not this subject's.
    PipelineNameTaken = "pipeline-name-taken", Permanent;
    /// The pipeline that we recorded no longer carries our tags.
    PipelineNotOurs = "pipeline-not-ours", Permanent;
    /// The rule's template does not exist.
    TemplateMissing = "template-missing", Permanent;
    /// The template holds a secret that `GetPipeline` masks.
    TemplateMasked = "template-masked", Permanent;
    /// No source action of the template fetches this repository, or several do.
    TemplateSource = "template-source", Permanent;
    /// The rule's changes do not fit its template, or leave something that is no pipeline.
    RuleUnfit = "rule-unfit", Permanent;
    /// What the rule would write into the clone is more than AWS takes, or would mean something else there.
    ValueUnfit = "value-unfit", Permanent;
    /// The rule's `max_active` clones exist already.
    RuleFull = "rule-full", Quota;
    /// The rule that a half-way mapping names is not in the configuration any more.
    RuleMissing = "rule-missing", Permanent;
    /// CodePipeline refused the declaration.
    DeclarationRefused = "declaration-refused", Permanent;
    /// The mapping's row cannot be read: somebody else wrote to the table.
    MappingUnreadable = "mapping-unreadable", Permanent;
    /// Another worker holds the claim.
    SubjectBusy = "subject-busy", Busy;
    /// Our claim expired and was taken over while we worked.
    ClaimLost = "claim-lost", Busy;
    /// The message's visibility ended while we worked, so that somebody else may have it by now.
    LeaseLost = "lease-lost", Busy;
    /// The service failed, timed out, or could not be reached.
    AwsUnavailable = "aws-unavailable", Transient;
    /// Another change of the same thing was under way.
    AwsConflict = "aws-conflict", Transient;
    /// Credentials or permissions are missing or expired.
    AwsDenied = "aws-denied", Transient;
    /// A queue, table or other thing that should be there is not.
    AwsMissing = "aws-missing", Transient;
    /// Throttled by AWS.
    AwsThrottled = "aws-throttled", Throttled;
    /// An account quota is reached.
    AwsQuota = "aws-quota", Quota;
    /// An error that no table of ours names.
    AwsUnknown = "aws-unknown", Unknown;
}

impl Reason {
    /// Whether AWS did not answer as it should, whatever the message says.
    #[must_use]
    pub fn is_of_aws(self) -> bool {
        match self.class() {
            Class::Transient | Class::Throttled | Class::Unknown => true,
            Class::Unverified | Class::Permanent | Class::Busy | Class::Quota => false,
        }
    }
}

/// One failure: where, why, and the detail a person needs. Never a body, never a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    /// The room it happened in.
    pub room: Step,
    /// Its name.
    pub reason: Reason,
    /// What, where, and what to do, in one line.
    pub detail: String,
}

impl Fault {
    /// Whom it hits.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self.reason {
            Reason::AwsUnavailable | Reason::AwsThrottled => Blame::Weather,
            Reason::AwsDenied | Reason::AwsMissing => Blame::Setup,
            Reason::SignatureMissing
            | Reason::SignatureMalformed
            | Reason::SignatureMismatch
            | Reason::HeaderInvalid
            | Reason::BodyNotGitHubs
            | Reason::PipelineNameInvalid
            | Reason::PipelineIsTemplate
            | Reason::PipelineNameTaken
            | Reason::PipelineNotOurs
            | Reason::TemplateMissing
            | Reason::TemplateMasked
            | Reason::TemplateSource
            | Reason::RuleUnfit
            | Reason::ValueUnfit
            | Reason::RuleFull
            | Reason::RuleMissing
            | Reason::DeclarationRefused
            | Reason::MappingUnreadable
            | Reason::SubjectBusy
            | Reason::ClaimLost
            | Reason::LeaseLost
            | Reason::AwsConflict
            | Reason::AwsQuota
            | Reason::AwsUnknown => Blame::Message,
        }
    }

    /// A fault in `room`.
    pub fn new(room: Step, reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            room,
            reason,
            detail: one_line(&detail.into(), DETAIL_LIMIT),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.as_str(), self.detail)
    }
}

/// The longest detail, in characters: it travels as a message attribute and shares the message's 1 MiB.
const DETAIL_LIMIT: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_distinct_and_kebab_case() {
        let mut words: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Reason::ALL.len());
        assert!(
            words
                .iter()
                .all(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        );
    }

    #[test]
    fn a_detail_is_one_bounded_line() {
        let fault = Fault::new(
            Step::Event,
            Reason::BodyNotGitHubs,
            "a\nb\u{1b}[31m".repeat(1_000),
        );
        assert!(fault.detail.chars().count() <= DETAIL_LIMIT);
        assert!(!fault.detail.chars().any(char::is_control));
    }
}
