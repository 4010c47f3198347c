//! Crashes: whichever call of a story fails before or after it took effect, or never returns
//! because its worker died there, the story ends in the same world.

#![expect(
    clippy::print_stdout,
    reason = "the figures are part of the test, and a world that cannot be made fails it"
)]

use std::collections::BTreeSet;

use branchline::domain::fault::Reason;
use branchline::domain::outcome::outgoing::Destination;

use crate::world::clock::FakeClock;
use crate::world::fault_injection::{Trouble, When};
use crate::world::history;
use crate::world::rules::template;
use crate::world::story::{World, paused};
use crate::world::webhook::Webhook;

/// The troubles that a call may meet.
pub(super) const TROUBLES: [Trouble; 8] = [
    Trouble::Fail(When::Before, Reason::AwsUnavailable),
    Trouble::Fail(When::After, Reason::AwsUnavailable),
    Trouble::Fail(When::Before, Reason::AwsThrottled),
    Trouble::Fail(When::After, Reason::AwsConflict),
    Trouble::Fail(When::Before, Reason::AwsDenied),
    Trouble::Fail(When::Before, Reason::AwsUnknown),
    Trouble::Hang(When::Before),
    Trouble::Hang(When::After),
];

/// A story: its name, whether a foreign pipeline has the name, and GitHub's webhooks.
struct Story {
    name: &'static str,
    foreign: bool,
    webhooks: Vec<Webhook>,
}

fn story<const N: usize>(name: &'static str, webhooks: [Webhook; N]) -> Story {
    Story {
        name,
        foreign: false,
        webhooks: webhooks.into(),
    }
}

fn stories() -> Vec<Story> {
    let pull = Webhook::pull_request;
    let web = |webhook: Webhook| webhook.of(history::WEB.0, history::WEB.1);
    vec![
        story("opened", [pull("opened")]),
        story(
            "opened, pushed, closed, reopened",
            [
                pull("opened"),
                pull("synchronize").before(1).sha(2),
                pull("closed").sha(2),
                pull("reopened").sha(2),
            ],
        ),
        story(
            "closed before it was seen",
            [pull("closed"), pull("reopened"), pull("closed").sha(2)],
        ),
        story(
            "retargeted and back",
            [pull("opened"), pull("edited").base("next"), pull("edited")],
        ),
        story(
            "a branch that comes and goes",
            [
                web(Webhook::create("a/b")),
                web(Webhook::push("a/b", 0, 1)),
                web(Webhook::delete("a/b")),
                web(Webhook::push("a/b", 0, 2)),
            ],
        ),
        story(
            "forged, poison, and a good one",
            [
                pull("opened").signed_with("guess"),
                pull("opened").body("{"),
                pull("opened"),
            ],
        ),
        Story {
            foreign: true,
            ..story(
                "a foreign pipeline has the name",
                [pull("opened"), pull("closed")],
            )
        },
    ]
}

/// The world at the end of a story, or what is wrong with it.
type End = Result<Vec<String>, Vec<String>>;

/// Plays a story in which the calls of these numbers meet trouble. Returns the end, and the number
/// of calls.
async fn play(story: &Story, troubles: &[(usize, Trouble)]) -> (End, usize) {
    let world = history::world(FakeClock::new());
    if story.foreign {
        world.add_pipeline(template("api-pr-7", "acme/api"), [].into());
    }
    for (number, trouble) in troubles {
        world.faults.at_call(*number, *trouble);
    }
    for webhook in &story.webhooks {
        world.deliver(webhook.clone()).await;
    }
    let calls = world.faults.calls().len();
    (end(&world), calls)
}

/// A dead letter that was not confirmed is sent again, so dead letters are compared as a set.
fn end(world: &World) -> End {
    let mut picture = world.picture(true);
    let mut dead_letters = BTreeSet::new();
    for destination in [Destination::DeadLetters, Destination::Quarantine] {
        for dead_letter in world.queue.take(destination) {
            let reason = dead_letter.text("branchline-reason").unwrap_or("no reason");
            dead_letters.insert(format!("{destination:?}: {reason}: {}", dead_letter.body));
        }
    }
    picture.extend(dead_letters);
    let left = world.leftovers();
    if left.is_empty() {
        Ok(picture)
    } else {
        Err(left)
    }
}

#[test]
fn any_call_may_meet_any_trouble() {
    let runtime = paused();
    let mut worlds = 0;
    for story in stories() {
        let (wanted, calls) = runtime.block_on(play(&story, &[]));
        assert!(wanted.is_ok(), "{}: {wanted:?}", story.name);
        for number in 1..=calls {
            for trouble in TROUBLES {
                let (got, _) = runtime.block_on(play(&story, &[(number, trouble)]));
                assert_eq!(got, wanted, "{}: call {number}: {trouble:?}", story.name);
                worlds += 1;
            }
        }
        println!("{calls:3} calls: {}", story.name);
    }
    println!("{worlds} worlds with one trouble each");
}

#[test]
fn any_two_calls_may_meet_trouble() {
    let runtime = paused();
    let mut worlds = 0;
    for story in stories() {
        let (wanted, calls) = runtime.block_on(play(&story, &[]));
        for first in 1..=calls {
            for second in first + 1..=calls + 6 {
                let a = TROUBLES[(first + second) % TROUBLES.len()];
                let b = TROUBLES[(first * 3 + second) % TROUBLES.len()];
                let (got, _) = runtime.block_on(play(&story, &[(first, a), (second, b)]));
                let what = format!("calls {first} and {second}: {a:?}, {b:?}");
                assert_eq!(got, wanted, "{}: {what}", story.name);
                worlds += 1;
            }
        }
    }
    println!("{worlds} worlds with two troubles each");
}
