//! Clones whose creation was cut off before the mapping was settled.

use std::time::Duration;

use branchline::domain::clone::tags::Tags;
use branchline::domain::fault::Reason;
use branchline::domain::rules::rule::Rule;

use super::{GONE, RETIRING, STACK, SUBJECT};
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::{TEMPLATE, deploying_template, preview_rule, stacks_rule};
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

/// The call takes effect, and its answer is lost.
const LOST: Trouble = Trouble::Fail(When::After, Reason::AwsUnavailable);

impl World {
    /// Opens pull request 7 under this rule. The answer of CreatePipeline is lost, and the message
    /// as well.
    async fn cut_off_opening(&self, rule: Rule) {
        self.add_pipeline(deploying_template(TEMPLATE, REPOSITORY.1), Tags::new());
        self.restart(vec![rule]);
        self.faults.next(Op::Create, 1, LOST);
        self.send(&Webhook::pull_request("opened"));
        self.work_once().await;
        self.queue.purge();
        assert_eq!(self.mappings(), ["acme/api#7 creating api-pr-7"]);
        self.clock.advance(Duration::from_mins(5));
    }
}

#[test]
fn its_execution_is_stopped_and_its_stack_is_deleted() {
    for rule in [preview_rule(), stacks_rule()] {
        run_story(async move |world| {
            world.cut_off_opening(rule).await;
            assert_eq!(world.close().await, ["teardown-started"]);
            assert_eq!(world.mappings(), RETIRING);
            assert!(world.mapping(SUBJECT).pipeline_arn().is_some());
            assert_eq!(world.faults.count(Op::Stop), 1);
            world.go_on().await;
            assert_eq!(world.mappings(), GONE);
            assert_eq!(world.stack_names(), [""; 0]);
        });
    }
}

#[test]
fn a_stack_that_it_deploys_after_a_teardown_is_deleted() {
    run_story(async |world| {
        world.cut_off_opening(stacks_rule()).await;
        world.build().await;
        assert_eq!(world.stack_names(), [STACK]);
        world.close().await;
        world.reopen().await;
        world.faults.next(Op::Create, 1, LOST);
        while world.mappings() != ["acme/api#7 starting api-pr-7"] {
            world.look_after_teardowns().await;
        }
        world.build().await;
        assert_eq!(world.stack_names(), [STACK]);
        world.close().await;
        world.go_on().await;
        assert_eq!(world.mappings(), GONE);
        assert_eq!(world.stack_names(), [""; 0]);
    });
}
