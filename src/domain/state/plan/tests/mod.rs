use std::time::Duration;

use super::*;
use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{
    BodyDigest, Branch, CommitId, DeliveryId, PipelineArn, PipelineName, RepositoryId,
    RepositoryName, Subject, SubjectKind,
};
use crate::domain::outcome::cause::Cause;
use crate::domain::state::activity::Signs;
use crate::domain::state::claim::{CLOCK_SKEW, Claim, LATE_EFFECT_WINDOW};
use crate::domain::state::effect::{EffectResult, ExistingClone};
use crate::domain::state::ordering::{EventKind, EventOrder};

/// We start heads and follow the template.
const OURS: BuildPolicy = BuildPolicy {
    head: BuildTrigger::Branchline,
    follows: true,
};
/// `update = "never"`.
const NEVER: BuildPolicy = BuildPolicy {
    head: BuildTrigger::Branchline,
    follows: false,
};
const NOW: Timestamp = Timestamp(100_000);

fn spec(pipeline: &str) -> Spec {
    Spec {
        pipeline: PipelineName::parse(pipeline).unwrap(),
        template: PipelineName::parse("api-main").unwrap(),
        branch: Branch::parse("x").unwrap(),
        rule: "rule 1".into(),
        rule_digest: "d1".into(),
        base: None,
        title: None,
        author: None,
    }
}

fn intent(seconds: i64, kind: EventKind, wanted: DesiredState) -> Intent {
    let event = Timestamp(seconds * 1_000);
    Intent {
        subject: Subject {
            repository: RepositoryId(1),
            kind: SubjectKind::PullRequest(7),
        },
        repository: RepositoryName::parse("acme/api").unwrap(),
        order: EventOrder {
            event_time: event,
            received_at: event,
            kind,
            head: None,
            before: None,
        },
        actor: None,
        cause: Cause::Webhook(DeliveryId::parse(format!("d-{seconds}")).unwrap()),
        body: BodyDigest::parse(format!("{seconds:064}")).unwrap(),
        wanted,
        signs: Signs {
            is_activity: true,
            ..Signs::default()
        },
        report: None,
    }
}

fn open(seconds: i64) -> Intent {
    intent(
        seconds,
        EventKind::Open,
        DesiredState::Present(Box::new(spec("api-pr-7")), OURS),
    )
}

fn closed(seconds: i64) -> Intent {
    intent(
        seconds,
        EventKind::Closed,
        DesiredState::Absent(AbsenceReason::Closed),
    )
}

fn claim(owner: &str) -> ClaimInfo {
    ClaimInfo {
        owner: owner.into(),
        until: NOW.plus(Duration::from_secs(120)),
    }
}

/// Decides, and checks that an effect concerns the pipeline in the row under whose claim it runs.
fn decide(intent: &Intent, seen: Option<&Mapping>) -> Plan {
    let plan = plan(intent, seen, claim("me"), NOW);
    if let Plan::Act { transition, effect } = &plan {
        let (Effect::Create(Spec { pipeline: name, .. })
        | Effect::Start(Spec { pipeline: name, .. })
        | Effect::Adopt(Spec { pipeline: name, .. })
        | Effect::Delete(name)) = effect;
        assert_eq!(transition.next.pipeline_name(), Some(name));
    }
    plan
}

/// The row as the claim of `intent` leaves it.
fn claimed(intent: &Intent, seen: Option<&Mapping>) -> Mapping {
    match decide(intent, seen) {
        Plan::Act { transition, .. } => transition.next,
        other @ (Plan::Nothing(_) | Plan::Busy { .. } | Plan::Record(_) | Plan::Remember(_)) => {
            panic!("{other:?}")
        }
    }
}

fn settled(row: Mapping) -> Mapping {
    let done = match row.state == State::Deleting {
        true => EffectResult::Absent,
        false => EffectResult::Present(Box::new(ExistingClone {
            name: PipelineName::parse("api-pr-7").unwrap(),
            arn: PipelineArn::parse("arn:aws:codepipeline:eu-west-1:123456789012:api-pr-7")
                .unwrap(),
            version: Some(1),
            template_version: Some(1),
            fingerprint: CloneFingerprint::default(),
            projects: Vec::new(),
            stacks: Vec::new(),
            slot: None,
            execution: None,
            built: None,
        })),
    };
    Claim::proven(row).settle(done, NOW).next
}

