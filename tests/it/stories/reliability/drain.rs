//! On shutdown the daemon finishes what it can within the drain timeout, returns the rest to the
//! queue, and ends.

use std::time::Duration;

use branchline::worker::{RunMode, Shutdown};
use tokio::time::{Instant, sleep};

use crate::stories::reliability::{quiet, run};
use crate::world::captured_logs::CapturedLogs;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::story::{World, run_daemon};
use crate::world::webhook::Webhook;

/// Runs a daemon and requests its shutdown after a second. Returns how long it took from there.
async fn stopped_after_a_second(world: &World) -> Duration {
    let (shutdown, stop) = Shutdown::channel();
    let stopping = async {
        sleep(Duration::from_secs(1)).await;
        shutdown.request();
        Instant::now()
    };
    let (ended, since) = tokio::join!(run(world, RunMode::Daemon, stop), stopping);
    ended.unwrap();
    since.elapsed()
}

#[test]
fn an_idle_daemon_ends_at_once() {
    run_daemon(async |world| {
        let took = stopped_after_a_second(world).await;
        assert!(took < Duration::from_millis(100), "{took:?}");
    });
}

#[test]
fn messages_in_work_are_finished_and_no_more_are_received() {
    run_daemon(async |world| {
        let slow = Trouble::Stall(When::Before, Duration::from_secs(12));
        world.faults.next(Op::Create, 1, slow);
        for number in 1..=9 {
            world.send(&Webhook::pull_request("opened").number(number));
        }
        let took = stopped_after_a_second(world).await;
        assert!(
            took > Duration::from_secs(10) && took < Duration::from_secs(15),
            "{took:?}"
        );
        let left = world.queue.depth();
        assert_eq!(
            left.in_flight, 0,
            "everything that was received is acknowledged"
        );
        assert_eq!(world.pipelines().len() + left.visible, 9);
        world.settle().await;
    });
}

#[test]
fn messages_unfinished_after_the_drain_timeout_are_returned_at_once() {
    run_daemon(async |world| {
        let logs = CapturedLogs::start();
        world
            .faults
            .next(Op::Create, 1, Trouble::Hang(When::Before));
        world.send(&Webhook::pull_request("opened"));
        let took = stopped_after_a_second(world).await;
        assert!(
            took >= Duration::from_secs(25) && took < Duration::from_secs(30),
            "{took:?}"
        );
        assert_eq!(logs.lines("The drain timeout is over").len(), 1);
        assert_eq!(
            logs.lines("Message returned to the queue, unfinished")
                .len(),
            1
        );
        assert_eq!(world.queue.depth().visible, 1);

        let (shutdown, stop) = Shutdown::channel();
        let finish = async {
            quiet(world).await;
            shutdown.request();
        };
        tokio::join!(run(world, RunMode::Daemon, stop), finish)
            .0
            .unwrap();
        assert_eq!(world.pipeline("api-pr-7").executions(), 1);
    });
}

#[test]
fn acknowledgements_that_hang_do_not_delay_the_end() {
    run_daemon(async |world| {
        world
            .faults
            .next(Op::Delete, 1, Trouble::Hang(When::Before));
        world.send(&Webhook::pull_request("opened"));
        let took = stopped_after_a_second(world).await;
        assert!(took < Duration::from_secs(30), "{took:?}");
        assert_eq!(
            world.queue.depth().in_flight,
            1,
            "it returns, and changes nothing"
        );
        world.settle().await;
        assert_eq!(world.pipeline("api-pr-7").executions(), 1);
    });
}
