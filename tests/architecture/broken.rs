//! Snippets that break the rules, each with one or two beside it that look alike and are fine.

/// A file, and whether a rule has nothing to say of it.
pub(crate) struct Snippet {
    pub(crate) rule: &'static str,
    pub(crate) path: &'static str,
    pub(crate) text: &'static str,
    pub(crate) fine: bool,
}

const fn breaks(rule: &'static str, path: &'static str, text: &'static str) -> Snippet {
    Snippet {
        rule,
        path,
        text,
        fine: false,
    }
}

const fn keeps(rule: &'static str, path: &'static str, text: &'static str) -> Snippet {
    Snippet {
        fine: true,
        ..breaks(rule, path, text)
    }
}

const PURE: &str = "the line is pure";
const SDK: &str = "only src/aws names the SDK";
const INWARD: &str = "everything depends inward";
const MEASURED: &str = "every call is measured";
const BACKOFF: &str = "backoff has one home";
const PROOF: &str = "only a store proves a claim";
const ACTS: &str = "one place acts";
const SHORT: &str = "files are short";
const ROOMS: &str = "rooms say what goes in and out";
const TESTED: &str = "production does not know it is tested";
const ALLOWED: &str = "nothing is allowed or left to do";
const PRINTED: &str = "no body is printed";

const LONG: &str = include_str!("../../Cargo.lock");