fn active() -> Mapping {
    settled(claimed(&open(1), None))
}

fn gone() -> Mapping {
    settled(claimed(&closed(2), Some(&active())))
}

fn expired(mut row: Mapping) -> Mapping {
    row.claim = Some(ClaimInfo {
        owner: "dead".into(),
        until: NOW,
    });
    row
}

/// One word for a plan, for the table of cases.
fn word(plan: &Plan) -> String {
    match plan {
        Plan::Nothing(why) => why.as_str().into(),
        Plan::Busy { .. } => "busy".into(),
        Plan::Record(transition) => format!("record {}", transition.next.state.as_str()),
        Plan::Remember(_) => "remember".into(),
        Plan::Act {
            effect: Effect::Create(spec),
            ..
        } => format!("create {}", spec.pipeline),
        Plan::Act {
            effect: Effect::Delete(name),
            ..
        } => format!("delete {name}"),
        Plan::Act {
            effect: Effect::Start(spec),
            ..
        } => format!("start {}", spec.pipeline),
        Plan::Act {
            effect: Effect::Adopt(spec),
            ..
        } => format!("adopt {}", spec.pipeline),
    }
}

#[test]
fn each_settled_state_answers_each_kind_of_news() {
    let cases = [
        ("unseen, open", decide(&open(1), None), "create api-pr-7"),
        ("unseen, closed", decide(&closed(1), None), "record gone"),
        (
            "active, the same",
            decide(&open(1), Some(&active())),
            "repeated",
        ),
        (
            "active, later",
            decide(&open(2), Some(&active())),
            "record active",
        ),
        (
            "active, older",
            decide(&closed(0), Some(&active())),
            "stale",
        ),
        (
            "active, closed",
            decide(&closed(2), Some(&active())),
            "delete api-pr-7",
        ),
        ("gone, old opened", decide(&open(1), Some(&gone())), "stale"),
        (
            "gone, closed again",
            decide(&closed(2), Some(&gone())),
            "repeated",
        ),
        (
            "gone, reopened",
            decide(&open(3), Some(&gone())),
            "create api-pr-7",
        ),
    ];
    for (case, plan, expected) in cases {
        assert_eq!(word(&plan), expected, "{case}");
    }
}

#[test]
fn each_half_way_state_answers_each_kind_of_news() {
    let creating = claimed(&open(1), None);
    let deleting = claimed(&closed(2), Some(&active()));
    let cases = [
        (
            "creating, held, the same",
            decide(&open(1), Some(&creating)),
            "busy",
        ),
        (
            "creating, held, later",
            decide(&closed(2), Some(&creating)),
            "busy",
        ),
        (
            "creating, held, older",
            decide(&open(0), Some(&creating)),
            "stale",
        ),
        (
            "creating, expired, the same",
            decide(&open(1), Some(&expired(creating.clone()))),
            "create api-pr-7",
        ),
        (
            "creating, expired, older",
            decide(&closed(0), Some(&expired(creating.clone()))),
            "create api-pr-7",
        ),
        (
            "creating, expired, closed",
            decide(&closed(2), Some(&expired(creating))),
            "delete api-pr-7",
        ),
        (
            "deleting, expired, older",
            decide(&open(1), Some(&expired(deleting.clone()))),
            "delete api-pr-7",
        ),
        (
            "deleting, expired, reopened",
            decide(&open(3), Some(&expired(deleting))),
            "create api-pr-7",
        ),
    ];
    for (case, plan, expected) in cases {
        assert_eq!(word(&plan), expected, "{case}");
    }
}

#[test]
fn every_accepted_intent_is_one_generation() {
    assert_eq!((active().generation, gone().generation), (1, 2));
}

#[test]
fn a_redelivery_that_arrives_later_and_says_the_same_is_no_news() {
    let mut again = open(1);
    again.order.received_at = Timestamp(50_000);
    assert_eq!(
        decide(&again, Some(&active())),
        Plan::Nothing(Unchanged::Repeated)
    );
}

