//! The rules, each a function from a file to complaints.

use crate::repository::architecture::allowed::ALLOWED;
use crate::repository::architecture::source::{Source, is_word, starts};

/// A rule of ARCHITECTURE.md.
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) check: fn(&Source) -> Vec<String>,
}

/// Every rule.
pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "the domain is pure",
        check: the_domain_is_pure,
    },
    Rule {
        name: "only adapters name a client",
        check: only_adapters_name_a_client,
    },
    Rule {
        name: "dependencies are allowed",
        check: dependencies_are_allowed,
    },
    Rule {
        name: "every call is measured",
        check: every_call_is_measured,
    },
    Rule {
        name: "backoff has one home",
        check: backoff_has_one_home,
    },
    Rule {
        name: "only a store proves a claim",
        check: only_a_store_proves_a_claim,
    },
    Rule {
        name: "one place acts",
        check: one_place_acts,
    },
    Rule {
        name: "files are short",
        check: files_are_short,
    },
    Rule {
        name: "steps name input and output",
        check: steps_name_input_and_output,
    },
    Rule {
        name: "production does not know it is tested",
        check: production_does_not_know_it_is_tested,
    },
    Rule {
        name: "nothing is allowed or left to do",
        check: nothing_is_allowed_or_left_to_do,
    },
    Rule {
        name: "no body is printed",
        check: no_body_is_printed,
    },
    Rule {
        name: "standard error has one home",
        check: standard_error_has_one_home,
    },
];

/// No async, no clock, no SDK, no logging, no dice, no environment.
fn the_domain_is_pure(source: &Source) -> Vec<String> {
    if !source.is_rust_in("src/domain/") {
        return Vec::new();
    }
    let impure = [
        "async",
        "await",
        "tokio",
        "tracing",
        "SystemTime",
        "Instant",
        "now_utc",
        "rand",
        "fastrand",
        "std::env",
        "std::fs",
        "std::net",
        "std::process",
        "std::thread",
        "println",
        "eprintln",
    ];
    banned(source, &impure, "has no place in the pure domain")
}

/// The SDK of AWS and the HTTP client, each with its folder.
const CLIENTS: &[(&str, &str)] = &[
    ("aws_sdk_", "src/aws"),
    ("aws_config", "src/aws"),
    ("aws_smithy", "src/aws"),
    ("aws_types", "src/aws"),
    ("aws_credential", "src/aws"),
    ("reqwest", "src/github"),
];

fn only_adapters_name_a_client(source: &Source) -> Vec<String> {
    let elsewhere = CLIENTS.iter().filter(|(_, home)| !source.is_rust_in(home));
    let complaints = elsewhere.flat_map(|(word, home)| {
        let found = starts(source.production(), word).into_iter();
        found.map(move |at| source.complaint(at, &format!("'{word}' outside {home}")))
    });
    complaints.collect()
}

/// The crate's root: it declares the folders and starts `commands`.
const ROOT: &[&str] = &["src/lib.rs", "src/main.rs"];

fn dependencies_are_allowed(source: &Source) -> Vec<String> {
    if !source.is_rust_in("src/") || ROOT.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let folder = source.folder();
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == folder) else {
        let what = format!("the folder '{folder}' is not in the list of allowed dependencies");
        return vec![source.complaint(0, &what)];
    };
    let code = source.production();
    let up = "super::".repeat(source.depth());
    let mut complaints = Vec::new();
    for root in ["crate::", up.as_str()] {
        for at in starts(code, root) {
            let after = code.get(at + root.len()..).unwrap_or_default();
            let named: String = after.chars().take_while(|c| is_word(*c)).collect();
            if named != folder && !allowed.contains(&named.as_str()) {
                let what = format!("{folder} names '{root}{named}', want one of {allowed:?}");
                complaints.push(source.complaint(at, &what));
            }
        }
    }
    complaints
}

