//! The size of the futures that wait for a call. A task has room for all of them at once.

use branchline::domain::ids::PipelineName;
use branchline::domain::state::claim::Transition;
use branchline::domain::state::mapping::Expect;
use branchline::ports::{PipelineReader, Store, StoreReader};

use super::clients;
use crate::world::samples::{creating, pull};

/// In bytes. A request of the SDK alone is larger.
const MAX: usize = 6_000;

#[test]
fn a_request_is_not_a_part_of_what_waits_for_it() {
    let (store, pipelines) = (clients::store(&[]), clients::pipelines(&[]));
    let subject = pull(7);
    let claim = Transition::new(
        Expect::Unseen,
        creating(subject.clone(), "api-pr-7", "worker/1"),
    );
    let name = PipelineName::parse("api-pr-7").unwrap();
    let sizes = [
        size_of_val(&store.mapping(&subject)),
        size_of_val(&store.repository_record(subject.repository)),
        size_of_val(&store.claim(claim)),
        size_of_val(&pipelines.find(&name, None)),
    ];
    assert!(sizes.iter().all(|size| *size < MAX), "{sizes:?}");
}
