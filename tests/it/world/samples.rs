//! Rows and claims for the contract tests, plain and extreme.

use branchline::domain::clone::execution::{Execution, FailedStage};
use branchline::domain::clone::fingerprint::CloneFingerprint;
use branchline::domain::clone::tags::{MadeFrom, Tags, tags};
use branchline::domain::ids::{
    BodyDigest, Branch, CommitId, DeliveryId, ExecutionId, InstallationId, Owner, PipelineArn,
    PipelineName, RepositoryId, RepositoryName, Subject, SubjectKind, Timestamp,
};
use branchline::domain::outcome::audit_entry::NewAuditEntry;
use branchline::domain::outcome::cause::Cause;
use branchline::domain::outcome::chain::ChainHead;
use branchline::domain::report::ReportForm;
use branchline::domain::report::target::{CommentPolicy, ReportTarget};
use branchline::domain::rules::placeholder::FormatString;
use branchline::domain::state::activity::{Activity, Sleep, SleepReason};
use branchline::domain::state::claim::Transition;
use branchline::domain::state::desired::{AbsenceReason, Desired, Spec};
use branchline::domain::state::effect::{EffectResult, ExistingClone};
use branchline::domain::state::mapping::{
    Approved, ClaimInfo, Expect, Mapping, Observed, State, UnknownAttribute, UnknownAttributes,
};
use branchline::domain::state::ordering::{EventKind, EventOrder};
use branchline::domain::state::resources::{PipelineResource, Resources};
use serde_json::json;

/// Returns a time, in milliseconds from the start of the tests' time.
pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp(1_767_225_600_000 + millis)
}

/// Returns pull request `number` of repository 1001.
pub(crate) fn pull(number: u64) -> Subject {
    Subject {
        repository: RepositoryId(1_001),
        kind: SubjectKind::PullRequest(number),
    }
}

/// Returns the tags of a clone of an installation.
pub(crate) fn tagged(subject: &Subject, repository: &RepositoryName, owner: &Owner) -> Tags {
    let branch = Branch::parse("feature/x").unwrap();
    let made_from = MadeFrom {
        rule: "api",
        template: "api-template",
        branch: &branch,
    };
    tags(subject, repository, owner, made_from)
}

/// Parses the name of a pipeline.
pub(crate) fn pipeline(name: &str) -> PipelineName {
    PipelineName::parse(name).unwrap()
}

/// Returns a spec for the pipeline of this name.
pub(crate) fn spec(name: &str) -> Spec {
    Spec {
        pipeline: pipeline(name),
        template: pipeline("api-template"),
        branch: Branch::parse("feature/x").unwrap(),
        rule: "pull requests".to_owned(),
        rule_digest: "d1".into(),
        base: Some(Branch::parse("main").unwrap()),
        title: Some("Add login".to_owned()),
        author: Some("octocat".to_owned()),
    }
}

/// Returns a claim of this owner that is valid for two minutes.
pub(crate) fn claim(owner: &str) -> ClaimInfo {
    ClaimInfo {
        owner: owner.to_owned(),
        until: at(120_000),
    }
}

/// Returns the first row of a subject: its pipeline is about to be created, under a claim.
pub(crate) fn creating(subject: Subject, name: &str, owner: &str) -> Mapping {
    Mapping {
        subject,
        repository: RepositoryName::parse("acme/api").unwrap(),
        renamed_at: None,
        state: State::Creating,
        generation: 1,
        order: EventOrder {
            event_time: at(0),
            received_at: at(250),
            kind: EventKind::Open,
            head: Some(CommitId::parse("a".repeat(40)).unwrap()),
            before: None,
        },
        bodies: vec![BodyDigest::of(b"creating")],
        desired: Some(Desired::Present(spec(name))),
        resources: pipeline_resource(PipelineResource::named(pipeline(name))),
        observed: Observed::default(),
        report: None,
        approved: None,
        start_token: None,
        retry: None,
        activity: Activity::default(),
        slot: None,
        claim: Some(claim(owner)),
        attempts: 0,
        last_error: None,
        trail: None,
        created_at: at(300),
        updated_at: at(300),
        unknown: UnknownAttributes::new(),
    }
}

