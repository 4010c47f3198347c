use super::*;
use crate::domain::clone::overrides::CloneOverrides;
use crate::domain::fault::Reason;
use crate::domain::ids::{CommitId, DeliveryId, PipelineName, RepositoryId};
use crate::domain::intake::envelope::Source;
use crate::domain::report::target::CommentPolicy;
use crate::domain::rules::glob::GlobFilter;
use crate::domain::rules::pipeline_name::NamePattern;
use crate::domain::rules::retention::Retention;
use crate::domain::rules::rule::{Rule, Start, Update};

fn rule(on: On) -> Rule {
    let pattern = match on {
        On::PullRequest => "{repo}-pr-{number}",
        On::Branch | On::MergeGroup => "{repo}-{branch}",
    };
    Rule {
        name: "rule 1".into(),
        digest: "d1".into(),
        repository: GlobFilter::parse(["acme/*"]).unwrap(),
        on,
        base: GlobFilter::parse(["main"]).unwrap(),
        branches: GlobFilter::default(),
        drafts: true,
        template: PipelineName::parse("api-main").unwrap(),
        template_file: None,
        pipeline_name: NamePattern::parse(pattern).unwrap(),
        overrides: CloneOverrides::default(),
        repository_file: None,
        start: Start::Auto,
        update: Update::NextStart,
        stop_on_close: false,
        max_active: None,
        retention: Retention::default(),
        report: None,
        context: "branchline/api".into(),
        comment: CommentPolicy::Never,
        deployment: None,
    }
}

fn pull(action: Action) -> PullRequest {
    PullRequest {
        number: 7,
        action,
        open: action != Action::Closed,
        draft: false,
        fork: false,
        head: Branch::parse("feature/x").unwrap(),
        sha: CommitId::parse("a".repeat(40)).unwrap(),
        before: None,
        base: Branch::parse("main").unwrap(),
        title: "Add login".into(),
        author: None,
        skip: false,
        labels: Vec::new(),
        label: None,
    }
}

fn received(millis: i64) -> Received {
    Received {
        source: Source::Webhooks,
        delivery: DeliveryId::parse("d-1").unwrap(),
        body: BodyDigest::of(b"body"),
        received_at: Timestamp(millis),
    }
}

fn read(change: Change, rules: &[Rule]) -> Result<Decision<Intent>, Fault> {
    let event = Event {
        repository: RepositoryId(1),
        name: RepositoryName::parse("acme/api").unwrap(),
        actor: None,
        time: Some(Timestamp(5_000)),
        installation: None,
        change,
    };
    let rules = Rules::new(rules.to_vec());
    Ok(match Intent::read(event, &rules, None, received(9_000))? {
        Decision::Handle(Request::Subject(intent)) => Decision::Handle(*intent),
        // What nobody knows.
        Decision::Handle(Request::KnownSubject(_)) => Decision::Ignore(Ignored::NoRule),
        Decision::Handle(
            other @ (Request::Repository(_)
            | Request::Renaming(_)
            | Request::Rerun(_)
            | Request::Repair(_)
            | Request::Wake(..)
            | Request::Sleep(..)),
        ) => {
            panic!("{other:?}")
        }
        Decision::Ignore(why) => Decision::Ignore(why),
    })
}

/// `present NAME`, `absent WHY` or `ignored WHY`.
fn said(change: Change, rules: &[Rule]) -> String {
    match read(change, rules).unwrap() {
        Decision::Handle(Intent {
            wanted: DesiredState::Present(spec, _),
            ..
        }) => format!("present {}", spec.pipeline),
        Decision::Handle(Intent {
            wanted: DesiredState::Absent(why),
            ..
        }) => format!("absent {}", why.as_str()),
        Decision::Ignore(why) => format!("ignored {}", why.as_str()),
    }
}

fn pr(pull: PullRequest) -> Change {
    Change::PullRequest(Box::new(pull))
}

#[test]
fn every_open_action_means_the_same() {
    let rules = [rule(On::PullRequest)];
    for action in [
        Action::Opened,
        Action::Reopened,
        Action::Synchronize,
        Action::Edited,
        Action::ReadyForReview,
    ] {
        assert_eq!(
            said(pr(pull(action)), &rules),
            "present api-pr-7",
            "{action:?}"
        );
    }
    assert_eq!(said(pr(pull(Action::Closed)), &rules), "absent closed");
}

