use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::clone::execution::{Execution, FailedStage};
use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::clone::overrides::TeardownPolicy;
use crate::domain::clone::stacks::Stack;
use crate::domain::ids::{
    BodyDigest, Branch, CommitId, DeliveryId, ExecutionId, InstallationId, PipelineArn,
    PipelineName, ProjectName, RepositoryId, RepositoryName, StackId, Subject, SubjectKind,
    Timestamp,
};
use crate::domain::outcome::chain::ChainHead;
use crate::domain::report::ReportForm;
use crate::domain::report::target::{CommentPolicy, ReportTarget};
use crate::domain::rules::placeholder::FormatString;
use crate::domain::state::activity::{Activity, Sleep, SleepReason};
use crate::domain::state::desired::{AbsenceReason, Desired, Spec};
use crate::domain::state::mapping::{Approved, ClaimInfo, Observed, State, UnknownAttributes};
use crate::domain::state::ordering::{EventKind, EventOrder};
use crate::domain::state::resources::{PipelineResource, ProjectResource, Resources};
use crate::domain::state::teardown::{Teardown, TeardownRun};

use super::*;

fn commit(digit: &str) -> CommitId {
    CommitId::parse(digit.repeat(40)).unwrap()
}

fn spec() -> Spec {
    Spec {
        pipeline: PipelineName::parse("api-pr-7").unwrap(),
        template: PipelineName::parse("api-main").unwrap(),
        branch: Branch::parse("feature/ü#1").unwrap(),
        rule: "rule 1".into(),
        rule_digest: "d1".into(),
        base: Some(Branch::parse("main").unwrap()),
        title: Some("\u{1F680}".into()),
        author: Some("octocat".into()),
    }
}

fn execution(id: &str) -> Execution {
    Execution {
        id: id.into(),
        state: "Succeeded".into(),
        started: Some("2026-01-01T00:00:00Z".into()),
        commit: Some("c".repeat(40)),
        ..Execution::default()
    }
}

fn stack(name: &str, region: Option<&str>) -> Stack {
    Stack {
        name: name.into(),
        region: region.map(str::to_owned),
        role: Some("arn:aws:iam::123456789012:role/stack".into()),
        action_role: Some("arn:aws:iam::123456789012:role/deploy".into()),
        id: StackId::parse(format!(
            "arn:aws:cloudformation:eu-west-1:123456789012:stack/{name}/1"
        ))
        .ok(),
    }
}