/// Only a pipeline.
fn pipeline_resource(pipeline: PipelineResource) -> Resources {
    Resources {
        pipeline: Some(pipeline),
        ..Resources::default()
    }
}

/// Returns the transition that writes this first row, for a subject that was never seen.
pub(crate) fn first(subject: Subject, name: &str, owner: &str) -> Transition {
    Transition::new(Expect::Unseen, creating(subject, name, owner))
}

/// Returns the ARN of a pipeline.
pub(crate) fn arn(name: &str) -> PipelineArn {
    PipelineArn::parse(format!(
        "arn:aws:codepipeline:eu-west-1:123456789012:{name}"
    ))
    .unwrap()
}

/// Returns the effect of creating this pipeline, in a slot of `rule 1`.
pub(crate) fn created(name: &str) -> EffectResult {
    EffectResult::Present(Box::new(ExistingClone {
        execution: None,
        name: pipeline(name),
        arn: arn(name),
        version: Some(1),
        template_version: Some(3),
        fingerprint: CloneFingerprint {
            variables: vec!["PR".to_owned()],
            ..CloneFingerprint::default()
        },
        projects: Vec::new(),
        stacks: Vec::new(),
        slot: Some("rule 1".to_owned()),
        built: None,
    }))
}

/// Returns the audit entry of a delivery.
pub(crate) fn entry(delivery: &str, to: &'static str) -> NewAuditEntry {
    NewAuditEntry {
        cause: Cause::Webhook(DeliveryId::parse(delivery).unwrap()),
        time: at(0),
        processed_at: at(1_000),
        repository: Some("acme/api".to_owned()),
        actor: Some("octocat".to_owned()),
        outcome: "created".to_owned(),
        from: Some("unseen"),
        to,
        pipeline: Some("api-pr-7".to_owned()),
        journal: "{\"outcome\":\"created\",\"note\":\"ü\"}".to_owned(),
    }
}

