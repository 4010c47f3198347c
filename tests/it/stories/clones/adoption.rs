//! `audit --adopt`: a clone whose mapping was lost gets one from its tags. Nothing is created,
//! started or deleted, and the next event of its subject brings both up to date.

use branchline::domain::fault::Reason;
use branchline::domain::ids::RepositoryName;
use branchline::domain::intake::repair_request::{Repair, RepairKind};
use branchline::domain::rules::rule::Rule;
use branchline::domain::state::mapping::{Mapping, State};
use branchline::inspect::audit_report::Finding;
use branchline::ports::Store;

use super::repairs::{findings, ours, outcomes};
use super::{built, commit, pushed, rule};
use crate::world::fault_injection::{Op, Trouble, When};
use crate::world::rules::pipeline_name;
use crate::world::samples::pull;
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

const SUBJECT: &str = "acme/api#7";

/// Opens pull request 7, and removes its row.
async fn lose(world: &World) -> Mapping {
    world.deliver(Webhook::pull_request("opened")).await;
    let lost = world.mapping(SUBJECT);
    world.store.remove_row(&lost.subject);
    lost
}

/// Audits with these rules, and sends an adoption for each clone that can be adopted. Returns the
/// findings.
pub(in crate::stories) async fn adopt(world: &World, rules: Vec<Rule>) -> Vec<Finding> {
    let found = findings(world, rules).await;
    for (adoption, repository) in found.iter().filter_map(|found| found.adoption.as_ref()) {
        world.send_repair(adoption, repository);
    }
    found
}

#[test]
fn a_clone_without_a_mapping_is_adopted_as_it_is() {
    run_story(async |world| {
        let lost = lose(world).await;
        let before = world.pipeline("api-pr-7");
        let found = adopt(world, ours()).await;
        assert_eq!(
            found
                .iter()
                .map(|one| one.detail.as_str())
                .collect::<Vec<_>>(),
            [
                "it belongs to no mapping: a repair deletes it, `branchline audit --adopt` writes one"
            ]
        );
        assert_eq!(outcomes(world).await, ["adopted"]);
        let after = world.pipeline("api-pr-7");
        assert_eq!((after.tags, after.version), (before.tags, before.version));
        assert_eq!(built(&world.account), [Some(1)]);

        let row = world.mapping(SUBJECT);
        let (spec, was) = (row.spec().unwrap(), lost.spec().unwrap());
        assert_eq!(
            (
                &spec.pipeline,
                &spec.template,
                &spec.branch,
                &spec.rule,
                &spec.rule_digest
            ),
            (
                &was.pipeline,
                &was.template,
                &was.branch,
                &was.rule,
                &was.rule_digest
            )
        );
        assert_eq!(
            (row.state, row.pipeline_arn()),
            (State::Active, lost.pipeline_arn())
        );
        assert_eq!((row.is_unheard(), row.order.head.as_ref()), (true, None));
        assert_eq!(row.observed.built, lost.observed.built);
        assert_eq!(
            world.history(SUBJECT).last().unwrap(),
            "adopted unseen>active"
        );
        assert!(findings(world, ours()).await.is_empty());

        // It is asked for again, and then by a message that comes twice.
        let (adoption, repository) = found[0].adoption.as_ref().unwrap();
        world.send_repair(adoption, repository);
        assert_eq!(outcomes(world).await, ["unchanged"]);
    });
}

#[test]
fn the_next_event_brings_an_adopted_clone_up_to_date() {
    run_story(async |world| {
        lose(world).await;
        adopt(world, ours()).await;
        outcomes(world).await;
        // The head that was built before is not built again.
        let again = Webhook::pull_request("edited");
        let outcome = world.deliver(again).await;
        assert_eq!(outcome, ["recorded"]);
        assert_eq!(
            world.mapping(SUBJECT).order.head.unwrap().as_str(),
            commit(1)
        );
        let next = pushed(1, 2);
        assert_eq!(world.deliver(next).await, ["updated"]);
        assert_eq!(built(&world.account), [Some(1), Some(2)]);
        let closed = Webhook::pull_request("closed");
        assert_eq!(world.deliver(closed).await, ["deleted"]);
    });
}

