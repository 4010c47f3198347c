//! AWS's limits on a pipeline, checked before the request is sent, so that the fault names the
//! value that exceeds a limit and where it comes from (user guide, "Quotas in AWS CodePipeline";
//! API reference, the types of `PipelineDeclaration`).

use std::collections::BTreeMap;

use crate::domain::clone::declaration::Declaration;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{PipelineName, is_pipeline_character};

const STAGES: usize = 50;
const ACTIONS: usize = 1_000;
/// The user guide says both 50 and 100. With the higher limit, AWS itself refuses a clone in
/// between.
const ACTIONS_OF_A_STAGE: usize = 100;
const VARIABLES: usize = 50;
const TAGS: usize = 50;
/// The longest configuration key, in characters.
const KEY: usize = 50;
/// The longest configuration value, in characters.
const VALUE: usize = 1_000;

/// Refuses a clone that AWS would refuse.
pub(super) fn check(clone: &Declaration, tags: &BTreeMap<String, String>) -> Result<(), Fault> {
    let fault = |detail: String| Err(Fault::new(Reason::InvalidValue, detail));
    let count = |what: &str, count: usize, limit: usize| {
        let detail = format!("the clone would have {count} {what}, but AWS accepts {limit}");
        if count > limit { fault(detail) } else { Ok(()) }
    };
    let list = |key: &str| {
        clone
            .0
            .get(key)
            .and_then(|value| value.as_array())
            .map_or(0, Vec::len)
    };
    count("tags", tags.len(), TAGS)?;
    count("variables", list("variables"), VARIABLES)?;
    count("stages", clone.stages().count(), STAGES)?;
    count("actions", clone.actions().count(), ACTIONS)?;
    for stage in clone.stages() {
        let actions = clone.actions().filter(|action| action.stage == stage);
        count(
            &format!("actions in stage '{stage}'"),
            actions.count(),
            ACTIONS_OF_A_STAGE,
        )?;
    }
    let names = clone
        .stages()
        .chain(clone.actions().map(|action| action.name));
    for name in names {
        let fits = (1..=PipelineName::MAX).contains(&name.len());
        if !fits || !name.chars().all(is_pipeline_character) {
            return fault(format!(
                "'{name}' is not a valid name of a stage or an action: AWS accepts 1 to 100 of A-Z a-z 0-9 . @ _ -"
            ));
        }
    }
    for action in clone.actions() {
        for (key, value) in action.configuration.into_iter().flatten() {
            let length = value.as_str().map_or(0, |value| value.chars().count());
            if !(1..=KEY).contains(&key.chars().count()) || !(1..=VALUE).contains(&length) {
                return fault(format!(
                    "{key} of {} would have {length} characters, but AWS accepts a value of 1 to {VALUE} and a key of 1 to {KEY}",
                    action.path()
                ));
            }
        }
    }
    Ok(())
}