/// Returns a row in which every attribute is set, with extreme values.
fn full() -> Mapping {
    Mapping {
        subject: Subject {
            repository: RepositoryId(u64::from(u32::MAX) * 7),
            kind: SubjectKind::Branch(Branch::parse("feature/日本 #1 \"x\" 🦀").unwrap()),
        },
        repository: RepositoryName::parse("Acme-2/api.v_2").unwrap(),
        renamed_at: Some(Timestamp(253_402_300_799_998)),
        state: State::Deleting,
        generation: 9_007_199_254_740_993, // 2^53 + 1: no float holds it.
        order: EventOrder {
            event_time: Timestamp(253_402_300_799_999),
            received_at: Timestamp(0),
            kind: EventKind::Reopened,
            head: Some(CommitId::parse("0f".repeat(32)).unwrap()),
            before: Some(CommitId::parse("b".repeat(40)).unwrap()),
        },
        bodies: vec![BodyDigest::of(b"first"), BodyDigest::of(b"last")],
        desired: Some(Desired::Absent {
            reason: AbsenceReason::Closed,
            last: Some(Spec {
                title: Some(" ü \t'quoted' ".to_owned()),
                ..spec("shape-full")
            }),
        }),
        resources: pipeline_resource(PipelineResource {
            name: pipeline("shape-full"),
            arn: Some(arn("shape-full")),
            version: Some(i32::MAX),
            template_version: Some(i32::MAX),
            fingerprint: Some(CloneFingerprint {
                digest: Some("d".repeat(64)),
                secrets: Some("e".repeat(64)),
                source: Some("GitHub".to_owned()),
                pinned_source: Some("GitHub".to_owned()),
                variables: vec!["PR".to_owned(), "SHA".to_owned()],
                left_out_stages: vec!["Deploy".to_owned(), "Production".to_owned()],
            }),
            created_at: Some(Timestamp(3)),
        }),
        observed: Observed {
            built: Some(CommitId::parse("c".repeat(40)).unwrap()),
            executions: vec![Execution {
                id: "e-1".to_owned(),
                state: "Succeeded".to_owned(),
                started: Some("2026-01-01T00:00:00Z".to_owned()),
                ..Execution::default()
            }],
        },
        report: Some(ReportTarget {
            form: ReportForm::Check,
            context: "branchline/api".into(),
            installation: Some(InstallationId(7)),
            comment: CommentPolicy::Failures,
            deployment: FormatString::parse("{{x}}/pr-{number}").ok(),
        }),
        approved: Some(Approved {
            commit: CommitId::parse("c".repeat(40)).unwrap(),
            by: "octocat".to_owned(),
            at: Timestamp(4),
        }),
        start_token: Some(DeliveryId::parse("d-1").unwrap()),
        retry: Some(FailedStage {
            execution: ExecutionId::parse("e-1").unwrap(),
            attempt: 2,
            stage: "Build".into(),
        }),
        activity: Activity {
            last: Some(Timestamp(253_402_300_799_999)),
            is_draft: true,
            is_kept: true,
            removal_at: Some(Timestamp(5)),
            sleep: Some(Sleep {
                reason: SleepReason::Idle,
                since: Timestamp(6),
            }),
        },
        slot: Some("rule ü".to_owned()),
        claim: Some(claim("host ü/pid 1/17")),
        attempts: u32::MAX,
        last_error: Some("aws-unavailable: 503".to_owned()),
        trail: Some(ChainHead {
            sequence: 9_007_199_254_740_993,
            hash: "f".repeat(64),
        }),
        created_at: Timestamp(1),
        updated_at: Timestamp(2),
        unknown: [(
            "later".to_owned(),
            UnknownAttribute::Whole(json!({"S": "x"})),
        )]
        .into(),
    }
}

/// Returns rows of every shape, each under a claim so that one transition can write it.
pub(crate) fn shapes() -> Vec<Mapping> {
    let plain = creating(pull(7), "shape-plain", "worker/1");
    let bare = Mapping {
        subject: pull(u64::MAX),
        bodies: Vec::new(),
        desired: None,
        resources: Resources::default(),
        ..plain.clone()
    };
    let lean = Mapping {
        desired: Some(Desired::Present(Spec {
            base: None,
            title: None,
            author: None,
            ..spec("shape-lean")
        })),
        order: EventOrder {
            head: None,
            ..plain.order.clone()
        },
        ..creating(pull(8), "shape-lean", "worker/1")
    };
    // An empty title differs from no title.
    let empty = Mapping {
        desired: Some(Desired::Present(Spec {
            title: Some(String::new()),
            ..spec("shape-empty")
        })),
        ..creating(pull(9), "shape-empty", "worker/1")
    };
    let mut shapes = vec![plain.clone(), full(), bare, lean, empty];
    let number = |place: usize| pull(100 + u64::try_from(place).unwrap_or(0));
    shapes.extend(EventKind::ALL.iter().enumerate().map(|(place, kind)| {
        let name = format!("shape-{}", kind.as_str());
        let order = EventOrder {
            kind: *kind,
            ..plain.order.clone()
        };
        Mapping {
            order,
            ..creating(number(place), &name, "worker/1")
        }
    }));
    shapes.extend(
        AbsenceReason::ALL
            .into_iter()
            .enumerate()
            .map(|(place, reason)| Mapping {
                state: State::Deleting,
                desired: Some(Desired::Absent { reason, last: None }),
                ..creating(number(100 + place), "shape-absent", "worker/1")
            }),
    );
    shapes
}
