//! Crashes around reports: whichever call of a story fails before or after it took effect, or never
//! returns because its daemon died there, while it processes a message or tells GitHub, the story
//! ends in the same reports.

#![expect(clippy::print_stdout, reason = "the figures are part of the test")]

use std::collections::BTreeMap;
use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::domain::report::ReportState;

use crate::world::clock::{FakeClock, START};
use crate::world::event_bridge::EventBridge;
use crate::world::fault_injection::{Trouble, When};
use crate::world::history;
use crate::world::story::{World, paused};
use crate::world::webhook::Webhook;

/// The troubles that a call may meet.
const TROUBLES: [Trouble; 5] = [
    Trouble::Fail(When::Before, Reason::AwsUnavailable),
    Trouble::Fail(When::After, Reason::AwsUnavailable),
    Trouble::Fail(When::Before, Reason::AwsThrottled),
    Trouble::Hang(When::Before),
    Trouble::Hang(When::After),
];

/// The story in which two webhooks are processed at the same time.
const AT_ONCE: &str = "opened and pushed at once";

/// What happens next in a story.
enum Step {
    /// GitHub sends a webhook.
    Send(Webhook),
    /// The daemon works until the queues are empty, and tells GitHub.
    Work,
    /// The same, after each step of the executions that run now, until they end.
    End,
}

fn stories() -> Vec<(&'static str, Vec<Step>)> {
    use Step::{End, Send, Work};
    let pull = Webhook::pull_request;
    let web = |webhook: Webhook| Send(webhook.of(history::WEB.0, history::WEB.1));
    let at = |second| START.plus(Duration::from_secs(second));
    vec![
        ("opened and green", vec![Send(pull("opened")), Work, End]),
        (
            "green, pushed, closed while it runs, reopened",
            vec![
                Send(pull("opened")),
                End,
                Send(pull("synchronize").before(1).sha(2)),
                Work,
                Send(pull("closed").sha(2)),
                Work,
                Send(pull("reopened").sha(2)),
                End,
            ],
        ),
        (
            AT_ONCE,
            vec![
                Send(pull("opened").at(at(0))),
                Send(pull("synchronize").before(1).sha(2).at(at(1))),
                Work,
                End,
            ],
        ),
        (
            "reopened and closed within one second",
            vec![
                Send(pull("opened").at(at(0))),
                Work,
                Send(pull("closed").at(at(5))),
                Work,
                Send(pull("reopened").at(at(6))),
                Send(pull("closed").at(at(7))),
                Work,
            ],
        ),
        (
            "a draft that is ready later",
            vec![
                Send(pull("opened").draft()),
                Work,
                Send(pull("ready_for_review")),
                End,
            ],
        ),
        (
            "a branch that is deleted while it is built, and comes again",
            vec![
                web(Webhook::push("a/b", 0, 1)),
                Work,
                web(Webhook::delete("a/b")),
                Work,
                web(Webhook::push("a/b", 0, 2)),
                End,
            ],
        ),
    ]
}

/// What GitHub shows at the end, by commit and by the id of the report, and how many check runs
/// and statuses were created.
type End = (BTreeMap<(String, String), &'static str>, usize);

/// Plays a story in which a call meets trouble. Returns the end, or what is wrong with it, and the
/// number of calls.
async fn play(steps: &[Step], trouble: Option<(usize, Trouble)>) -> (Result<End, String>, usize) {
    let world = history::world(FakeClock::new());
    world.restart(history::reported_rules());
    let mut bridge = EventBridge::orderly();
    if let Some((number, trouble)) = trouble {
        world.faults.at_call(number, trouble);
    }
    for step in steps {
        match step {
            Step::Send(webhook) => world.send(webhook),
            Step::Work => world.work_and_tell().await,
            Step::End => {
                world.work_and_tell().await;
                while !bridge.is_quiet(&world) {
                    bridge.tick(&world);
                    world.work_and_tell().await;
                }
            }
        }
    }
    world.report_everything().await;
    let calls = world.faults.calls().len();
    (end(&world), calls)
}

fn end(world: &World) -> Result<End, String> {
    let mut left = world.leftovers();
    left.extend(world.reports_left());
    if !left.is_empty() {
        return Err(left.join("\n"));
    }
    let shown = world.github.shown().into_iter();
    let shown = shown.map(|(name, one)| (name, result(one.report.state)));
    Ok((shown.collect(), world.github.posts().0))
}

/// A commit that was never shown as running is skipped when its pull request is closed, and another
/// one is cancelled.
fn result(state: ReportState) -> &'static str {
    match state.as_str() {
        "skipped" => "cancelled",
        word => word,
    }
}

#[test]
fn any_call_may_meet_any_trouble_and_the_reports_are_the_same() {
    let runtime = paused();
    let mut worlds = 0;
    let mut duplicates = 0;
    let mut wrong = Vec::new();
    for (name, steps) in stories() {
        let (wanted, calls) = runtime.block_on(play(&steps, None));
        let (wanted, wanted_created) = wanted.unwrap_or_else(|why| panic!("{name}: {why}"));
        for number in 1..=calls {
            for trouble in TROUBLES {
                worlds += 1;
                let (got, _) = runtime.block_on(play(&steps, Some((number, trouble))));
                let what = format!("{name}: call {number}: {trouble:?}");
                match got {
                    // Whether the first one was ever built depends on when it was tried again.
                    Ok(_) if name == AT_ONCE => {}
                    Ok((got, created)) if got == wanted && created <= wanted_created + 1 => {
                        duplicates += usize::from(created > wanted_created);
                    }
                    Ok((got, created)) => wrong.push(format!(
                        "{what}: {created} created, {got:?}, not {wanted_created}, {wanted:?}"
                    )),
                    Err(why) => wrong.push(format!("{what}: {why}")),
                }
            }
        }
        println!("{calls:3} calls: {name}");
    }
    println!("{worlds} worlds with one trouble each, {duplicates} with a duplicate");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