/// A mapping in which every attribute is set.
fn full() -> Mapping {
    Mapping {
        subject: Subject {
            repository: RepositoryId(u64::MAX),
            kind: SubjectKind::PullRequest(7),
        },
        repository: RepositoryName::parse("acme/api").unwrap(),
        renamed_at: Some(Timestamp(1_790_000_000_000)),
        state: State::Creating,
        generation: u64::MAX,
        order: EventOrder {
            event_time: Timestamp(i64::MAX),
            received_at: Timestamp(-1),
            kind: EventKind::Reopened,
            head: Some(commit("a")),
            before: Some(commit("b")),
        },
        bodies: vec![BodyDigest::of(b"first"), BodyDigest::of(b"last")],
        desired: Some(Desired::Absent {
            reason: AbsenceReason::Draft,
            last: Some(spec()),
        }),
        resources: Resources {
            pipeline: Some(PipelineResource {
                name: PipelineName::parse("api-pr-7").unwrap(),
                arn: PipelineArn::parse("arn:aws:codepipeline:eu-west-1:123456789012:api-pr-7")
                    .ok(),
                version: Some(2),
                template_version: Some(3),
                fingerprint: Some(CloneFingerprint {
                    digest: Some("d".into()),
                    secrets: Some("e".into()),
                    source: Some("Source".into()),
                    pinned_source: Some("Source".into()),
                    variables: vec!["PR".into()],
                    left_out_stages: vec!["Deploy".into()],
                }),
                created_at: Some(Timestamp(1_767_225_600_123)),
            }),
            projects: vec![ProjectResource {
                name: ProjectName::parse("api-pr-7-api-0123abcd").unwrap(),
                fingerprint: Some("f".into()),
            }],
            stacks: vec![stack("web", Some("us-east-1")), stack("api", None)],
            left: vec![stack("old", None)],
            teardown_policy: TeardownPolicy::parse("pipeline:api-teardown").ok(),
            teardown: Some(Teardown {
                run: ExecutionId::parse("e-2").ok().map(TeardownRun::Execution),
                failures: 1,
                retry_at: Some(Timestamp(9)),
                is_finished: true,
                is_remade: true,
                deployed_until: Some(Timestamp(8)),
            }),
        },
        observed: Observed {
            built: Some(commit("c")),
            executions: vec![execution("e-9"), execution("e-1")],
        },
        report: Some(ReportTarget {
            form: ReportForm::Check,
            context: "branchline/api".into(),
            installation: Some(InstallationId(7)),
            comment: CommentPolicy::Failures,
            deployment: FormatString::parse("{{x}}/pr-{number}").ok(),
        }),
        approved: Some(Approved {
            commit: commit("d"),
            by: "octocat".into(),
            at: Timestamp(1_767_225_600_123),
        }),
        start_token: Some(DeliveryId::parse("d-1").unwrap()),
        retry: Some(FailedStage {
            execution: ExecutionId::parse("e-1").unwrap(),
            attempt: 2,
            stage: "Build".into(),
        }),
        activity: Activity {
            last: Some(Timestamp(i64::MAX)),
            is_draft: true,
            is_kept: true,
            removal_at: Some(Timestamp(6)),
            sleep: Some(Sleep {
                reason: SleepReason::MaxAge,
                since: Timestamp(7),
            }),
        },
        slot: Some("rule 1".into()),
        claim: Some(ClaimInfo {
            owner: "worker/1".into(),
            until: Timestamp(5),
        }),
        attempts: 2,
        last_error: Some("why".into()),
        trail: Some(ChainHead {
            sequence: u64::MAX,
            hash: "f".repeat(64),
        }),
        created_at: Timestamp(1_767_225_600_123),
        updated_at: Timestamp(1_767_225_601_456),
        unknown: UnknownAttributes::new(),
    }
}

/// The same subject with nothing that may be left out.
fn bare() -> Mapping {
    let full = full();
    Mapping {
        attempts: full.attempts,
        created_at: full.created_at,
        updated_at: full.updated_at,
        generation: full.generation,
        ..Mapping::unseen(
            full.subject,
            full.repository,
            EventOrder {
                head: None,
                before: None,
                ..full.order
            },
            Timestamp(0),
        )
    }
}

#[test]
fn a_full_and_a_bare_mapping_read_back() {
    for mapping in [full(), bare()] {
        assert_eq!(read(&write(&mapping)), Ok(mapping));
    }
    let present = Mapping {
        desired: Some(Desired::Present(spec())),
        ..bare()
    };
    assert_eq!(read(&write(&present)), Ok(present));
}

/// The paths of all attributes of an item, maps included, as a fault names them.
fn paths(item: &Item, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value) in item {
        found.push(format!("{prefix}{name}"));
        if let AttributeValue::M(inner) = value {
            found.extend(paths(inner, &format!("{prefix}{name}.")));
        }
    }
    found
}

/// The map that holds the attribute at `path`, and the attribute's name.
fn holder<'a>(item: &'a mut Item, path: &'a str) -> (&'a mut Item, &'a str) {
    match path.split_once('.') {
        None => (item, path),
        Some((name, rest)) => match item.get_mut(name) {
            Some(AttributeValue::M(inner)) => holder(inner, rest),
            other => panic!("{name} of {path} is {other:?}"),
        },
    }
}

#[test]
fn damage_to_any_attribute_is_named() {
    let whole = write(&full());
    let paths = paths(&whole, "");
    assert!(
        paths.contains(&"resources.pipeline.fingerprint.digest".to_owned()),
        "{paths:?}"
    );
    for path in paths {
        let mut item = whole.clone();
        let (map, name) = holder(&mut item, &path);
        let damaged = match map.get(name) {
            Some(AttributeValue::Bool(_)) => n(1),
            Some(_) | None => AttributeValue::Bool(true),
        };
        map.insert(name.to_owned(), damaged);
        let fault = read(&item).unwrap_err();
        assert_eq!(fault.reason, Reason::MappingUnreadable, "{path}");
        assert!(
            fault.detail.contains(&format!("'{path}'")),
            "{path}: {fault}"
        );
    }
}