/// The future of a call is given to `aws/call.rs`, never awaited where it is made.
fn every_call_is_measured(source: &Source) -> Vec<String> {
    if !source.path.starts_with("src/aws/") {
        return Vec::new();
    }
    let code = source.production();
    let sent = code.match_indices(".send()");
    let awaited = sent.filter(|(at, sent)| {
        let after = code.get(at + sent.len()..).unwrap_or_default();
        after.trim_start().starts_with(".await")
    });
    awaited
        .map(|(at, _)| source.complaint(at, "a call that nobody measures: give it to measured()"))
        .collect()
}

fn backoff_has_one_home(source: &Source) -> Vec<String> {
    if source.path == "src/worker/backoff.rs" {
        return Vec::new();
    }
    let code = source.production();
    let found = ["use backoff", "ExponentialBackoff"].map(|name| starts(code, name));
    let what = "the backoff crate lives in src/worker/backoff.rs alone";
    found
        .into_iter()
        .flatten()
        .map(|at| source.complaint(at, what))
        .collect()
}

/// The rehearsal's store is one, too: its claims reach no pipeline.
fn only_a_store_proves_a_claim(source: &Source) -> Vec<String> {
    if source.is_rust_in("src/aws/") || source.path == "src/inspect/rehearsal/store.rs" {
        return Vec::new();
    }
    let found = starts(source.production(), "Claim::proven");
    let what = "a claim is proven by a store's confirmed write";
    found
        .into_iter()
        .map(|at| source.complaint(at, what))
        .collect()
}

/// Invariants 3 and 6: pipelines are made and deleted, and mappings written, in one place.
fn one_place_acts(source: &Source) -> Vec<String> {
    let here =
        source.path == "src/reconcile/execute.rs" || source.is_rust_in("src/reconcile/effects/");
    if here || source.is_rust_in("src/aws/") {
        return Vec::new();
    }
    let acts = [
        "pipelines.create(",
        "pipelines.update(",
        "pipelines.start(",
        "pipelines.stop(",
        "pipelines.delete(",
        "store.acquire_slot(",
        "store.release_slot(",
        "store.stop_waiting(",
        "store.claim(",
        "store.record(",
        "store.give_up(",
    ];
    let code: String = source.production().split_whitespace().collect();
    let done = acts.iter().filter(|act| code.contains(**act));
    done.map(|act| {
        format!(
            "{}: '{act}..)' outside src/reconcile/execute.rs and src/reconcile/effects",
            source.path
        )
    })
    .collect()
}

/// Lines of a file, tests included.
const CEILING: usize = 400;

fn files_are_short(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let long = (lines > CEILING).then(|| {
        let path = &source.path;
        format!("{path}: {lines} lines, want at most {CEILING}")
    });
    long.into_iter().collect()
}

/// The seven steps, in order, and where each is.
const STEPS: &[&str] = &[
    "intake/envelope.rs",
    "intake/authenticated/mod.rs",
    "intake/event/mod.rs",
    "state/intent/mod.rs",
    "state/mapping.rs",
    "state/plan/mod.rs",
    "outcome/disposition.rs",
];

fn steps_name_input_and_output(source: &Source) -> Vec<String> {
    let step = |name: &str| format!("src/domain/{name}") == source.path;
    let Some(place) = STEPS.iter().position(|name| step(name)) else {
        return Vec::new();
    };
    let opening = source.text.lines().next().unwrap_or_default();
    let number = format!("//! Step {} of {}. In: ", place + 1, STEPS.len());
    let is_right = opening
        .strip_prefix(&number)
        .and_then(|rest| rest.split_once(". Out: "))
        .is_some_and(|(inside, out)| !inside.is_empty() && out.len() > 1 && out.ends_with('.'));
    if is_right {
        return Vec::new();
    }
    vec![source.complaint(0, &format!("want '{number}.. Out: ...' as the first line"))]
}

