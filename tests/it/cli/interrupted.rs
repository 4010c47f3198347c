//! `branchline dlq` told to stop, killed, and asked on a terminal: nothing is lost, and nothing stays held.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;

use super::account::Account;
use super::dlq::text;
use super::run::tell;
use crate::world::clock::START;
use crate::world::emulator;
use crate::world::proxy::Proxy;
use crate::world::webhook::Webhook;

/// Letters that SQS moved by itself, each of a subject of its own.
pub(super) async fn fill(account: &Account, count: u64) -> BTreeSet<String> {
    let mut sent = BTreeSet::new();
    for number in 1..=count {
        let delivery = format!("letter-{number}");
        let webhook = Webhook::pull_request("opened").number(number);
        let sealed = webhook.delivery(&delivery).seal(START);
        emulator::send(&account.client, &account.urls[1], sealed).await;
        sent.insert(delivery);
    }
    sent
}

/// Those that nobody holds.
pub(super) async fn visible(account: &Account, queue: usize) -> usize {
    let name = QueueAttributeName::ApproximateNumberOfMessages;
    let count = emulator::attribute(&account.client, &account.urls[queue], name).await;
    count.parse().unwrap()
}

pub(super) async fn proxy(account: &Account) -> Proxy {
    let upstream = account.endpoint.trim_start_matches("http://");
    Proxy::start(upstream.parse().unwrap(), 0).await.unwrap()
}

/// Runs a command on a terminal, and types the answer once it asks.
pub(super) fn typed(mut command: Command, question: &str, answer: &str) -> Output {
    command.env("USER", "ada").env("TERM", "xterm");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/typed.py");
    let mut terminal = Command::new("python3");
    terminal
        .args([script, question, answer])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("PATH", std::env::var("PATH").unwrap())
        .stdin(Stdio::null());
    terminal.output().unwrap()
}

#[tokio::test]
async fn a_list_that_is_interrupted_hands_back_what_it_holds() {
    let account = Account::new("list-interrupted").await;
    fill(&account, 15).await;
    for signal in ["-INT", "-TERM"] {
        let mut list = account.command(&["dlq", "list"]);
        list.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut list = list.spawn().unwrap();
        let mut rows = BufReader::new(list.stdout.take().unwrap()).lines();
        rows.next().unwrap().unwrap();
        // It waits a second more for others.
        tell(&list, signal);
        assert_eq!(list.wait().unwrap().code(), Some(2));
        let mut said = String::new();
        list.stderr.unwrap().read_to_string(&mut said).unwrap();
        assert!(
            said.contains("interrupted: what was held is handed back"),
            "{said}"
        );
        assert_eq!(visible(&account, 1).await, 15, "{signal}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_in_the_middle_of_a_call() {
    let account = Account::new("list-twice").await;
    let proxy = proxy(&account).await;
    proxy.hold("amazonsqs.receivemessage");
    let mut list = account.command(&["dlq", "list"]);
    list.env("AWS_ENDPOINT_URL", &proxy.endpoint);
    let mut list = list.stderr(Stdio::piped()).spawn().unwrap();
    proxy.holds().await;
    tell(&list, "-INT");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(list.try_wait().unwrap().is_none(), "it waits for the call");
    tell(&list, "-TERM");
    let output = list.wait_with_output().unwrap();
    let said = text(output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.starts_with("ended at once: what was held is visible again within 120s"),
        "{said}"
    );
}

#[tokio::test]
async fn a_replay_that_is_told_to_stop_says_how_far_it_came_and_hands_back_the_rest() {
    let account = Account::new("replay-stopped").await;
    fill(&account, 5).await;
    let mut replay = account.command(&["dlq", "replay", "--all", "--yes", "--rate", "1"]);
    let replay = replay.stderr(Stdio::piped()).spawn().unwrap();
    while visible(&account, 0).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tell(&replay, "-INT");
    let output = replay.wait_with_output().unwrap();
    let said = text(output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let back = visible(&account, 0).await;
    let left = visible(&account, 1).await;
    assert_eq!(back + left, 5, "{said}");
    assert!(
        said.contains(&format!("{back} replayed, {left} left")),
        "{said}"
    );
    assert!(
        said.contains("interrupted: the rest is where it was"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_is_killed_at_any_step_loses_nothing() {
    let steps = [
        ("entry-before", "dynamodb_20120810.putitem", 0),
        ("send", "amazonsqs.sendmessage", 0),
        ("delete", "amazonsqs.deletemessagebatch", 0),
        ("entry-after", "dynamodb_20120810.putitem", 1),
        ("second-send", "amazonsqs.sendmessage", 1),
    ];
    for (name, call, passes) in steps {
        let account = Account::new(&format!("kill-{name}")).await;
        let sent = fill(&account, 3).await;
        let proxy = proxy(&account).await;
        // What a killed one held comes back after two seconds, not after two minutes.
        proxy.hurry();
        proxy.hold_after(call, passes);
        let mut replay = account.command(&["dlq", "replay", "--all", "--yes", "--rate", "1000"]);
        replay.env("AWS_ENDPOINT_URL", &proxy.endpoint);
        let mut replay = replay.stderr(Stdio::null()).spawn().unwrap();
        proxy.holds().await;
        tell(&replay, "-KILL");
        replay.wait().unwrap();
        let back = emulator::deliveries(&account.client, &account.urls[0]).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let left = emulator::deliveries(&account.client, &account.urls[1]).await;
        let all: BTreeSet<_> = back.union(&left).cloned().collect();
        assert_eq!(all, sent, "{name}: {back:?} came back, {left:?} are left");
        let counts = match name {
            "entry-before" | "send" => (0, 3),
            // It is there twice.
            "delete" => (1, 3),
            _ => (1, 2),
        };
        assert_eq!((back.len(), left.len()), counts, "{name}");
    }
}

#[tokio::test]
async fn what_is_typed_decides() {
    let account = Account::new("typed").await;
    fill(&account, 2).await;
    let replay = || account.command(&["dlq", "replay", "--all"]);
    let question = "replay 2 messages? (yes)";
    // The third is Ctrl-C, at which a terminal may forget what it has not shown yet: the exit code is not a signal's.
    for (answer, said) in [
        ("y\n", "nothing was done"),
        ("\n", "nothing was done"),
        ("\u{3}", question),
    ] {
        let output = typed(replay(), question, answer);
        let shown = text(output.stdout);
        assert_eq!(output.status.code(), Some(2), "{answer:?}: {shown}");
        assert!(shown.contains(said), "{answer:?}: {shown}");
        assert_eq!(visible(&account, 1).await, 2, "{answer:?}");
    }
    let drop = account.command(&["dlq", "drop", "--all", "--no-export"]);
    let output = typed(drop, "type their number:", "3\n");
    assert_eq!(
        (output.status.code(), visible(&account, 1).await),
        (Some(2), 2)
    );

    let output = typed(replay(), question, "yes\n");
    let shown = text(output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(shown.contains("2 replayed, 0 left"), "{shown}");
    assert_eq!(
        (visible(&account, 0).await, visible(&account, 1).await),
        (2, 0)
    );
}