#[test]
fn a_missing_attribute_is_named() {
    let whole = write(&full());
    for path in [
        "schema",
        "state",
        "generation",
        "event_kind",
        "desired.presence",
        "desired.reason",
        "desired.spec.template",
        "resources.pipeline.name",
        "observed.executions",
        "approved.by",
        "activity.asleep",
        "activity.asleep_since",
        "claim_owner",
        "claim_until",
    ] {
        let mut item = whole.clone();
        let (map, name) = holder(&mut item, path);
        map.remove(name);
        let fault = read(&item).unwrap_err();
        assert!(
            fault.detail.contains(&format!("'{path}'")),
            "{path}: {fault}"
        );
    }
}

#[test]
fn a_row_of_a_newer_schema_is_left_alone_and_retried() {
    let mut item = write(&full());
    item.insert("schema".to_owned(), n(SCHEMA + 1));
    item.insert("state".to_owned(), s("retiring"));
    let fault = read(&item).unwrap_err();
    assert_eq!(fault.reason, Reason::MappingNewer);
    assert!(
        fault
            .detail
            .contains("REPO#18446744073709551615 / PR#0000000007"),
        "{fault}"
    );
}

/// Attributes of every type, as a newer branchline might write them.
fn newer_attributes() -> Item {
    let blob = || Blob::new([0_u8, 255, 7]);
    Item::from([
        ("text".to_owned(), s("ü")),
        ("number".to_owned(), AttributeValue::N("1.50".to_owned())),
        ("binary".to_owned(), AttributeValue::B(blob())),
        ("truth".to_owned(), AttributeValue::Bool(false)),
        ("nothing".to_owned(), AttributeValue::Null(true)),
        (
            "texts".to_owned(),
            AttributeValue::Ss(vec!["a".to_owned(), "b".to_owned()]),
        ),
        (
            "numbers".to_owned(),
            AttributeValue::Ns(vec!["1".to_owned()]),
        ),
        ("binaries".to_owned(), AttributeValue::Bs(vec![blob()])),
        ("list".to_owned(), AttributeValue::L(vec![s("a"), n(1)])),
        (
            "map".to_owned(),
            AttributeValue::M(Item::from([("inner".to_owned(), s("x"))])),
        ),
    ])
}

#[test]
fn attributes_of_a_newer_branchline_survive_a_rewrite() {
    let mut item = write(&full());
    item.extend(newer_attributes());
    for path in [
        "desired.spec.since",
        "resources.stack",
        "resources.pipeline.fingerprint.salt",
        "observed.executions.e-1.attempt",
    ] {
        let (map, name) = holder(&mut item, path);
        map.insert(name.to_owned(), AttributeValue::M(newer_attributes()));
    }
    let seen = read(&item).unwrap();
    assert_eq!(write(&seen), item);
    let again = Mapping {
        generation: 1,
        ..seen
    };
    item.insert("generation".to_owned(), n(1));
    assert_eq!(write(&again), item);
}

#[test]
fn an_unknown_resource_survives_the_pipeline_and_an_unknown_part_of_it_does_not() {
    let mut item = write(&full());
    for path in ["resources.stack", "resources.pipeline.color"] {
        let (map, name) = holder(&mut item, path);
        map.insert(name.to_owned(), s("blue"));
    }
    let mut mapping = read(&item).unwrap();
    mapping.resources = Resources::default();
    let written = write(&mapping);
    let resources = Item::from([("stack".to_owned(), s("blue"))]);
    assert_eq!(written["resources"], AttributeValue::M(resources));
    assert!(same(&mapping, &read(&written).unwrap()));
    assert_eq!(read(&written).unwrap().resources.pipeline, None);
}
