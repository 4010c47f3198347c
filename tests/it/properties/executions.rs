//! Whatever the order of an execution's events, and however often each arrives, the report at the
//! end is the same. What was lost is made up for by asking CodePipeline.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the figures are part of the test, and events that cannot be made fail it"
)]

use branchline::domain::ids::{
    CommitId, PipelineName, RepositoryId, RepositoryName, Subject, SubjectKind, Timestamp,
};
use branchline::domain::report::execution::{
    ActionProgress, ExecutionEvent, ExecutionId, ExecutionState, Progress, StepState,
};
use branchline::domain::report::record::{
    CommitKey, CommitRecord, CommitUpdate, Phase, ReportedHead,
};
use branchline::domain::report::target::{CommentPolicy, ReportTarget};
use branchline::domain::report::{Conclusion, Report, ReportForm, ReportState};

use crate::world::clock::START;
use crate::world::story::REGION;
use crate::world::webhook::commit;

/// Executions in one run.
const SEEDS: u64 = 20_000;
const STAGES: [&str; 3] = ["Source", "Build", "Deploy"];

/// Makes the events of an execution, and of one that a person released after it.
struct Life {
    rng: fastrand::Rng,
    execution: &'static str,
    begun: Timestamp,
    now: Timestamp,
    attempt: u32,
    events: Vec<ExecutionEvent>,
}

impl Life {
    fn say(&mut self, progress: Progress) {
        // Events have whole seconds, and several may share one.
        let millis = self.rng.u64(0..3) * 1_000;
        self.now = self.now.plus(std::time::Duration::from_millis(millis));
        let started_at = match &progress {
            Progress::Action(_) => Some(self.now),
            Progress::Stage { state, .. } if *state == StepState::Resumed => None,
            Progress::Pipeline { .. } | Progress::Stage { .. } => Some(self.begun),
        };
        self.events.push(ExecutionEvent {
            pipeline: PipelineName::parse("api-pr-7").unwrap(),
            execution: ExecutionId::parse(self.execution).unwrap(),
            attempt: self.attempt,
            time: self.now,
            started_at,
            progress,
        });
    }

    fn pipeline(&mut self, state: ExecutionState) {
        self.say(Progress::Pipeline {
            state,
            trigger: None,
        });
    }

    fn stage(&mut self, stage: &str, state: StepState) {
        let stage = stage.to_owned();
        self.say(Progress::Stage { stage, state });
    }

    fn action(&mut self, stage: &str, category: &str, state: StepState) {
        let action = format!("{category} {}", self.rng.u8(0..3));
        self.say(Progress::Action(ActionProgress {
            stage: stage.to_owned(),
            action,
            category: category.to_owned(),
            state,
            url: None,
            summary: Some(format!("attempt {} at {}", self.attempt, self.now)),
            error_code: None,
            external_id: None,
        }));
    }

    /// Runs one execution with its retries.
    fn run(&mut self, execution: &'static str) {
        self.execution = execution;
        self.begun = self.now.plus(std::time::Duration::from_secs(1));
        self.now = self.begun;
        self.attempt = 1;
        self.pipeline(ExecutionState::Started);
        let mut first = 0;
        loop {
            match self.attempt(first) {
                Some(failed) if self.attempt < 4 && self.rng.bool() => {
                    first = failed;
                    self.attempt += 1;
                    self.pipeline(ExecutionState::Resumed);
                }
                Some(_) | None => return,
            }
        }
    }

    /// Runs the stages from this one on. Returns the number of the stage that failed.
    fn attempt(&mut self, first: usize) -> Option<usize> {
        for (number, stage) in STAGES.iter().enumerate().skip(first) {
            let begins = match number == first && self.attempt > 1 {
                true => StepState::Resumed,
                false => StepState::Started,
            };
            self.stage(stage, begins);
            match self.rng.u8(0..12) {
                0 => {
                    self.pipeline(ExecutionState::Stopping);
                    self.stage(stage, StepState::Stopping);
                    self.stage(stage, StepState::Stopped);
                    self.pipeline(ExecutionState::Stopped);
                    return None;
                }
                1 | 2 => {
                    let failures = self.rng.usize(1..3);
                    for category in ["Source", "Build"].into_iter().take(failures) {
                        self.action(stage, category, StepState::Failed);
                    }
                    self.stage(stage, StepState::Failed);
                    self.pipeline(ExecutionState::Failed);
                    return Some(number);
                }
                3 => {
                    self.action(stage, "Approval", StepState::Started);
                    self.action(stage, "Approval", StepState::Succeeded);
                }
                _ => {}
            }
            self.stage(stage, StepState::Succeeded);
        }
        self.pipeline(ExecutionState::Succeeded);
        None
    }
}

