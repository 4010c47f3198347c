//! What an audit says of mappings in the middle of a change: they wait, or a repair finishes them.

use std::time::Duration;

use branchline::domain::fault::Reason;
use branchline::ports::Queue;

use super::repairs::{ours, outcomes, repair, report, send_repairs};
use crate::world::driver;
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::story::run_story;
use crate::world::webhook::Webhook;

#[test]
fn a_half_way_mapping_is_finished() {
    run_story(async |world| {
        let denied = Trouble::Fail(When::Before, Reason::DeclarationRefused);
        world.faults.next(Op::Create, 1, denied);
        world.deliver(Webhook::pull_request("opened")).await;
        if world.half_way().is_empty() {
            panic!("the story needs a half-way mapping: {:?}", world.mappings());
        }
        world.take_dead_letters();
        let waiting = report(world, ours(), None).await;
        assert_eq!(
            waiting.totals(),
            "0 findings; 1 mapping waits: 1 dead-lettered"
        );
        // Asked for by name, it is a finding: its message may have left the queue by hand.
        let row = world.mapping("acme/api#7");
        let named = report(world, ours(), Some(&row.subject)).await;
        assert_eq!(named.totals(), "1 finding: 1 half-way");
        send_repairs(world, named.findings).await;
        assert_eq!(outcomes(world).await, ["created"]);
    });
}

#[test]
fn a_mapping_that_waits_is_counted_until_nothing_will_finish_it() {
    run_story(async |world| {
        let throttled = Trouble::Fail(When::Before, Reason::AwsThrottled);
        world.faults.next(Op::Create, 1, throttled);
        world.send(&Webhook::pull_request("opened"));
        let mut received = world.queue.receive(1, Duration::ZERO).await.unwrap();
        driver::handle(world, received.remove(0)).await;
        let totals = async || report(world, ours(), None).await.totals();
        assert_eq!(totals().await, "0 findings; 1 mapping waits: 1 backing-off");
        // Its message is lost.
        world.queue.purge();
        world.clock.advance(Duration::from_secs(1_300));
        assert_eq!(totals().await, "1 finding: 1 half-way");
        repair(world, ours()).await;
        assert_eq!(outcomes(world).await, ["created"]);
    });
}
