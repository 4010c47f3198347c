//! Subjects that are idle: when their pipelines are removed, and what brings them back.

use super::*;
use crate::domain::clone::execution::Execution;
use crate::domain::clone::overrides::CloneOverrides;
use crate::domain::intake::sleep_request::SleepRequest;
use crate::domain::report::ReportForm;
use crate::domain::report::idle_note::IdleNote;
use crate::domain::report::record::CommitUpdate;
use crate::domain::report::target::{CommentPolicy, ReportTarget};
use crate::domain::rules::glob::GlobFilter;
use crate::domain::rules::pipeline_name::NamePattern;
use crate::domain::rules::retention::{OnFull, Retention};
use crate::domain::rules::rule::{On, Rule, Rules, Start, Update};
use crate::domain::state::activity::{Sleep, SleepReason};
use crate::domain::state::slots::Line;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Returns a rule under which pipelines are removed after ten idle days, or when they are 30 days
/// old.
fn rules() -> Rules {
    Rules::new(vec![Rule {
        name: "rule 1".into(),
        digest: "d1".into(),
        repository: GlobFilter::parse(["acme/*"]).unwrap(),
        on: On::PullRequest,
        base: GlobFilter::default(),
        branches: GlobFilter::default(),
        drafts: true,
        template: PipelineName::parse("api-main").unwrap(),
        pipeline_name: NamePattern::parse("{repo}-pr-{number}").unwrap(),
        overrides: CloneOverrides::default(),
        start: Start::Auto,
        repository_file: None,
        template_file: None,
        update: Update::NextStart,
        stop_on_close: false,
        max_active: None,
        retention: Retention {
            idle: Some(10 * DAY),
            max_age: Some(30 * DAY),
            keep_label: Some("keep".to_owned()),
            on_full: OnFull::Wait,
        },
        report: None,
        context: "branchline/api".into(),
        comment: CommentPolicy::Never,
        deployment: None,
    }])
}

fn commit(digit: char) -> CommitId {
    CommitId::parse(digit.to_string().repeat(40)).unwrap()
}

/// An open pull request at a commit, which is one hexadecimal digit repeated.
fn at(seconds: i64, head: char) -> Intent {
    let mut intent = open(seconds);
    intent.order.head = Some(commit(head));
    intent
}

/// The same, of an event that does not count as activity: the title was edited.
fn edited(seconds: i64, head: char) -> Intent {
    let mut intent = at(seconds, head);
    intent.signs.is_activity = false;
    intent
}

/// A pull request whose last push was at second 1, and whose pipeline was created at [`NOW`].
fn built() -> Mapping {
    settled(claimed(&at(1, 'a'), None))
}

/// The same, reported to GitHub.
fn reported() -> Mapping {
    Mapping {
        report: Some(ReportTarget {
            form: ReportForm::Check,
            context: "branchline/api".into(),
            installation: None,
            comment: CommentPolicy::Never,
            deployment: None,
        }),
        ..built()
    }
}

fn later(row: &Mapping, wait: Duration, executions: &[Execution]) -> Plan {
    let claim = ClaimInfo {
        owner: "me".into(),
        until: NOW.plus(wait + DAY),
    };
    let request = SleepRequest::new(row, None);
    let now = NOW.plus(wait);
    plan_sleep(&request, Some(row), executions, &rules(), claim, now)
}

fn sleeping(row: &Mapping, wait: Duration) -> Mapping {
    match later(row, wait, &[]) {
        Plan::Act { transition, effect } => {
            assert_eq!(effect, Effect::Delete(row.pipeline_name().unwrap().clone()));
            transition.next
        }
        other @ (Plan::Nothing(_) | Plan::Busy { .. } | Plan::Record(_) | Plan::Remember(_)) => {
            panic!("{other:?}")
        }
    }
}

fn announced(plan: Plan) -> Transition {
    match plan {
        Plan::Record(transition) => transition,
        other @ (Plan::Nothing(_) | Plan::Busy { .. } | Plan::Act { .. } | Plan::Remember(_)) => {
            panic!("{other:?}")
        }
    }
}

/// A pull request that fell asleep ten days after [`NOW`].
fn asleep() -> Mapping {
    let mut row = settled(sleeping(&built(), 10 * DAY));
    row.updated_at = NOW.plus(10 * DAY);
    row
}

/// Returns the second in which it fell asleep.
fn asleep_since() -> i64 {
    NOW.plus(10 * DAY).seconds()
}

#[test]
fn a_pipeline_is_removed_once_nothing_happened_for_the_time() {
    let row = built();
    let nothing = Plan::Nothing(Unchanged::NotIdle);
    assert_eq!(later(&row, 10 * DAY - HOUR, &[]), nothing);
    let asleep = settled(sleeping(&row, 10 * DAY));
    assert_eq!(asleep.state, State::Asleep);
    let sleep = Sleep {
        reason: SleepReason::Idle,
        since: NOW.plus(10 * DAY),
    };
    assert_eq!(asleep.activity.sleep, Some(sleep));
    assert_eq!(asleep.desired, row.desired, "it is still wanted");
    assert_eq!(asleep.pipeline_name(), None);
    assert_eq!(
        later(&asleep, 20 * DAY, &[]),
        Plan::Nothing(Unchanged::NoPipeline)
    );
}

