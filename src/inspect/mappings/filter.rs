//! Selects mappings.

use globset::GlobMatcher;

use crate::domain::ids::{SubjectKind, Timestamp};
use crate::domain::state::mapping::{Mapping, State};

/// Conditions on a mapping. A condition that is not set accepts every mapping.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A glob for `owner/name`.
    pub repository: Option<GlobMatcher>,
    /// A glob for the branch.
    pub branch: Option<GlobMatcher>,
    /// A glob for the pipeline's name.
    pub pipeline: Option<GlobMatcher>,
    /// The number of a pull request.
    pub pull_request: Option<u64>,
    /// States; an empty list accepts any.
    pub states: Vec<State>,
    /// Accepts only mappings whose last attempt failed.
    pub failed: bool,
    /// Accepts only mappings that were not written after this time.
    pub unchanged_since: Option<Timestamp>,
}

impl Filter {
    /// Returns the states to read, each once.
    #[must_use]
    pub fn states(&self) -> Vec<State> {
        let all = State::ALL.into_iter();
        all.filter(|state| self.admits_state(*state)).collect()
    }

    fn admits_state(&self, state: State) -> bool {
        self.states.is_empty() || self.states.contains(&state)
    }

    /// Returns true if the mapping meets the conditions.
    #[must_use]
    pub fn admits(&self, mapping: &Mapping) -> bool {
        let spec = mapping.spec();
        let glob = |glob: &Option<GlobMatcher>, text: Option<&str>| {
            glob.as_ref()
                .is_none_or(|glob| text.is_some_and(|text| glob.is_match(text)))
        };
        let pull = match mapping.subject.kind {
            SubjectKind::PullRequest(number) => Some(number),
            SubjectKind::Branch(_) => None,
        };
        self.admits_state(mapping.state)
            && glob(&self.repository, Some(mapping.repository.as_str()))
            && glob(&self.branch, spec.map(|spec| spec.branch.as_str()))
            && glob(&self.pipeline, spec.map(|spec| spec.pipeline.as_str()))
            && (self.pull_request.is_none() || pull == self.pull_request)
            && (!self.failed || mapping.last_error.is_some())
            && self
                .unchanged_since
                .is_none_or(|since| mapping.updated_at <= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_is_requested_twice_is_read_once() {
        let filter = Filter {
            states: vec![State::Gone, State::Active, State::Gone],
            ..Filter::default()
        };
        assert_eq!(filter.states(), [State::Active, State::Gone]);
    }
}
