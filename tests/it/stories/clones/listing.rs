//! Mappings are listed while they move from state to state: each once.

use std::collections::BTreeMap;

use branchline::domain::ids::RepositoryId;
use branchline::domain::state::mapping::State;
use branchline::inspect::mappings::filter::Filter;
use branchline::inspect::mappings::listing::Listing;

use crate::world::fault_injection::Op;
use crate::world::story::{World, run_story};
use crate::world::webhook::{REPOSITORY, Webhook};

/// How often each subject is listed where `meanwhile` happens after the first page of a state.
async fn listed(
    world: &World,
    filter: Filter,
    after: usize,
    meanwhile: impl AsyncFn(),
) -> BTreeMap<String, usize> {
    let mut listing = Listing::new(&world.store, filter);
    let (mut found, mut pages) = (BTreeMap::new(), 0);
    while let Some(batch) = listing.next().await.unwrap() {
        for row in batch.rows {
            *found
                .entry(row.subject.display(&row.repository))
                .or_default() += 1;
        }
        pages += 1;
        if pages == after {
            meanwhile().await;
        }
    }
    found
}

#[test]
fn each_mapping_is_listed_once_whatever_moves_meanwhile() {
    let states = State::ALL.len();
    for after in 1..states {
        run_story(async |world| {
            for number in [7, 8] {
                let opened = Webhook::pull_request("opened").number(number);
                world.deliver(opened).await;
            }
            let closed = || Webhook::pull_request("closed").number(8);
            world.deliver(closed()).await;
            // One goes into a state that is read later, one into a state that was read.
            let found = listed(world, Filter::default(), after, async || {
                let at = |seconds| {
                    crate::world::clock::START.plus(std::time::Duration::from_secs(seconds))
                };
                world
                    .deliver(Webhook::pull_request("closed").at(at(60)))
                    .await;
                world
                    .deliver(Webhook::pull_request("reopened").number(8).at(at(60)))
                    .await;
            });
            let once = ["acme/api#7", "acme/api#8"].map(|name| (name.to_owned(), 1));
            assert_eq!(found.await, BTreeMap::from(once), "after {after} pages");
            world
                .deliver(
                    closed()
                        .at(crate::world::clock::START.plus(std::time::Duration::from_secs(120))),
                )
                .await;
        });
    }
}

#[test]
fn one_state_is_read_once() {
    run_story(async |world| {
        world.deliver(Webhook::pull_request("opened")).await;
        let filter = Filter {
            states: vec![State::Active, State::Active],
            ..Filter::default()
        };
        let found = listed(world, filter, 0, async || {}).await;
        assert_eq!(found, BTreeMap::from([("acme/api#7".to_owned(), 1)]));
    });
}

#[test]
fn a_repository_is_listed_without_reading_the_others() {
    run_story(async |world| {
        for number in [7, 8] {
            let opened = Webhook::pull_request("opened").number(number);
            world.deliver(opened).await;
        }
        let closed = Webhook::pull_request("closed").number(8);
        world.deliver(closed).await;
        world.faults.clear();
        let filter = Filter {
            states: vec![State::Active],
            ..Filter::default()
        };
        let repository = RepositoryId(REPOSITORY.0);
        let mut listing = Listing::of_repository(&world.store, repository, filter);
        let mut found = Vec::new();
        while let Some(batch) = listing.next().await.unwrap() {
            let rows = batch.rows.iter();
            found.extend(rows.map(|row| row.subject.display(&row.repository)));
        }
        assert_eq!(found, ["acme/api#7"]);
        let calls = world.faults.calls();
        assert!(calls.iter().all(|op| *op == Op::OfRepository), "{calls:?}");
    });
}