#[test]
fn an_activity_keeps_the_pipeline_and_its_age_does_not() {
    let day = |day: i64| NOW.plus(DAY).seconds() * day - NOW.seconds() * (day - 1);
    let mut row = built();
    for (count, head) in (1..).zip(['b', 'c', 'd']) {
        let pushed = settled(claimed(&at(day(9 * count), head), Some(&row)));
        let idle_for = Duration::from_hours(24 * 9) * u32::try_from(count).unwrap() + 9 * DAY;
        let expected = match count {
            1 | 2 => word(&Plan::Nothing(Unchanged::NotIdle)),
            _ => "delete api-pr-7".to_owned(),
        };
        assert_eq!(word(&later(&pushed, idle_for, &[])), expected, "{head}");
        row = pushed;
    }
    let old = sleeping(&row, 30 * DAY);
    let reason = old.activity.sleep.map(|sleep| sleep.reason);
    assert_eq!(reason, Some(SleepReason::MaxAge));
}

#[test]
fn the_label_keeps_the_pipeline_for_good() {
    let mut labeled = edited(2, 'a');
    labeled.signs.is_kept = true;
    let row = match decide(&labeled, Some(&built())) {
        Plan::Record(transition) => transition.next,
        other @ (Plan::Nothing(_) | Plan::Busy { .. } | Plan::Act { .. } | Plan::Remember(_)) => {
            panic!("{other:?}")
        }
    };
    assert_eq!(
        later(&row, 99 * DAY, &[]),
        Plan::Nothing(Unchanged::NotIdle)
    );
}

#[test]
fn a_running_execution_keeps_the_pipeline_and_one_that_ended_does_for_the_time() {
    let execution = |state: &str, after: Duration| Execution {
        id: "e-1".to_owned(),
        state: state.to_owned(),
        updated: Some(NOW.plus(after).to_string()),
        ..Execution::default()
    };
    let row = built();
    let wait = 10 * DAY;
    let running = [execution("InProgress", Duration::ZERO)];
    assert_eq!(
        later(&row, wait, &running),
        Plan::Nothing(Unchanged::Running)
    );
    let recent = [execution("Succeeded", DAY)];
    let kept = announced(later(&row, wait, &recent)).next;
    assert_eq!(kept.activity.removal_at, Some(NOW.plus(11 * DAY)));
    assert_eq!(
        later(&kept, 11 * DAY - HOUR, &recent),
        Plan::Nothing(Unchanged::NotIdle)
    );
    assert_eq!(word(&later(&kept, 11 * DAY, &recent)), "delete api-pr-7");
    let old = [execution("Succeeded", Duration::ZERO)];
    assert_eq!(word(&later(&row, wait, &old)), "delete api-pr-7");
}

#[test]
fn a_removal_is_announced_a_day_before_where_anybody_can_read_it() {
    let row = reported();
    assert_eq!(
        later(&row, 9 * DAY - HOUR, &[]),
        Plan::Nothing(Unchanged::NotIdle)
    );
    let transition = announced(later(&row, 9 * DAY, &[]));
    let removal_at = NOW.plus(10 * DAY);
    let says = |note| {
        vec![CommitUpdate::Idle {
            key: crate::domain::report::record::CommitKey {
                subject: row.subject.clone(),
                commit: commit('a'),
            },
            note,
        }]
    };
    assert_eq!(
        transition.commits,
        says(Some(IdleNote::RemovalAt {
            at: removal_at,
            with_environment: false,
        }))
    );
    let warned = transition.next;
    assert_eq!(warned.activity.removal_at, Some(removal_at));
    assert_eq!(
        later(&warned, 10 * DAY - HOUR, &[]),
        Plan::Nothing(Unchanged::NotIdle)
    );
    let asleep = Claim::proven(sleeping(&warned, 10 * DAY));
    let asleep = asleep.settle(EffectResult::Absent, NOW.plus(10 * DAY));
    let note = Some(IdleNote::Asleep(SleepReason::Idle));
    assert_eq!(asleep.commits, says(note));

    // The daemon was not running, or the rule is new.
    let late = announced(later(&row, 25 * DAY, &[])).next;
    assert_eq!(late.activity.removal_at, Some(NOW.plus(26 * DAY)));

    // The event does not count as activity, but the label keeps the pipeline.
    let mut labeled = edited(2, 'a');
    labeled.signs.is_kept = true;
    labeled.report.clone_from(&row.report);
    let kept = announced(decide(&labeled, Some(&warned)));
    assert_eq!(kept.next.activity.removal_at, None);
    assert_eq!(kept.commits, says(None));
}