/// `cfg(test)` stands directly above `mod tests`, and nowhere else.
fn production_does_not_know_it_is_tested(source: &Source) -> Vec<String> {
    if !source.is_rust_in("src/") {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    let code = &source.code;
    for at in starts(code, "cfg")
        .into_iter()
        .chain(starts(code, "cfg_attr"))
    {
        let start = code
            .get(..at)
            .map_or(0, |before| before.rfind('\n').map_or(0, |n| n + 1));
        let mut lines = code.get(start..).unwrap_or_default().lines();
        let line = lines.next().unwrap_or_default();
        let next = lines.next().unwrap_or_default();
        let above_tests = line == "#[cfg(test)]" && matches!(next, "mod tests {" | "mod tests;");
        let after = code.get(at..).unwrap_or_default();
        let words = after.split([']', '\n']).next().unwrap_or_default();
        let is_test = words
            .split(|c: char| !is_word(c))
            .any(|word| word == "test");
        if is_test && !above_tests {
            complaints.push(source.complaint(at, "cfg(test) away from 'mod tests'"));
        }
    }
    complaints
}

fn nothing_is_allowed_or_left_to_do(source: &Source) -> Vec<String> {
    if !source.path.ends_with(".rs") {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    for word in ["todo!", "unimplemented!", "dbg!"] {
        let found = starts(&source.code, word);
        complaints.extend(found.into_iter().map(|at| source.complaint(at, word)));
    }
    let attributes = ["#[allow", "#![allow"];
    for attribute in attributes {
        let found = source.code.match_indices(attribute);
        let what = "want #[expect(.., reason = \"..\")], never allow";
        complaints.extend(found.map(|(at, _)| source.complaint(at, what)));
    }
    complaints
}

/// Nothing that holds a body derives `Debug`, and no log line names one.
fn no_body_is_printed(source: &Source) -> Vec<String> {
    let code = source.production();
    let mut complaints = Vec::new();
    for at in starts(code, "derive(") {
        let item = code.get(at..).unwrap_or_default();
        let end = item.find("\n}").unwrap_or(item.len());
        let item = item.get(..end).unwrap_or_default();
        let (traits, fields) = item.split_once(']').unwrap_or_default();
        let holds = starts(fields, "body").into_iter().any(|place| {
            let after = fields.get(place + "body".len()..).unwrap_or_default();
            after.starts_with(": String")
                || after.starts_with(": Vec<u8>")
                || after.starts_with(": Bytes")
        });
        if holds && traits.contains("Debug") {
            complaints.push(source.complaint(at, "derives Debug and holds a body"));
        }
    }
    for at in starts(code, "tracing::") {
        let call = code.get(at..).unwrap_or_default();
        let end = call.find(");").unwrap_or(call.len());
        let call = call.get(..end).unwrap_or_default();
        let mut words = call.split(|c: char| !is_word(c));
        if words.any(|word| matches!(word, "body" | "secret" | "secrets")) {
            complaints.push(source.complaint(at, "a log line names a body or a secret"));
        }
    }
    complaints
}

/// `note` and `confirms` escape what they write. A look at whether it is a terminal writes nothing.
fn standard_error_has_one_home(source: &Source) -> Vec<String> {
    if !source.is_rust_in("src/") || source.path == "src/cli/terminal.rs" {
        return Vec::new();
    }
    let code = source.production();
    let writes = |at: &usize| {
        let after = code.get(*at..).unwrap_or_default();
        !after.starts_with("stderr().is_terminal()")
    };
    let found = ["eprint!", "eprintln!", "stderr()"].map(|word| starts(code, word));
    let found = found.into_iter().flatten().filter(writes);
    found
        .map(|at| source.complaint(at, "writes to standard error: use terminal::note"))
        .collect()
}

/// Complains of whole words in production code.
fn banned(source: &Source, words: &[&str], why: &str) -> Vec<String> {
    let code = source.production();
    let complain = |word: &&str| {
        let whole = |at: &usize| {
            let after = code.get(at + word.len()..).unwrap_or_default();
            !after.chars().next().is_some_and(is_word)
        };
        let found = starts(code, word).into_iter().filter(whole);
        let what = format!("'{word}' {why}");
        found
            .map(|at| source.complaint(at, &what))
            .collect::<Vec<_>>()
    };
    words.iter().flat_map(complain).collect()
}
