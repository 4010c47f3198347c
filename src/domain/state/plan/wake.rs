//! Step 6 for a subject that may acquire a slot. In: [`Mapping`]. Out: [`Plan`].

use crate::domain::ids::Timestamp;
use crate::domain::rules::rule::Rules;
use crate::domain::state::desired::Desired;
use crate::domain::state::mapping::{ClaimInfo, Mapping, State};

use crate::domain::state::plan::repair::rule_of;
use crate::domain::state::plan::{Plan, Unchanged, unfinished};

/// Decides about a subject that may acquire a slot. Its row is finished as it is recorded, as its
/// next event would do. A settled one has what it waited for, or wants it no more.
#[must_use]
pub fn plan_wake(seen: Option<&Mapping>, claim: ClaimInfo, now: Timestamp) -> Plan {
    let nothing = Plan::Nothing(Unchanged::Repeated);
    let Some(seen) = seen else {
        return nothing;
    };
    if let Some(held) = seen.claim_at(now) {
        return Plan::Busy { until: held.until };
    }
    unfinished(seen, claim, now).unwrap_or(nothing)
}

/// Returns true if a subject wants a slot of this rule: its pipeline is to be created, and the rule
/// still applies.
#[must_use]
pub fn wants_slot(row: &Mapping, rule: &str, rules: &Rules) -> bool {
    let Some(Desired::Present(spec)) = &row.desired else {
        return false;
    };
    matches!(row.state, State::Creating | State::Starting)
        && rule_of(row, spec, rules).is_some_and(|today| today.name == rule)
}
