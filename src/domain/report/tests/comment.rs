use std::time::Duration;

use super::due::{after, reported, superseded};
use super::*;
use crate::domain::fault::Reason;
use crate::domain::ids::{Branch, CommentId, Owner, PipelineName, SubjectKind, Timestamp};
use crate::domain::report::comment::CommentDue;
use crate::domain::report::comment::record::{CommentRecord, WantedComment, is_newest_head};
use crate::domain::report::comment::text::COMMENT_LIMIT;
use crate::domain::report::execution::{ExecutionState, StepState};
use crate::domain::report::fault::GitHubFaultKind;
use crate::domain::report::record::{CommitRecord, FailedReport, Phase, Sending};
use crate::domain::report::target::CommentPolicy;
use crate::domain::state::desired::AbsenceReason;

fn owner() -> Owner {
    Owner::parse("branchline").unwrap()
}

fn with(policy: CommentPolicy, mut record: CommitRecord) -> CommitRecord {
    record.target.comment = policy;
    record
}

/// Returns the text of the comment without its marker.
fn text(record: &CommitRecord, seen: Option<&CommentRecord>) -> String {
    let Some(wanted) = record.comment(seen, &owner(), REGION) else {
        return "nothing".to_owned();
    };
    let marker = "<!-- branchline b8a96010 REPO#1/PR#0000000007 -->\n";
    wanted.text.strip_prefix(marker).unwrap().to_owned()
}