#[test]
fn a_push_wakes_and_so_does_another_activity_after_it_fell_asleep() {
    let asleep = asleep();
    let since = asleep_since();
    let pushed = claimed(&at(since - 1_000, 'b'), Some(&asleep));
    assert_eq!(pushed.state, State::Creating, "its webhook was late");
    assert_eq!(pushed.activity.sleep, None);
    assert_eq!(pushed.observed.built, Some(commit('b')));
    let reopened = claimed(&at(since, 'a'), Some(&asleep));
    assert_eq!(reopened.state, State::Creating);
    let again = settled(reopened);
    assert_eq!(again.state, State::Active);
    assert_eq!(again.activity.last, Timestamp::from_seconds(since));
}

#[test]
fn what_is_older_or_no_activity_does_not_wake() {
    let asleep = asleep();
    let since = asleep_since();
    for intent in [at(since - 1_000, 'a'), edited(since + 1_000, 'a')] {
        let next = announced(decide(&intent, Some(&asleep))).next;
        assert_eq!(next.state, State::Asleep, "{intent:?}");
        assert_eq!(next.activity.sleep, asleep.activity.sleep);
    }
    let skipped = Intent {
        wanted: DesiredState::Present(
            Box::new(spec("api-pr-7")),
            BuildPolicy {
                head: BuildTrigger::Skipped,
                follows: true,
            },
        ),
        ..at(since + 1_000, 'b')
    };
    let next = announced(decide(&skipped, Some(&asleep))).next;
    assert_eq!(next.state, State::Asleep, "nothing is to be built");
    assert_eq!(next.order.head, Some(commit('b')));
    let stale = decide(&at(1, 'a'), Some(&asleep));
    assert_eq!(stale, Plan::Nothing(Unchanged::Repeated));
}

#[test]
fn a_closing_ends_a_subject_that_is_asleep_as_any_other() {
    let since = asleep_since();
    let next = announced(decide(&closed(since + 1), Some(&asleep()))).next;
    assert_eq!(next.state, State::Gone);
    assert_eq!(next.absence(), Some(AbsenceReason::Closed));
    assert_eq!(next.activity.sleep, None);
    assert_eq!(next.last_pipeline_name().unwrap().as_str(), "api-pr-7");
    let reopened = claimed(&at(since + 2, 'a'), Some(&next));
    assert_eq!(reopened.state, State::Creating);
}

#[test]
fn a_removal_that_was_cut_off_is_finished_unless_the_subject_becomes_active() {
    let mut falling = sleeping(&built(), 10 * DAY);
    falling.claim = None;
    let since = asleep_since();
    // The event that was accepted last is received again.
    assert_eq!(
        word(&decide(&at(1, 'a'), Some(&falling))),
        "delete api-pr-7"
    );
    let event = edited(since + 1, 'a');
    let next = claimed(&event, Some(&falling));
    assert_eq!(next.state, State::Deleting);
    assert_eq!(settled(next).state, State::Asleep);
    let pushed = claimed(&at(since + 1, 'b'), Some(&falling));
    assert_eq!(pushed.state, State::Creating);
    assert_eq!(settled(pushed).activity.sleep, None);
    let closed = claimed(&closed(since + 1), Some(&falling));
    assert_eq!(settled(closed).state, State::Gone);
    assert_eq!(word(&later(&falling, 11 * DAY, &[])), "delete api-pr-7");
}

#[test]
fn a_subject_is_evicted_if_its_rule_says_so_and_its_pipeline_is_not_in_use() {
    let row = built();
    let request = SleepRequest::new(&row, Some(Line::Account));
    let after = |wait: Duration, on_full, executions: &[Execution]| {
        let mut rules = rules().all().to_vec();
        rules[0].retention = Retention {
            on_full,
            ..Retention::default()
        };
        let rules = Rules::new(rules);
        let now = NOW.plus(wait);
        let plan = plan_sleep(&request, Some(&row), executions, &rules, claim("me"), now);
        word(&plan)
    };
    let execution = |state: &str, after: Duration| Execution {
        id: "e-1".to_owned(),
        state: state.to_owned(),
        updated: Some(NOW.plus(after).to_string()),
        ..Execution::default()
    };
    let evicts = OnFull::EvictIdle;
    assert_eq!(after(HOUR, OnFull::Wait, &[]), "not-idle");
    assert_eq!(after(HOUR / 2, evicts, &[]), "not-idle");
    assert_eq!(after(HOUR, evicts, &[]), "delete api-pr-7");
    for (state, at) in [("InProgress", Duration::ZERO), ("Succeeded", HOUR / 2)] {
        assert_eq!(after(HOUR, evicts, &[execution(state, at)]), "running");
    }
    let old = [execution("Succeeded", Duration::ZERO)];
    assert_eq!(after(HOUR, evicts, &old), "delete api-pr-7");
}