#[test]
fn a_tombstone_is_replaced_and_keeps_its_order() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let tags = world.pipeline("api-pr-7").tags;
        let declaration = world.pipeline("api-pr-7").declaration;
        world.deliver(Webhook::pull_request("closed")).await;
        let tombstone = world.mapping(SUBJECT);
        // It was opened again after the moment to which the table was restored.
        world.add_pipeline(declaration.into(), tags);
        let found = adopt(world, ours()).await;
        assert!(
            found[0]
                .detail
                .contains("(closed): a repair deletes it, `branchline audit --adopt` writes one")
        );
        assert_eq!(outcomes(world).await, ["adopted"]);
        let row = world.mapping(SUBJECT);
        let order = |row: &Mapping| (row.order.event_time, row.order.kind);
        assert_eq!((row.state, order(&row)), (State::Active, order(&tombstone)));
        // Not the head of the tombstone: the clone may have built others since.
        assert_eq!(row.order.head, None);
        assert_eq!(row.generation, tombstone.generation + 1);
    });
}

#[test]
fn a_subject_that_has_a_mapping_by_now_is_left_alone() {
    run_story(async |world| {
        let lost = lose(world).await;
        adopt(world, ours()).await;
        let reopened = world.deliver(Webhook::pull_request("reopened")).await;
        assert_eq!(reopened.len(), 2, "{reopened:?}");
        assert_eq!(world.pipelines(), ["api-pr-7"]);
        // The same for a clone that is gone, and for one with other tags.
        for (subject, pipeline) in [(pull(8), "api-pr-8"), (pull(8), "api-pr-7")] {
            let adoption = Repair {
                project: None,
                subject,
                generation: 0,
                kind: RepairKind::Adopt,
                pipeline: pipeline_name(pipeline),
            };
            let repository = RepositoryName::parse(REPOSITORY.1).unwrap();
            world.send_repair(&adoption, &repository);
            let journals = world.settle().await;
            assert_eq!(journals[0].detail().as_deref(), Some("no-clone"));
        }
        assert_eq!(world.store.rows().len(), 1, "that of {:?}", lost.subject);
    });
}

#[test]
fn an_adoption_that_is_cut_off_is_finished() {
    for op in [Op::FindByName, Op::Executions, Op::Record] {
        run_story(async |world| {
            lose(world).await;
            adopt(world, ours()).await;
            let fault = Trouble::Fail(When::Before, Reason::AwsUnavailable);
            world.faults.next(op, 1, fault);
            let outcomes = outcomes(world).await;
            let last = outcomes.last().unwrap();
            assert!(
                ["adopted", "already-created"].contains(&last.as_str()),
                "{outcomes:?}"
            );
            assert_eq!(world.mapping(SUBJECT).state, State::Active);
            assert_eq!(built(&world.account), [Some(1)]);
        });
    }
}

#[test]
fn an_adopted_clone_has_a_slot_unless_all_are_taken() {
    let one = || vec![rule(|rule| rule.max_active = Some(1))];
    run_story(async |world| {
        world.restart(one());
        // The daemon counts at its start.
        let counted = world.store.count_slots("pull requests", &[]);
        counted.await.unwrap();
        lose(world).await;
        adopt(world, one()).await;
        assert_eq!(outcomes(world).await, ["adopted"]);
        assert_eq!(
            world.mapping(SUBJECT).slot.as_deref(),
            Some("pull requests")
        );
    });
}

#[test]
fn a_clone_of_a_rule_or_a_repository_that_is_gone_is_not_deleted_by_adoption() {
    run_story(async |world| {
        lose(world).await;
        let other = || vec![rule(|rule| rule.name = "another".to_owned())];
        world.restart(other());
        adopt(world, other()).await;
        assert_eq!(outcomes(world).await, ["adopted"]);
        assert_eq!(world.mapping(SUBJECT).spec().unwrap().rule_digest, "");
        assert!(findings(world, other()).await.is_empty());
        assert_eq!(world.pipelines(), ["api-pr-7"]);
    });
}
