//! A subject whose calls take long delays no other one, whichever of them was first in the queue.

use std::time::Duration;

use tokio::time::sleep;

use super::{SETTINGS, beside, quiet};
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::story::{World, run_daemon};
use crate::world::webhook::Webhook;

/// Sends more events of pull request 7 than a daemon has messages in work.
fn send_many(world: &World) {
    world.send(&Webhook::pull_request("opened"));
    for number in 1..=2 * u64::try_from(SETTINGS.concurrency).unwrap() {
        world.send(
            &Webhook::pull_request("synchronize")
                .before(number)
                .sha(number + 1),
        );
    }
}

#[test]
fn the_others_overtake_a_subject_with_many_events_whose_calls_take_long() {
    run_daemon(async |world| {
        let slow = Trouble::Stall(When::Before, Duration::from_secs(15));
        let calls = [Op::Create, Op::Find, Op::Start];
        world.faults.break_all("api-pr-7", &calls, slow);
        send_many(world);
        for number in 101..=120 {
            world.send(&Webhook::pull_request("opened").number(number));
        }
        beside(world, async {
            while !world.account.all().contains_key("api-pr-7") {
                sleep(Duration::from_millis(100)).await;
            }
            let made = world.pipelines().len();
            assert_eq!(made, 21, "the others were made during its first call");
            quiet(world).await;
        })
        .await;
    });
}
