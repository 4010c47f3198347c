//! Stories: webhooks go in, and the world is as it should be.

mod support;

use support::webhook::Webhook;
use support::world::run_line;

#[test]
fn a_pull_request_has_a_pipeline_while_it_is_open() {
    run_line(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        assert_eq!(world.pipelines(), ["api-pr-7"]);
        assert_eq!(world.mappings(), ["acme/api#7 active api-pr-7"]);
        let pipeline = world.pipeline("api-pr-7");
        assert_eq!(pipeline.source("BranchName"), Some("feature/x"));
        assert_eq!(pipeline.executions, 1);

        world.deliver(Webhook::pull_request("closed")).await;
        assert!(world.pipelines().is_empty());
        assert_eq!(
            world.history("acme/api#7"),
            ["created unseen>active", "deleted active>gone"]
        );
    });
}