fn line(record: &CommitRecord, seen: Option<&CommentRecord>) -> String {
    text(record, seen)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Sends the comment that is due, as the reporter does.
fn sent(record: &CommitRecord, seen: Option<CommentRecord>) -> CommentRecord {
    let CommentDue::Now(wanted) = record.due_comment(seen.as_ref(), &owner(), REGION, NOW) else {
        panic!("nothing due")
    };
    let mut next = CommentRecord::about(seen, record, NOW);
    next.sent(&wanted, CommentId(5), NOW);
    next
}

fn closed() -> CommitRecord {
    let green = heard(&[pipeline(9, ExecutionState::Succeeded)]);
    after(green, &update(Phase::Absent(AbsenceReason::Closed), None))
}

fn green() -> CommitRecord {
    heard(&[
        pipeline(0, ExecutionState::Started),
        stage(1, "Source", StepState::Started),
        stage(9, "Source", StepState::Succeeded),
        pipeline(192, ExecutionState::Succeeded),
    ])
}

#[test]
fn a_comment_shows_what_failed_with_its_log() {
    insta::assert_snapshot!(text(&heard(&red()), None), @r#"
    **Failed in Build/Test: Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND\_EXECUTION\_ERROR**
    
    | | |
    |---|---|
    | Commit | aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa |
    | Pipeline | [`api-pr-7`](https://eu-west-1.console.aws.amazon.com/codesuite/codepipeline/pipelines/api-pr-7/executions/e-1/timeline?region=eu-west-1) |
    | Check | `branchline/api` |
    
    Stages of the template that are left out: `Production`
    
    | Stage | State | Duration |
    |---|---|---|
    | `Source` | succeeded | 8 s |
    | `Build` | **failed** | 1 min 31 s |
    
    Failed action: `Build/Test` (`JobFailed`), [log](https://logs.example/1)
    
    ```text
    Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR
    ```
    "#);
}

#[test]
fn a_comment_shows_a_success_and_what_runs() {
    let texts = [text(&green(), None), text(&record(building(), None), None)];
    insta::assert_snapshot!(texts.join("----\n"), @r#"
    **Succeeded in 3 min 12 s**
    
    | | |
    |---|---|
    | Commit | aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa |
    | Pipeline | [`api-pr-7`](https://eu-west-1.console.aws.amazon.com/codesuite/codepipeline/pipelines/api-pr-7/executions/e-1/timeline?region=eu-west-1) |
    | Check | `branchline/api` |
    
    Stages of the template that are left out: `Production`
    
    | Stage | State | Duration |
    |---|---|---|
    | `Source` | succeeded | 8 s |
    ----
    **Running in CodePipeline**
    
    | | |
    |---|---|
    | Commit | aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa |
    | Pipeline | [`api-pr-7`](https://eu-west-1.console.aws.amazon.com/codesuite/codepipeline/pipelines/api-pr-7/view?region=eu-west-1) |
    | Check | `branchline/api` |
    
    Stages of the template that are left out: `Production`
    "#);
}

#[test]
fn a_comment_says_why_nothing_is_built() {
    let phases = [
        waiting(Some(3)),
        Phase::Absent(AbsenceReason::Draft),
        Phase::Refused(Reason::TemplateMissing),
        Phase::PipelineLost(PipelineName::parse("api-pr-7").unwrap()),
    ];
    let texts = phases.map(|phase| text(&record(phase, None), None));
    insta::assert_snapshot!(texts.join("----\n"), @r#"
    **Waiting: 3 ahead, all pipelines that the rule may have are in use. Close a pull request**
    
    | | |
    |---|---|
    | Commit | aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa |
    | Check | `branchline/api` |
    ----
    **Not built: it is a draft. Mark it as ready for review**
    
    | | |
    |---|---|
    | Commit | aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa |
    | Check | `branchline/api` |
    ----
    **Not built: the rule's template does not exist. An operator has to create or name it**
    
    | | |
    |---|---|
    | Commit | aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa |
    | Check | `branchline/api` |
    ----
    **The pipeline was deleted in AWS. The next push creates it again.**
    
    | | |
    |---|---|
    | Commit | aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa |
    | Pipeline | `api-pr-7` |
    | Check | `branchline/api` |
    "#);
}

#[test]
fn after_a_close_the_comment_ends() {
    let seen = sent(&green(), None);
    insta::assert_snapshot!(text(&closed(), Some(&seen)), @r#"
    **Succeeded in 9 s**
    
    The pull request was closed, so its pipeline is removed.
    
    | | |
    |---|---|
    | Commit | aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa |
    | Check | `branchline/api` |
    "#);
    let last = sent(&closed(), Some(seen));
    assert!(last.shown.as_ref().unwrap().is_last);
    let mut late = closed();
    let _ = late.hear(&pipeline(300, ExecutionState::Failed));
    assert_eq!(text(&late, Some(&last)), "nothing");
    assert_eq!(text(&closed(), None), "nothing", "a close creates none");
    let reopened = after(late, &update(building(), None));
    assert_eq!(line(&reopened, Some(&last)), "**Running in CodePipeline**");
    let gone = after(
        green(),
        &update(Phase::Absent(AbsenceReason::RepositoryDeleted), None),
    );
    assert_eq!(text(&gone, Some(&last)), "nothing", "nobody can comment");
}

#[test]
fn what_had_no_pipeline_is_not_said_to_lose_it() {
    let end = |first: CommitRecord, reason| {
        let seen = sent(&with(CommentPolicy::Always, first.clone()), None);
        let record = after(first, &update(Phase::Absent(reason), None));
        let text = text(&with(CommentPolicy::Always, record), Some(&seen));
        let mut lines = text.lines().map(str::to_owned);
        [lines.next().unwrap(), lines.nth(1).unwrap()]
    };
    let closed = "The pull request was closed, so it has no pipeline";
    let mut refused = record(Phase::Refused(Reason::StackNotOurs), None);
    let [title, _] = end(refused.clone(), AbsenceReason::Closed);
    assert_eq!(title, format!("**{closed}**"), "nothing was reported yet");
    reported(&mut refused);
    let [title, why] = end(refused, AbsenceReason::Closed);
    assert!(
        title.starts_with("**Not built: a stack of its name exists"),
        "{title}"
    );
    assert_eq!(why, format!("{closed}."));
    assert_eq!(
        end(green(), AbsenceReason::Forgotten),
        [
            "**Succeeded in 3 min 12 s**",
            "An operator gave its pipeline up, and what it deployed may remain. To begin anew, push a commit; if it is closed, reopen it first."
        ]
    );
}

#[test]
fn a_comment_for_failures_begins_with_one_and_ends_with_a_success() {
    let failures = |record| with(CommentPolicy::Failures, record);
    let (running, red) = (failures(record(building(), None)), failures(heard(&red())));
    let green = failures(green());
    let refused = failures(record(Phase::Refused(Reason::TemplateMissing), None));
    for quiet in [&running, &green] {
        assert_eq!(text(quiet, None), "nothing");
    }
    for loud in [&red, &refused] {
        assert_ne!(text(loud, None), "nothing");
    }
    let known = sent(&red, None);
    assert_eq!(line(&running, Some(&known)), "**Running in CodePipeline**");
    let known = sent(&green, Some(known));
    assert_eq!(text(&running, Some(&known)), "nothing");
    assert_ne!(text(&red, Some(&known)), "nothing");
    let closed = failures(closed());
    assert_ne!(text(&closed, Some(&known)), "nothing");
    // A creation whose answer was lost may have shown the failure.
    let uncertain = CommentRecord {
        sender: Some(sending(NOW)),
        ..CommentRecord::about(None, &red, NOW)
    };
    assert_ne!(text(&green, Some(&uncertain)), "nothing");
}

#[test]
fn only_the_newest_head_of_a_pull_request_with_comments_has_one() {
    let never = with(CommentPolicy::Never, heard(&red()));
    assert_eq!(text(&never, None), "nothing");
    let mut branch = heard(&red());
    branch.key.subject.kind = SubjectKind::Branch(Branch::parse("main").unwrap());
    assert_eq!(text(&branch, None), "nothing");
    assert_eq!(text(&after(heard(&red()), &superseded()), None), "nothing");
    let later = Timestamp(NOW.0 + 1_000);
    let newer = CommentRecord {
        commit: superseded().key().clone(),
        event_time: later,
        ..CommentRecord::about(None, &heard(&red()), NOW)
    };
    let mut other = newer.clone();
    other.commit.commit = commit('b');
    assert_eq!(text(&heard(&red()), Some(&other)), "nothing");
    assert_ne!(text(&heard(&red()), Some(&newer)), "nothing", "the same");
}

fn sending(until: Timestamp) -> Sending {
    Sending {
        owner: "w".to_owned(),
        until,
    }
}

#[test]
fn what_is_due_depends_on_the_comment_and_on_other_senders() {
    let red = heard(&red());
    let known = sent(&red, None);
    let due = |seen: &CommentRecord, now| green().due_comment(Some(seen), &owner(), REGION, now);
    assert_eq!(
        red.due_comment(Some(&known), &owner(), REGION, NOW),
        CommentDue::Nothing
    );
    let later = NOW.plus(Duration::from_secs(9));
    let mut seen = known.clone();
    seen.sender = Some(sending(later));
    assert_eq!(due(&seen, NOW), CommentDue::Busy(later));
    assert!(matches!(due(&seen, later), CommentDue::Now(_)));
    let failed = |retry_at| FailedReport {
        attempts: 1,
        kind: GitHubFaultKind::Denied,
        detail: "x".to_owned(),
        retry_at,
        since: NOW,
    };
    seen = CommentRecord {
        failed: Some(failed(Some(later))),
        ..known.clone()
    };
    assert_eq!(due(&seen, NOW), CommentDue::Later(later));
    assert!(matches!(due(&seen, later), CommentDue::Now(_)));
    seen.failed = Some(failed(None));
    assert_eq!(due(&seen, later), CommentDue::Nothing);
    // Another commit is another attempt.
    seen.commit.commit = commit('b');
    assert!(matches!(due(&seen, NOW), CommentDue::Now(_)));
}

#[test]
fn people_cannot_write_into_the_comment_and_it_is_never_too_long() {
    let mut hostile = heard(&red());
    hostile.phase = Phase::Building {
        pipeline: PipelineName::parse("api-pr-7").unwrap(),
        left_out_stages: vec!["`@octocat` | #1 <!--".repeat(20); 200],
    };
    let run = hostile.run.as_mut().unwrap();
    let stage = run.stages[0].clone();
    run.stages = vec![stage; 50];
    for stage in &mut run.stages {
        stage.name = "`@octocat`|".repeat(100);
    }
    let failure = run.failure.as_mut().unwrap();
    failure.summary = Some("```\n@octocat\n".repeat(2_000));
    failure.stage = "@octocat".repeat(10);
    let WantedComment { text, .. } = hostile.comment(None, &owner(), REGION).unwrap();
    assert!(text.len() <= COMMENT_LIMIT, "{}", text.len());
    let outside = without_code(&text);
    assert!(!outside.contains("@o"), "{outside}");
    assert_eq!(outside.matches("<!--").count(), 1, "{outside}");
}

/// Returns what GitHub does not show as code.
fn without_code(text: &str) -> String {
    let mut fence = None;
    let mut outside = String::new();
    for line in text.lines() {
        match &fence {
            Some(end) if line == *end => fence = None,
            Some(_) => {}
            None if line.starts_with("```") => fence = Some(line.trim_end_matches("text")),
            None => outside.extend(line.split('`').step_by(2)),
        }
    }
    assert_eq!(fence, None, "a block without an end");
    outside
}

#[test]
fn the_newest_head_is_the_mappings_or_a_later_one_that_never_reached_it() {
    let red = heard(&red());
    assert!(is_newest_head(&red, None));
}