pub(crate) const SNIPPETS: &[Snippet] = &[
    breaks(PURE, "src/line/plan.rs", "pub async fn plan() {}"),
    breaks(PURE, "src/line/plan.rs", "use tokio::time::sleep;"),
    breaks(PURE, "src/line/plan.rs", "tracing::info!(\"x\");"),
    breaks(
        PURE,
        "src/line/plan.rs",
        "let now = std::time::SystemTime::now();",
    ),
    breaks(PURE, "src/line/plan.rs", "let dice = fastrand::f64();"),
    breaks(
        PURE,
        "src/line/plan.rs",
        "let home = std::env::var(\"HOME\");",
    ),
    breaks(PURE, "src/line/event/words.rs", "std::fs::read(path)"),
    keeps(
        PURE,
        "src/line/plan.rs",
        "//! No async, no tokio.\nlet word = \"async\"; let asynchronous = 1;",
    ),
    keeps(PURE, "src/worker/walk.rs", "pub async fn walk() {}"),
    breaks(SDK, "src/worker/walk.rs", "use aws_sdk_sqs::Client;"),
    breaks(
        SDK,
        "src/main.rs",
        "aws_config::load_defaults(version).await",
    ),
    breaks(SDK, "src/operate/dlq.rs", "use aws_smithy_types::Blob;"),
    keeps(SDK, "src/aws/sqs.rs", "use aws_sdk_sqs::Client;"),
    keeps(SDK, "src/main.rs", "/// See `aws_sdk_sqs`.\nfn main() {}"),
    breaks(INWARD, "src/ports.rs", "use crate::worker::pace;"),
    breaks(INWARD, "src/line/plan.rs", "use crate::ports::Clock;"),
    breaks(INWARD, "src/worker/walk.rs", "use crate::aws::fault;"),
    breaks(INWARD, "src/worker/mod.rs", "use super::aws::fault;"),
    breaks(
        INWARD,
        "src/worker/walk.rs",
        "use super::super::aws::fault;",
    ),
    breaks(INWARD, "src/aws/sqs.rs", "use crate::worker::pace;"),
    breaks(
        INWARD,
        "src/operate/dlq.rs",
        "let _ = crate::aws::connect();",
    ),
    breaks(
        INWARD,
        "src/worker/walk.rs",
        "use crate::{aws::fault, line::plan};",
    ),
    keeps(
        INWARD,
        "src/worker/walk.rs",
        "use crate::ports::Store;\nuse super::templates::Templates;",
    ),
    keeps(INWARD, "src/main.rs", "use crate::aws::connect;"),
    breaks(
        MEASURED,
        "src/aws/sqs.rs",
        "let answer = request.send()\n    .await;",
    ),
    keeps(
        MEASURED,
        "src/aws/sqs.rs",
        "let answer = measured(Service::Sqs, &call, request.send()).await;",
    ),
    breaks(
        BACKOFF,
        "src/worker/mod.rs",
        "use backoff::ExponentialBackoff;",
    ),
    keeps(
        BACKOFF,
        "src/worker/pace.rs",
        "use backoff::ExponentialBackoff;",
    ),
    keeps(
        BACKOFF,
        "src/worker/mod.rs",
        "let wait = my_backoff::next();",
    ),
    breaks(
        PROOF,
        "src/worker/walk.rs",
        "let claim = Claim::proven(row);",
    ),
    keeps(
        PROOF,
        "src/aws/dynamodb.rs",
        "let claim = Claim::proven(row);",
    ),
    keeps(
        PROOF,
        "src/line/plan.rs",
        "\n#[cfg(test)]\nmod tests {\n  fn c() { Claim::proven(row) }\n}",
    ),
    breaks(
        ACTS,
        "src/operate/repair.rs",
        "self\n    .pipelines\n    .delete(&name, &claim)",
    ),
    breaks(
        ACTS,
        "src/worker/mod.rs",
        "walker.store.claim(transition).await",
    ),
    breaks(
        ACTS,
        "src/worker/walk.rs",
        "self.pipelines.delete(&name, &claim)",
    ),
    keeps(
        ACTS,
        "src/worker/act.rs",
        "self.pipelines.delete(&name, &claim)",
    ),
    keeps(
        ACTS,
        "src/operate/show.rs",
        "self.pipelines.find(&name, None)",
    ),
    breaks(SHORT, "scripts/demo", LONG),
    keeps(SHORT, "scripts/demo", "#!/bin/sh\n"),
    breaks(ROOMS, "src/line/plan.rs", "//! Decides.\n"),
    breaks(
        ROOMS,
        "src/line/plan.rs",
        "//! Room 5 of 7. In: [`Intent`]. Out: [`Plan`].\n",
    ),
    breaks(
        ROOMS,
        "src/line/plan.rs",
        "//! Room 6 of 7. In: [`Intent`].\n",
    ),
    keeps(
        ROOMS,
        "src/line/plan.rs",
        "//! Room 6 of 7. In: [`Intent`]. Out: [`Plan`].\n",
    ),
    keeps(ROOMS, "src/line/ids.rs", "//! The names of things.\n"),
    breaks(TESTED, "src/worker/walk.rs", "#[cfg(test)]\nfn fake() {}\n"),
    breaks(TESTED, "src/worker/walk.rs", "if cfg!(test) { return }\n"),
    breaks(
        TESTED,
        "src/worker/walk.rs",
        "#[cfg_attr(test, derive(Debug))]\nstruct A;\n",
    ),
    breaks(
        TESTED,
        "src/worker/walk.rs",
        "#[cfg(any(test, unix))]\nmod tests {\n}\n",
    ),
    keeps(
        TESTED,
        "src/worker/walk.rs",
        "#[cfg(test)]\nmod tests {\n}\n",
    ),
    keeps(
        TESTED,
        "src/worker/walk.rs",
        "#[cfg(unix)]\nfn signal() {}\n",
    ),
    breaks(ALLOWED, "src/main.rs", "fn main() { todo!() }"),
    breaks(ALLOWED, "tests/line.rs", "#![allow(dead_code)]"),
    breaks(ALLOWED, "src/main.rs", "    #[allow(clippy::panic)]"),
    keeps(
        ALLOWED,
        "src/main.rs",
        "#[expect(clippy::panic, reason = \"because\")] // no todo!",
    ),
    breaks(
        PRINTED,
        "src/line/envelope.rs",
        "#[derive(Debug)]\npub struct Envelope {\n    pub body: String,\n}\n",
    ),
    breaks(
        PRINTED,
        "src/worker/mod.rs",
        "tracing::warn!(body = envelope.body, \"x\");",
    ),
    breaks(
        PRINTED,
        "src/worker/mod.rs",
        "tracing::warn!(?secrets, \"x\");",
    ),
    keeps(
        PRINTED,
        "src/line/envelope.rs",
        "#[derive(Debug)]\npub struct Envelope {\n    pub body_len: usize,\n}\n",
    ),
    keeps(
        PRINTED,
        "src/line/envelope.rs",
        "#[derive(Clone)]\npub struct Envelope {\n    pub body: String,\n}\n",
    ),
    keeps(
        PRINTED,
        "src/worker/mod.rs",
        "tracing::warn!(body_len = 3, \"the body\");",
    ),
];
