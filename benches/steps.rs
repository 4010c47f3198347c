//! The cost of each step, and of a clone: `cargo bench --bench steps`.

#![expect(
    clippy::expect_used,
    reason = "a benchmark without its inputs ends at once"
)]

#[path = "support/payload.rs"]
mod payload;

use std::collections::BTreeMap;
use std::error::Error;
use std::io;

use branchline::config::{self, Config, Environment, Overrides};
use branchline::domain::clone::Template;
use branchline::domain::clone::declaration::Declaration;
use branchline::domain::ids::{PipelineArn, Timestamp};
use branchline::domain::intake::authenticated::{
    AuthenticatedMessage, Authenticator, CONTENT_TYPE, DELIVERY, EVENT, SIGNATURE, Secrets,
};
use branchline::domain::intake::decision::Decision;
use branchline::domain::intake::envelope::{Attribute, Envelope, Receipt};
use branchline::domain::intake::event::Event;
use branchline::domain::state::desired::Spec;
use branchline::domain::state::effect::Effect;
use branchline::domain::state::intent::{Intent, Request, report_target};
use branchline::domain::state::mapping::{ClaimInfo, Mapping};
use branchline::domain::state::plan::{Plan, plan};
use divan::Bencher;
use serde_json::Value;

type Trouble = Box<dyn Error + Send + Sync>;

/// GitHub's usual size, and about the largest that SQS accepts, in bytes.
const SIZES: [usize; 2] = [25_000, 1_000_000];
const SECRET: &str = "It's a Secret to Everybody";
const NOW: Timestamp = Timestamp(1_772_445_600_000);
const CONFIGURATION: &str = r#"
[queue]
url             = "https://sqs.eu-west-1.amazonaws.com/123456789012/webhooks"
internal_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/internal"
dead_letter_url = "https://sqs.eu-west-1.amazonaws.com/123456789012/dead"

[store]
table = "branchline"

[github]
secrets = ["env:SECRET"]

[[rule]]
repository = "acme/api"
on         = "pull_request"
template   = "api-template"
"#;
const TEMPLATE: &str = include_str!("daemon/null/template.json");

fn main() {
    divan::main();
}

/// Step 2: the HMAC of the body.
#[divan::bench(args = SIZES)]
fn verify(bencher: Bencher<'_, '_>, bytes: usize) {
    let authenticator = authenticator();
    let body = body(bytes);
    bencher
        .with_inputs(|| envelope(body.clone()))
        .bench_values(|envelope| envelope.authenticate(&authenticator));
}

/// Step 3: reads the few fields that matter.
#[divan::bench(args = SIZES)]
fn read(bencher: Bencher<'_, '_>, bytes: usize) {
    let delivery = delivery(body(bytes));
    bencher.bench(|| Event::read(&delivery));
}

/// Step 4: finds the rule and the desired state.
#[divan::bench]
fn intent(bencher: Bencher<'_, '_>) {
    let config = configuration();
    let delivery = delivery(body(25_000));
    let event = event(&delivery);
    bencher.with_inputs(|| event.clone()).bench_values(|event| {
        let report = report_target(&event, &config.rules);
        Intent::read(event, &config.rules, report, (&delivery).into())
    });
}

/// Step 6: plans the effect.
#[divan::bench]
fn decide(bencher: Bencher<'_, '_>) {
    let intent = wanted(&configuration());
    bencher
        .with_inputs(claim)
        .bench_values(|claim| plan(&intent, None, claim, NOW));
}

/// Makes a clone from the template.
#[divan::bench]
fn clone(bencher: Bencher<'_, '_>) {
    let config = configuration();
    let (mapping, spec) = creation(&wanted(&config));
    let rule = config.rules.named(&spec.rule).expect("the rule");
    let template = template();
    bencher.bench(|| template.clone_for(&mapping.clone_request(&spec, rule, &config.owner)));
}

fn authenticator() -> Authenticator {
    Authenticator::source_queues(secrets())
}

fn secrets() -> Secrets {
    Secrets::new([SECRET])
}

fn body(bytes: usize) -> String {
    let mut payload = payload::of_size(payload::OPENED, bytes).expect("a payload");
    if let Some(fields) = payload.as_object_mut() {
        fields.insert(payload::NUMBER.to_owned(), 1_000_000.into());
    }
    payload.to_string()
}

fn envelope(body: String) -> Envelope {
    let signature = secrets().sign(body.as_bytes()).unwrap_or_default();
    let headers = [
        (EVENT, "pull_request"),
        (DELIVERY, "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        (SIGNATURE, &signature),
        (CONTENT_TYPE, "application/json"),
    ];
    let attribute = |(name, value): (&str, &str)| (name.to_owned(), Attribute::text(value));
    let attributes: BTreeMap<_, _> = headers.into_iter().map(attribute).collect();
    Envelope::new("1".into(), Receipt("1".into()), body, attributes, NOW, 1)
}

fn delivery(body: String) -> AuthenticatedMessage {
    envelope(body)
        .authenticate(&authenticator())
        .expect("a signed body")
}

fn event(delivery: &AuthenticatedMessage) -> Event {
    let Ok(Decision::Handle(event)) = Event::read(delivery) else {
        unreachable!("the payload opens a pull request");
    };
    event
}

fn wanted(config: &Config) -> Intent {
    let delivery = delivery(body(25_000));
    let heed = Intent::read(event(&delivery), &config.rules, None, (&delivery).into());
    let Ok(Decision::Handle(Request::Subject(intent))) = heed else {
        unreachable!("the rule wants a pipeline");
    };
    *intent
}

fn claim() -> ClaimInfo {
    ClaimInfo {
        owner: "0123456789abcdef/1".to_owned(),
        until: NOW,
    }
}

fn creation(intent: &Intent) -> (Mapping, Spec) {
    let planned = plan(intent, None, claim(), NOW);
    let Plan::Act {
        transition,
        effect: Effect::Create(spec),
    } = planned
    else {
        unreachable!("a subject that was never seen is created");
    };
    (transition.next, spec)
}

fn template() -> Template {
    let mut answer: Value = serde_json::from_str(TEMPLATE).expect("a template");
    let pipeline = answer.get_mut("pipeline").expect("its pipeline").take();
    let arn = "arn:aws:codepipeline:eu-west-1:123456789012:api-template";
    Template {
        declaration: Declaration::new(pipeline).expect("a declaration"),
        arn: PipelineArn::parse(arn).expect("an ARN"),
        version: Some(3),
        updated_at: None,
    }
}

fn configuration() -> Config {
    let overrides = Overrides {
        config: Some("env:CONFIGURATION".to_owned()),
        ..Overrides::default()
    };
    config::load(&overrides, &Nowhere).expect("a configuration")
}

/// An environment with two variables and no file.
struct Nowhere;

impl Environment for Nowhere {
    fn variable(&self, name: &str) -> Result<Option<String>, String> {
        let value = if name == "SECRET" {
            SECRET
        } else {
            CONFIGURATION
        };
        Ok(Some(value.to_owned()))
    }

    fn file(&self, _: &str) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}