#[test]
fn a_pipeline_keeps_its_name_while_it_lives_and_its_template_where_the_rule_says_so() {
    let mut other = spec("renamed");
    other.template = PipelineName::parse("other-template").unwrap();
    let later = intent(
        2,
        EventKind::Open,
        DesiredState::Present(Box::new(other.clone()), NEVER),
    );
    match decide(&later, Some(&active())) {
        Plan::Nothing(_) => panic!("the time moved"),
        Plan::Record(transition) => {
            let spec = transition.next.spec().unwrap();
            assert_eq!(
                (spec.pipeline.as_str(), spec.template.as_str()),
                ("api-pr-7", "api-main")
            );
        }
        other @ (Plan::Busy { .. } | Plan::Remember(_) | Plan::Act { .. }) => panic!("{other:?}"),
    }
    let followed = intent(
        2,
        EventKind::Open,
        DesiredState::Present(Box::new(other.clone()), OURS),
    );
    let row = claimed(&followed, Some(&active()));
    assert_eq!(row.spec().unwrap().template.as_str(), "other-template");
    assert_eq!(row.state, State::Starting);
    let reopened = intent(
        3,
        EventKind::Reopened,
        DesiredState::Present(Box::new(other), OURS),
    );
    assert_eq!(word(&decide(&reopened, Some(&gone()))), "create renamed");
}

#[test]
fn an_orphan_that_is_being_deleted_gives_its_name_to_the_next_pipeline() {
    let mut deleting = claimed(&closed(2), Some(&active()));
    let orphan = PipelineName::parse("lost-7").unwrap();
    deleting.claim = None;
    deleting.desired = Some(Desired::Absent {
        reason: AbsenceReason::Orphan,
        last: None,
    });
    deleting.resources.pipeline = Some(PipelineResource::named(orphan));
    assert_eq!(word(&decide(&open(3), Some(&deleting))), "create lost-7");
}

#[test]
fn a_name_that_was_given_up_during_a_start_is_chosen_again() {
    let mut seen = active();
    seen.order.head = CommitId::parse("a".repeat(40)).ok();
    seen.observed.built = seen.order.head.clone();
    let mut push = open(3);
    push.order.head = CommitId::parse("b".repeat(40)).ok();
    let starting = claimed(&push, Some(&seen));
    assert_eq!(starting.state, State::Starting);
    let taken = Fault::new(Reason::PipelineNameTaken, "why");
    let given_up = Claim::proven(starting).give_up(&taken, NOW).next;
    assert_eq!(
        given_up.last_pipeline_name(),
        None,
        "it is another pipeline's"
    );
    assert_eq!(given_up.slot, None);
    let again = claimed(&push, Some(&given_up));
    let reserves = Transition::new(given_up.as_seen(), again.clone());
    assert_eq!(again.state, State::Creating);
    assert_eq!(reserves.reserves(), again.pipeline_name());
}

#[test]
fn a_corrected_rule_applies_to_the_same_event() {
    let fault = |reason| Fault::new(reason, "why");
    let given_up = |reason| Claim::proven(claimed(&open(1), None)).give_up(&fault(reason), NOW);
    let mut corrected = spec("renamed");
    corrected.template = PipelineName::parse("corrected").unwrap();
    let again = intent(
        1,
        EventKind::Open,
        DesiredState::Present(Box::new(corrected), OURS),
    );

    let missing = given_up(Reason::TemplateMissing);
    assert_eq!((missing.next.attempts, missing.releases), (1, None));
    let row = claimed(&again, Some(&missing.next));
    assert_eq!(row.spec().unwrap().template.as_str(), "corrected");
    assert_eq!(
        row.spec().unwrap().pipeline.as_str(),
        "api-pr-7",
        "what may exist keeps its name"
    );

    let taken = given_up(Reason::PipelineNameTaken);
    assert_eq!(taken.releases.unwrap().as_str(), "api-pr-7");
    assert_eq!(word(&decide(&again, Some(&taken.next))), "create renamed");
}

#[test]
fn a_call_that_may_still_be_under_way_keeps_the_subject_held() {
    let proven = Claim::proven(claimed(&open(1), None));
    let given_up = proven.give_up(&Fault::new(Reason::AwsUnavailable, "no answer"), NOW);
    assert_eq!(word(&decide(&closed(2), Some(&given_up.next))), "busy");
    let later = NOW.plus(LATE_EFFECT_WINDOW + CLOCK_SKEW);
    assert_eq!(
        word(&plan(&closed(2), Some(&given_up.next), claim("me"), later)),
        "delete api-pr-7"
    );
}

mod forgetting;
mod sleep;
mod starts;
mod teardown;
mod ties;
