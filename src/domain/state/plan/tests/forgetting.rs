//! Mappings that an operator gives up.

use super::*;
use crate::domain::ids::ProjectName;
use crate::domain::intake::repair_request::{Repair, RepairKind, RepairRequest};
use crate::domain::state::resources::ProjectResource;

/// Plans to forget a row as it was read.
fn forget(row: &Mapping) -> Plan {
    let request = RepairRequest {
        repair: Repair {
            subject: row.subject.clone(),
            generation: row.generation,
            kind: RepairKind::Forget,
            pipeline: PipelineName::parse("api-pr-7").unwrap(),
            project: None,
        },
        repository: row.repository.clone(),
        actor: None,
        delivery: DeliveryId::parse("72d3162e").unwrap(),
        received_at: NOW,
    };
    plan_forgetting(&request, Some(row), claim("me"), NOW)
}

fn next(plan: Plan) -> Mapping {
    match plan {
        Plan::Act { transition, .. } | Plan::Record(transition) => transition.next,
        other @ (Plan::Nothing(_) | Plan::Busy { .. } | Plan::Remember(_)) => panic!("{other:?}"),
    }
}

#[test]
fn it_is_the_next_generation_and_what_the_clone_has_is_deleted_with_it() {
    let mut row = active();
    row.updated_at = Timestamp(1);
    let project = ProjectName::parse("api-pr-7-build").unwrap();
    row.resources.projects = vec![ProjectResource::named(project)];
    let forgotten = next(forget(&row));
    assert_eq!(forgotten.generation, row.generation + 1);
    assert_eq!(forgotten.updated_at, NOW);
    assert_eq!(forgotten.resources.projects, row.resources.projects);
    assert_eq!(forgotten.pipeline_name(), row.pipeline_name());
    assert_eq!(forgotten.pipeline_arn(), None);
    assert_eq!(forgotten.claim, Some(claim("me")));
}

#[test]
fn a_mapping_that_a_worker_holds_is_not_forgotten() {
    let held = claimed(&open(1), None);
    let claim = held.claim.clone().unwrap();
    assert_eq!(forget(&held), Plan::Busy { until: claim.until });
}

#[test]
fn without_a_pipeline_it_is_gone_at_once_and_the_claim_of_who_began_it_with_it() {
    let mut row = expired(claimed(&open(1), None));
    row.resources.pipeline = None;
    let forgotten = next(forget(&row));
    assert_eq!((forgotten.state, forgotten.claim), (State::Gone, None));
}
