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

const PURE: &str = "the domain is pure";
const CLIENT: &str = "only adapters name a client";
const DEPENDS: &str = "dependencies are allowed";
const MEASURED: &str = "every call is measured";
const BACKOFF: &str = "backoff has one home";
const PROOF: &str = "only a store proves a claim";
const ACTS: &str = "one place acts";
const SHORT: &str = "files are short";
const STEPS: &str = "steps name input and output";
const TESTED: &str = "production does not know it is tested";
const ALLOWED: &str = "nothing is allowed or left to do";
const PRINTED: &str = "no body is printed";
const STDERR: &str = "standard error has one home";

const LONG: &str = include_str!("../../../../Cargo.lock");

pub(crate) const SNIPPETS: &[Snippet] = &[
    breaks(
        PURE,
        "src/domain/state/plan/mod.rs",
        "pub async fn plan() {}",
    ),
    breaks(
        PURE,
        "src/domain/state/plan/mod.rs",
        "use tokio::time::sleep;",
    ),
    breaks(
        PURE,
        "src/domain/state/plan/mod.rs",
        "tracing::info!(\"x\");",
    ),
    breaks(
        PURE,
        "src/domain/state/plan/mod.rs",
        "let now = std::time::SystemTime::now();",
    ),
    breaks(
        PURE,
        "src/domain/state/plan/mod.rs",
        "let dice = fastrand::f64();",
    ),
    breaks(
        PURE,
        "src/domain/state/plan/mod.rs",
        "let home = std::env::var(\"HOME\");",
    ),
    breaks(
        PURE,
        "src/domain/intake/event/words.rs",
        "std::fs::read(path)",
    ),
    keeps(
        PURE,
        "src/domain/state/plan/mod.rs",
        "//! No async, no tokio.\nlet word = \"async\"; let asynchronous = 1;",
    ),
    keeps(PURE, "src/worker/poll.rs", "pub async fn walk() {}"),
    breaks(CLIENT, "src/worker/poll.rs", "use aws_sdk_sqs::Client;"),
    breaks(
        CLIENT,
        "src/main.rs",
        "aws_config::load_defaults(version).await",
    ),
    breaks(CLIENT, "src/inspect/dlq.rs", "use aws_smithy_types::Blob;"),
    breaks(CLIENT, "src/aws/sqs.rs", "use reqwest::Client;"),
    keeps(CLIENT, "src/aws/sqs.rs", "use aws_sdk_sqs::Client;"),
    keeps(CLIENT, "src/github/transport.rs", "use reqwest::Client;"),
    keeps(
        CLIENT,
        "src/main.rs",
        "/// See `aws_sdk_sqs`.\nfn main() {}",
    ),
    breaks(DEPENDS, "src/ports/mod.rs", "use crate::worker::backoff;"),
    breaks(
        DEPENDS,
        "src/domain/state/plan/mod.rs",
        "use crate::ports::Clock;",
    ),
    breaks(DEPENDS, "src/worker/poll.rs", "use crate::aws::fault;"),
    breaks(DEPENDS, "src/worker/mod.rs", "use super::aws::fault;"),
    breaks(
        DEPENDS,
        "src/worker/poll.rs",
        "use super::super::aws::fault;",
    ),
    breaks(DEPENDS, "src/aws/sqs.rs", "use crate::worker::backoff;"),
    breaks(DEPENDS, "src/console/page.rs", "use crate::ports::Clock;"),
    breaks(DEPENDS, "src/console.rs", "fn page() {}"),
    breaks(
        DEPENDS,
        "src/inspect/dlq.rs",
        "let _ = crate::aws::connect();",
    ),
    breaks(
        DEPENDS,
        "src/worker/poll.rs",
        "use crate::{aws::fault, domain::ids};",
    ),
    keeps(
        DEPENDS,
        "src/worker/poll.rs",
        "use crate::ports::Store;\nuse super::backoff::PollBackoff;",
    ),
    keeps(DEPENDS, "src/commands/run.rs", "use crate::aws::connect;"),
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
        "src/worker/backoff.rs",
        "use backoff::ExponentialBackoff;",
    ),
    keeps(
        BACKOFF,
        "src/worker/mod.rs",
        "let wait = my_backoff::next();",
    ),
    breaks(
        PROOF,
        "src/worker/poll.rs",
        "let claim = Claim::proven(row);",
    ),
    keeps(
        PROOF,
        "src/aws/dynamodb.rs",
        "let claim = Claim::proven(row);",
    ),
    keeps(
        PROOF,
        "src/domain/state/plan/mod.rs",
        "\n#[cfg(test)]\nmod tests {\n  fn c() { Claim::proven(row) }\n}",
    ),
    breaks(
        ACTS,
        "src/inspect/repair.rs",
        "self\n    .pipelines\n    .delete(&name, &claim)",
    ),
    breaks(
        ACTS,
        "src/worker/mod.rs",
        "walker.store.claim(transition).await",
    ),
    breaks(
        ACTS,
        "src/worker/poll.rs",
        "self.pipelines.delete(&name, &claim)",
    ),
    keeps(
        ACTS,
        "src/reconcile/execute.rs",
        "self.pipelines.delete(&name, &claim)",
    ),
    keeps(
        ACTS,
        "src/inspect/show.rs",
        "self.pipelines.find(&name, None)",
    ),
    breaks(SHORT, "scripts/demo", LONG),
    keeps(SHORT, "scripts/demo", "#!/bin/sh\n"),
    breaks(STEPS, "src/domain/state/plan/mod.rs", "//! Decides.\n"),
    breaks(
        STEPS,
        "src/domain/state/plan/mod.rs",
        "//! Step 5 of 7. In: [`Intent`]. Out: [`Plan`].\n",
    ),
    breaks(
        STEPS,
        "src/domain/state/plan/mod.rs",
        "//! Step 6 of 7. In: [`Intent`].\n",
    ),
    keeps(
        STEPS,
        "src/domain/state/plan/mod.rs",
        "//! Step 6 of 7. In: [`Intent`]. Out: [`Plan`].\n",
    ),
    keeps(STEPS, "src/domain/ids.rs", "//! The names of things.\n"),
    breaks(TESTED, "src/worker/poll.rs", "#[cfg(test)]\nfn fake() {}\n"),
    breaks(TESTED, "src/worker/poll.rs", "if cfg!(test) { return }\n"),
    breaks(
        TESTED,
        "src/worker/poll.rs",
        "#[cfg_attr(test, derive(Debug))]\nstruct A;\n",
    ),
    breaks(
        TESTED,
        "src/worker/poll.rs",
        "#[cfg(any(test, unix))]\nmod tests {\n}\n",
    ),
    keeps(
        TESTED,
        "src/worker/poll.rs",
        "#[cfg(test)]\nmod tests {\n}\n",
    ),
    keeps(
        TESTED,
        "src/worker/poll.rs",
        "#[cfg(unix)]\nfn signal() {}\n",
    ),
    breaks(ALLOWED, "src/main.rs", "fn main() { todo!() }"),
    breaks(ALLOWED, "tests/it/main.rs", "#![allow(dead_code)]"),
    breaks(ALLOWED, "src/main.rs", "    #[allow(clippy::panic)]"),
    keeps(
        ALLOWED,
        "src/main.rs",
        "#[expect(clippy::panic, reason = \"because\")] // no todo!",
    ),
    breaks(
        PRINTED,
        "src/domain/intake/envelope.rs",
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
        "src/domain/intake/envelope.rs",
        "#[derive(Debug)]\npub struct Envelope {\n    pub body_len: usize,\n}\n",
    ),
    keeps(
        PRINTED,
        "src/domain/intake/envelope.rs",
        "#[derive(Clone)]\npub struct Envelope {\n    pub body: String,\n}\n",
    ),
    keeps(
        PRINTED,
        "src/worker/mod.rs",
        "tracing::warn!(body_len = 3, \"the body\");",
    ),
    breaks(STDERR, "src/commands/run.rs", "eprintln!(\"{text}\");"),
    breaks(
        STDERR,
        "src/commands/run.rs",
        "writeln!(io::stderr(), \"{text}\")",
    ),
    keeps(
        STDERR,
        "src/cli/terminal.rs",
        "writeln!(io::stderr(), \"{}\", one_line(text))",
    ),
    keeps(
        STDERR,
        "src/telemetry/mod.rs",
        "std::io::stderr().is_terminal()",
    ),
];