#[test]
fn a_fork_has_none() {
    let fork = |action| {
        pr(PullRequest {
            fork: true,
            ..pull(action)
        })
    };
    assert_eq!(
        said(fork(Action::Opened), &[rule(On::PullRequest)]),
        "absent fork"
    );
    assert_eq!(
        said(fork(Action::Closed), &[rule(On::PullRequest)]),
        "absent closed"
    );
}

#[test]
fn a_draft_has_none_where_the_rule_says_so() {
    let rules = [Rule {
        drafts: false,
        ..rule(On::PullRequest)
    }];
    let draft = |action| {
        pr(PullRequest {
            draft: true,
            ..pull(action)
        })
    };
    assert_eq!(said(draft(Action::Opened), &rules), "absent draft");
    assert_eq!(
        said(draft(Action::ConvertedToDraft), &rules),
        "absent draft"
    );
    assert_eq!(
        said(draft(Action::ConvertedToDraft), &[rule(On::PullRequest)]),
        "present api-pr-7"
    );
}

#[test]
fn a_base_that_no_rule_admits_removes_but_never_makes() {
    let elsewhere = |action| {
        pr(PullRequest {
            base: Branch::parse("dev").unwrap(),
            ..pull(action)
        })
    };
    assert_eq!(
        said(elsewhere(Action::Opened), &[rule(On::PullRequest)]),
        "absent no-rule"
    );
    assert_eq!(
        said(elsewhere(Action::Edited), &[rule(On::PullRequest)]),
        "absent no-rule"
    );
    assert_eq!(
        said(elsewhere(Action::Closed), &[rule(On::Branch)]),
        "ignored no-rule"
    );
}

#[test]
fn the_first_rule_that_matches_wins() {
    let second = Rule {
        pipeline_name: NamePattern::parse("second-{number}").unwrap(),
        ..rule(On::PullRequest)
    };
    let other = Rule {
        repository: GlobFilter::parse(["other/*"]).unwrap(),
        ..second.clone()
    };
    assert_eq!(
        said(pr(pull(Action::Opened)), &[rule(On::PullRequest), second]),
        "present api-pr-7"
    );
    assert_eq!(
        said(pr(pull(Action::Opened)), &[other, rule(On::PullRequest)]),
        "present api-pr-7"
    );
}

#[test]
fn a_branch_rule_follows_the_branch() {
    let rules = [Rule {
        branches: GlobFilter::parse(["!wip/**"]).unwrap(),
        ..rule(On::Branch)
    }];
    let branch = |name: &str, tip| Change::Branch(Branch::parse(name).unwrap(), tip);
    assert_eq!(said(branch("x", Tip::Somewhere), &rules), "present api-x");
    assert_eq!(
        said(branch("x", Tip::Gone { before: None }), &rules),
        "absent deleted"
    );
    assert_eq!(
        said(branch("wip/x", Tip::Somewhere), &rules),
        "ignored no-rule"
    );
    assert_eq!(
        said(branch("x", Tip::Somewhere), &[rule(On::PullRequest)]),
        "ignored no-rule"
    );
}

#[test]
fn a_clone_never_gets_the_name_of_a_template() {
    let main = Change::Branch(Branch::parse("main").unwrap(), Tip::Somewhere);
    assert_eq!(
        read(main, &[rule(On::Branch)]).unwrap_err().reason,
        Reason::PipelineIsTemplate
    );
}

#[test]
fn the_moment_is_githubs_time_or_else_the_arrival() {
    let event = |time| Event {
        installation: None,
        repository: RepositoryId(1),
        name: RepositoryName::parse("acme/api").unwrap(),
        actor: None,
        time,
        change: Change::Branch(Branch::parse("x").unwrap(), Tip::Somewhere),
    };
    let rules = Rules::new(vec![rule(On::Branch)]);
    let at = |time| match Intent::read(event(time), &rules, None, received(9)).unwrap() {
        Decision::Handle(Request::Subject(intent)) => intent.order.event_time,
        other @ (Decision::Handle(
            Request::KnownSubject(_)
            | Request::Repository(_)
            | Request::Renaming(_)
            | Request::Rerun(_)
            | Request::Repair(_)
            | Request::Wake(..)
            | Request::Sleep(..),
        )
        | Decision::Ignore(_)) => {
            panic!("{other:?}")
        }
    };
    assert_eq!(
        (at(Some(Timestamp(5))), at(None)),
        (Timestamp(5), Timestamp(9))
    );
}
