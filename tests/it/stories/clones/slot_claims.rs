//! Slots change only under a claim that lasts: another worker may have the subject after it.

use std::time::Duration;

use crate::stories::clones::places::{closed, limited, opened, work, work_twice};
use crate::stories::clones::{pushed, rule};
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::story::{World, run_daemon};

const RULE: &str = "pull requests";

/// Lets the next call of this operation return so late that the claim is about to end.
fn stall(world: &World, op: Op) {
    // A claim lasts 90 seconds, and is not used in the last 30.
    let late = Trouble::Stall(When::After, Duration::from_secs(65));
    world.faults.next(op, 1, late);
}

/// Opens pull request 7 under a rule with a slot.
async fn open(world: &World) {
    work(world, vec![limited(1)]).await;
    world.send(&opened(7));
    work(world, vec![limited(1)]).await;
    assert_eq!(world.store.slot_use(RULE).taken, 1);
}

#[test]
fn no_slot_is_released_under_a_claim_that_is_about_to_end() {
    run_daemon(async |world| {
        open(world).await;
        let claims = world.faults.count(Op::Claim);
        stall(world, Op::Remove);
        world.send(&closed(7));
        work_twice(world, || vec![limited(1)]).await;
        assert_eq!(
            world.faults.count(Op::Claim) - claims,
            2,
            "the first attempt gave up"
        );
        assert_eq!(world.faults.count(Op::ReleaseSlot), 1, "by the second one");
        assert_eq!(world.store.slot_use(RULE).taken, 0);
    });
}

#[test]
fn no_slot_is_given_to_a_clone_under_a_claim_that_is_about_to_end() {
    run_daemon(async |world| {
        world.send(&opened(7));
        work(world, vec![rule(|_| {})]).await;
        let claims = world.faults.count(Op::Claim);
        stall(world, Op::Find);
        world.send(&pushed(1, 2));
        work_twice(world, || vec![limited(1)]).await;
        assert_eq!(
            world.faults.count(Op::Claim) - claims,
            2,
            "the first attempt gave up"
        );
        assert_eq!(world.faults.count(Op::AcquireSlot), 1, "by the second one");
        assert_eq!(world.mapping("acme/api#7").slot.as_deref(), Some(RULE));
    });
}

#[test]
fn a_clone_keeps_its_slot_under_a_claim_that_is_about_to_end() {
    run_daemon(async |world| {
        open(world).await;
        let renamed = || {
            vec![rule(|rule| {
                rule.name = "renamed".to_owned();
                rule.max_active = Some(1);
            })]
        };
        stall(world, Op::AcquireSlot);
        world.send(&pushed(1, 2));
        work_twice(world, renamed).await;
        assert_eq!(
            world.faults.count(Op::ReleaseSlot),
            1,
            "by the second attempt"
        );
        let taken = |rule: &str| world.store.slot_use(rule).taken;
        assert_eq!((taken(RULE), taken("renamed")), (0, 1));
        world.send(&closed(7).at(branchline::ports::Clock::now(&world.clock)));
        work(world, renamed()).await;
        assert_eq!(taken("renamed"), 0);
    });
}