/// Returns the record of a commit whose execution was started.
fn started(execution: Option<&str>) -> CommitRecord {
    let update = CommitUpdate::Head {
        head: ReportedHead {
            key: CommitKey {
                subject: Subject {
                    repository: RepositoryId(1),
                    kind: SubjectKind::PullRequest(7),
                },
                commit: CommitId::parse(commit(1)).unwrap(),
            },
            repository: RepositoryName::parse("acme/api").unwrap(),
            target: ReportTarget {
                form: ReportForm::Check,
                context: "branchline/api".to_owned(),
                installation: None,
                comment: CommentPolicy::Never,
                deployment: None,
            },
            event_time: START,
        },
        phase: Phase::Building {
            pipeline: PipelineName::parse("api-pr-7").unwrap(),
            left_out_stages: Vec::new(),
        },
        execution: execution.map(|id| ExecutionId::parse(id).unwrap()),
        outdated: None,
    };
    CommitRecord::updated(None, &update, START).unwrap()
}

/// Takes events in as the reconciler does. Returns the record.
fn hear(mut record: CommitRecord, events: &[ExecutionEvent]) -> CommitRecord {
    for event in events {
        let started_at = match event.progress {
            Progress::Action(_) => None,
            Progress::Pipeline { .. } | Progress::Stage { .. } => event.started_at,
        };
        if record.accepts(&event.execution, started_at) {
            let _ = record.hear(event);
        }
    }
    record
}

fn report(record: &CommitRecord) -> Report {
    record
        .report(REGION)
        .expect("a commit that is built has a report")
}

/// Returns what a report says in the end. Without the event about the action that failed, it is
/// unknown that the source could not be fetched.
fn result(report: &Report) -> ReportState {
    let error = ReportState::Completed(Conclusion::Error);
    match report.state == error {
        true => ReportState::Completed(Conclusion::Failure),
        false => report.state,
    }
}

fn life(seed: u64) -> Life {
    Life {
        rng: fastrand::Rng::with_seed(seed),
        execution: "one",
        begun: START,
        now: START,
        attempt: 1,
        events: Vec::new(),
    }
}

/// Returns the events in another order, some of them twice.
fn disorder(events: &[ExecutionEvent], rng: &mut fastrand::Rng) -> Vec<ExecutionEvent> {
    let again = events.iter().filter(|_| rng.u8(0..4) == 0).cloned();
    let again: Vec<_> = again.collect();
    let mut arrivals = [events, &again].concat();
    rng.shuffle(&mut arrivals);
    arrivals
}

#[test]
fn any_order_of_the_events_of_an_execution_ends_in_the_same_report() {
    let mut events = 0;
    for seed in 0..SEEDS {
        let mut life = life(seed);
        life.run("one");
        events += life.events.len();
        let id = life.rng.bool().then_some("one");
        let wanted = report(&hear(started(id), &life.events));
        let arrivals = disorder(&life.events, &mut life.rng);
        let got = report(&hear(started(id), &arrivals));
        assert_eq!(got, wanted, "{arrivals:#?}\nwith seed {seed}");
    }
    println!("{SEEDS} executions, {events} events");
}

#[test]
fn an_execution_that_a_person_released_takes_the_place_of_the_one_before() {
    for seed in 0..SEEDS {
        let mut life = life(seed);
        life.run("one");
        let first = life.events.len();
        life.run("two");
        let wanted = report(&hear(started(Some("one")), &life.events));
        let (one, two) = life.events.split_at(first);
        // A person sees the first execution before releasing another one.
        let seen = one[0].clone();
        let mut arrivals = disorder(&life.events, &mut life.rng);
        arrivals.insert(0, seen);
        let got = report(&hear(started(Some("one")), &arrivals));
        let (got, wanted) = (result(&got), result(&wanted));
        assert_eq!(got, wanted, "{arrivals:#?}\nwith seed {seed}");
        assert_eq!(wanted, result(&report(&hear(started(Some("two")), two))));
    }
}

#[test]
fn what_was_lost_is_made_up_for() {
    let mut lost = 0;
    for seed in 0..SEEDS {
        let mut life = life(seed);
        life.run("one");
        let wanted = result(&report(&hear(started(Some("one")), &life.events)));
        let mut arrivals = disorder(&life.events, &mut life.rng);
        let before = arrivals.len();
        arrivals.retain(|_| life.rng.u8(0..3) > 0);
        lost += before - arrivals.len();
        let mut record = hear(started(Some("one")), &arrivals);
        let is_over = record.run.as_ref().is_some_and(|run| run.is_final());
        let attempt = record.run.as_ref().map_or(1, |run| run.attempt);
        if is_over && attempt < life.attempt {
            // Nothing of the last attempt was heard. CodePipeline is not asked about an end.
            continue;
        }
        let last = life
            .events
            .last()
            .cloned()
            .expect("an execution has events");
        let asked = ExecutionEvent { attempt, ..last };
        if !is_over {
            let _ = record.hear(&asked);
        }
        assert_eq!(result(&report(&record)), wanted, "with seed {seed}");
    }
    println!("{lost} events were lost");
}
