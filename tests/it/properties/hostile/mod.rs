//! Hostile input: every message of a source queue is ignored, processed, dead-lettered or
//! quarantined with a reason. Nothing panics, no message returns forever, and no raw byte of a body
//! reaches the log.
//!
//! `snapshots/it__properties__hostile__corpus.snap` holds the outcome of each input.
//! `INSTA_UPDATE=always` rewrites it; read the difference.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "the figures are part of the test, and an input that is not handled fails it"
)]

pub(crate) mod bodies;
pub(crate) mod fields;
pub(crate) mod headers;
pub(crate) mod input;
pub(crate) mod internal;
pub(crate) mod pipeline_events;
pub(crate) mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use branchline::domain::outcome::outgoing::Destination;
use branchline::worker::{RunMode, Shutdown, WorkerConfig};
use serde_json::Value;

use crate::properties::hostile::input::{Input, MARKER, SECRET_BODY};
use crate::world::captured_logs::CapturedLogs;
use crate::world::rules::{branch_rule, pull_request_rule};
use crate::world::story::{World, run_daemon};

/// The least number of inputs in the corpus.
const LEAST: usize = 300;
/// The longest log line, in bytes, for any input.
const LONGEST: usize = 4_000;

#[test]
fn every_input_has_an_outcome() {
    let corpus = input::corpus();
    assert!(corpus.len() >= LEAST, "{} inputs", corpus.len());
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut table = String::new();
    for input in &corpus {
        let line = outcome(input);
        let outcome = line.split(" | ").take(2).collect::<Vec<_>>().join(" ");
        *outcomes.entry(outcome).or_default() += 1;
        table.push_str(&format!("{} | {line}\n", input.name));
    }
    println!("{} inputs", corpus.len());
    for (outcome, count) in &outcomes {
        println!("{count:5} {outcome}");
    }
    insta::assert_snapshot!("corpus", table);
}

/// Returns `disposition | outcome | detail | pipelines`, as one line.
fn outcome(input: &Input) -> String {
    if let Err(why) = crate::world::sqs::check(&input.body, &input.attributes) {
        return format!("SQS refuses it | {why} | | ");
    }
    let mut line = String::new();
    run_daemon(async |world| line = work(world, input).await);
    line
}

async fn work(world: &World, input: &Input) -> String {
    let logs = CapturedLogs::start();
    let rules = vec![pull_request_rule(), branch_rule()];
    let sender = input.sender.as_deref();
    let sent = world
        .queue
        .deliver_to(input.source, sender, &input.body, &input.attributes);
    sent.expect("a message that SQS accepts");
    let settings = WorkerConfig {
        concurrency: 1,
        drain_timeout: Duration::from_secs(25),
        seed: 1,
    };
    let daemon = world.daemon("daemon", rules, &world.faults, &world.clock, settings);
    let (_shutdown, stop) = Shutdown::channel();
    let ended = daemon.run(RunMode::UntilEmpty, stop).await;
    assert_eq!(ended, Ok(()), "{}", input.name);
    is_clean(input, &logs.text());

    let journals = logs.journals();
    assert_eq!(journals.len(), 1, "{}: {journals:?}", input.name);
    let kept = world.take_dead_letters().len() + world.take_quarantined().len();
    let journal = journals.first().expect("one line");
    let field = |key: &str| journal.get(key).and_then(Value::as_str).unwrap_or("-");
    let disposition = field("disposition");
    assert_eq!(
        kept == 1,
        !["deleted", "discarded"].contains(&disposition),
        "{}: {disposition}",
        input.name
    );
    for queue in [Destination::DeadLetters, Destination::Quarantine] {
        assert!(world.queue.look(queue).is_empty());
    }
    assert!(world.queue.waiting().is_empty(), "{}: it stays", input.name);
    // A mapping whose clone was refused stays half-way, with the reason, until its next event.
    for subject in world.half_way() {
        world.expect_half_way(&subject);
    }
    let pipelines = world.pipelines().join(" ");
    format!(
        "{disposition} | {} | {} | {pipelines}",
        field("outcome"),
        field("detail")
    )
}

/// Checks that the log holds nothing of a body, and that each of its lines is one line.
fn is_clean(input: &Input, text: &str) {
    let name = &input.name;
    assert!(!text.contains(MARKER), "{name}: a body was logged: {text}");
    assert!(
        !text.contains(SECRET_BODY),
        "{name}: a body was logged: {text}"
    );
    for line in text.lines() {
        assert!(
            line.len() <= LONGEST,
            "{name}: {} bytes in a line",
            line.len()
        );
        let json: Value = serde_json::from_str(line).expect("each line is JSON");
        texts(&json, &mut |text| {
            let unprintable = text.chars().find(|c| !is_printable(*c));
            assert_eq!(unprintable, None, "{name}: {text:?}");
        });
    }
}

/// Returns true for what may stand in a terminal: nothing that moves the cursor, breaks the line,
/// or reverses the text.
fn is_printable(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = matches!(c, '\u{2028}' | '\u{2029}');
    !c.is_control() && !turns && !breaks
}

fn texts(json: &Value, look: &mut impl FnMut(&str)) {
    match json {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, look)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, look)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
