//! `branchline dlq` interrupted, killed, and with prompts: no message is lost, and none stays
//! invisible.

use std::collections::BTreeSet;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;

use super::account::Account;
use super::binary::{Process, output, text, within};
use crate::world::clock::START;
use crate::world::emulator;
use crate::world::proxy::Proxy;
use crate::world::webhook::Webhook;

/// Sends messages to the dead-letter queue as SQS moves them, each about another subject.
pub(super) async fn fill(account: &Account, count: u64) -> BTreeSet<String> {
    let mut sent = BTreeSet::new();
    for number in 1..=count {
        let delivery = format!("message-{number}");
        let webhook = Webhook::pull_request("opened").number(number);
        let sealed = webhook.delivery(&delivery).seal(START);
        emulator::send(&account.client, &account.urls[1], sealed).await;
        sent.insert(delivery);
    }
    sent
}

/// Returns how many messages of a queue are visible.
pub(super) async fn visible(account: &Account, queue: usize) -> usize {
    let name = QueueAttributeName::ApproximateNumberOfMessages;
    let count = emulator::attribute(&account.client, &account.urls[queue], name).await;
    count.parse().unwrap()
}

/// Starts a proxy in front of the emulator.
pub(super) async fn proxy(account: &Account) -> Proxy {
    let upstream = account.endpoint.trim_start_matches("http://");
    Proxy::start(upstream.parse().unwrap(), 0).await.unwrap()
}

/// Runs a command on a terminal, and types the answer once the question appears.
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
    output(&mut terminal)
}

#[tokio::test]
async fn an_interrupted_list_returns_its_messages() {
    let account = Account::new("list-interrupted").await;
    fill(&account, 15).await;
    for signal in ["-INT", "-TERM"] {
        let mut list = account.command(&["dlq", "list"]);
        let mut list = Process::start(list.stdout(Stdio::piped()));
        let rows = list.stdout();
        assert!(rows.next().is_some(), "a row");
        // It waits one more second for other messages.
        list.signal(signal);
        let (code, error) = list.end();
        assert_eq!(code, Some(2));
        assert!(
            error.ends_with("error: interrupted: messages in hand were returned to the queue"),
            "{error}"
        );
        assert_eq!(visible(&account, 1).await, 15, "{signal}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_a_list_in_the_middle_of_a_call() {
    let account = Account::new("list-twice").await;
    let proxy = proxy(&account).await;
    proxy.hold("amazonsqs.receivemessage");
    let mut list = account.command(&["dlq", "list"]);
    list.env("AWS_ENDPOINT_URL", &proxy.endpoint);
    let mut list = Process::start(&mut list);
    within("a call", proxy.holds()).await;
    list.signal("-INT");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(list.is_running(), "it waits for the call");
    list.signal("-TERM");
    let (code, error) = list.end();
    assert_eq!(code, Some(2), "{error}");
    assert_eq!(
        error,
        "error: exited immediately: messages in hand are visible again within 120s"
    );
}

#[tokio::test]
async fn an_interrupted_replay_reports_its_count_and_returns_the_rest() {
    let account = Account::new("replay-stopped").await;
    fill(&account, 5).await;
    let mut replay = account.command(&["dlq", "replay", "--all", "--yes", "--rate", "1"]);
    let replay = Process::start(&mut replay);
    let first = async {
        while visible(&account, 0).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within("the first replay", first).await;
    replay.signal("-INT");
    let (code, messages) = replay.end();
    assert_eq!(code, Some(2), "{messages}");
    let back = visible(&account, 0).await;
    let left = visible(&account, 1).await;
    assert_eq!(back + left, 5, "{messages}");
    assert!(
        messages.contains(&format!("{back} replayed, {left} left")),
        "{messages}"
    );
    assert!(
        messages.contains("error: interrupted: the other messages are where they were"),
        "{messages}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_is_killed_at_any_call_loses_no_message() {
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
        // The messages of a killed command return after two seconds, not after two minutes.
        proxy.hurry();
        proxy.hold_after(call, passes);
        let mut replay = account.command(&["dlq", "replay", "--all", "--yes", "--rate", "1000"]);
        replay.env("AWS_ENDPOINT_URL", &proxy.endpoint);
        let replay = Process::start(&mut replay);
        within(name, proxy.holds()).await;
        replay.signal("-KILL");
        replay.end();
        let back = emulator::deliveries(&account.client, &account.urls[0]).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let left = emulator::deliveries(&account.client, &account.urls[1]).await;
        let all: BTreeSet<_> = back.union(&left).cloned().collect();
        assert_eq!(all, sent, "{name}: {back:?} came back, {left:?} are left");
        let counts = match name {
            "entry-before" | "send" => (0, 3),
            // It is in both queues.
            "delete" => (1, 3),
            _ => (1, 2),
        };
        assert_eq!((back.len(), left.len()), counts, "{name}");
    }
}

#[tokio::test]
async fn the_typed_answer_decides() {
    let account = Account::new("typed").await;
    fill(&account, 2).await;
    let replay = || account.command(&["dlq", "replay", "--all"]);
    let question = "Replay 2 messages? [y/N]";
    let nothing = "error: not confirmed: nothing was sent";
    // The last one is Ctrl-C, after which a terminal may drop pending output. The exit code is not
    // that of a signal.
    for (answer, expected) in [
        ("n\n", nothing),
        ("2\n", nothing),
        ("yess\n", nothing),
        ("\n", nothing),
        ("\u{3}", question),
    ] {
        let output = typed(replay(), question, answer);
        let shown = text(output.stdout);
        assert_eq!(output.status.code(), Some(2), "{answer:?}: {shown}");
        assert!(shown.contains(expected), "{answer:?}: {shown}");
        assert_eq!(visible(&account, 1).await, 2, "{answer:?}");
    }
    let drop = account.command(&["dlq", "drop", "--all", "--no-export"]);
    let output = typed(drop, "Type the number to confirm:", "3\n");
    let shown = text(output.stdout);
    assert!(shown.contains("Delete 2 messages permanently?"), "{shown}");
    assert_eq!(
        (output.status.code(), visible(&account, 1).await),
        (Some(2), 2),
        "{shown}"
    );

    let mut replayed = 0;
    for (count, answer) in [("2 messages", "yes\n"), ("1 message", "y\n")] {
        let question = format!("Replay {count}? [y/N]");
        let output = typed(replay(), &question, answer);
        let shown = text(output.stdout);
        assert_eq!(output.status.code(), Some(0), "{shown}");
        assert!(shown.contains("replayed, 0 left"), "{shown}");
        replayed += count[..1].parse::<usize>().unwrap();
        assert_eq!(
            (visible(&account, 0).await, visible(&account, 1).await),
            (replayed, 0)
        );
        fill(&account, 1).await;
    }
}
